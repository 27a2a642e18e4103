//! The end of old records: a task that deletes them in small steps. What was summed up of them stays.
//!
//! A step holds the lock for writing for milliseconds, and the pause after it is longer than it, so that at least half of
//! the time belongs to others. It begins when the journal of earlier processes was replayed: a row that is deleted while
//! its entry is still in a journal would be inserted, and summed up, a second time.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::UsageMetrics;
use crate::storage::{StorageError, UsageRecords};
use crate::telemetry::ErrorChain;

/// Rows of one step.
const STEP_ROWS: u64 = 500;
/// Pages of 4 KiB that one step gives back to the file system.
const STEP_PAGES: u32 = 256;
/// Shortest pause between two steps; at 500 rows a step this is at most 10 000 rows a second.
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
/// How often it is looked for old records.
const INTERVAL: Duration = Duration::from_mins(10);
/// Seconds of a day.
const DAY_SECONDS: u64 = 24 * 60 * 60;

/// Deletes records that are older than so many days, until `stop` is cancelled; 0 days keep them for ever. To be started
/// when the journal was replayed.
pub async fn expire(records: UsageRecords, days: u32, metrics: UsageMetrics, stop: CancellationToken) {
    if days == 0 {
        return;
    }
    let age = Duration::from_secs(u64::from(days) * DAY_SECONDS);
    let forever = async {
        loop {
            let started = Instant::now();
            match round(&records, oldest_kept(age), &metrics).await {
                Ok(0) => {}
                Ok(rows) => {
                    let seconds = started.elapsed().as_secs();
                    tracing::info!(rows, seconds, "records of requests were deleted: they were older than {days} days");
                }
                Err(error) => tracing::warn!(
                    error = %ErrorChain(&error),
                    "old records of requests could not be deleted; it is tried again later"
                ),
            }
            sleep(INTERVAL).await;
        }
    };
    // A transaction that is dropped half-way is rolled back, and the step is done again after the next start.
    tokio::select! {
        () = stop.cancelled() => {}
        () = forever => {}
    }
}

/// Deletes everything that is older now, then gives space back.
async fn round(records: &UsageRecords, before: Uuid, metrics: &UsageMetrics) -> Result<u64, StorageError> {
    let mut rows: u64 = 0;
    loop {
        let started = Instant::now();
        let deleted = records.delete_oldest(before, STEP_ROWS).await?;
        metrics.expired(deleted);
        rows = rows.saturating_add(deleted);
        pause_after(started).await;
        if deleted < STEP_ROWS {
            break;
        }
    }
    loop {
        let started = Instant::now();
        if !records.give_space_back(STEP_PAGES).await? {
            return Ok(rows);
        }
        pause_after(started).await;
    }
}

/// Leaves the database to others for at least as long as the step took.
async fn pause_after(started: Instant) {
    sleep(started.elapsed().max(SHORTEST_PAUSE)).await;
}

/// The smallest id of a request that arrived so long ago.
fn oldest_kept(age: Duration) -> Uuid {
    let now = jiff::Timestamp::now().as_millisecond();
    let milliseconds =
        u64::try_from(now).unwrap_or_default().saturating_sub(u64::try_from(age.as_millis()).unwrap_or(u64::MAX));
    first_id_of(milliseconds)
}

/// The smallest id of a request that arrived in this millisecond since 1970 UTC.
pub fn first_id_of(milliseconds: u64) -> Uuid {
    let bytes = milliseconds.to_be_bytes();
    let mut id = [0; 16];
    for (to, from) in id.iter_mut().zip(bytes.iter().skip(2)) {
        *to = *from;
    }
    Uuid::from_bytes(id)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]
mod tests {
    use super::*;
    use crate::storage::size::size;
    use crate::storage::tests::database;
    use crate::usage::UsageRecord;
    use crate::usage::record::tests::record;

