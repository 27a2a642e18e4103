//! The database: connections, migrations, and a repository per table. SQL only, no rules.
//!
//! Repositories are modules of functions that take a connection or a transaction; they insert what they are given. Rows
//! are structs of their own, entities never leave this module. Whoever changes configuration opens one write
//! transaction, changes, calls `catalog_state::bump` and commits, so that a change and its revision are one.
//!
//! Queries are portable: SQLite now, PostgreSQL and MySQL/MariaDB by the same code.

mod bulk;
mod database;
mod error;
mod filter;
mod limits;
mod migrate;

pub(crate) mod admin_tokens;
pub(crate) mod apps;
pub(crate) mod catalog_state;
pub(crate) mod keys;
pub(crate) mod master_key_check;
pub(crate) mod names;
pub(crate) mod rollups;
pub(crate) mod servers;
pub(crate) mod sessions;
pub(crate) mod setup;
pub(crate) mod size;
pub(crate) mod usage_records;
pub(crate) mod users;

#[cfg(test)]
pub(crate) mod tests;

pub use database::{Database, DatabaseSettings};
pub use error::StorageError;
pub(crate) use filter::{RequestFilter, Selection};
pub use migrate::MigrationReport;
pub use usage_records::{BatchReport, RecentUse, UsageRecords};

/// A column that holds a SHA-256.
fn hash_column(
    bytes: Vec<u8>,
    table: &'static str,
    column: &'static str,
) -> Result<crate::crypto::KeyHash, StorageError> {
    bytes.try_into().map_err(|_| StorageError::Unreadable { table, column })
}
