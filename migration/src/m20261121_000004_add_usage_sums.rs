//! Sums of usage, costs, prices and budgets.
//!
//! A *series* is what is summed up apart: server, app, key, model, outcome and currency; 0 and the empty text stand for
//! "none", so that the unique index sees equal things as equal in every database. A *rollup* is a series' sum in one slot of time.
//! Slots come in four lengths that nest (15 minutes, 1 hour, 4 hours, 1 day, in UTC), so that any range in any time zone is a
//! handful of them.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[expect(elided_lifetimes_in_paths, reason = "the trait elides it, and `async_trait` takes the signature literally")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in cost() {
            let table = Table::alter().table(UsageRecords::Table).add_column(column).to_owned();
            manager.alter_table(table).await?;
        }
        manager.drop_index(by_app()).await?;
        manager.create_table(series()).await?;
        manager.create_index(series_key()).await?;
        manager.create_table(rollups(manager.get_database_backend())).await?;
        manager.create_table(prices()).await?;
        manager.create_table(budgets()).await
    }
}

fn cost() -> [ColumnDef; 2] {
    [
        ColumnDef::new(UsageRecords::CostNanos).big_integer().null().take(),
        ColumnDef::new(UsageRecords::Currency).string_len(3).null().take(),
    ]
}

/// Nothing reads records by it: sums are in the rollups, and searches go by id. It was a third of what a record cost to write.
fn by_app() -> IndexDropStatement {
    Index::drop().name("idx_usage_records_app_id_started_at_ms").table(UsageRecords::Table).to_owned()
}

fn series() -> TableCreateStatement {
    Table::create()
        .table(UsageSeries::Table)
        .col(ColumnDef::new(UsageSeries::Id).big_integer().not_null().auto_increment().primary_key())
        .col(ColumnDef::new(UsageSeries::ServerId).big_integer().not_null())
        .col(ColumnDef::new(UsageSeries::AppId).big_integer().not_null())
        .col(ColumnDef::new(UsageSeries::KeyId).big_integer().not_null())
        .col(ColumnDef::new(UsageSeries::Model).string_len(200).not_null())
        .col(ColumnDef::new(UsageSeries::Outcome).small_integer().not_null())
        .col(ColumnDef::new(UsageSeries::Currency).string_len(3).not_null())
        .to_owned()
}

fn series_key() -> IndexCreateStatement {
    Index::create()
        .name("idx_usage_series_key")
        .table(UsageSeries::Table)
        .col(UsageSeries::ServerId)
        .col(UsageSeries::AppId)
        .col(UsageSeries::KeyId)
        .col(UsageSeries::Model)
        .col(UsageSeries::Outcome)
        .col(UsageSeries::Currency)
        .unique()
        .to_owned()
}

fn rollups(backend: DbBackend) -> TableCreateStatement {
    let sum = |name: UsageRollups| ColumnDef::new(name).big_integer().not_null().take();
    let mut table = Table::create();
    table
        .table(UsageRollups::Table)
        .col(ColumnDef::new(UsageRollups::SlotSeconds).integer().not_null())
        .col(ColumnDef::new(UsageRollups::SlotStart).big_integer().not_null())
        .col(ColumnDef::new(UsageRollups::SeriesId).big_integer().not_null())
        .col(sum(UsageRollups::Requests))
        .col(sum(UsageRollups::Estimated))
        .col(sum(UsageRollups::Unpriced))
        .col(sum(UsageRollups::InputTokens))
        .col(sum(UsageRollups::CachedTokens))
        .col(sum(UsageRollups::OutputTokens))
        .col(sum(UsageRollups::ReasoningTokens))
        .col(sum(UsageRollups::CostNanos))
        .col(sum(UsageRollups::Queued))
        .col(sum(UsageRollups::QueueMs))
        .col(ColumnDef::new(UsageRollups::FirstByteHistogram).text().not_null())
        .col(ColumnDef::new(UsageRollups::DurationHistogram).text().not_null())
        .primary_key(
            Index::create().col(UsageRollups::SlotSeconds).col(UsageRollups::SlotStart).col(UsageRollups::SeriesId),
        );
    if backend == DbBackend::Sqlite {
        // In the order of the primary key, as other databases have it: a stretch of slots is one walk.
        table.extra("WITHOUT ROWID");
    }
    table
}

fn prices() -> TableCreateStatement {
    Table::create()
        .table(Prices::Table)
        .col(ColumnDef::new(Prices::Id).big_integer().not_null().auto_increment().primary_key())
        .col(ColumnDef::new(Prices::Model).string_len(200).not_null())
        .col(ColumnDef::new(Prices::ServerId).big_integer().null())
        .col(ColumnDef::new(Prices::Currency).string_len(3).not_null())
        .col(ColumnDef::new(Prices::InputNanos).big_integer().not_null())
        .col(ColumnDef::new(Prices::CachedInputNanos).big_integer().null())
        .col(ColumnDef::new(Prices::OutputNanos).big_integer().not_null())
        .col(ColumnDef::new(Prices::ValidFromMs).big_integer().not_null())
        .col(ColumnDef::new(Prices::ChangedAtMs).big_integer().not_null())
        .to_owned()
}

fn budgets() -> TableCreateStatement {
    Table::create()
        .table(Budgets::Table)
        .col(ColumnDef::new(Budgets::Owner).string_len(8).not_null())
        .col(ColumnDef::new(Budgets::OwnerId).big_integer().not_null())
        .col(ColumnDef::new(Budgets::Period).string_len(8).not_null())
        .col(ColumnDef::new(Budgets::Unit).string_len(8).not_null())
        .col(ColumnDef::new(Budgets::Amount).big_integer().not_null())
        .col(ColumnDef::new(Budgets::Currency).string_len(3).not_null())
        .col(ColumnDef::new(Budgets::WarnPercent).small_integer().not_null())
        .primary_key(Index::create().col(Budgets::Owner).col(Budgets::OwnerId).col(Budgets::Period).col(Budgets::Unit))
        .to_owned()
}

#[derive(DeriveIden)]
enum UsageRecords {
    Table,
    CostNanos,
    Currency,
}

#[derive(DeriveIden)]
enum UsageSeries {
    Table,
    Id,
    ServerId,
    AppId,
    KeyId,
    Model,
    Outcome,
    Currency,
}

#[derive(DeriveIden)]
enum UsageRollups {
    Table,
    SlotSeconds,
    SlotStart,
    SeriesId,
    Requests,
    Estimated,
    Unpriced,
    InputTokens,
    CachedTokens,
    OutputTokens,
    ReasoningTokens,
    CostNanos,
    Queued,
    QueueMs,
    FirstByteHistogram,
    DurationHistogram,
}

#[derive(DeriveIden)]
enum Prices {
    Table,
    Id,
    Model,
    ServerId,
    Currency,
    InputNanos,
    CachedInputNanos,
    OutputNanos,
    ValidFromMs,
    ChangedAtMs,
}

#[derive(DeriveIden)]
enum Budgets {
    Table,
    Owner,
    OwnerId,
    Period,
    Unit,
    Amount,
    Currency,
    WarnPercent,
}
