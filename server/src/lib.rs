//! The composition root of Sluice: the axum host around the engine and the dashboard, and the command line.
//!
//! No business rules: those are in the engine's services, which this crate, like the dashboard, only calls. [`run`]
//! puts everything together; [`command`] is what people type.

// Pages are deeply nested types.
#![recursion_limit = "512"]

pub mod administration;
pub mod api;
pub mod assets;
pub mod caller;
pub mod command;
pub mod console;
pub mod dashboard;
pub mod health;
pub mod host;
pub mod listener;
pub mod metrics;
pub mod problem;
pub mod request_scope;
pub mod run;
pub mod security;

mod session_cookie;
