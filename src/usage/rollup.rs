//! Sums over requests: what is summed up apart, and what is summed up.
//!
//! Pure: from records to sums, in the shortest slots first and from these in the longer ones. The database adds them to what
//! it has (`storage::rollups`).

use std::collections::HashMap;

use super::UsageRecord;
use super::histogram::Histogram;
use super::slots::{SLOT_SECONDS, floor, slot_start};
use crate::model::{AppId, Currency, Outcome, TokenSource};

/// What is summed up apart. Requests that have no such thing stand under 0, or the empty text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Series {
    /// The server that took it.
    pub(crate) server_id: i64,
    /// The app that called.
    pub(crate) app_id: i64,
    /// The key that was used.
    pub(crate) key_id: i64,
    /// The model, if it exists: what clients make up is not told apart, or they could fill the disk.
    pub(crate) model: String,
    /// The number of the outcome.
    pub(crate) outcome: i16,
    /// The currency of the cost.
    pub(crate) currency: Option<Currency>,
}

/// What is summed up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) requests: i64,
    /// Those whose tokens are estimated.
    pub(crate) estimated: i64,
    /// Those that used tokens and have no cost.
    pub(crate) unpriced: i64,
    pub(crate) input_tokens: i64,
    pub(crate) cached_tokens: i64,
    pub(crate) output_tokens: i64,
    pub(crate) reasoning_tokens: i64,
    /// In billionths of the series' currency.
    pub(crate) cost_nanos: i64,
    /// Those that waited in a queue.
    pub(crate) queued: i64,
    /// How long they waited in all, in milliseconds.
    pub(crate) queue_ms: i64,
    /// From arrival to the first byte, of those that got one.
    pub(crate) first_byte: Histogram,
    /// From arrival to the end, of the same.
    pub(crate) duration: Histogram,
}

impl Series {
    /// What a record is summed up under. `app_id` is the app as it is registered now.
    pub(crate) fn of(record: &UsageRecord, app_id: Option<AppId>) -> Self {
        Self {
            server_id: record.server_id.map_or(0, |id| id.0),
            app_id: app_id.map_or(0, |id| id.0),
            key_id: record.key_id.map_or(0, |id| id.0),
            model: if record.model_exists { record.model.clone() } else { String::new() },
            outcome: record.outcome.code(),
            currency: record.cost.map(|cost| cost.currency),
        }
    }
}

impl Sums {
    fn add(&mut self, record: &UsageRecord) {
        let count = |yes: bool| i64::from(yes);
        let tokens = &record.tokens;
        self.plus(&Self {
            requests: 1,
            estimated: count(record.token_source == TokenSource::Estimated),
            unpriced: count(tokens.input.is_some() && record.cost.is_none()),
            input_tokens: tokens.input.unwrap_or(0),
            cached_tokens: tokens.cached.unwrap_or(0),
            output_tokens: tokens.output.unwrap_or(0),
            reasoning_tokens: tokens.reasoning.unwrap_or(0),
            cost_nanos: record.cost.map_or(0, |cost| cost.amount.nanos),
            queued: count(record.queue_ms > 0),
            queue_ms: i64::from(record.queue_ms),
            first_byte: Histogram::default(),
            duration: Histogram::default(),
        });
        // What failed before an answer is fast or as slow as a timeout: it says nothing about answers.
        if let Some(first_byte_ms) = record.first_byte_ms {
            self.first_byte.add(first_byte_ms);
            self.duration.add(record.duration_ms);
        }
    }

    /// Adds other sums.
    pub(crate) fn plus(&mut self, other: &Self) {
        for (sum, add) in [
            (&mut self.requests, other.requests),
            (&mut self.estimated, other.estimated),
            (&mut self.unpriced, other.unpriced),
            (&mut self.input_tokens, other.input_tokens),
            (&mut self.cached_tokens, other.cached_tokens),
            (&mut self.output_tokens, other.output_tokens),
            (&mut self.reasoning_tokens, other.reasoning_tokens),
            (&mut self.cost_nanos, other.cost_nanos),
            (&mut self.queued, other.queued),
            (&mut self.queue_ms, other.queue_ms),
        ] {
            *sum = sum.saturating_add(add);
        }
        self.first_byte.merge(&other.first_byte);
        self.duration.merge(&other.duration);
    }
}

