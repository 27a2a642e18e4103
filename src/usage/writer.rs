//! The one task that writes records to the database, in batches.
//!
//! First what an earlier process left in the journal, then what comes; when it has caught up, what did not fit into the
//! buffer is read back from the journal. Files are read aside, on threads that may block, and one segment at a time, so
//! that catching up needs little memory however long the database was away.
//!
//! A record that arrives alone waits [`LINGER`] for others: a transaction for each would cost more than the request.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{Instant, Interval, MissedTickBehavior, sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::journal::{LeftBehind, Reading, Spilled, left_behind, read_segment};
use super::sink::Progress;
use super::{Journal, UsageMetrics, UsageRecord, UsageSink};
use crate::storage::{BatchReport, StorageError, UsageRecords};
use crate::telemetry::ErrorChain;

/// Most records in one transaction.
const BATCH: usize = 2000;
/// How long a record waits for others, so that they are written together. Each batch adds to
/// sums, which costs about the same however few records they are of; rows are visible within a second all the same.
const LINGER: Duration = Duration::from_millis(300);
/// First pause after a write that failed; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Longest pause between tries while the database is away: how long after its return rows appear.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How long a batch may take before the database counts as away: a lock of another process is waited for longer.
const STALL: Duration = Duration::from_secs(2);
/// How often at most it is logged that the database does not take records.
const LOG_INTERVAL: Duration = Duration::from_secs(30);
/// How often the journal is looked after, and how often it is looked for what can be read back while nothing else is to do.
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
    /// them at once. `caught_up` is done when all of an earlier process is in the database and nothing of this one is yet;
    /// nothing of this one is written before, unless the task is stopped.
    pub fn start(
        records: UsageRecords,
        capacity: usize,
        apps_registered: Arc<Notify>,
        journal: Option<Journal>,
        metrics: UsageMetrics,
        caught_up: impl Future<Output = ()> + Send + 'static,
    ) -> (UsageSink, Self) {
        let (sink, receiver) = UsageSink::with_journal(capacity, journal.clone(), metrics.clone());
        let (announce, newest) = watch::channel(None);
        let stop = CancellationToken::new();
        let task = TaskTracker::new();
        let replayed = CancellationToken::new();
        let (progress, journal_of_task) = (sink.progress(), journal.clone());
        let writing = Writing {
            records,
            apps_registered,
            progress,
            journal: journal_of_task,
            metrics,
            announce,
            unread_said: Mutex::default(),
        };
        let (stopped, done) = (stop.clone(), replayed.clone());
        task.spawn(async move {
            let work = async {
                writing.replay().await;
                tokio::select! {
                    () = caught_up => {}
                    () = stopped.cancelled() => {}
                }
                done.cancel();
                writing.write_all(receiver, stopped).await;
            };
            // Beside the work and not in it: the journal matters most while the work waits for the database.
            tokio::select! {
                () = work => {}
                () = writing.tend() => {}
            }
        });
        task.close();
        (sink, Self { stop, task, newest, replayed, journal })
    }

    /// Waits until what an earlier process left in the journal is in the database, but not longer than `limit`. Returns
    /// whether it is; if not, it goes on by itself.
    pub async fn replayed(&self, limit: Duration) -> bool {
        timeout(limit, self.replayed.cancelled()).await.is_ok()
    }

    /// Is cancelled when what an earlier process left in the journal is in the database.
    pub fn on_replayed(&self) -> CancellationToken {
        self.replayed.clone()
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
    progress: Progress,
    journal: Option<Journal>,
    metrics: UsageMetrics,
    /// Tells of rows that were written.
    announce: watch::Sender<Option<Uuid>>,
    /// When it was last logged that a segment cannot be read back.
    unread_said: Mutex<Option<Instant>>,
}

