//! The one task that writes records to the database, in batches.
//!
//! First what an earlier process left in the journal, then what comes; when it has caught up, what did not fit into the
//! buffer is read back from the journal. Files are read aside, on threads that may block.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::journal::{LeftBehind, Reading, Spilled, left_behind, read_segment};
use super::sink::LossCounter;
use super::{Journal, UsageRecord, UsageSink};
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
/// How often the journal is looked after, at least while nothing else is to do.
const TEND_INTERVAL: Duration = Duration::from_secs(1);

/// The handle to the task that writes.
#[derive(Debug)]
pub struct UsageWriter {
    stop: CancellationToken,
    task: TaskTracker,
    newest: watch::Receiver<Option<Uuid>>,
    replayed: CancellationToken,
    journal: Option<Journal>,
}

impl UsageWriter {
    /// Starts the task, with room for `capacity` records that wait, and with a journal if the records are to survive
    /// the process. `apps_registered` is notified when records brought apps with them, so that the catalog learns of
    /// them at once. `caught_up` is done when all of an earlier process is in the database and nothing of this one is yet.
    pub fn start(
        records: UsageRecords,
        capacity: usize,
        apps_registered: Arc<Notify>,
        journal: Option<Journal>,
        caught_up: impl Future<Output = ()> + Send + 'static,
    ) -> (UsageSink, Self) {
        let (sink, receiver) = UsageSink::with_journal(capacity, journal.clone());
        let (announce, newest) = watch::channel(None);
        let stop = CancellationToken::new();
        let task = TaskTracker::new();
        let replayed = CancellationToken::new();
        let writing =
            Writing { records, apps_registered, losses: sink.loss_counter(), journal: journal.clone(), announce };
        let (stopped, done) = (stop.clone(), replayed.clone());
        task.spawn(async move {
            writing.replay().await;
            caught_up.await;
            done.cancel();
            writing.write_all(receiver, stopped).await;
        });
        task.close();
        (sink, Self { stop, task, newest, replayed, journal })
    }

    /// Waits until what an earlier process left in the journal is in the database, but not longer than `limit`. Returns
    /// whether it is; if not, it goes on by itself.
    pub async fn replayed(&self, limit: Duration) -> bool {
        timeout(limit, self.replayed.cancelled()).await.is_ok()
    }

    /// Tells of rows that were written: the id of the newest of the last batch.
    pub fn subscribe(&self) -> watch::Receiver<Option<Uuid>> {
        self.newest.clone()
    }

    /// Writes what waits, ends the task and closes the journal. To be called when no request is in flight any more.
    /// Returns whether everything was written within `limit`; if not, what the journal holds is written at the next
    /// start.
    pub async fn flush_and_stop(&self, limit: Duration) -> bool {
        self.stop.cancel();
        let is_done = timeout(limit, self.task.wait()).await.is_ok();
        if let Some(journal) = &self.journal {
            journal.close();
        }
        is_done
    }
}

/// What the task works with.
struct Writing {
    records: UsageRecords,
    apps_registered: Arc<Notify>,
    losses: LossCounter,
    journal: Option<Journal>,
    /// Tells of rows that were written.
    announce: watch::Sender<Option<Uuid>>,
}

