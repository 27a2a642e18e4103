//! Tables `servers` and `server_models`: upstream endpoints, in the order in which they are asked.

use std::collections::HashMap;

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect,
};

use super::StorageError;
use super::limits::{LimitColumns, limit_value};
use crate::model::{Limits, ProviderKind, QueuePolicy, ServerId, ServerModel, Timeouts};

/// Rows of one insert: SQLite takes 32 766 values in one statement, others 65 535.
const CHUNK: usize = 500;

#[expect(unreachable_pub, reason = "what is derived from an entity has to be public")]
pub(super) mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "servers")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub name: String,
        pub unique_name: Option<String>,
        pub provider: String,
        pub base_url: String,
        pub api_key_sealed: Option<Vec<u8>>,
        pub api_key_hint: Option<String>,
        pub position: i32,
        pub enabled: bool,
        pub request_stream_usage: bool,
        pub connect_ms: i32,
        pub first_byte_ms: i32,
        pub idle_ms: i32,
        pub total_ms: i32,
        pub requests_per_minute: Option<i32>,
        pub tokens_per_minute: Option<i32>,
        pub concurrency: Option<i32>,
        pub queue_length: i32,
        pub queue_deadline_ms: i32,
        pub queue_overflow: String,
        pub queue_order: String,
        pub created_at_ms: i64,
        pub updated_at_ms: i64,
        pub deleted_at_ms: Option<i64>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

#[expect(unreachable_pub, reason = "what is derived from an entity has to be public")]
mod models {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "server_models")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub server_id: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub position: i32,
        pub name: String,
        pub upstream_name: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// One server that exists.
#[derive(Clone, Debug)]
pub(crate) struct ServerRow {
    pub(crate) id: ServerId,
    pub(crate) fields: ServerFields,
    pub(crate) api_key: Option<SealedKey>,
    pub(crate) created_at_ms: i64,
    pub(crate) updated_at_ms: i64,
    /// A column whose value this version cannot read; a default stands in its place, for a limit the strictest one.
    pub(crate) unreadable: Option<&'static str>,
}

/// What can be entered about a server, validated, without its key.
#[derive(Clone, Debug)]
pub(crate) struct ServerFields {
    pub(crate) name: String,
    pub(crate) provider: ProviderKind,
    pub(crate) base_url: String,
    pub(crate) models: Vec<ServerModel>,
    pub(crate) enabled: bool,
    pub(crate) request_stream_usage: bool,
    pub(crate) timeouts: Timeouts,
    pub(crate) limits: Limits,
    pub(crate) queue: QueuePolicy,
}

/// A sealed API key and the end of it that is shown.
#[derive(Clone, Debug)]
pub(crate) struct SealedKey {
    pub(crate) sealed: Vec<u8>,
    pub(crate) hint: String,
}

/// Every server, in configured order.
pub(crate) async fn list(connection: &impl ConnectionTrait) -> Result<Vec<ServerRow>, StorageError> {
    let rows = entity::Entity::find()
        .filter(entity::Column::DeletedAtMs.is_null())
        .order_by_asc(entity::Column::Position)
        .order_by_asc(entity::Column::Id)
        .all(connection)
        .await?;
    let models = models::Entity::find()
        .order_by_asc(models::Column::ServerId)
        .order_by_asc(models::Column::Position)
        .all(connection)
        .await?;
    Ok(with_models(rows, models))
}

/// The server with this id.
pub(crate) async fn get(connection: &impl ConnectionTrait, id: ServerId) -> Result<ServerRow, StorageError> {
    let row = entity::Entity::find_by_id(id.0).filter(entity::Column::DeletedAtMs.is_null()).all(connection).await?;
    with_own_models(connection, row).await?.ok_or(StorageError::NotFound)
}

/// The server with this name, in whatever case it is written.
pub(crate) async fn find(connection: &impl ConnectionTrait, name: &str) -> Result<Option<ServerRow>, StorageError> {
    let row =
        entity::Entity::find().filter(entity::Column::UniqueName.eq(name.to_ascii_lowercase())).all(connection).await?;
    with_own_models(connection, row).await
}

