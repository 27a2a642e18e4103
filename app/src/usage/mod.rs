//! What the pages about usage are asked for, and which span of time that is.

mod filters;
#[cfg(feature = "ssr")]
mod range;

pub(crate) use filters::address;
pub use filters::{Measure, Preset, UsageFilters};
#[cfg(feature = "ssr")]
pub(crate) use range::Span;
