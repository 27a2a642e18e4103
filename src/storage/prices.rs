//! Table `prices`: what administrators entered about the prices of models.

use std::collections::HashMap;

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder,
};

use super::{StorageError, servers};
use crate::model::{Amount, Price, PriceId, PriceView, ServerId};

#[expect(unreachable_pub, reason = "what is derived from an entity has to be public")]
#[expect(clippy::struct_field_names, reason = "the glossary's word for it is `model`")]
mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "prices")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub model: String,
        pub server_id: Option<i64>,
        pub currency: String,
        pub input_nanos: i64,
        pub cached_input_nanos: Option<i64>,
        pub output_nanos: i64,
        pub valid_from_ms: i64,
        pub changed_at_ms: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// What can be chosen about a price, validated.
#[derive(Clone, Debug)]
pub(crate) struct PriceFields {
    pub(crate) model: String,
    pub(crate) server_id: Option<ServerId>,
    pub(crate) price: Price,
    pub(crate) valid_from_ms: i64,
}

/// Every price, by model and server, newest first. One that cannot be read is left out and logged: its model then has
/// the next best price or none, and never a wrong one.
pub(crate) async fn list(connection: &impl ConnectionTrait) -> Result<Vec<PriceView>, StorageError> {
    let rows = entity::Entity::find()
        .order_by_asc(entity::Column::Model)
        .order_by_asc(entity::Column::ServerId)
        .order_by_desc(entity::Column::ValidFromMs)
        .order_by_desc(entity::Column::Id)
        .all(connection)
        .await?;
    let servers =
        if rows.iter().any(|row| row.server_id.is_some()) { servers::list(connection).await? } else { Vec::new() };
    let names: HashMap<i64, String> = servers.into_iter().map(|server| (server.id.0, server.fields.name)).collect();
    Ok(rows.into_iter().filter_map(|row| view(row, &names)).collect())
}

fn view(row: entity::Model, names: &HashMap<i64, String>) -> Option<PriceView> {
    let Ok(currency) = row.currency.parse() else {
        tracing::warn!(price = row.id, column = "currency", "what is stored of this price cannot be read");
        return None;
    };
    Some(PriceView {
        id: PriceId(row.id),
        model: row.model,
        server_id: row.server_id.map(ServerId),
        server_name: row.server_id.and_then(|id| names.get(&id).cloned()),
        price: Price {
            currency,
            input: Amount::from_nanos(row.input_nanos),
            cached_input: row.cached_input_nanos.map(Amount::from_nanos),
            output: Amount::from_nanos(row.output_nanos),
        },
        valid_from_ms: row.valid_from_ms,
        changed_at_ms: row.changed_at_ms,
    })
}

/// The price of the same model and server that begins at the same time, if there is one.
pub(crate) async fn find_same(
    connection: &impl ConnectionTrait,
    fields: &PriceFields,
) -> Result<Option<PriceId>, StorageError> {
    let at_server = match fields.server_id {
        Some(id) => entity::Column::ServerId.eq(id.0),
        None => entity::Column::ServerId.is_null(),
    };
    let row = entity::Entity::find()
        .filter(entity::Column::Model.eq(fields.model.as_str()))
        .filter(at_server)
        .filter(entity::Column::ValidFromMs.eq(fields.valid_from_ms))
        .one(connection)
        .await?;
    Ok(row.map(|row| PriceId(row.id)))
}

/// From when on a price is valid.
pub(crate) async fn valid_from_ms(connection: &impl ConnectionTrait, id: PriceId) -> Result<i64, StorageError> {
    let row = entity::Entity::find_by_id(id.0).one(connection).await?;
    row.map(|row| row.valid_from_ms).ok_or(StorageError::NotFound)
}

/// Adds a price.
pub(crate) async fn insert(
    transaction: &DatabaseTransaction,
    fields: &PriceFields,
    now_ms: i64,
) -> Result<PriceId, StorageError> {
    let row = columns(fields, now_ms);
    Ok(PriceId(entity::Entity::insert(row).exec(transaction).await?.last_insert_id))
}

/// Changes a price.
pub(crate) async fn update(
    transaction: &DatabaseTransaction,
    id: PriceId,
    fields: &PriceFields,
    now_ms: i64,
) -> Result<(), StorageError> {
    let updated = entity::Entity::update_many()
        .set(columns(fields, now_ms))
        .filter(entity::Column::Id.eq(id.0))
        .exec(transaction)
        .await?;
    if updated.rows_affected == 1 { Ok(()) } else { Err(StorageError::NotFound) }
}

/// Deletes a price.
pub(crate) async fn delete(transaction: &DatabaseTransaction, id: PriceId) -> Result<(), StorageError> {
    let deleted = entity::Entity::delete_by_id(id.0).exec(transaction).await?;
    if deleted.rows_affected == 1 { Ok(()) } else { Err(StorageError::NotFound) }
}

/// Deletes the prices of a server, which goes.
pub(crate) async fn delete_of_server(transaction: &DatabaseTransaction, id: ServerId) -> Result<(), StorageError> {
    entity::Entity::delete_many().filter(entity::Column::ServerId.eq(id.0)).exec(transaction).await?;
    Ok(())
}

fn columns(fields: &PriceFields, now_ms: i64) -> entity::ActiveModel {
    let Price { currency, input, cached_input, output } = fields.price;
    entity::ActiveModel {
        model: Set(fields.model.clone()),
        server_id: Set(fields.server_id.map(|id| id.0)),
        currency: Set(currency.to_string()),
        input_nanos: Set(input.nanos),
        cached_input_nanos: Set(cached_input.map(|amount| amount.nanos)),
        output_nanos: Set(output.nanos),
        valid_from_ms: Set(fields.valid_from_ms),
        changed_at_ms: Set(now_ms),
        ..Default::default()
    }
}
