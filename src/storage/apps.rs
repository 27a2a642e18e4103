//! Table `apps`: calling applications. Names differ by case.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder,
};

use super::StorageError;
use super::limits::{LimitColumns, limit_value};
use crate::model::{AppId, Limits};

#[expect(unreachable_pub, reason = "what is derived from an entity has to be public")]
pub(super) mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "apps")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub name: String,
        pub unique_name: Option<Vec<u8>>,
        pub enabled: bool,
        pub registered_by_request: bool,
        pub requests_per_minute: Option<i32>,
        pub tokens_per_minute: Option<i32>,
        pub concurrency: Option<i32>,
        pub created_at_ms: i64,
        pub deleted_at_ms: Option<i64>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// One app that exists.
#[derive(Clone, Debug)]
pub(crate) struct AppRow {
    pub(crate) id: AppId,
    pub(crate) name: String,
    pub(crate) enabled: bool,
    pub(crate) registered_by_request: bool,
    pub(crate) limits: Limits,
    pub(crate) created_at_ms: i64,
    /// A column whose value this version cannot read; the strictest one stands in its place.
    pub(crate) unreadable: Option<&'static str>,
}

/// An app to add.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewApp<'name> {
    pub(crate) name: &'name str,
    pub(crate) registered_by_request: bool,
    pub(crate) limits: Limits,
    pub(crate) created_at_ms: i64,
}

impl From<entity::Model> for AppRow {
    fn from(row: entity::Model) -> Self {
        let limits = LimitColumns {
            requests_per_minute: row.requests_per_minute,
            tokens_per_minute: row.tokens_per_minute,
            concurrency: row.concurrency,
        };
        let mut unreadable = None;
        Self {
            id: AppId(row.id),
            name: row.name,
            enabled: row.enabled,
            registered_by_request: row.registered_by_request,
            limits: limits.read(&mut unreadable),
            created_at_ms: row.created_at_ms,
            unreadable,
        }
    }
}

/// Every app, by name.
pub(crate) async fn list(connection: &impl ConnectionTrait) -> Result<Vec<AppRow>, StorageError> {
    let rows = entity::Entity::find()
        .filter(entity::Column::DeletedAtMs.is_null())
        .order_by_asc(entity::Column::Name)
        .order_by_asc(entity::Column::Id)
        .all(connection)
        .await?;
    Ok(rows.into_iter().map(AppRow::from).collect())
}

/// The app with this id.
pub(crate) async fn get(connection: &impl ConnectionTrait, id: AppId) -> Result<AppRow, StorageError> {
    entity::Entity::find_by_id(id.0)
        .filter(entity::Column::DeletedAtMs.is_null())
        .one(connection)
        .await?
        .map(AppRow::from)
        .ok_or(StorageError::NotFound)
}

/// The app with exactly this name.
pub(crate) async fn find(connection: &impl ConnectionTrait, name: &str) -> Result<Option<AppRow>, StorageError> {
    let row =
        entity::Entity::find().filter(entity::Column::UniqueName.eq(name.as_bytes().to_vec())).one(connection).await?;
    Ok(row.map(AppRow::from))
}

/// How many apps exist.
pub(crate) async fn count(connection: &impl ConnectionTrait) -> Result<u64, StorageError> {
    Ok(entity::Entity::find().filter(entity::Column::DeletedAtMs.is_null()).count(connection).await?)
}

/// Adds an app.
pub(crate) async fn insert(transaction: &DatabaseTransaction, app: NewApp<'_>) -> Result<AppId, StorageError> {
    let row = entity::ActiveModel {
        name: Set(app.name.to_owned()),
        unique_name: Set(Some(app.name.as_bytes().to_vec())),
        enabled: Set(true),
        registered_by_request: Set(app.registered_by_request),
        created_at_ms: Set(app.created_at_ms),
        ..limit_columns(&app.limits)?
    };
    Ok(AppId(entity::Entity::insert(row).exec(transaction).await?.last_insert_id))
}

/// Switches an app on or off.
pub(crate) async fn set_enabled(
    transaction: &DatabaseTransaction,
    id: AppId,
    enabled: bool,
) -> Result<(), StorageError> {
    change(transaction, id, entity::ActiveModel { enabled: Set(enabled), ..Default::default() }).await
}

/// Changes what an app may send.
pub(crate) async fn set_limits(
    transaction: &DatabaseTransaction,
    id: AppId,
    limits: &Limits,
) -> Result<(), StorageError> {
    change(transaction, id, limit_columns(limits)?).await
}

/// Deletes an app; its name is free again, its row stays for the records that name it.
pub(crate) async fn delete(transaction: &DatabaseTransaction, id: AppId, now_ms: i64) -> Result<(), StorageError> {
    let deleted = entity::ActiveModel {
        unique_name: Set(None),
        enabled: Set(false),
        deleted_at_ms: Set(Some(now_ms)),
        ..Default::default()
    };
    change(transaction, id, deleted).await
}

async fn change(transaction: &DatabaseTransaction, id: AppId, change: entity::ActiveModel) -> Result<(), StorageError> {
    let updated = entity::Entity::update_many()
        .set(change)
        .filter(entity::Column::Id.eq(id.0))
        .filter(entity::Column::DeletedAtMs.is_null())
        .exec(transaction)
        .await?;
    if updated.rows_affected == 1 { Ok(()) } else { Err(StorageError::NotFound) }
}

fn limit_columns(limits: &Limits) -> Result<entity::ActiveModel, StorageError> {
    let limit = |value, column| limit_value(value, "apps", column);
    Ok(entity::ActiveModel {
        requests_per_minute: limit(limits.requests_per_minute, "requests_per_minute")?,
        tokens_per_minute: limit(limits.tokens_per_minute, "tokens_per_minute")?,
        concurrency: limit(limits.concurrency, "concurrency")?,
        ..Default::default()
    })
}
