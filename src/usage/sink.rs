//! Where the path of a request leaves its record: never waits, never fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::{Journal, JournalStatus, RateMeter, UsageMetrics, UsageRecord};

/// A handle to the writer. Cheap to clone.
#[derive(Clone, Debug)]
pub struct UsageSink {
    sender: mpsc::Sender<UsageRecord>,
    progress: Progress,
    rate: RateMeter,
    journal: Option<Journal>,
    metrics: UsageMetrics,
}

/// How records get into the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordingStatus {
    /// Whether the database takes records, as far as the last try could tell.
    pub database_takes: bool,
    /// Records that wait for the database in memory.
    pub waiting: usize,
    /// Records that were lost since the start: they fitted neither into the buffer nor into the journal, or the
    /// database refused them.
    pub lost: u64,
    /// Requests since the start that were refused before their app was known.
    pub unidentified: u64,
    /// How the journal is; none if there is no journal.
    pub journal: Option<JournalStatus>,
}

impl RecordingStatus {
    /// Whether the journal takes entries, or is not wanted.
    pub fn journal_takes(&self) -> bool {
        self.journal.is_none_or(|journal| journal.works && !journal.is_full)
    }
}

/// What is known of records on their way, shared by the sink and the writer. The writer holds no sink: one that is alive
/// keeps the channel open.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    lost: AtomicU64,
    unidentified: AtomicU64,
    is_away: AtomicBool,
}

impl Progress {
    /// Counts one lost record and says how many they are by now.
    pub(super) fn lose(&self) -> u64 {
        self.lose_many(1)
    }

    /// Counts lost records and says how many they are by now.
    pub(super) fn lose_many(&self, records: usize) -> u64 {
        let records = u64::try_from(records).unwrap_or(u64::MAX);
        self.0.lost.fetch_add(records, Ordering::Relaxed).saturating_add(records)
    }

    /// Says whether the database takes no records at present.
    pub(super) fn set_away(&self, is_away: bool) {
        self.0.is_away.store(is_away, Ordering::Relaxed);
    }
}

impl UsageSink {
    /// A sink that holds at most `capacity` records for the one who reads the receiver, without a journal.
    pub fn new(capacity: usize) -> (Self, mpsc::Receiver<UsageRecord>) {
        Self::with_journal(capacity, None, UsageMetrics::none())
    }

    /// The same, with a journal.
    pub(super) fn with_journal(
        capacity: usize,
        journal: Option<Journal>,
        metrics: UsageMetrics,
    ) -> (Self, mpsc::Receiver<UsageRecord>) {
        let (sender, receiver) = mpsc::channel(capacity);
        let (progress, rate) = (Progress::default(), RateMeter::default());
        (Self { sender, progress, rate, journal, metrics }, receiver)
    }

    /// Notes in the journal that a request is about to be sent to an upstream: if nothing follows, because the process
    /// ends, this row stands. `row` is only made if there is a journal.
    pub fn begun(&self, row: impl FnOnce() -> UsageRecord) {
        if let Some(journal) = &self.journal {
            journal.begun(&row());
        }
    }

    /// Hands a record over: to the journal, and to the one who writes to the database. If the database has been away
    /// for so long that the buffer is full, the record is read back from the journal later; if the journal does not
    /// work either, it is counted as lost and logged. The request itself is not held up.
    pub fn record(&self, record: UsageRecord) {
        self.rate.count();
        self.metrics.ended(&record);
        let is_written = self.journal.as_ref().is_some_and(|journal| journal.ended(&record));
        if let Err(error) = self.sender.try_send(record) {
            let (TrySendError::Full(record) | TrySendError::Closed(record)) = error;
            if let Some(journal) = &self.journal {
                if is_written {
                    journal.spill(record.id);
                    return;
                }
                journal.settled(std::iter::once(record.id));
            }
            let lost = self.progress.lose();
            if lost.is_power_of_two() {
                tracing::error!(
                    lost_records = lost,
                    "usage records are lost: the database has not taken any for too long (`usage.buffer_records`)"
                );
            }
        }
    }

    /// Counts a request that was refused before its app was known: no row, so that a stranger cannot fill the disk.
    pub fn count_unidentified(&self) {
        self.progress.0.unidentified.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts the requests that end here.
    pub fn rate_meter(&self) -> RateMeter {
        self.rate.clone()
    }

    /// What the sink and the writer both know.
    pub(super) fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// How records get into the database at this moment.
    pub fn status(&self) -> RecordingStatus {
        let Counters { lost, unidentified, is_away } = &*self.progress.0;
        RecordingStatus {
            database_takes: !is_away.load(Ordering::Relaxed),
            waiting: self.sender.max_capacity() - self.sender.capacity(),
            lost: lost.load(Ordering::Relaxed),
            unidentified: unidentified.load(Ordering::Relaxed),
            journal: self.journal.as_ref().map(Journal::status),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usage::record::tests::record;

    #[test]
    fn counts_what_does_not_fit_and_never_waits() {
        let (sink, receiver) = UsageSink::new(2);
        for _ in 0..5 {
            sink.record(record());
        }
        assert_eq!((sink.status().waiting, sink.status().lost), (2, 3));
        drop(receiver);
        sink.record(record());
        assert_eq!(sink.status().lost, 4);
    }
}
