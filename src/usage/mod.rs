//! What is remembered of each request.
//!
//! A record is handed over without waiting ([`UsageSink`]) and written in batches by one task ([`UsageWriter`]). What is
//! in the buffer when the process is killed is lost; a stop that is asked for writes everything first.

mod record;
mod sink;
mod writer;

pub use record::{AppReference, UsageRecord};
pub use sink::UsageSink;
pub use writer::UsageWriter;
