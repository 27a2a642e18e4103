//! The fake upstream over real sockets. Nothing here sleeps to wait for something: the ledger tells, or the answer.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod answers;
mod client;
mod connections;
mod embeddings;
mod ledger;
mod limits;
mod plain_faults;
mod stream_faults;
mod streams;
