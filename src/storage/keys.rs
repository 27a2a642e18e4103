//! Tables `api_keys` and `api_key_models`: keys that Sluice issued to apps, found by their hash.

use std::collections::HashMap;

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
};

use super::StorageError;
use super::apps::entity as apps;
use super::limits::{LimitColumns, limit_value};
use crate::crypto::KeyHash;
use crate::model::{AppId, KeyId, Limits, Priority};

/// Rows of one insert: SQLite takes 32 766 values in one statement, others 65 535.
const CHUNK: usize = 500;

#[expect(unreachable_pub, reason = "what is derived from an entity has to be public")]
pub(super) mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "api_keys")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub name: String,
        pub key_hash: Vec<u8>,
        pub hint: String,
        pub app_id: Option<i64>,
        pub requests_per_minute: Option<i32>,
        pub tokens_per_minute: Option<i32>,
        pub concurrency: Option<i32>,
        pub priority: String,
        pub created_at_ms: i64,
        pub expires_at_ms: Option<i64>,
        pub revoked_at_ms: Option<i64>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {
        #[sea_orm(
            belongs_to = "crate::storage::apps::entity::Entity",
            from = "Column::AppId",
            to = "crate::storage::apps::entity::Column::Id"
        )]
        App,
    }

    impl Related<crate::storage::apps::entity::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::App.def()
        }
    }

    impl ActiveModelBehavior for ActiveModel {}
}

#[expect(unreachable_pub, reason = "what is derived from an entity has to be public")]
mod models {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "api_key_models")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub api_key_id: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub position: i32,
        pub name: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// One issued key.
#[derive(Clone, Debug)]
pub(crate) struct KeyRow {
    pub(crate) id: KeyId,
    pub(crate) name: String,
    pub(crate) key_hash: KeyHash,
    pub(crate) hint: String,
    pub(crate) app_id: Option<AppId>,
    pub(crate) app_name: Option<String>,
    pub(crate) models: Vec<String>,
    pub(crate) limits: Limits,
    pub(crate) priority: Priority,
    pub(crate) created_at_ms: i64,
    pub(crate) expires_at_ms: Option<i64>,
    pub(crate) revoked_at_ms: Option<i64>,
    /// A column whose value this version cannot read; the strictest one stands in its place.
    pub(crate) unreadable: Option<&'static str>,
}

/// What can be chosen about a key, validated.
#[derive(Clone, Debug)]
pub(crate) struct KeyFields {
    pub(crate) name: String,
    pub(crate) app_id: Option<AppId>,
    pub(crate) models: Vec<String>,
    pub(crate) limits: Limits,
    pub(crate) priority: Priority,
    pub(crate) expires_at_ms: Option<i64>,
}

/// Every key, newest first, the revoked ones included.
pub(crate) async fn list(connection: &impl ConnectionTrait) -> Result<Vec<KeyRow>, StorageError> {
    let rows = entity::Entity::find()
        .find_also_related(apps::Entity)
        .order_by_desc(entity::Column::Id)
        .all(connection)
        .await?;
    let models = models::Entity::find()
        .order_by_asc(models::Column::ApiKeyId)
        .order_by_asc(models::Column::Position)
        .all(connection)
        .await?;
    with_models(rows, models)
}

/// Every key that is not revoked.
pub(crate) async fn list_unrevoked(connection: &impl ConnectionTrait) -> Result<Vec<KeyRow>, StorageError> {
    let rows = entity::Entity::find()
        .filter(entity::Column::RevokedAtMs.is_null())
        .find_also_related(apps::Entity)
        .all(connection)
        .await?;
    let models = models::Entity::find()
        .order_by_asc(models::Column::ApiKeyId)
        .order_by_asc(models::Column::Position)
        .all(connection)
        .await?;
    with_models(rows, models)
}

/// The key with this id.
pub(crate) async fn get(connection: &impl ConnectionTrait, id: KeyId) -> Result<KeyRow, StorageError> {
    let rows = entity::Entity::find_by_id(id.0).find_also_related(apps::Entity).all(connection).await?;
    let models = models::Entity::find()
        .filter(models::Column::ApiKeyId.eq(id.0))
        .order_by_asc(models::Column::Position)
        .all(connection)
        .await?;
    with_models(rows, models)?.pop().ok_or(StorageError::NotFound)
}

/// The keys that are bound to an app, the revoked ones included.
pub(crate) async fn ids_of_app(connection: &impl ConnectionTrait, app_id: AppId) -> Result<Vec<KeyId>, StorageError> {
    let rows = entity::Entity::find().select_only().column(entity::Column::Id);
    let ids: Vec<i64> = rows.filter(entity::Column::AppId.eq(app_id.0)).into_tuple().all(connection).await?;
    Ok(ids.into_iter().map(KeyId).collect())
}

