//! Table `master_key_check`: one row with a sealed known text.

use sea_orm::{ActiveValue::Set, ConnectionTrait, DatabaseConnection, EntityTrait, TryInsertResult};
use sluice_migration::sea_orm_migration::SchemaManager;

use super::StorageError;

const ROW: i32 = 1;

#[expect(unreachable_pub, reason = "what is derived from an entity has to be public")]
mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "master_key_check")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i32,
        pub sealed: Vec<u8>,
        pub created_at_ms: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The sealed text, if the database was ever used with a master key.
pub(crate) async fn find(connection: &impl ConnectionTrait) -> Result<Option<Vec<u8>>, StorageError> {
    Ok(entity::Entity::find_by_id(ROW).one(connection).await?.map(|row| row.sealed))
}

/// The same for a database that may not be migrated yet: without the table there is no text.
pub(crate) async fn find_in_any_schema(connection: &DatabaseConnection) -> Result<Option<Vec<u8>>, StorageError> {
    if SchemaManager::new(connection).has_table("master_key_check").await? { find(connection).await } else { Ok(None) }
}

/// Stores the sealed text. `false` if there is one already, which then stays.
pub(crate) async fn insert(
    connection: &impl ConnectionTrait,
    sealed: Vec<u8>,
    now_ms: i64,
) -> Result<bool, StorageError> {
    let row = entity::ActiveModel { id: Set(ROW), sealed: Set(sealed), created_at_ms: Set(now_ms) };
    let inserted = entity::Entity::insert(row).on_conflict_do_nothing().exec_without_returning(connection).await?;
    Ok(matches!(inserted, TryInsertResult::Inserted(1)))
}
