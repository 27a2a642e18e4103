//! Table `sessions`: who is signed in. A session is found by the hash of its token.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
};

use super::StorageError;
use super::users::entity as users;
use crate::crypto::KeyHash;
use crate::identity::SessionTimes;
use crate::model::UserId;

#[expect(unreachable_pub, reason = "what is derived from an entity has to be public")]
mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "sessions")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub token_hash: Vec<u8>,
        pub user_id: i64,
        pub created_at_ms: i64,
        pub last_seen_at_ms: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {
        #[sea_orm(
            belongs_to = "crate::storage::users::entity::Entity",
            from = "Column::UserId",
            to = "crate::storage::users::entity::Column::Id"
        )]
        User,
    }

    impl Related<crate::storage::users::entity::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::User.def()
        }
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// One session and whose it is.
#[derive(Clone, Debug)]
pub(crate) struct SessionRow {
    pub(crate) user_id: UserId,
    pub(crate) username: String,
    pub(crate) times: SessionTimes,
}

/// The session with this token, unless its user was deleted. Whether it is still good is for the caller to decide.
pub(crate) async fn find(
    connection: &impl ConnectionTrait,
    token_hash: &KeyHash,
) -> Result<Option<SessionRow>, StorageError> {
    let found = entity::Entity::find()
        .filter(entity::Column::TokenHash.eq(token_hash.to_vec()))
        .find_also_related(users::Entity)
        .one(connection)
        .await?;
    let Some((session, Some(user))) = found else { return Ok(None) };
    if user.deleted_at_ms.is_some() {
        return Ok(None);
    }
    let times = SessionTimes { created_at_ms: session.created_at_ms, last_seen_at_ms: session.last_seen_at_ms };
    Ok(Some(SessionRow { user_id: UserId(user.id), username: user.username, times }))
}

/// Adds a session.
pub(crate) async fn insert(
    transaction: &DatabaseTransaction,
    token_hash: &KeyHash,
    user_id: UserId,
    now_ms: i64,
) -> Result<(), StorageError> {
    let row = entity::ActiveModel {
        token_hash: Set(token_hash.to_vec()),
        user_id: Set(user_id.0),
        created_at_ms: Set(now_ms),
        last_seen_at_ms: Set(now_ms),
        ..Default::default()
    };
    entity::Entity::insert(row).exec_without_returning(transaction).await?;
    Ok(())
}

/// Writes down that a session was used. A session that ended meanwhile stays ended.
pub(crate) async fn touch(
    transaction: &DatabaseTransaction,
    token_hash: &KeyHash,
    now_ms: i64,
) -> Result<(), StorageError> {
    entity::Entity::update_many()
        .set(entity::ActiveModel { last_seen_at_ms: Set(now_ms), ..Default::default() })
        .filter(entity::Column::TokenHash.eq(token_hash.to_vec()))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Ends a session.
pub(crate) async fn delete(transaction: &DatabaseTransaction, token_hash: &KeyHash) -> Result<(), StorageError> {
    entity::Entity::delete_many().filter(entity::Column::TokenHash.eq(token_hash.to_vec())).exec(transaction).await?;
    Ok(())
}

/// Removes sessions that ended by themselves: those that are older than the oldest that can be alive.
pub(crate) async fn delete_expired(
    transaction: &DatabaseTransaction,
    oldest_alive: SessionTimes,
) -> Result<(), StorageError> {
    entity::Entity::delete_many()
        .filter(
            Condition::any()
                .add(entity::Column::CreatedAtMs.lte(oldest_alive.created_at_ms))
                .add(entity::Column::LastSeenAtMs.lte(oldest_alive.last_seen_at_ms)),
        )
        .exec(transaction)
        .await?;
    Ok(())
}
