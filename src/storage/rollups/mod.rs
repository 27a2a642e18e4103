//! Tables `usage_series` and `usage_rollups`: sums of usage by what is told apart and by slot of time.
//!
//! `slot_start` is in seconds since 1970 UTC. Sums are written in the transaction that writes the rows, and only for rows
//! that are new, so they always agree; they stay when the rows expire. (`usage_records::rebuild` makes those of rows that are older than
//! the tables.)
//!
//! | file | what it does |
//! |---|---|
//! | `write.rs` | adds sums to those that are there, and finds series |
//! | `query.rs` | sums over periods, split and filtered |

mod query;
mod write;

use sea_orm::{ConnectionTrait, Statement};

pub(crate) use query::{GroupSums, GroupValue, SumsQuery, SumsReader};
pub(crate) use write::{FoundSeries, SeriesIds, add};

use super::StorageError;

/// Whether there are any sums.
pub(crate) async fn exist(connection: &impl ConnectionTrait) -> Result<bool, StorageError> {
    let backend = connection.get_database_backend();
    let statement = Statement::from_string(backend, "SELECT slot_start FROM usage_rollups LIMIT 1");
    Ok(connection.query_one_raw(statement).await?.is_some())
}