impl Writing {
    async fn write_all(&self, mut receiver: mpsc::Receiver<UsageRecord>, stop: CancellationToken) {
        let mut batch = Vec::with_capacity(BATCH);
        let mut tending = tokio::time::interval(TEND_INTERVAL);
        tending.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                count = receiver.recv_many(&mut batch, BATCH) => if count == 0 { break },
                () = stop.cancelled() => {
                    receiver.close();
                    // What is still in the channel is read by the next turns, then it is empty for good.
                    if receiver.recv_many(&mut batch, BATCH).await == 0 {
                        break;
                    }
                }
                _ = tending.tick() => if let Some(journal) = &self.journal { journal.tend() },
            }
            self.store(&batch).await;
            if let Some(journal) = &self.journal {
                journal.settled(batch.iter().map(|record| record.id));
            }
            batch.clear();
            if receiver.len() < BATCH {
                self.read_back().await;
            }
        }
        while self.read_back().await {}
    }

    /// Writes what earlier processes left in the journal. A part that cannot be read stays where it is.
    async fn replay(&self) {
        let Some(journal) = &self.journal else { return };
        let (folder, process) = (journal.folder().to_owned(), journal.process());
        match aside(move || left_behind(&folder, process)).await {
            Ok(processes) => {
                for process in processes {
                    self.replay_process(process).await;
                }
            }
            Err(error) => tracing::error!(%error, "the journal of requests cannot be read"),
        }
    }

    async fn replay_process(&self, left: LeftBehind) {
        let mut reading = Reading::default();
        let mut read = Vec::new();
        let mut records = 0_usize;
        for path in &left.segments {
            let file = path.clone();
            match aside(move || read_segment(&file)).await {
                Ok(Ok(contents)) => {
                    let ended = reading.add(contents);
                    records = records.saturating_add(ended.len());
                    self.store(&ended).await;
                    read.push(path.clone());
                }
                Ok(Err(_)) => {
                    tracing::error!(path = %path.display(), "a part of the journal was written by another version; it stays");
                }
                Err(error) => {
                    tracing::error!(path = %path.display(), %error, "a part of the journal cannot be read; it stays");
                }
            }
        }
        let unreadable = reading.unreadable;
        // What seems open may have ended in the part that was not read.
        let is_whole = read.len() == left.segments.len();
        let interrupted = if is_whole { reading.interrupted() } else { Vec::new() };
        self.store(&interrupted).await;
        if !left.segments.is_empty() {
            tracing::info!(
                records,
                interrupted = interrupted.len(),
                unreadable_entries = unreadable,
                "the journal of an earlier process was read"
            );
        }
        let read: Vec<PathBuf> = if is_whole { read } else { Vec::new() };
        if let Err(error) = aside(move || left.remove(&read)).await {
            tracing::warn!(%error, "a part of the journal cannot be removed; it is read again at the next start");
        }
    }

    /// Writes the records of one segment that did not fit into the buffer. Returns whether there was one.
    async fn read_back(&self) -> bool {
        let Some(journal) = &self.journal else { return false };
        let Some(spilled) = journal.next_spilled() else { return false };
        self.read_back_segment(&spilled).await;
        journal.read_back(&spilled);
        true
    }

    async fn read_back_segment(&self, spilled: &Spilled) {
        let path = spilled.path.clone();
        match aside(move || read_segment(&path)).await {
            Ok(Ok(contents)) => self.store(&Reading::default().add(contents)).await,
            Ok(Err(_)) => self.lose(spilled, &io::Error::from(io::ErrorKind::InvalidData)),
            Err(error) => self.lose(spilled, &error),
        }
    }

    fn lose(&self, spilled: &Spilled, error: &io::Error) {
        let lost = self.losses.add_many(spilled.count);
        tracing::error!(lost_records = lost, %error, "usage records are lost: the journal cannot be read back");
    }

    /// Writes records, in batches, however long it takes.
    async fn store(&self, records: &[UsageRecord]) {
        for batch in records.chunks(BATCH) {
            if let Err(error) = self.insert(batch).await {
                self.write_singly(batch, &error).await;
            }
            self.announce.send_replace(batch.iter().map(|record| record.id).max());
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
                    "the database takes no usage records; they wait"
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

/// Does what may wait for the disk on a thread for that.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(io::Error::other(error)),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use sea_orm::ConnectionTrait;

    use super::*;
    use crate::model::Outcome;
    use crate::storage::tests::{database, open};
    use crate::usage::record::tests::record;

    fn writing(records: UsageRecords) -> (Writing, UsageSink) {
        let (sink, _) = UsageSink::new(1);
        let (losses, announce) = (sink.loss_counter(), watch::channel(None).0);
        (Writing { records, apps_registered: Arc::default(), losses, journal: None, announce }, sink)
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

    async fn outcomes(records: &UsageRecords) -> Vec<(String, Outcome)> {
        let rows = records.page(None, 200).await.unwrap();
        rows.into_iter().map(|row| (row.id, row.outcome)).collect()
    }

    #[tokio::test]
    async fn what_does_not_fit_while_the_database_is_away_is_read_back() {
        let (folder, database) = database().await;
        let other = open(folder.path()).await;
        let records = UsageRecords::new(database, 10);
        let journal = Journal::open(&folder.path().join("journal"));
        let held = other.begin_write().await.unwrap();
        let (sink, writer) = UsageWriter::start(records.clone(), 10, Arc::default(), Some(journal.clone()), async {});
        assert!(writer.replayed(Duration::from_secs(5)).await);
        for _ in 0..150 {
            sink.record(record());
        }
        assert!(journal.status().spilled >= 130, "{:?}", journal.status());
        assert_eq!((outcomes(&records).await.len(), sink.lost()), (0, 0));
        held.rollback().await.unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        while outcomes(&records).await.len() < 150 && Instant::now() < deadline {
            sleep(Duration::from_millis(20)).await;
        }
        assert_eq!((outcomes(&records).await.len(), sink.lost()), (150, 0));
        assert!(writer.flush_and_stop(Duration::from_secs(5)).await);
        assert_eq!((journal.status().spilled, journal.status().segments), (0, 0));
    }

    #[tokio::test]
    async fn what_an_earlier_process_left_is_written_once() {
        let (folder, database) = database().await;
        let records = UsageRecords::new(database, 10);
        let path = folder.path().join("journal");
        let begun = UsageRecord { outcome: Outcome::Interrupted, status: 0, ..record() };
        let (ended, both, known) = (record(), record(), record());
        let earlier = Journal::open(&path);
        earlier.begun(&begun);
        earlier.begun(&UsageRecord { id: both.id, ..begun.clone() });
        earlier.begun(&UsageRecord { id: known.id, ..begun.clone() });
        assert!(earlier.ended(&ended) && earlier.ended(&both));
        records.insert_batch(std::slice::from_ref(&known)).await.unwrap();
        // Killed: nothing closes it, and the lock goes with the process.
        drop(earlier);
        let foreign = path.join(format!("{}-00000001.journal", Uuid::now_v7().simple()));
        std::fs::write(&foreign, "sluice journal 999\n").unwrap();
        for _ in 0..2 {
            let journal = Journal::open(&path);
            let (_, writer) = UsageWriter::start(records.clone(), 10, Arc::default(), Some(journal), async {});
            assert!(writer.replayed(Duration::from_secs(5)).await);
            let mut expected = [&begun, &ended, &both, &known].map(|record| (record.id.to_string(), record.outcome));
            expected.sort_unstable_by(|one, other| other.0.cmp(&one.0));
            assert_eq!(outcomes(&records).await, expected);
            assert!(writer.flush_and_stop(Duration::from_secs(5)).await);
            let left: Vec<_> = std::fs::read_dir(&path).unwrap().map(|file| file.unwrap().path()).collect();
            assert_eq!(left, std::slice::from_ref(&foreign));
        }
    }

    #[tokio::test]
    async fn what_the_database_refuses_for_good_is_counted_as_lost() {
        let (_folder, database) = database().await;
        let transaction = database.begin_write().await.unwrap();
        transaction.execute_unprepared("DROP TABLE usage_records").await.unwrap();
        transaction.commit().await.unwrap();
        let (sink, writer) = UsageWriter::start(UsageRecords::new(database, 10), 10, Arc::default(), None, async {});
        for _ in 0..3 {
            sink.record(record());
        }
        assert!(writer.flush_and_stop(Duration::from_secs(20)).await);
        assert_eq!(sink.lost(), 3);
    }
}
