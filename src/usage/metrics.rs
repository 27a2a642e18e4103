//! What is counted of requests and of their way into the database, for Prometheus.
//!
//! Every counter is registered once, at the start; counting is an addition and looks nothing up. Nothing is counted by
//! app, key, model or server: the number of series would be in the hands of callers.

use std::time::Duration;

use metrics::{Counter, Histogram, Key, KeyName, Level, Metadata, Recorder, SharedString, Unit};

use super::UsageRecord;
use crate::model::Outcome;

/// Outcomes have the numbers 1 to this one.
const OUTCOMES: usize = 8;

/// Counters of requests and of what becomes of their records. Cheap to clone.
#[derive(Clone, Debug)]
pub struct UsageMetrics {
    /// By [`Outcome::code`], from 1.
    requests: [Counter; OUTCOMES],
    input_tokens: Counter,
    cached_tokens: Counter,
    output_tokens: Counter,
    reasoning_tokens: Counter,
    rows_written: Counter,
    batch_seconds: Histogram,
    rows_expired: Counter,
}

impl UsageMetrics {
    /// Names of the histograms, whose buckets the exporter has to know: seconds that a batch took.
    pub const BATCH_SECONDS: &str = "sluice_usage_write_seconds";

    /// Registers everything with this recorder.
    pub fn register(recorder: &dyn Recorder) -> Self {
        let metadata = Metadata::new(module_path!(), Level::INFO, Some(module_path!()));
        let counter = |name: &'static str, label: Option<(&'static str, &'static str)>| {
            let key = label.map_or_else(
                || Key::from_static_name(name),
                |(label, value)| Key::from_parts(name, vec![metrics::Label::from_static_parts(label, value)]),
            );
            recorder.register_counter(&key, &metadata)
        };
        let describe = |name: &'static str, help: &'static str| {
            recorder.describe_counter(KeyName::from_const_str(name), None, SharedString::const_str(help));
        };
        describe("sluice_requests_total", "Requests whose app was known, by how they ended.");
        describe("sluice_tokens_total", "Tokens of requests; cached ones are input, reasoning ones are output, too.");
        describe("sluice_usage_rows_written_total", "Records that the database took.");
        describe("sluice_usage_rows_expired_total", "Records that were deleted because they were too old.");
        recorder.describe_histogram(
            KeyName::from_const_str(Self::BATCH_SECONDS),
            Some(Unit::Seconds),
            SharedString::const_str("How long the database took for a batch of records."),
        );
        let outcome = |index: usize| {
            let outcome = i16::try_from(index).ok().and_then(|index| Outcome::from_code(index.saturating_add(1)));
            outcome.map_or_else(Counter::noop, |outcome| {
                counter("sluice_requests_total", Some(("outcome", outcome.as_str())))
            })
        };
        let tokens = |kind| counter("sluice_tokens_total", Some(("kind", kind)));
        Self {
            requests: std::array::from_fn(outcome),
            input_tokens: tokens("input"),
            cached_tokens: tokens("cached"),
            output_tokens: tokens("output"),
            reasoning_tokens: tokens("reasoning"),
            rows_written: counter("sluice_usage_rows_written_total", None),
            batch_seconds: recorder.register_histogram(&Key::from_static_name(Self::BATCH_SECONDS), &metadata),
            rows_expired: counter("sluice_usage_rows_expired_total", None),
        }
    }

    /// Counts nothing.
    pub fn none() -> Self {
        Self::register(&metrics::NoopRecorder)
    }

    /// Counts a request that ended.
    pub(super) fn ended(&self, record: &UsageRecord) {
        let index = usize::try_from(record.outcome.code()).unwrap_or_default().wrapping_sub(1);
        if let Some(counter) = self.requests.get(index) {
            counter.increment(1);
        }
        let counts = [
            (&self.input_tokens, record.tokens.input),
            (&self.cached_tokens, record.tokens.cached),
            (&self.output_tokens, record.tokens.output),
            (&self.reasoning_tokens, record.tokens.reasoning),
        ];
        for (counter, count) in counts {
            // A count that is negative is none.
            if let Some(count) = count.and_then(|count| u64::try_from(count).ok()) {
                counter.increment(count);
            }
        }
    }

    /// Counts rows that are new in the database, and the time that their batch took.
    pub(super) fn written(&self, rows: u64, took: Duration) {
        self.rows_written.increment(rows);
        self.batch_seconds.record(took.as_secs_f64());
    }

    /// Counts rows that were deleted because of their age.
    pub(super) fn expired(&self, rows: u64) {
        self.rows_expired.increment(rows);
    }
}