/// Sums of records in the shortest slots: by series, and by where the slot begins in seconds since 1970 UTC.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rollup {
    quarters: HashMap<Series, HashMap<i64, Sums>>,
}

impl Rollup {
    /// Counts a record. `app_id` is the app as it is registered now.
    pub(crate) fn add(&mut self, record: &UsageRecord, app_id: Option<AppId>) {
        let [quarter, ..] = SLOT_SECONDS;
        let start = slot_start(record.started_at_ms, quarter);
        self.quarters.entry(Series::of(record, app_id)).or_default().entry(start).or_default().add(record);
    }

    /// Everything that is summed up apart.
    pub(crate) fn series(&self) -> impl Iterator<Item = &Series> {
        self.quarters.keys()
    }

    /// The sums in slots of every length, by series: length, beginning, sums.
    pub(crate) fn into_slots(self) -> impl Iterator<Item = (Series, Vec<(i64, i64, Sums)>)> {
        self.quarters.into_iter().map(|(series, mut shorter)| {
            let mut slots = Vec::new();
            let mut lengths = SLOT_SECONDS.into_iter().peekable();
            while let Some(length) = lengths.next() {
                let mut longer: HashMap<i64, Sums> = HashMap::new();
                if let Some(next) = lengths.peek() {
                    for (start, sums) in &shorter {
                        longer.entry(floor(*start, *next)).or_default().plus(sums);
                    }
                }
                slots.extend(shorter.into_iter().map(|(start, sums)| (length, start, sums)));
                shorter = longer;
            }
            (series, slots)
        })
    }

    /// How many sums there are in the shortest slots.
    pub(crate) fn len(&self) -> usize {
        self.quarters.values().map(HashMap::len).sum()
    }
}

/// Whether a request with this outcome failed.
pub(crate) const fn is_error(outcome: Outcome) -> bool {
    !matches!(outcome, Outcome::Completed | Outcome::ClientClosed)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::model::{Amount, Money, ServerId, TokenCounts};
    use crate::usage::record::tests::record;

    #[test]
    fn every_length_holds_every_request_once() {
        let mut rollup = Rollup::default();
        let mut expected = Sums::default();
        for index in 0..500_i64 {
            let row = UsageRecord {
                started_at_ms: 1_790_000_000_000 + index * 777_777,
                server_id: (index % 3 > 0).then_some(ServerId(index % 3)),
                model_exists: index % 7 > 0,
                queue_ms: u32::try_from(index % 2).unwrap_or(0),
                first_byte_ms: (index % 5 > 0).then_some(7),
                tokens: TokenCounts { input: (index % 4 > 0).then_some(10), ..TokenCounts::default() },
                cost: (index % 8 > 3).then_some(Money { amount: Amount::from_nanos(5), currency: Currency::USD }),
                ..record()
            };
            rollup.add(&row, None);
            expected.add(&row);
        }
        assert_eq!((expected.requests, expected.input_tokens, expected.queued), (500, 3750, 250));
        let mut sums: HashMap<i64, Sums> = HashMap::new();
        let mut slots = HashSet::new();
        for (series, found) in rollup.into_slots() {
            for (length, start, found) in found {
                assert_eq!(start % length, 0);
                assert!(slots.insert((series.clone(), length, start)));
                sums.entry(length).or_default().plus(&found);
            }
        }
        for length in SLOT_SECONDS {
            assert_eq!(sums.get(&length), Some(&expected), "{length}");
        }
    }

    #[test]
    fn names_that_do_not_exist_are_not_told_apart() {
        let of = |model: &str, model_exists| {
            Series::of(&UsageRecord { model: model.to_owned(), model_exists, ..record() }, Some(AppId(3)))
        };
        assert_eq!(of("a", false), of("b", false));
        assert_ne!(of("a", true), of("b", true));
        assert_eq!((of("a", true).app_id, of("a", true).server_id, of("a", true).currency), (3, 0, None));
    }
}
