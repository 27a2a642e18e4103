//! Limits of servers, apps and keys, the queue in front of a server, the priority of a key, and what a request waited for.
//!
//! Rows that exist get no limits and the default queue, so that an update changes nothing for anybody who calls.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[expect(elided_lifetimes_in_paths, reason = "the trait elides it, and `async_trait` takes the signature literally")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in limits() {
            add(manager, Servers::Table, column).await?;
        }
        for column in queue() {
            add(manager, Servers::Table, column).await?;
        }
        for column in limits() {
            add(manager, Apps::Table, column).await?;
        }
        for column in limits() {
            add(manager, ApiKeys::Table, column).await?;
        }
        let priority = ColumnDef::new(ApiKeys::Priority).string_len(8).not_null().default("normal").take();
        add(manager, ApiKeys::Table, priority).await?;
        for column in waited() {
            add(manager, UsageRecords::Table, column).await?;
        }
        let sent_lately = Index::create()
            .name("idx_usage_records_sent_at_ms")
            .table(UsageRecords::Table)
            .col(UsageRecords::SentAtMs)
            .to_owned();
        manager.create_index(sent_lately).await
    }
}

/// One statement for each column: SQLite adds no more than one at a time.
async fn add<Name: IntoIden>(manager: &SchemaManager<'_>, table: Name, column: ColumnDef) -> Result<(), DbErr> {
    manager.alter_table(Table::alter().table(table.into_iden()).add_column(column).to_owned()).await
}

fn limits() -> [ColumnDef; 3] {
    [Limits::RequestsPerMinute, Limits::TokensPerMinute, Limits::Concurrency]
        .map(|name| ColumnDef::new(name).integer().null().take())
}

fn queue() -> [ColumnDef; 4] {
    [
        ColumnDef::new(Servers::QueueLength).integer().not_null().default(100).take(),
        ColumnDef::new(Servers::QueueDeadlineMs).integer().not_null().default(60_000).take(),
        ColumnDef::new(Servers::QueueOverflow).string_len(16).not_null().default("evict_oldest").take(),
        ColumnDef::new(Servers::QueueOrder).string_len(16).not_null().default("fifo").take(),
    ]
}

fn waited() -> [ColumnDef; 4] {
    [
        ColumnDef::new(UsageRecords::QueueMs).big_integer().not_null().default(0).take(),
        ColumnDef::new(UsageRecords::LimitedBy).small_integer().null().take(),
        ColumnDef::new(UsageRecords::SentAtMs).big_integer().null().take(),
        ColumnDef::new(UsageRecords::ChargedTokens).big_integer().null().take(),
    ]
}

/// Columns that servers, apps and keys have alike.
#[derive(DeriveIden)]
enum Limits {
    RequestsPerMinute,
    TokensPerMinute,
    Concurrency,
}

#[derive(DeriveIden)]
enum Servers {
    Table,
    QueueLength,
    QueueDeadlineMs,
    QueueOverflow,
    QueueOrder,
}

#[derive(DeriveIden)]
enum Apps {
    Table,
}

#[derive(DeriveIden)]
enum ApiKeys {
    Table,
    Priority,
}

#[derive(DeriveIden)]
enum UsageRecords {
    Table,
    QueueMs,
    LimitedBy,
    SentAtMs,
    ChargedTokens,
}