/// Adds a server at the end of the order, without a key: that is sealed for the id which it gets here.
pub(crate) async fn insert(
    transaction: &DatabaseTransaction,
    fields: &ServerFields,
    now_ms: i64,
) -> Result<ServerId, StorageError> {
    let last: Option<Option<i32>> = entity::Entity::find()
        .select_only()
        .column_as(entity::Column::Position.max(), "last_position")
        .filter(entity::Column::DeletedAtMs.is_null())
        .into_tuple()
        .one(transaction)
        .await?;
    let row = entity::ActiveModel {
        position: Set(last.flatten().unwrap_or(0).saturating_add(1)),
        created_at_ms: Set(now_ms),
        ..columns(fields, now_ms)?
    };
    let id = ServerId(entity::Entity::insert(row).exec(transaction).await?.last_insert_id);
    insert_models(transaction, id, &fields.models).await?;
    Ok(id)
}

/// Changes a server; its key stays.
pub(crate) async fn update(
    transaction: &DatabaseTransaction,
    id: ServerId,
    fields: &ServerFields,
    now_ms: i64,
) -> Result<(), StorageError> {
    change(transaction, id, columns(fields, now_ms)?).await?;
    models::Entity::delete_many().filter(models::Column::ServerId.eq(id.0)).exec(transaction).await?;
    insert_models(transaction, id, &fields.models).await
}

/// Stores a server's sealed key, or forgets it.
pub(crate) async fn set_key(
    transaction: &DatabaseTransaction,
    id: ServerId,
    key: Option<SealedKey>,
) -> Result<(), StorageError> {
    let (sealed, hint) = key.map(|key| (key.sealed, key.hint)).unzip();
    let row = entity::ActiveModel { api_key_sealed: Set(sealed), api_key_hint: Set(hint), ..Default::default() };
    change(transaction, id, row).await
}

/// Switches a server on or off.
pub(crate) async fn set_enabled(
    transaction: &DatabaseTransaction,
    id: ServerId,
    enabled: bool,
    now_ms: i64,
) -> Result<(), StorageError> {
    let row = entity::ActiveModel { enabled: Set(enabled), updated_at_ms: Set(now_ms), ..Default::default() };
    change(transaction, id, row).await
}

/// Puts a server at a place in the order.
pub(crate) async fn set_position(
    transaction: &DatabaseTransaction,
    id: ServerId,
    position: i32,
) -> Result<(), StorageError> {
    change(transaction, id, entity::ActiveModel { position: Set(position), ..Default::default() }).await
}

/// Deletes a server: its key is wiped, its name is free again, its row stays for the records that name it.
pub(crate) async fn delete(transaction: &DatabaseTransaction, id: ServerId, now_ms: i64) -> Result<(), StorageError> {
    let row = entity::ActiveModel {
        unique_name: Set(None),
        api_key_sealed: Set(None),
        api_key_hint: Set(None),
        enabled: Set(false),
        updated_at_ms: Set(now_ms),
        deleted_at_ms: Set(Some(now_ms)),
        ..Default::default()
    };
    change(transaction, id, row).await?;
    models::Entity::delete_many().filter(models::Column::ServerId.eq(id.0)).exec(transaction).await?;
    Ok(())
}

/// How many servers exist.
pub(crate) async fn count(connection: &impl ConnectionTrait) -> Result<u64, StorageError> {
    Ok(entity::Entity::find().filter(entity::Column::DeletedAtMs.is_null()).count(connection).await?)
}

async fn change(transaction: &DatabaseTransaction, id: ServerId, row: entity::ActiveModel) -> Result<(), StorageError> {
    let updated = entity::Entity::update_many()
        .set(row)
        .filter(entity::Column::Id.eq(id.0))
        .filter(entity::Column::DeletedAtMs.is_null())
        .exec(transaction)
        .await?;
    if updated.rows_affected == 1 { Ok(()) } else { Err(StorageError::NotFound) }
}

fn columns(fields: &ServerFields, now_ms: i64) -> Result<entity::ActiveModel, StorageError> {
    let number = |value: u32, column| {
        i32::try_from(value).map(Set).map_err(|_| StorageError::Unreadable { table: "servers", column })
    };
    let limit = |value, column| limit_value(value, "servers", column);
    Ok(entity::ActiveModel {
        name: Set(fields.name.clone()),
        unique_name: Set(Some(fields.name.to_ascii_lowercase())),
        provider: Set(fields.provider.as_str().to_owned()),
        base_url: Set(fields.base_url.clone()),
        enabled: Set(fields.enabled),
        request_stream_usage: Set(fields.request_stream_usage),
        connect_ms: number(fields.timeouts.connect_ms, "connect_ms")?,
        first_byte_ms: number(fields.timeouts.first_byte_ms, "first_byte_ms")?,
        idle_ms: number(fields.timeouts.idle_ms, "idle_ms")?,
        total_ms: number(fields.timeouts.total_ms, "total_ms")?,
        requests_per_minute: limit(fields.limits.requests_per_minute, "requests_per_minute")?,
        tokens_per_minute: limit(fields.limits.tokens_per_minute, "tokens_per_minute")?,
        concurrency: limit(fields.limits.concurrency, "concurrency")?,
        queue_length: number(fields.queue.length, "queue_length")?,
        queue_deadline_ms: number(fields.queue.deadline_ms, "queue_deadline_ms")?,
        queue_overflow: Set(fields.queue.overflow.as_str().to_owned()),
        queue_order: Set(fields.queue.order.as_str().to_owned()),
        updated_at_ms: Set(now_ms),
        ..Default::default()
    })
}

