//! Table `setup`: the hash of the token of the set-up link, at most one.

use sea_orm::{ActiveValue::Set, ConnectionTrait, DatabaseTransaction, EntityTrait};

use super::StorageError;
use crate::crypto::KeyHash;

const ROW: i32 = 1;

#[expect(unreachable_pub, reason = "what is derived from an entity has to be public")]
mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "setup")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i32,
        pub token_hash: Vec<u8>,
        pub created_at_ms: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The hash of the token that is good now.
pub(crate) async fn find(connection: &impl ConnectionTrait) -> Result<Option<KeyHash>, StorageError> {
    let row = entity::Entity::find_by_id(ROW).one(connection).await?;
    row.map(|row| super::hash_column(row.token_hash, "setup", "token_hash")).transpose()
}

/// Puts a token in the place of the one before.
pub(crate) async fn replace(
    transaction: &DatabaseTransaction,
    token_hash: KeyHash,
    now_ms: i64,
) -> Result<(), StorageError> {
    delete(transaction).await?;
    let row = entity::ActiveModel { id: Set(ROW), token_hash: Set(token_hash.to_vec()), created_at_ms: Set(now_ms) };
    entity::Entity::insert(row).exec_without_returning(transaction).await?;
    Ok(())
}

/// Makes every token worthless.
pub(crate) async fn delete(transaction: &DatabaseTransaction) -> Result<(), StorageError> {
    entity::Entity::delete_by_id(ROW).exec(transaction).await?;
    Ok(())
}
