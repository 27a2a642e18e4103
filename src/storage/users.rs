//! Table `users`: who can sign in to the dashboard.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, PaginatorTrait, QueryFilter,
};

use super::StorageError;
use crate::crypto::PasswordHash;
use crate::model::UserId;

#[expect(unreachable_pub, reason = "what is derived from an entity has to be public")]
pub(super) mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "users")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub username: String,
        pub unique_name: Option<String>,
        pub password_hash: String,
        pub created_at_ms: i64,
        pub deleted_at_ms: Option<i64>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// One user.
#[derive(Clone, Debug)]
pub(crate) struct UserRow {
    pub(crate) id: UserId,
    pub(crate) username: String,
    pub(crate) password_hash: PasswordHash,
}

/// Whether nobody can sign in yet.
pub(crate) async fn is_empty(connection: &impl ConnectionTrait) -> Result<bool, StorageError> {
    let count = entity::Entity::find().filter(entity::Column::DeletedAtMs.is_null()).count(connection).await?;
    Ok(count == 0)
}

/// The user with this name, in whatever case it is written.
pub(crate) async fn find(connection: &impl ConnectionTrait, username: &str) -> Result<Option<UserRow>, StorageError> {
    let row = entity::Entity::find()
        .filter(entity::Column::UniqueName.eq(username.to_ascii_lowercase()))
        .one(connection)
        .await?;
    Ok(row.map(|row| UserRow {
        id: UserId(row.id),
        username: row.username,
        password_hash: PasswordHash::new(row.password_hash),
    }))
}

/// Adds a user.
pub(crate) async fn insert(
    transaction: &DatabaseTransaction,
    username: &str,
    password_hash: &PasswordHash,
    now_ms: i64,
) -> Result<UserId, StorageError> {
    let row = entity::ActiveModel {
        username: Set(username.to_owned()),
        unique_name: Set(Some(username.to_ascii_lowercase())),
        password_hash: Set(password_hash.as_str().to_owned()),
        created_at_ms: Set(now_ms),
        ..Default::default()
    };
    Ok(UserId(entity::Entity::insert(row).exec(transaction).await?.last_insert_id))
}