async fn insert_models(
    transaction: &DatabaseTransaction,
    id: ServerId,
    models: &[ServerModel],
) -> Result<(), StorageError> {
    let rows: Vec<models::ActiveModel> = (0..)
        .zip(models)
        .map(|(position, model)| models::ActiveModel {
            server_id: Set(id.0),
            position: Set(position),
            name: Set(model.name.clone()),
            upstream_name: Set(model.upstream_name.clone()),
        })
        .collect();
    for chunk in rows.chunks(CHUNK) {
        models::Entity::insert_many(chunk.iter().cloned()).exec_without_returning(transaction).await?;
    }
    Ok(())
}

async fn with_own_models(
    connection: &impl ConnectionTrait,
    row: Vec<entity::Model>,
) -> Result<Option<ServerRow>, StorageError> {
    let Some(id) = row.first().map(|row| row.id) else { return Ok(None) };
    let models = models::Entity::find()
        .filter(models::Column::ServerId.eq(id))
        .order_by_asc(models::Column::Position)
        .all(connection)
        .await?;
    Ok(with_models(row, models).pop())
}

fn with_models(rows: Vec<entity::Model>, models: Vec<models::Model>) -> Vec<ServerRow> {
    let mut models_of: HashMap<i64, Vec<ServerModel>> = HashMap::new();
    for model in models {
        let entry = ServerModel { name: model.name, upstream_name: model.upstream_name };
        models_of.entry(model.server_id).or_default().push(entry);
    }
    rows.into_iter()
        .map(|row| {
            let models = models_of.remove(&row.id).unwrap_or_default();
            server_row(row, models)
        })
        .collect()
}

/// A value that cannot be read disables its row and not the others, so it is noted here and is no error.
fn server_row(row: entity::Model, models: Vec<ServerModel>) -> ServerRow {
    let mut unreadable = None;
    let mut number = |value: i32, column, default| {
        u32::try_from(value).unwrap_or_else(|_| {
            unreadable = Some(column);
            default
        })
    };
    let defaults = Timeouts::default();
    let timeouts = Timeouts {
        connect_ms: number(row.connect_ms, "connect_ms", defaults.connect_ms),
        first_byte_ms: number(row.first_byte_ms, "first_byte_ms", defaults.first_byte_ms),
        idle_ms: number(row.idle_ms, "idle_ms", defaults.idle_ms),
        total_ms: number(row.total_ms, "total_ms", defaults.total_ms),
    };
    let mut queue = QueuePolicy::default();
    queue.length = number(row.queue_length, "queue_length", queue.length);
    queue.deadline_ms = number(row.queue_deadline_ms, "queue_deadline_ms", queue.deadline_ms);
    match row.queue_overflow.parse() {
        Ok(overflow) => queue.overflow = overflow,
        Err(_) => unreadable = Some("queue_overflow"),
    }
    match row.queue_order.parse() {
        Ok(order) => queue.order = order,
        Err(_) => unreadable = Some("queue_order"),
    }
    let limits = LimitColumns {
        requests_per_minute: row.requests_per_minute,
        tokens_per_minute: row.tokens_per_minute,
        concurrency: row.concurrency,
    };
    let limits = limits.read(&mut unreadable);
    let provider = row.provider.parse().unwrap_or_else(|_| {
        unreadable = Some("provider");
        ProviderKind::OpenAi
    });
    ServerRow {
        id: ServerId(row.id),
        api_key: row.api_key_sealed.map(|sealed| SealedKey { sealed, hint: row.api_key_hint.unwrap_or_default() }),
        fields: ServerFields {
            name: row.name,
            provider,
            base_url: row.base_url,
            models,
            enabled: row.enabled,
            request_stream_usage: row.request_stream_usage,
            timeouts,
            limits,
            queue,
        },
        created_at_ms: row.created_at_ms,
        updated_at_ms: row.updated_at_ms,
        unreadable,
    }
}
