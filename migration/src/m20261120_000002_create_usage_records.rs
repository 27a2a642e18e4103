//! The one row per request.
//!
//! Narrow on purpose, without bodies and without foreign keys: a row outlives what it names, and names are soft-deleted
//! for it. The id is a UUID of version 7 in 16 bytes, so that the newest rows are the last ones of the primary key.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[expect(elided_lifetimes_in_paths, reason = "the trait elides it, and `async_trait` takes the signature literally")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table(UsageRecords::Table)
                    .col(ColumnDef::new(UsageRecords::Id).uuid().not_null().primary_key())
                    .col(ColumnDef::new(UsageRecords::ClientRequestId).string_len(128).null())
                    .col(ColumnDef::new(UsageRecords::StartedAtMs).big_integer().not_null())
                    .col(ColumnDef::new(UsageRecords::AppId).big_integer().null())
                    .col(ColumnDef::new(UsageRecords::KeyId).big_integer().null())
                    .col(ColumnDef::new(UsageRecords::ServerId).big_integer().null())
                    .col(ColumnDef::new(UsageRecords::Model).string_len(200).not_null())
                    .col(ColumnDef::new(UsageRecords::Endpoint).small_integer().not_null())
                    .col(ColumnDef::new(UsageRecords::Streamed).boolean().not_null())
                    .col(ColumnDef::new(UsageRecords::Outcome).small_integer().not_null())
                    .col(ColumnDef::new(UsageRecords::Status).small_integer().not_null())
                    .col(ColumnDef::new(UsageRecords::ErrorCode).string_len(40).null())
                    .col(ColumnDef::new(UsageRecords::Attempts).small_integer().not_null())
                    .col(ColumnDef::new(UsageRecords::InputTokens).big_integer().null())
                    .col(ColumnDef::new(UsageRecords::CachedTokens).big_integer().null())
                    .col(ColumnDef::new(UsageRecords::OutputTokens).big_integer().null())
                    .col(ColumnDef::new(UsageRecords::ReasoningTokens).big_integer().null())
                    .col(ColumnDef::new(UsageRecords::TokenSource).small_integer().not_null())
                    .col(ColumnDef::new(UsageRecords::FirstByteMs).big_integer().null())
                    .col(ColumnDef::new(UsageRecords::DurationMs).big_integer().not_null())
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("idx_usage_records_app_id_started_at_ms")
                    .table(UsageRecords::Table)
                    .col(UsageRecords::AppId)
                    .col(UsageRecords::StartedAtMs)
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("idx_usage_records_started_at_ms")
                    .table(UsageRecords::Table)
                    .col(UsageRecords::StartedAtMs)
                    .to_owned(),
            )
            .await
    }
}

#[derive(DeriveIden)]
enum UsageRecords {
    Table,
    Id,
    ClientRequestId,
    StartedAtMs,
    AppId,
    KeyId,
    ServerId,
    Model,
    Endpoint,
    Streamed,
    Outcome,
    Status,
    ErrorCode,
    Attempts,
    InputTokens,
    CachedTokens,
    OutputTokens,
    ReasoningTokens,
    TokenSource,
    FirstByteMs,
    DurationMs,
}
