//! What requests cost: prices over time, the table that comes with Sluice, and the arithmetic.
//!
//! Pure: no clock, no database. The catalog puts a [`PriceHistory`] on each target, and the settlement of a request fixes
//! its cost with the price that was valid when it arrived. A recorded cost never changes afterwards.

mod cost;
mod history;
mod shipped;

#[cfg(test)]
mod tests;

pub use cost::cost;
pub use history::{EnteredPrice, PriceBook, PriceHistory};
pub use shipped::{SHIPPED, ShippedTable};
