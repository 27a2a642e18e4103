//! The log: one JSON object a line on standard error, one line per request.
//!
//! Never a prompt, an answer, a key, a cookie or a token: fields are named one by one where they are logged, whole
//! structures and headers are not.

mod error_chain;
mod log;

pub use error_chain::ErrorChain;
pub use log::{LogError, init_logging};
