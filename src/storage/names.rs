//! Names of servers, apps and keys by their ids, and the other way round. Deleted things keep their names.

use std::collections::HashMap;

use sea_orm::sea_query::IntoCondition;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::{StorageError, apps, keys, servers};

/// Ids in one statement, well below what any database takes.
const CHUNK: usize = 500;

/// Whose names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Named {
    /// Servers.
    Server,
    /// Apps.
    App,
    /// Keys.
    Key,
}

/// The names of these ids; ids that never were have none.
pub(crate) async fn by_ids(
    connection: &impl ConnectionTrait,
    whose: Named,
    ids: &[i64],
) -> Result<HashMap<i64, String>, StorageError> {
    let mut names = HashMap::with_capacity(ids.len());
    for chunk in ids.chunks(CHUNK) {
        let ids = || chunk.iter().copied();
        names.extend(match whose {
            Named::Server => {
                use servers::entity::{Column, Entity};
                rows::<Entity>(connection, Column::Id, Column::Name, Column::Id.is_in(ids())).await?
            }
            Named::App => {
                use apps::entity::{Column, Entity};
                rows::<Entity>(connection, Column::Id, Column::Name, Column::Id.is_in(ids())).await?
            }
            Named::Key => {
                use keys::entity::{Column, Entity};
                rows::<Entity>(connection, Column::Id, Column::Name, Column::Id.is_in(ids())).await?
            }
        });
    }
    Ok(names)
}

/// The ids that have exactly this name, newest first. Names of things that exist are unique, except those of keys.
pub(crate) async fn ids_of(
    connection: &impl ConnectionTrait,
    whose: Named,
    name: &str,
) -> Result<Vec<i64>, StorageError> {
    let rows = match whose {
        Named::Server => {
            use servers::entity::{Column, Entity};
            rows::<Entity>(connection, Column::Id, Column::Name, Column::Name.eq(name)).await?
        }
        Named::App => {
            use apps::entity::{Column, Entity};
            rows::<Entity>(connection, Column::Id, Column::Name, Column::Name.eq(name)).await?
        }
        Named::Key => {
            use keys::entity::{Column, Entity};
            rows::<Entity>(connection, Column::Id, Column::Name, Column::Name.eq(name)).await?
        }
    };
    // Some databases compare without looking at capitals.
    Ok(rows.into_iter().filter(|(_, found)| found == name).map(|(id, _)| id).collect())
}

/// Ids and names, newest first.
async fn rows<E: EntityTrait>(
    connection: &impl ConnectionTrait,
    id: E::Column,
    name: E::Column,
    condition: impl IntoCondition,
) -> Result<Vec<(i64, String)>, StorageError> {
    let query = E::find().select_only().columns([id, name]).filter(condition.into_condition());
    Ok(query.order_by_desc(id).into_tuple().all(connection).await?)
}
