//! Which target takes a request.
//!
//! First match in configured order. Pure decisions on a snapshot, no I/O.

mod candidates;

pub use candidates::{NoCandidate, candidates};