    /// A record that arrived so long ago; the number tells records of one millisecond apart.
    fn aged(age: Duration, number: u32) -> UsageRecord {
        let mut id = oldest_kept(age).into_bytes();
        id[6] = 0x70;
        id[8] = 0x80;
        id[12..].copy_from_slice(&number.to_be_bytes());
        UsageRecord { id: Uuid::from_bytes(id), ..record() }
    }

    #[test]
    fn an_id_is_the_first_of_its_time() {
        assert!(oldest_kept(Duration::ZERO) < Uuid::now_v7());
        assert!(Uuid::now_v7() < oldest_kept(Duration::ZERO).max(first_id_of(u64::MAX >> 16)));
        assert_eq!(first_id_of(0x0123_4567_89ab).to_string(), "01234567-89ab-0000-0000-000000000000");
    }

    #[tokio::test]
    async fn what_is_too_old_goes_in_steps_and_nothing_else() {
        let (_folder, database) = database().await;
        let records = UsageRecords::new(database.clone(), 10);
        let day = Duration::from_secs(DAY_SECONDS);
        let old: Vec<UsageRecord> = (0..1700).map(|number| aged(day * 3, number)).collect();
        let young: Vec<UsageRecord> = (0..300).map(|number| aged(day / 2, number)).collect();
        for batch in [&old, &young] {
            for batch in batch.chunks(1000) {
                records.insert_batch(batch).await.unwrap();
            }
        }
        // A step takes what it may and the oldest first.
        let before = oldest_kept(day);
        assert_eq!(records.delete_oldest(before, 500).await.unwrap(), 500);
        assert_eq!(size(&database, before).await.unwrap().requests, 1500);
        assert_eq!(round(&records, before, &UsageMetrics::none()).await.unwrap(), 1200);
        let left = size(&database, before).await.unwrap();
        assert_eq!((left.requests, left.recent_requests), (300, 300));
        assert_eq!(round(&records, before, &UsageMetrics::none()).await.unwrap(), 0);
        // Within a step's size there is nothing left for a second one.
        assert_eq!(records.delete_oldest(oldest_kept(Duration::ZERO), 300).await.unwrap(), 300);
        assert_eq!(size(&database, before).await.unwrap().requests, 0);
    }

    #[tokio::test]
    async fn space_is_given_back_in_a_new_file() {
        let (_folder, database) = database().await;
        let records = UsageRecords::new(database.clone(), 10);
        for batch in (0..30_000).collect::<Vec<u32>>().chunks(1000) {
            let batch: Vec<UsageRecord> = batch.iter().map(|number| aged(Duration::ZERO, *number)).collect();
            records.insert_batch(&batch).await.unwrap();
        }
        let full = size(&database, Uuid::nil()).await.unwrap();
        println!("a request takes {} bytes", full.request_bytes);
        assert!((100..600).contains(&full.request_bytes), "{full:?}");
        let before = first_id_of(u64::MAX >> 16);
        assert_eq!(records.delete_oldest(before, 30_000).await.unwrap(), 30_000);
        let emptied = size(&database, Uuid::nil()).await.unwrap();
        assert!(emptied.free_bytes > full.file_bytes / 2, "{emptied:?}");
        assert_eq!(round(&records, before, &UsageMetrics::none()).await.unwrap(), 0);
        let small = size(&database, Uuid::nil()).await.unwrap();
        assert!(small.file_bytes < full.file_bytes * 3 / 4, "{small:?}");
    }

    #[tokio::test]
    async fn it_ends_at_once_when_it_is_told_to() {
        let (_folder, database) = database().await;
        let records = UsageRecords::new(database, 10);
        let stop = CancellationToken::new();
        let task = tokio::spawn(expire(records.clone(), 30, UsageMetrics::none(), stop.clone()));
        stop.cancel();
        task.await.unwrap();
        // For ever: there is nothing to do at all.
        expire(records, 0, UsageMetrics::none(), CancellationToken::new()).await;
    }
}
