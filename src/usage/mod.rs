//! What is remembered of each request.
//!
//! A record is noted in the [`Journal`], handed over without waiting ([`UsageSink`]) and written to the database in batches
//! by one task ([`UsageWriter`]). What the database does not have when the process ends is read from the journal at the
//! next start. What was remembered leaves as CSV by [`export`].
//!
//! Together with the rows the database gets their sums (`rollup`): by what is told apart and by slot of time (`slots`), with how
//! long requests took (`histogram`). Reports are made of sums, for the periods of any time zone (`periods`).

pub mod export;

pub mod budget;
mod histogram;
mod journal;
mod periods;
pub mod pricing;
mod record;
mod rollup;
mod sink;
pub(crate) mod slots;
mod writer;

pub(crate) use histogram::{Histogram, HistogramSum, SEPARATOR};
pub use journal::{Journal, JournalStatus};
pub(crate) use periods::{Period, periods};
pub use record::{AppReference, UsageRecord};
pub(crate) use rollup::{Rollup, Series, Sums, is_error};
pub use sink::UsageSink;
pub(crate) use slots::cut;
pub use writer::UsageWriter;
