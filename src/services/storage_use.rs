//! How much room the records take, and whether they get into the database.

use uuid::Uuid;

use super::shared::Shared;
use super::{Actor, ServiceError};
use crate::model::{JournalView, RecordingView, StorageView};
use crate::storage::size;
use crate::usage::{RecordingStatus, first_id_of};

/// Milliseconds of a day.
const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// The shortest time from which a day is told: a burst after the first start is no rate.
const SHORTEST_MS: i64 = 60 * 60 * 1000;

/// How much room the records take, and whether they get into the database.
#[derive(Clone, Debug)]
pub struct StorageUse(pub(super) Shared);

impl StorageUse {
    /// How large the database is, and what a day adds to it.
    pub async fn get(&self, actor: &Actor) -> Result<StorageView, ServiceError> {
        actor.authorize()?;
        let now_ms = Shared::now_ms();
        let size = size::size(&self.0.database, id_of(now_ms.saturating_sub(DAY_MS))).await?;
        let span = size.oldest_ms.map_or(DAY_MS, |oldest| now_ms.saturating_sub(oldest)).clamp(SHORTEST_MS, DAY_MS);
        let requests_per_day = per_day(size.recent_requests, span);
        Ok(StorageView {
            database_bytes: size.file_bytes,
            free_bytes: size.free_bytes,
            log_bytes: size.log_bytes,
            requests: size.requests,
            oldest_request_ms: size.oldest_ms,
            requests_per_day,
            bytes_per_day: requests_per_day.saturating_mul(size.request_bytes),
            retention_days: self.0.settings.retention_days,
            recording: self.0.recording(),
        })
    }

    /// Whether records get into the database. Asks nobody but this process.
    #[expect(clippy::unused_async, reason = "every service is called alike")]
    pub async fn recording(&self, actor: &Actor) -> Result<RecordingView, ServiceError> {
        actor.authorize()?;
        Ok(self.0.recording())
    }
}

impl From<RecordingStatus> for RecordingView {
    fn from(status: RecordingStatus) -> Self {
        let journal = status.journal.map_or(Self::IDLE.journal, |journal| JournalView {
            works: journal.works,
            is_full: journal.is_full,
            bytes: journal.bytes,
            max_bytes: journal.max_bytes,
            waiting: wide(journal.spilled),
        });
        Self { database_takes: status.database_takes, waiting: wide(status.waiting), lost: status.lost, journal }
    }
}

/// So many in `span` milliseconds: how many in a day.
fn per_day(count: u64, span: i64) -> u64 {
    let (count, span) = (u128::from(count), u128::try_from(span).unwrap_or(1).max(1));
    let day = count.saturating_mul(DAY_MS.unsigned_abs().into()) / span;
    u64::try_from(day).unwrap_or(u64::MAX)
}

fn id_of(milliseconds: i64) -> Uuid {
    first_id_of(u64::try_from(milliseconds).unwrap_or_default())
}

fn wide(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_told_from_what_there_is_of_it() {
        assert_eq!(per_day(1000, DAY_MS), 1000);
        assert_eq!(per_day(1000, SHORTEST_MS), 24_000);
        assert_eq!(per_day(0, 0), 0);
    }
}
