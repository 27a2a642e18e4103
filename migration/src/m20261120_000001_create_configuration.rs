//! Servers, apps, keys, and who may administrate.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// The longest name of anything, in characters.
const NAME_LENGTH: u32 = 64;
/// The longest model name, in characters.
const MODEL_LENGTH: u32 = 200;
/// SHA-256.
const HASH_LENGTH: u32 = 32;
/// The last characters of a secret, for people to tell secrets apart.
const HINT_LENGTH: u32 = 4;

#[expect(elided_lifetimes_in_paths, reason = "the trait elides it, and `async_trait` takes the signature literally")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [
            servers(),
            server_models(),
            apps(),
            api_keys(),
            api_key_models(),
            catalog_state(),
            users(),
            sessions(),
            admin_tokens(),
            setup(),
            master_key_check(),
        ] {
            manager.create_table(table).await?;
        }
        for index in [
            Index::create().name("idx_api_keys_app_id").table(ApiKeys::Table).col(ApiKeys::AppId).to_owned(),
            Index::create().name("idx_sessions_user_id").table(Sessions::Table).col(Sessions::UserId).to_owned(),
            Index::create()
                .name("idx_sessions_last_seen_at_ms")
                .table(Sessions::Table)
                .col(Sessions::LastSeenAtMs)
                .to_owned(),
        ] {
            manager.create_index(index).await?;
        }
        let first_revision = Query::insert()
            .into_table(CatalogState::Table)
            .columns([CatalogState::Id, CatalogState::Revision])
            .values_panic([1.into(), 1_i64.into()])
            .to_owned();
        manager.execute(first_revision).await
    }
}

fn id<Name: IntoIden>(name: Name) -> ColumnDef {
    ColumnDef::new(name).big_integer().not_null().auto_increment().primary_key().take()
}

fn time<Name: IntoIden>(name: Name) -> ColumnDef {
    ColumnDef::new(name).big_integer().not_null().take()
}

fn optional_time<Name: IntoIden>(name: Name) -> ColumnDef {
    ColumnDef::new(name).big_integer().null().take()
}

fn servers() -> TableCreateStatement {
    Table::create()
        .table(Servers::Table)
        .col(id(Servers::Id))
        .col(ColumnDef::new(Servers::Name).string_len(NAME_LENGTH).not_null())
        .col(ColumnDef::new(Servers::UniqueName).string_len(NAME_LENGTH).null().unique_key())
        .col(ColumnDef::new(Servers::Provider).string_len(32).not_null())
        .col(ColumnDef::new(Servers::BaseUrl).string_len(512).not_null())
        .col(ColumnDef::new(Servers::ApiKeySealed).var_binary(8192).null())
        .col(ColumnDef::new(Servers::ApiKeyHint).string_len(HINT_LENGTH).null())
        .col(ColumnDef::new(Servers::Position).integer().not_null())
        .col(ColumnDef::new(Servers::Enabled).boolean().not_null())
        .col(ColumnDef::new(Servers::RequestStreamUsage).boolean().not_null())
        .col(ColumnDef::new(Servers::ConnectMs).integer().not_null())
        .col(ColumnDef::new(Servers::FirstByteMs).integer().not_null())
        .col(ColumnDef::new(Servers::IdleMs).integer().not_null())
        .col(ColumnDef::new(Servers::TotalMs).integer().not_null())
        .col(time(Servers::CreatedAtMs))
        .col(time(Servers::UpdatedAtMs))
        .col(optional_time(Servers::DeletedAtMs))
        .to_owned()
}

fn server_models() -> TableCreateStatement {
    Table::create()
        .table(ServerModels::Table)
        .col(ColumnDef::new(ServerModels::ServerId).big_integer().not_null())
        .col(ColumnDef::new(ServerModels::Position).integer().not_null())
        .col(ColumnDef::new(ServerModels::Name).string_len(MODEL_LENGTH).not_null())
        .col(ColumnDef::new(ServerModels::UpstreamName).string_len(MODEL_LENGTH).not_null())
        .primary_key(Index::create().col(ServerModels::ServerId).col(ServerModels::Position))
        .foreign_key(
            ForeignKey::create()
                .name("fk_server_models_server_id")
                .from(ServerModels::Table, ServerModels::ServerId)
                .to(Servers::Table, Servers::Id),
        )
        .to_owned()
}

