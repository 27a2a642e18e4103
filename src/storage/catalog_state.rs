//! Table `catalog_state`: one row with the revision of the configuration.

use sea_orm::sea_query::ExprTrait;
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect};

use super::StorageError;

const ROW: i32 = 1;

#[expect(unreachable_pub, reason = "what is derived from an entity has to be public")]
mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "catalog_state")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i32,
        pub revision: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The revision of the configuration.
pub(crate) async fn revision(connection: &impl ConnectionTrait) -> Result<i64, StorageError> {
    entity::Entity::find_by_id(ROW)
        .select_only()
        .column(entity::Column::Revision)
        .into_tuple::<i64>()
        .one(connection)
        .await?
        .ok_or(StorageError::NotFound)
}

/// Counts the revision up, as part of the transaction that changes the configuration.
pub(crate) async fn bump(transaction: &DatabaseTransaction) -> Result<(), StorageError> {
    let updated = entity::Entity::update_many()
        .col_expr(entity::Column::Revision, entity::Column::Revision.into_expr().add(1))
        .filter(entity::Column::Id.eq(ROW))
        .exec(transaction)
        .await?;
    if updated.rows_affected == 1 { Ok(()) } else { Err(StorageError::NotFound) }
}
