//! Table `usage_records`: the one row per request.
//!
//! | file | what it does |
//! |---|---|
//! | `entity.rs` | the table's columns |
//! | `write.rs` | batches of records, and the apps that they name for the first time |
//! | `retention.rs` | the end of old records, step by step |
//! | `read.rs` | pages of records, and what limits have to know of the last window |
//! | `rebuild.rs` | the sums of rows that are older than the tables of sums |

mod entity;
mod read;
mod rebuild;
mod retention;
mod write;

pub use read::RecentUse;
#[cfg(test)]
pub(super) use read::recent_query;
pub(crate) use read::{exists, page};
pub use write::BatchReport;

use super::Database;
use super::rollups::SeriesIds;

/// The records of requests. Cheap to clone.
#[derive(Clone, Debug)]
pub struct UsageRecords {
    database: Database,
    max_apps: u32,
    series: SeriesIds,
}

impl UsageRecords {
    /// The records in this database; requests register apps up to `max_apps`.
    pub fn new(database: Database, max_apps: u32) -> Self {
        Self { database, max_apps, series: SeriesIds::default() }
    }

    /// Says whether the database takes no records at present: other writes of this process are refused until it does.
    pub(crate) fn set_away(&self, is_away: bool) {
        self.database.set_away(is_away);
    }
}