fn apps() -> TableCreateStatement {
    Table::create()
        .table(Apps::Table)
        .col(id(Apps::Id))
        .col(ColumnDef::new(Apps::Name).string_len(NAME_LENGTH).not_null())
        // Bytes, because names of apps differ by case and a text column would not on every database.
        .col(ColumnDef::new(Apps::UniqueName).var_binary(NAME_LENGTH).null().unique_key())
        .col(ColumnDef::new(Apps::Enabled).boolean().not_null())
        .col(ColumnDef::new(Apps::RegisteredByRequest).boolean().not_null())
        .col(time(Apps::CreatedAtMs))
        .col(optional_time(Apps::DeletedAtMs))
        .to_owned()
}

fn api_keys() -> TableCreateStatement {
    Table::create()
        .table(ApiKeys::Table)
        .col(id(ApiKeys::Id))
        .col(ColumnDef::new(ApiKeys::Name).string_len(NAME_LENGTH).not_null())
        .col(ColumnDef::new(ApiKeys::KeyHash).binary_len(HASH_LENGTH).not_null().unique_key())
        .col(ColumnDef::new(ApiKeys::Hint).string_len(HINT_LENGTH).not_null())
        .col(ColumnDef::new(ApiKeys::AppId).big_integer().null())
        .col(time(ApiKeys::CreatedAtMs))
        .col(optional_time(ApiKeys::ExpiresAtMs))
        .col(optional_time(ApiKeys::RevokedAtMs))
        .foreign_key(
            ForeignKey::create()
                .name("fk_api_keys_app_id")
                .from(ApiKeys::Table, ApiKeys::AppId)
                .to(Apps::Table, Apps::Id),
        )
        .to_owned()
}

fn api_key_models() -> TableCreateStatement {
    Table::create()
        .table(ApiKeyModels::Table)
        .col(ColumnDef::new(ApiKeyModels::ApiKeyId).big_integer().not_null())
        .col(ColumnDef::new(ApiKeyModels::Position).integer().not_null())
        .col(ColumnDef::new(ApiKeyModels::Name).string_len(MODEL_LENGTH).not_null())
        .primary_key(Index::create().col(ApiKeyModels::ApiKeyId).col(ApiKeyModels::Position))
        .foreign_key(
            ForeignKey::create()
                .name("fk_api_key_models_api_key_id")
                .from(ApiKeyModels::Table, ApiKeyModels::ApiKeyId)
                .to(ApiKeys::Table, ApiKeys::Id),
        )
        .to_owned()
}

fn catalog_state() -> TableCreateStatement {
    Table::create()
        .table(CatalogState::Table)
        .col(ColumnDef::new(CatalogState::Id).integer().not_null().primary_key())
        .col(ColumnDef::new(CatalogState::Revision).big_integer().not_null())
        .to_owned()
}

fn users() -> TableCreateStatement {
    Table::create()
        .table(Users::Table)
        .col(id(Users::Id))
        .col(ColumnDef::new(Users::Username).string_len(NAME_LENGTH).not_null())
        .col(ColumnDef::new(Users::UniqueName).string_len(NAME_LENGTH).null().unique_key())
        .col(ColumnDef::new(Users::PasswordHash).string_len(255).not_null())
        .col(time(Users::CreatedAtMs))
        .col(optional_time(Users::DeletedAtMs))
        .to_owned()
}

