//! What is remembered of each request.
//!
//! A record is noted in the [`Journal`], handed over without waiting ([`UsageSink`]) and written to the database in batches
//! by one task ([`UsageWriter`]). What the database does not have when the process ends is read from the journal at the
//! next start. Records that are too old are deleted again, in small steps ([`expire`]).

mod journal;
mod metrics;
mod record;
mod retention;
mod sink;
mod writer;

pub use journal::{Journal, JournalStatus};
pub use metrics::UsageMetrics;
pub use record::{AppReference, UsageRecord};
pub use retention::{expire, first_id_of};
pub use sink::{RecordingStatus, UsageSink};
pub use writer::UsageWriter;
