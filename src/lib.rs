//! The engine of Sluice, an LLM API gateway: everything between a client's bytes and an upstream's, and what is
//! remembered of it.
//!
//! [`model`] is the vocabulary shared with the dashboard; it has no I/O and compiles for WebAssembly. Everything else
//! needs the `engine` feature. `ARCHITECTURE.md` has the map and the walk of one request.

pub mod model;

#[cfg(feature = "engine")]
pub mod catalog;
#[cfg(feature = "engine")]
pub mod config;
#[cfg(feature = "engine")]
pub mod crypto;
#[cfg(feature = "engine")]
pub mod identity;
#[cfg(feature = "engine")]
pub mod ingress;
#[cfg(feature = "engine")]
pub mod limit;
#[cfg(feature = "engine")]
pub mod outbound;
#[cfg(feature = "engine")]
pub mod provider;
#[cfg(feature = "engine")]
pub mod proxy;
#[cfg(feature = "engine")]
pub mod routing;
#[cfg(feature = "engine")]
pub mod services;
#[cfg(feature = "engine")]
pub mod sse;
#[cfg(feature = "engine")]
pub mod storage;
#[cfg(feature = "synthetic")]
pub mod synthetic;
#[cfg(feature = "engine")]
pub mod telemetry;
#[cfg(feature = "engine")]
pub mod usage;
