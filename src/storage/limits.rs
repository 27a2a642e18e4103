//! The columns of limits, which servers, apps and keys have alike.

use sea_orm::ActiveValue::{self, Set};

use super::StorageError;
use crate::model::Limits;

/// The three columns as a row has them.
pub(super) struct LimitColumns {
    pub(super) requests_per_minute: Option<i32>,
    pub(super) tokens_per_minute: Option<i32>,
    pub(super) concurrency: Option<i32>,
}

impl LimitColumns {
    /// The limits. A column that cannot be read is noted in `unreadable`, and the strictest limit stands in its place: if
    /// anything else of the row is saved, no limit is lifted with it.
    pub(super) fn read(self, unreadable: &mut Option<&'static str>) -> Limits {
        let mut limit = |value: Option<i32>, column| {
            let value = value?;
            let readable = u32::try_from(value).ok().filter(|value| *value > 0);
            Some(readable.unwrap_or_else(|| {
                *unreadable = Some(column);
                1
            }))
        };
        Limits {
            requests_per_minute: limit(self.requests_per_minute, "requests_per_minute"),
            tokens_per_minute: limit(self.tokens_per_minute, "tokens_per_minute"),
            concurrency: limit(self.concurrency, "concurrency"),
        }
    }
}

/// A limit as its column holds it.
///
/// # Errors
///
/// It is larger than the column; services refuse such limits before.
pub(super) fn limit_value(
    limit: Option<u32>,
    table: &'static str,
    column: &'static str,
) -> Result<ActiveValue<Option<i32>>, StorageError> {
    limit.map(i32::try_from).transpose().map(Set).map_err(|_| StorageError::Unreadable { table, column })
}