fn sessions() -> TableCreateStatement {
    Table::create()
        .table(Sessions::Table)
        .col(id(Sessions::Id))
        .col(ColumnDef::new(Sessions::TokenHash).binary_len(HASH_LENGTH).not_null().unique_key())
        .col(ColumnDef::new(Sessions::UserId).big_integer().not_null())
        .col(time(Sessions::CreatedAtMs))
        .col(time(Sessions::LastSeenAtMs))
        .foreign_key(
            ForeignKey::create()
                .name("fk_sessions_user_id")
                .from(Sessions::Table, Sessions::UserId)
                .to(Users::Table, Users::Id),
        )
        .to_owned()
}

fn admin_tokens() -> TableCreateStatement {
    Table::create()
        .table(AdminTokens::Table)
        .col(id(AdminTokens::Id))
        .col(ColumnDef::new(AdminTokens::Name).string_len(NAME_LENGTH).not_null())
        .col(ColumnDef::new(AdminTokens::TokenHash).binary_len(HASH_LENGTH).not_null().unique_key())
        .col(ColumnDef::new(AdminTokens::Hint).string_len(HINT_LENGTH).not_null())
        .col(time(AdminTokens::CreatedAtMs))
        .col(optional_time(AdminTokens::RevokedAtMs))
        .to_owned()
}

fn setup() -> TableCreateStatement {
    Table::create()
        .table(Setup::Table)
        .col(ColumnDef::new(Setup::Id).integer().not_null().primary_key())
        .col(ColumnDef::new(Setup::TokenHash).binary_len(HASH_LENGTH).not_null())
        .col(time(Setup::CreatedAtMs))
        .to_owned()
}

fn master_key_check() -> TableCreateStatement {
    Table::create()
        .table(MasterKeyCheck::Table)
        .col(ColumnDef::new(MasterKeyCheck::Id).integer().not_null().primary_key())
        .col(ColumnDef::new(MasterKeyCheck::Sealed).var_binary(255).not_null())
        .col(time(MasterKeyCheck::CreatedAtMs))
        .to_owned()
}

#[derive(DeriveIden)]
enum Servers {
    Table,
    Id,
    Name,
    UniqueName,
    Provider,
    BaseUrl,
    ApiKeySealed,
    ApiKeyHint,
    Position,
    Enabled,
    RequestStreamUsage,
    ConnectMs,
    FirstByteMs,
    IdleMs,
    TotalMs,
    CreatedAtMs,
    UpdatedAtMs,
    DeletedAtMs,
}

#[derive(DeriveIden)]
enum ServerModels {
    Table,
    ServerId,
    Position,
    Name,
    UpstreamName,
}

#[derive(DeriveIden)]
enum Apps {
    Table,
    Id,
    Name,
    UniqueName,
    Enabled,
    RegisteredByRequest,
    CreatedAtMs,
    DeletedAtMs,
}

#[derive(DeriveIden)]
enum ApiKeys {
    Table,
    Id,
    Name,
    KeyHash,
    Hint,
    AppId,
    CreatedAtMs,
    ExpiresAtMs,
    RevokedAtMs,
}

#[derive(DeriveIden)]
enum ApiKeyModels {
    Table,
    ApiKeyId,
    Position,
    Name,
}

#[derive(DeriveIden)]
enum CatalogState {
    Table,
    Id,
    Revision,
}

#[derive(DeriveIden)]
enum Users {
    Table,
    Id,
    Username,
    UniqueName,
    PasswordHash,
    CreatedAtMs,
    DeletedAtMs,
}

#[derive(DeriveIden)]
enum Sessions {
    Table,
    Id,
    TokenHash,
    UserId,
    CreatedAtMs,
    LastSeenAtMs,
}

#[derive(DeriveIden)]
enum AdminTokens {
    Table,
    Id,
    Name,
    TokenHash,
    Hint,
    CreatedAtMs,
    RevokedAtMs,
}

#[derive(DeriveIden)]
enum Setup {
    Table,
    Id,
    TokenHash,
    CreatedAtMs,
}

#[derive(DeriveIden)]
enum MasterKeyCheck {
    Table,
    Id,
    Sealed,
    CreatedAtMs,
}
