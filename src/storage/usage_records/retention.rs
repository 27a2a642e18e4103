//! The end of old records, step by step.
//!
//! A step deletes the oldest rows, found by the primary key: ids begin with the time. Each is a transaction of its own, so
//! that records and settings get their turn between two.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Statement};
use uuid::Uuid;

use super::{UsageRecords, entity};
use crate::storage::StorageError;

/// Pages that stay free at least: new rows need some at once, and giving them back to take them again is work for nothing.
const FREE_PAGES_KEPT: i64 = 256;

impl UsageRecords {
    /// Deletes records that are older than `before`, oldest first, at most `most` of them. Returns how many; fewer than
    /// `most` means that none is left.
    ///
    /// # Errors
    ///
    /// The database does not answer; nothing was deleted.
    pub async fn delete_oldest(&self, before: Uuid, most: u64) -> Result<u64, StorageError> {
        // The end of the step is looked up by a reader: the lock for writing is only held while rows go.
        let end: Option<Uuid> = entity::Entity::find()
            .select_only()
            .column(entity::Column::Id)
            .filter(entity::Column::Id.lt(before))
            .order_by_asc(entity::Column::Id)
            .offset(most)
            .limit(1)
            .into_tuple()
            .one(self.database.reader())
            .await?;
        let transaction = self.database.begin_write().await?;
        let deleted = entity::Entity::delete_many()
            .filter(entity::Column::Id.lt(end.unwrap_or(before)))
            .exec(&transaction)
            .await?;
        transaction.commit().await?;
        Ok(deleted.rows_affected)
    }

    /// Gives free pages at the end of the file back to the file system, at most `most` of them. Does nothing as long as
    /// few pages are free, and with files that were made by versions before 0.1, which cannot give any back: there, new
    /// rows take the place of old ones. Returns whether there may be more to give back.
    ///
    /// # Errors
    ///
    /// The database does not answer.
    pub async fn give_space_back(&self, most: u32) -> Result<bool, StorageError> {
        let number = async |pragma: &str| -> Result<i64, StorageError> {
            let statement = Statement::from_string(self.database.backend(), format!("PRAGMA {pragma}"));
            let row = self.database.reader().query_one_raw(statement).await?;
            Ok(row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or_default())
        };
        let is_incremental = number("auto_vacuum").await? == 2;
        let (free, pages) = (number("freelist_count").await?, number("page_count").await?);
        if !is_incremental || free <= FREE_PAGES_KEPT || free <= pages / 8 {
            return Ok(false);
        }
        let transaction = self.database.begin_write().await?;
        transaction.execute_unprepared(&format!("PRAGMA incremental_vacuum({most})")).await?;
        transaction.commit().await?;
        Ok(true)
    }
}
