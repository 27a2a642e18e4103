//! Budgets: what apps and keys have used in the current day and month, and what is reserved for requests under way.
//!
//! The [`Ledger`] counts for every app and key, with or without a budget, so that a budget that is set in the middle of a
//! period knows what was used before. It is read from the sums in the database at the start, once more when the journal of
//! an earlier process is in them, and then fed by every request that ends. What a request is expected to use is reserved when it
//! is admitted, under one lock with the question whether it fits: however many come at once, together they reserve no
//! more than there is. A record belongs to the period in which its request arrived.
//!
//! Days and months begin in the reporting time zone, and a new period begins at its instant: whoever asks first after it
//! finds everything at nothing. Requests of the old one that end in the new one count in neither.

mod denied;
mod ledger;
mod measure;
mod period;
mod state;

#[cfg(test)]
mod tests;

pub use denied::{BudgetDenied, Whose};
pub use ledger::{Claim, Ledger, Reservation};
pub use measure::{Measure, Need};
pub use period::Span;
pub use state::Spender;
