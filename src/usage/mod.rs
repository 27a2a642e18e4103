//! What is remembered of each request.
//!
//! A record is noted in the [`Journal`], handed over without waiting ([`UsageSink`]) and written to the database in batches
//! by one task ([`UsageWriter`]). What the database does not have when the process ends is read from the journal at the
//! next start.

pub mod budget;
mod histogram;
mod journal;
mod periods;
pub mod pricing;
mod record;
mod sink;
pub(crate) mod slots;
mod writer;

pub use journal::{Journal, JournalStatus};
pub use record::{AppReference, UsageRecord};
pub use sink::UsageSink;
pub use writer::UsageWriter;
