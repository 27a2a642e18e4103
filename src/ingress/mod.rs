//! The `/v1` surface: who calls, what they sent, and in which words errors are told.
//!
//! Thin over [`crate::proxy`], which never sees an HTTP request of a client; here ends what is particular to HTTP.

mod body;
mod error;
mod identify;
mod inference;
mod models;
pub mod request_id;
mod router;
mod usage;

pub use router::router;