impl Writing {
    async fn write_all(&self, mut receiver: mpsc::Receiver<UsageRecord>, stop: CancellationToken) {
        let mut batch = Vec::with_capacity(BATCH);
        let mut reading_back = every(TEND_INTERVAL);
        loop {
            tokio::select! {
                count = receiver.recv_many(&mut batch, BATCH) => {
                    if count == 0 {
                        break;
                    }
                    linger(&mut receiver, &mut batch, &stop).await;
                }
                () = stop.cancelled() => {
                    receiver.close();
                    // What is still in the channel is read by the next turns, then it is empty for good.
                    if receiver.recv_many(&mut batch, BATCH).await == 0 {
                        break;
                    }
                }
                _ = reading_back.tick() => {}
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

    /// Looks after the journal, for ever.
    async fn tend(&self) {
        let mut tending = every(TEND_INTERVAL);
        loop {
            tending.tick().await;
            if let Some(journal) = &self.journal {
                journal.tend();
            }
        }
    }

    /// Writes what earlier processes left in the journal. A part that cannot be read stays where it is.
    async fn replay(&self) {
        let Some(journal) = &self.journal else { return };
        let (folder, process) = (journal.folder().to_owned(), journal.process());
        match aside(move || left_behind(&folder, process)).await {
            Ok(processes) => {
                let sizes: Vec<u64> = processes.iter().map(LeftBehind::bytes).collect();
                let mut bytes: u64 = sizes.iter().sum();
                journal.left_behind(bytes);
                for (process, size) in processes.into_iter().zip(sizes) {
                    if self.replay_process(process).await {
                        bytes = bytes.saturating_sub(size);
                        journal.left_behind(bytes);
                    }
                }
                if bytes > 0 {
                    tracing::warn!(bytes, "files of the journal stay as they are; they do not count towards its bound");
                    journal.left_behind(0);
                }
            }
            Err(error) => tracing::error!(%error, "the journal of requests cannot be read"),
        }
    }

    /// Returns whether nothing of it is left.
    async fn replay_process(&self, left: LeftBehind) -> bool {
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
            return false;
        }
        is_whole
    }

    /// Writes the records of one segment that did not fit into the buffer. Returns whether there was one that could be
    /// read; the others stay and are tried again.
    async fn read_back(&self) -> bool {
        let Some(journal) = &self.journal else { return false };
        let mut after = None;
        while let Some(spilled) = journal.next_spilled(after) {
            if self.read_back_segment(&spilled).await {
                journal.read_back(&spilled);
                return true;
            }
            after = Some(spilled.number);
        }
        false
    }

    /// Returns whether nothing in it is needed any more.
    async fn read_back_segment(&self, spilled: &Spilled) -> bool {
        let path = spilled.path.clone();
        match aside(move || read_segment(&path)).await {
            Ok(Ok(contents)) => self.store(&Reading::default().add(contents)).await,
            Ok(Err(_)) => {
                self.waits(spilled, &io::Error::from(io::ErrorKind::InvalidData));
                return false;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let lost = self.progress.lose_many(spilled.count);
                tracing::error!(lost_records = lost, %error, "usage records are lost: their part of the journal was removed");
            }
            Err(error) => {
                self.waits(spilled, &error);
                return false;
            }
        }
        true
    }

    /// Says in the log, now and then, that a segment cannot be read back at present.
    fn waits(&self, spilled: &Spilled, error: &io::Error) {
        let mut said = self.unread_said.lock();
        if said.is_none_or(|last| last.elapsed() >= LOG_INTERVAL) {
            *said = Some(Instant::now());
            let (path, records) = (spilled.path.display(), spilled.count);
            tracing::error!(%path, records, %error, "a part of the journal cannot be read back; it stays and is tried again");
        }
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
        let mut said: Option<Instant> = None;
        let result = loop {
            let started = Instant::now();
            let error = match self.insert_once(batch, &mut said).await {
                Ok(report) => {
                    self.metrics.written(report.inserted, started.elapsed());
                    if report.apps_registered > 0 {
                        self.apps_registered.notify_one();
                    }
                    break Ok(());
                }
                Err(error) if error.is_about_values() => break Err(error),
                Err(error) => error,
            };
            self.is_away(batch, &ErrorChain(&error), &mut said);
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        };
        self.set_away(false);
        if said.is_some() {
            tracing::info!(records = batch.len(), "the database takes usage records again");
        }
        result
    }

    /// One try. A database that keeps it waiting counts as away before the try has failed.
    async fn insert_once(
        &self,
        batch: &[UsageRecord],
        said: &mut Option<Instant>,
    ) -> Result<BatchReport, StorageError> {
        let mut inserting = std::pin::pin!(self.records.insert_batch(batch));
        if let Ok(result) = timeout(STALL, &mut inserting).await {
            return result;
        }
        self.is_away(batch, &"it does not answer; does another process hold its lock?", said);
        inserting.await
    }

    /// Notes that the database takes nothing, and says so in the log, now and then.
    fn is_away(&self, batch: &[UsageRecord], error: &dyn fmt::Display, said: &mut Option<Instant>) {
        self.set_away(true);
        if said.is_none_or(|last| last.elapsed() >= LOG_INTERVAL) {
            tracing::error!(records = batch.len(), %error, "the database takes no usage records; they wait");
            *said = Some(Instant::now());
        }
    }

    fn set_away(&self, is_away: bool) {
        self.progress.set_away(is_away);
        self.records.set_away(is_away);
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
                let lost = self.progress.lose();
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

/// Gathers what else comes within [`LINGER`], up to a batch.
async fn linger(receiver: &mut mpsc::Receiver<UsageRecord>, batch: &mut Vec<UsageRecord>, stop: &CancellationToken) {
    let until = Instant::now() + LINGER;
    while batch.len() < BATCH && !stop.is_cancelled() {
        let room = BATCH.saturating_sub(batch.len());
        let gathered = tokio::select! {
            gathered = timeout_at(until, receiver.recv_many(batch, room)) => gathered,
            () = stop.cancelled() => return,
        };
        if matches!(gathered, Ok(0) | Err(_)) {
            return;
        }
    }
}

/// Ticks that do not pile up.
fn every(interval: Duration) -> Interval {
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Does what may wait for the disk on a thread for that.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(io::Error::other(error)),
    }
}

#[cfg(test)]
mod tests;
