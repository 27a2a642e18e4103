//! The pipeline of one request: peek -> candidates -> admit -> attempt -> relay -> settle.
//!
//! Each stage is one file with one public function; [`serve`] runs them in order. The path holds no lock across an
//! await and never waits for a database: configuration comes from the catalog's snapshot, records leave through a
//! bounded channel. Whatever way a request ends, also by being dropped, [`Settlement`] accounts for it once.

mod admit;
mod attempt;
mod error;
mod gateway;
mod headers;
mod peek;
mod pipeline;
mod relay;
mod settle;
mod splice;
mod tap;

pub use error::{GatewayError, LeftQueue, UpstreamFailure, whole_seconds};
pub use gateway::Gateway;
pub use headers::Way;
pub use pipeline::{Call, Caller, Failed, serve};
pub use settle::Settlement;
