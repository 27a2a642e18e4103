//! Where the path of a request leaves its record: never waits, never fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::{Journal, JournalStatus, RateMeter, UsageRecord};

/// A handle to the writer. Cheap to clone.
#[derive(Clone, Debug)]
pub struct UsageSink {
    sender: mpsc::Sender<UsageRecord>,
    counters: Arc<Counters>,
    rate: RateMeter,
    journal: Option<Journal>,
}

#[derive(Debug, Default)]
struct Counters {
    lost: AtomicU64,
    unidentified: AtomicU64,
}

/// Counts lost records for whoever holds no sink: a sink that is alive keeps the channel open.
#[derive(Clone, Debug)]
pub(super) struct LossCounter(Arc<Counters>);

impl LossCounter {
    /// Counts one record and says how many it are.
    pub(super) fn add(&self) -> u64 {
        self.add_many(1)
    }

    /// Counts records and says how many it are.
    pub(super) fn add_many(&self, records: usize) -> u64 {
        let records = u64::try_from(records).unwrap_or(u64::MAX);
        self.0.lost.fetch_add(records, Ordering::Relaxed).saturating_add(records)
    }
}

impl UsageSink {
    /// A sink that holds at most `capacity` records for the one who reads the receiver, without a journal.
    pub fn new(capacity: usize) -> (Self, mpsc::Receiver<UsageRecord>) {
        Self::with_journal(capacity, None)
    }

    /// The same, with a journal.
    pub(super) fn with_journal(capacity: usize, journal: Option<Journal>) -> (Self, mpsc::Receiver<UsageRecord>) {
        let (sender, receiver) = mpsc::channel(capacity);
        (Self { sender, counters: Arc::default(), rate: RateMeter::default(), journal }, receiver)
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
            let lost = self.loss_counter().add();
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
        self.counters.unidentified.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts the requests that end here.
    pub fn rate_meter(&self) -> RateMeter {
        self.rate.clone()
    }

    /// The counter behind [`Self::lost`].
    pub(super) fn loss_counter(&self) -> LossCounter {
        LossCounter(Arc::clone(&self.counters))
    }

    /// How the journal is; none if there is no journal.
    pub fn journal(&self) -> Option<JournalStatus> {
        self.journal.as_ref().map(Journal::status)
    }

    /// Records that were lost since the start: they fitted neither into the buffer nor into the journal, or the
    /// database refused them.
    pub fn lost(&self) -> u64 {
        self.counters.lost.load(Ordering::Relaxed)
    }

    /// Requests since the start that were refused before their app was known.
    pub fn unidentified(&self) -> u64 {
        self.counters.unidentified.load(Ordering::Relaxed)
    }

    /// Records that wait for the database.
    pub fn waiting(&self) -> usize {
        self.sender.max_capacity() - self.sender.capacity()
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
        assert_eq!((sink.waiting(), sink.lost()), (2, 3));
        drop(receiver);
        sink.record(record());
        assert_eq!(sink.lost(), 4);
    }
}
