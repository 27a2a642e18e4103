//! Table `admin_tokens`: tokens for the administration API, found by their hash.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder,
};

use super::StorageError;
use crate::crypto::KeyHash;
use crate::model::{AdminTokenId, AdminTokenView};

#[expect(unreachable_pub, reason = "what is derived from an entity has to be public")]
mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "admin_tokens")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub name: String,
        pub token_hash: Vec<u8>,
        pub hint: String,
        pub created_at_ms: i64,
        pub revoked_at_ms: Option<i64>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

fn view(row: entity::Model) -> AdminTokenView {
    AdminTokenView {
        id: AdminTokenId(row.id),
        name: row.name,
        hint: row.hint,
        created_at_ms: row.created_at_ms,
        revoked_at_ms: row.revoked_at_ms,
    }
}

/// Every token, newest first, the revoked ones included.
pub(crate) async fn list(connection: &impl ConnectionTrait) -> Result<Vec<AdminTokenView>, StorageError> {
    let rows = entity::Entity::find().order_by_desc(entity::Column::Id).all(connection).await?;
    Ok(rows.into_iter().map(view).collect())
}

/// The token with this id.
pub(crate) async fn get(connection: &impl ConnectionTrait, id: AdminTokenId) -> Result<AdminTokenView, StorageError> {
    entity::Entity::find_by_id(id.0).one(connection).await?.map(view).ok_or(StorageError::NotFound)
}

/// The token with this hash, unless it was revoked.
pub(crate) async fn find(
    connection: &impl ConnectionTrait,
    token_hash: &KeyHash,
) -> Result<Option<AdminTokenView>, StorageError> {
    let row = entity::Entity::find()
        .filter(entity::Column::TokenHash.eq(token_hash.to_vec()))
        .filter(entity::Column::RevokedAtMs.is_null())
        .one(connection)
        .await?;
    Ok(row.map(view))
}

/// Adds a token.
pub(crate) async fn insert(
    transaction: &DatabaseTransaction,
    name: &str,
    token_hash: &KeyHash,
    hint: String,
    now_ms: i64,
) -> Result<AdminTokenId, StorageError> {
    let row = entity::ActiveModel {
        name: Set(name.to_owned()),
        token_hash: Set(token_hash.to_vec()),
        hint: Set(hint),
        created_at_ms: Set(now_ms),
        ..Default::default()
    };
    Ok(AdminTokenId(entity::Entity::insert(row).exec(transaction).await?.last_insert_id))
}

/// Revokes a token; one that was revoked before keeps its time.
pub(crate) async fn revoke(
    transaction: &DatabaseTransaction,
    id: AdminTokenId,
    now_ms: i64,
) -> Result<(), StorageError> {
    entity::Entity::update_many()
        .set(entity::ActiveModel { revoked_at_ms: Set(Some(now_ms)), ..Default::default() })
        .filter(entity::Column::Id.eq(id.0))
        .filter(entity::Column::RevokedAtMs.is_null())
        .exec(transaction)
        .await?;
    Ok(())
}
