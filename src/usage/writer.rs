//! The one task that writes records to the database, in batches.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::sink::LossCounter;
use super::{UsageRecord, UsageSink};
use crate::storage::{StorageError, UsageRecords};
use crate::telemetry::ErrorChain;

/// Most records in one transaction.
const BATCH: usize = 1000;
/// First pause after a write that failed; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Longest pause between tries while the database is away.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How often at most it is logged that the database does not take records.
const LOG_INTERVAL: Duration = Duration::from_secs(30);

/// The handle to the task that writes.
#[derive(Debug)]
pub struct UsageWriter {
    stop: CancellationToken,
    task: TaskTracker,
    newest: watch::Receiver<Option<Uuid>>,
}

impl UsageWriter {
    /// Starts the task, with room for `capacity` records that wait. `apps_registered` is notified when records brought
    /// apps with them, so that the catalog learns of them at once.
    pub fn start(records: UsageRecords, capacity: usize, apps_registered: Arc<Notify>) -> (UsageSink, Self) {
        let (sink, receiver) = UsageSink::new(capacity);
        let (announce, newest) = watch::channel(None);
        let stop = CancellationToken::new();
        let task = TaskTracker::new();
        let writing = Writing { records, apps_registered, losses: sink.loss_counter() };
        let stopped = stop.clone();
        task.spawn(async move { writing.write_all(receiver, announce, stopped).await });
        task.close();
        (sink, Self { stop, task, newest })
    }

    /// Tells of rows that were written: the id of the newest of the last batch.
    pub fn subscribe(&self) -> watch::Receiver<Option<Uuid>> {
        self.newest.clone()
    }

    /// Writes what waits and ends the task. To be called when no request is in flight any more. Returns whether
    /// everything was written within `limit`.
    pub async fn flush_and_stop(&self, limit: Duration) -> bool {
        self.stop.cancel();
        timeout(limit, self.task.wait()).await.is_ok()
    }
}

/// What the task works with.
struct Writing {
    records: UsageRecords,
    apps_registered: Arc<Notify>,
    losses: LossCounter,
}

impl Writing {
    async fn write_all(
        &self,
        mut receiver: mpsc::Receiver<UsageRecord>,
        announce: watch::Sender<Option<Uuid>>,
        stop: CancellationToken,
    ) {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            tokio::select! {
                count = receiver.recv_many(&mut batch, BATCH) => if count == 0 { return },
                () = stop.cancelled() => receiver.close(),
            }
            if batch.is_empty() {
                // The stop came; what is still in the channel is read by the next turns, then it is empty for good.
                if receiver.recv_many(&mut batch, BATCH).await == 0 {
                    return;
                }
            }
            if let Err(error) = self.insert(&batch).await {
                self.write_singly(&batch, &error).await;
            }
            announce.send_replace(batch.iter().map(|record| record.id).max());
            batch.clear();
        }
    }

    /// Tries until the database takes the records. They stay where they are until the commit.
    ///
    /// # Errors
    /// One that trying again does not mend; nothing was written.
    async fn insert(&self, batch: &[UsageRecord]) -> Result<(), StorageError> {
        let mut pause = FIRST_PAUSE;
        let mut logged: Option<Instant> = None;
        loop {
            let error = match self.records.insert_batch(batch).await {
                Ok(report) => {
                    if logged.is_some() {
                        tracing::info!(records = batch.len(), "the database takes usage records again");
                    }
                    if report.apps_registered > 0 {
                        self.apps_registered.notify_one();
                    }
                    return Ok(());
                }
                Err(error) => error,
            };
            if !error.is_transient() {
                return Err(error);
            }
            if logged.is_none_or(|last| last.elapsed() >= LOG_INTERVAL) {
                tracing::error!(
                    records = batch.len(),
                    error = %ErrorChain(&error),
                    "the database takes no usage records; they wait in memory"
                );
                logged = Some(Instant::now());
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// One record that the database will never take must not take the others of its batch with it.
    async fn write_singly(&self, batch: &[UsageRecord], error: &StorageError) {
        tracing::error!(
            error = %ErrorChain(error),
            "a batch of usage records was refused; writing them one by one"
        );
        for record in batch {
            if let Err(error) = self.insert(std::slice::from_ref(record)).await {
                // Not among the fields of the event: they are not evaluated when the log leaves the event out.
                let lost = self.losses.add();
                tracing::error!(
                    record_id = %record.id,
                    lost_records = lost,
                    error = %ErrorChain(&error),
                    "a usage record is lost: the database refuses it"
                );
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use sea_orm::ConnectionTrait;

    use super::*;
    use crate::storage::tests::{database, open};
    use crate::usage::record::tests::record;

    fn writing(records: UsageRecords) -> (Writing, UsageSink) {
        let (sink, _) = UsageSink::new(1);
        (Writing { records, apps_registered: Arc::default(), losses: sink.loss_counter() }, sink)
    }

    #[tokio::test]
    async fn a_locked_database_loses_no_record_that_is_written_singly() {
        let (folder, database) = database().await;
        let other = open(folder.path()).await;
        let records = UsageRecords::new(database, 10);
        let (writing, sink) = writing(records.clone());
        let batch = [record(), record()];
        let held = other.begin_write().await.unwrap();
        let release = async {
            // Longer than a connection waits for a lock: the first try fails.
            sleep(Duration::from_millis(5300)).await;
            assert_eq!(records.page(None, 10).await.unwrap().len(), 0);
            held.rollback().await.unwrap();
        };
        tokio::join!(writing.write_singly(&batch, &StorageError::NotFound), release);
        assert_eq!(records.page(None, 10).await.unwrap().len(), 2);
        assert_eq!(sink.lost(), 0);
        // The app of the records is new: the catalog was told.
        timeout(Duration::from_secs(1), writing.apps_registered.notified()).await.unwrap();
    }

    #[tokio::test]
    async fn what_the_database_refuses_for_good_is_counted_as_lost() {
        let (_folder, database) = database().await;
        let transaction = database.begin_write().await.unwrap();
        transaction.execute_unprepared("DROP TABLE usage_records").await.unwrap();
        transaction.commit().await.unwrap();
        let (sink, writer) = UsageWriter::start(UsageRecords::new(database, 10), 10, Arc::default());
        for _ in 0..3 {
            sink.record(record());
        }
        assert!(writer.flush_and_stop(Duration::from_secs(20)).await);
        assert_eq!(sink.lost(), 3);
    }
}
