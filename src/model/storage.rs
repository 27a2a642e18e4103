//! How much room the records take, and whether they get into the database.

use serde::{Deserialize, Serialize};

/// How large the database is, what a day adds to it, and how records get into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageView {
    /// Size of the database's file in bytes.
    pub database_bytes: u64,
    /// Of these: free for new rows.
    pub free_bytes: u64,
    /// Size of the write-ahead log in bytes.
    pub log_bytes: u64,
    /// Single requests that are kept, about.
    pub requests: u64,
    /// When the oldest of them arrived, in milliseconds since 1970 UTC; none if there is none.
    pub oldest_request_ms: Option<i64>,
    /// Requests of a day at the rate of the last one, about.
    pub requests_per_day: u64,
    /// What they add to the database in a day, in bytes, about.
    pub bytes_per_day: u64,
    /// For how many days single requests are kept; 0 for ever. Sums are kept for ever.
    pub retention_days: u32,
    /// How records get into the database.
    pub recording: RecordingView,
}

/// How records get into the database at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordingView {
    /// Whether the database takes records.
    pub database_takes: bool,
    /// Records that wait for it in memory.
    pub waiting: u64,
    /// Records that were lost since the start of the process.
    pub lost: u64,
    /// The journal.
    pub journal: JournalView,
}

/// How the journal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalView {
    /// Whether it can be written.
    pub works: bool,
    /// Whether it takes no entries because of its bound.
    pub is_full: bool,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its bound in bytes.
    pub max_bytes: u64,
    /// Records that wait in it alone.
    pub waiting: u64,
}

impl RecordingView {
    /// Nothing is recorded by this process, and nothing is wrong.
    pub const IDLE: Self = Self {
        database_takes: true,
        waiting: 0,
        lost: 0,
        journal: JournalView { works: true, is_full: false, bytes: 0, max_bytes: 0, waiting: 0 },
    };

    /// Whether everything is as it should be.
    pub const fn is_well(&self) -> bool {
        self.database_takes && self.lost == 0 && self.journal.works && !self.journal.is_full
    }
}
