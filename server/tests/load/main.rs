//! The gateway under load. A binary of its own, so that nothing else that is timed runs beside it.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]
#![expect(clippy::print_stdout, reason = "what was measured is printed")]
#![expect(dead_code, reason = "the other binary uses the rest of the harness")]

#[path = "../it/binary.rs"]
mod binary;
#[path = "../it/harness.rs"]
mod harness;
mod many_streams;
mod process;
mod retention;
mod waiting;

/// What is measured here is measured alone: a test holds this while it runs.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
