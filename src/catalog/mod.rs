//! The routing snapshot: servers, models, apps, keys and policies as the path of a request sees them.
//!
//! A [`Snapshot`] is immutable and swapped whole, so that a request keeps the one it started with and never sees half
//! a change. Building one is the only place where stored API keys are opened.

mod handle;
mod load;
mod snapshot;

#[cfg(test)]
mod tests;

pub use handle::{Catalog, CatalogError, DEFAULT_POLL_INTERVAL};
pub use load::api_key_record;
pub use snapshot::{AppEntry, KeyEntry, KeyHash, ServerEntry, Snapshot, SnapshotParts, Target};
