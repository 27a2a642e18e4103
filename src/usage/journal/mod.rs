//! The journal: what is known of requests, in files, until the database has it.
//!
//! An entry is written when a request is about to be sent to an upstream (*begun*: the row that stands if nothing
//! follows), and one when it ends (*ended*: the row). What a process left behind is read at the next start: ended
//! requests are inserted if the database does not know them, and what began and did not end becomes a row with the
//! outcome `interrupted`.
//!
//! What is promised:
//! - An entry survives the end of the process, `kill -9` included: it is handed to the operating system by one plain
//!   write before the request goes on. Nothing waits for the disk, so when the *machine* loses power, the entries of the
//!   last moments may be missing.
//! - No record counts twice: rows are inserted by their id, and known ids are ignored.
//! - A database that is away costs disk, not memory: a record that does not fit into the buffer is read back from here.
//! - A journal that cannot be written, or is as large as it may be, stops no request. Records go through memory alone until
//!   it works again or has room again.
//!
//! A process writes segments of its own, `<process>-<number>.journal`, and holds `<process>.lock` locked while it lives,
//! so that two processes on one folder leave each other's files alone. A segment is removed when everything in it is
//! in the database or, for a request that is still open, in a later segment. One that is written is followed by the next
//! in time, so that no entry outlives its row in the database: read after that, it would count a second time.

mod entry;
mod handle;
mod replay;
mod segment;
#[cfg(test)]
mod tests;

pub(super) use handle::Spilled;
pub use handle::{Journal, JournalStatus};
pub(super) use replay::{LeftBehind, Reading, left_behind, read_segment};
