//! Schema migrations of Sluice: one file per change, forward only, never edited after a release.
//!
//! Only what SQLite, PostgreSQL and MySQL/MariaDB all have: sea-query's builders, bounded lengths, no partial indexes
//! and no indexes on expressions. A column that is unique while a row exists is a nullable `unique_name`, emptied on
//! deletion. Times are milliseconds since 1970 UTC in a `BIGINT`.

pub use sea_orm_migration::prelude::MigratorTrait;
use sea_orm_migration::prelude::{MigrationTrait, async_trait};

mod m20261120_000001_create_configuration;
mod m20261120_000002_create_usage_records;
mod m20261121_000003_add_limits;
mod m20261121_000004_add_usage_sums;

pub use sea_orm_migration;

/// All migrations, in order.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261120_000001_create_configuration::Migration),
            Box::new(m20261120_000002_create_usage_records::Migration),
            Box::new(m20261121_000003_add_limits::Migration),
            Box::new(m20261121_000004_add_usage_sums::Migration),
        ]
    }
}
