//! The dashboard of Sluice: pages, components and thin server functions.
//!
//! Everything here renders twice, on the server (`ssr`) and in the browser (`hydrate`), and must come out the same: no
//! clock, no random number and no browser API while rendering. What an administrator may do is decided by the engine's
//! services; this crate only asks them.

#![recursion_limit = "512"]
#![expect(unreachable_pub, reason = "what `#[component]` and `#[server]` generate is public, whatever they are put on")]
#![expect(clippy::needless_pass_by_value, reason = "properties of components and rows of lists are theirs to keep")]

mod app;
mod browser;
#[cfg(feature = "ssr")]
mod charts;
mod components;
mod error;
mod filter;
mod format;
mod forms;
mod layout;
mod live;
mod pages;
mod preferences;
mod query;
pub mod server_fns;
mod snippet;
#[cfg(feature = "ssr")]
pub mod ssr;
mod text;
mod translations;
mod usage;
mod watched;

pub use app::{App, shell};
pub use error::UiError;
