//! Table `usage_records`: the one row per request.
//!
//! | file | what it does |
//! |---|---|
//! | `entity.rs` | the table's columns |
//! | `write.rs` | batches of records, and the apps that they name for the first time |
//! | `explore.rs` | looking for records |
//! | `read.rs` | what limits have to know of the last window |
//! | `retention.rs` | the end of old records, step by step |
//! | `rebuild.rs` | the sums of rows that are older than the tables of sums |
//! | `view.rs` | records as the rest of Sluice sees them |

mod entity;
mod explore;
mod read;
mod rebuild;
mod retention;
mod view;
mod write;

pub(crate) use explore::{Explorer, Search, SearchedId, find};
pub use read::RecentUse;
pub(crate) use read::exists;
#[cfg(test)]
pub(super) use read::recent_query;
pub use write::BatchReport;

use super::Database;
use super::rollups::SeriesIds;

/// The code of refusals of models that do not exist, the only ones with a name that stands for nothing.
const MODEL_NOT_FOUND: &str = "model_not_found";

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
