//! What is remembered of each request.
//!
//! A record is noted in the [`Journal`], handed over without waiting ([`UsageSink`]) and written to the database in batches
//! by one task ([`UsageWriter`]). What the database does not have when the process ends is read from the journal at the
//! next start. Records that are too old are deleted again, in small steps ([`expire`]). What was remembered leaves as CSV by
//! [`export`].
//!
//! Together with the rows the database gets their sums (`rollup`): by what is told apart and by slot of time (`slots`), with how
//! long requests took (`histogram`). Reports are made of sums, for the periods of any time zone (`periods`).

pub mod export;

mod histogram;
mod journal;
mod metrics;
mod periods;
mod record;
mod retention;
mod rollup;
mod sink;
mod slots;
mod writer;

pub(crate) use histogram::{Histogram, HistogramSum, SEPARATOR};
pub use journal::{Journal, JournalStatus};
pub use metrics::UsageMetrics;
pub(crate) use periods::{Period, periods};
pub use record::{AppReference, UsageRecord};
pub use retention::{expire, first_id_of};
pub(crate) use rollup::{Rollup, Series, Sums, is_error};
pub use sink::{RecordingStatus, UsageSink};
pub(crate) use slots::cut;
pub use writer::UsageWriter;