/// Adds a key.
pub(crate) async fn insert(
    transaction: &DatabaseTransaction,
    fields: &KeyFields,
    key_hash: &KeyHash,
    hint: String,
    now_ms: i64,
) -> Result<KeyId, StorageError> {
    let row = entity::ActiveModel {
        key_hash: Set(key_hash.to_vec()),
        hint: Set(hint),
        created_at_ms: Set(now_ms),
        ..columns(fields)?
    };
    let id = KeyId(entity::Entity::insert(row).exec(transaction).await?.last_insert_id);
    insert_models(transaction, id, &fields.models).await?;
    Ok(id)
}

/// Changes what can be chosen about a key.
pub(crate) async fn update(
    transaction: &DatabaseTransaction,
    id: KeyId,
    fields: &KeyFields,
) -> Result<(), StorageError> {
    let updated = entity::Entity::update_many()
        .set(columns(fields)?)
        .filter(entity::Column::Id.eq(id.0))
        .exec(transaction)
        .await?;
    if updated.rows_affected != 1 {
        return Err(StorageError::NotFound);
    }
    models::Entity::delete_many().filter(models::Column::ApiKeyId.eq(id.0)).exec(transaction).await?;
    insert_models(transaction, id, &fields.models).await
}

/// Revokes a key; one that was revoked before keeps its time.
pub(crate) async fn revoke(transaction: &DatabaseTransaction, id: KeyId, now_ms: i64) -> Result<(), StorageError> {
    revoke_where(transaction, entity::Column::Id.eq(id.0), now_ms).await
}

/// Revokes every key that is bound to an app.
pub(crate) async fn revoke_of_app(
    transaction: &DatabaseTransaction,
    app_id: AppId,
    now_ms: i64,
) -> Result<(), StorageError> {
    revoke_where(transaction, entity::Column::AppId.eq(app_id.0), now_ms).await
}

async fn revoke_where(
    transaction: &DatabaseTransaction,
    which: sea_orm::sea_query::Expr,
    now_ms: i64,
) -> Result<(), StorageError> {
    entity::Entity::update_many()
        .set(entity::ActiveModel { revoked_at_ms: Set(Some(now_ms)), ..Default::default() })
        .filter(which)
        .filter(entity::Column::RevokedAtMs.is_null())
        .exec(transaction)
        .await?;
    Ok(())
}

fn columns(fields: &KeyFields) -> Result<entity::ActiveModel, StorageError> {
    let limit = |value, column| limit_value(value, "api_keys", column);
    Ok(entity::ActiveModel {
        name: Set(fields.name.clone()),
        app_id: Set(fields.app_id.map(|id| id.0)),
        requests_per_minute: limit(fields.limits.requests_per_minute, "requests_per_minute")?,
        tokens_per_minute: limit(fields.limits.tokens_per_minute, "tokens_per_minute")?,
        concurrency: limit(fields.limits.concurrency, "concurrency")?,
        priority: Set(fields.priority.as_str().to_owned()),
        expires_at_ms: Set(fields.expires_at_ms),
        ..Default::default()
    })
}

async fn insert_models(transaction: &DatabaseTransaction, id: KeyId, names: &[String]) -> Result<(), StorageError> {
    let rows: Vec<models::ActiveModel> = (0..)
        .zip(names)
        .map(|(position, name)| models::ActiveModel {
            api_key_id: Set(id.0),
            position: Set(position),
            name: Set(name.clone()),
        })
        .collect();
    for chunk in rows.chunks(CHUNK) {
        models::Entity::insert_many(chunk.iter().cloned()).exec_without_returning(transaction).await?;
    }
    Ok(())
}

fn with_models(
    rows: Vec<(entity::Model, Option<apps::Model>)>,
    models: Vec<models::Model>,
) -> Result<Vec<KeyRow>, StorageError> {
    let mut models_of: HashMap<i64, Vec<String>> = HashMap::new();
    for model in models {
        models_of.entry(model.api_key_id).or_default().push(model.name);
    }
    rows.into_iter()
        .map(|(row, app)| {
            let mut unreadable = None;
            let limits = LimitColumns {
                requests_per_minute: row.requests_per_minute,
                tokens_per_minute: row.tokens_per_minute,
                concurrency: row.concurrency,
            };
            let limits = limits.read(&mut unreadable);
            let priority = row.priority.parse().unwrap_or_else(|_| {
                unreadable = Some("priority");
                Priority::Low
            });
            Ok(KeyRow {
                id: KeyId(row.id),
                name: row.name,
                key_hash: super::hash_column(row.key_hash, "api_keys", "key_hash")?,
                hint: row.hint,
                app_id: row.app_id.map(AppId),
                app_name: app.map(|app| app.name),
                models: models_of.remove(&row.id).unwrap_or_default(),
                limits,
                priority,
                created_at_ms: row.created_at_ms,
                expires_at_ms: row.expires_at_ms,
                revoked_at_ms: row.revoked_at_ms,
                unreadable,
            })
        })
        .collect()
}
