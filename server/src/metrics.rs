//! `/metrics`: what is counted and measured, as Prometheus reads it.
//!
//! Counters of requests are kept by the engine while it works; what has a value at every moment (how much waits, how the
//! journal is) is looked up when somebody asks. No label's values are in the hands of callers, so the number of series is
//! fixed.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use metrics::{Counter, Gauge, Key, KeyName, Label, Level, Metadata, Recorder as _, SharedString, Unit};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use sluice::limit::Limiter;
use sluice::usage::{UsageMetrics, UsageSink};
use tokio_util::sync::CancellationToken;

/// Upper bounds of the buckets for the time that a batch took, in seconds.
const BATCH_BUCKETS: [f64; 10] = [0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0];
/// How often samples are put into their buckets while nobody asks: until then each one takes memory.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);
/// The text format of Prometheus.
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What keeps the numbers of one gateway.
pub struct MetricsRecorder {
    recorder: PrometheusRecorder,
}

impl MetricsRecorder {
    /// An empty one.
    ///
    /// # Errors
    /// The exporter does not take the buckets: a fault in this file.
    pub fn new() -> Result<Self, BuildError> {
        let batch = Matcher::Full(UsageMetrics::BATCH_SECONDS.to_owned());
        let recorder = PrometheusBuilder::new().set_buckets_for_metric(batch, &BATCH_BUCKETS)?.build_recorder();
        Ok(Self { recorder })
    }

    /// The counters of the engine.
    pub fn usage(&self) -> UsageMetrics {
        UsageMetrics::register(&self.recorder)
    }

    /// What answers `/metrics`.
    pub fn exporter(&self, sink: UsageSink, limiter: Arc<dyn Limiter>) -> Exporter {
        Exporter {
            handle: self.recorder.handle(),
            looked_up: Arc::new(LookedUp::register(&self.recorder)),
            sink,
            limiter,
        }
    }

    /// Keeps the memory for samples bounded until `stop` is cancelled.
    pub async fn keep_up(self, stop: CancellationToken) {
        let handle = self.recorder.handle();
        while stop.run_until_cancelled(tokio::time::sleep(UPKEEP_INTERVAL)).await.is_some() {
            handle.run_upkeep();
        }
    }
}

/// What answers `/metrics`. Cheap to clone.
#[derive(Clone)]
pub struct Exporter {
    handle: PrometheusHandle,
    looked_up: Arc<LookedUp>,
    sink: UsageSink,
    limiter: Arc<dyn Limiter>,
}

impl Exporter {
    /// The one route.
    pub fn router(self) -> Router {
        Router::new().route("/metrics", get(show)).with_state(self)
    }
}

async fn show(State(exporter): State<Exporter>) -> Response {
    exporter.look_up().await;
    let headers = [(CONTENT_TYPE, TEXT_FORMAT), (CACHE_CONTROL, "no-store")];
    (headers, exporter.handle.render()).into_response()
}

/// What is looked up when somebody asks.
struct LookedUp {
    database_takes: Gauge,
    waiting: Gauge,
    lost: Counter,
    unidentified: Counter,
    journal_takes: Gauge,
    journal_bytes: Gauge,
    journal_max_bytes: Gauge,
    journal_waiting: Gauge,
    queue_waiting: Gauge,
}

impl LookedUp {
    fn register(recorder: &PrometheusRecorder) -> Self {
        let metadata = Metadata::new(module_path!(), Level::INFO, Some(module_path!()));
        let gauge = |name: &'static str, unit: Option<Unit>, help: &'static str| {
            recorder.describe_gauge(KeyName::from_const_str(name), unit, SharedString::const_str(help));
            recorder.register_gauge(&Key::from_static_name(name), &metadata)
        };
        let counter = |name: &'static str, help: &'static str| {
            recorder.describe_counter(KeyName::from_const_str(name), None, SharedString::const_str(help));
            recorder.register_counter(&Key::from_static_name(name), &metadata)
        };
        let version = vec![Label::from_static_parts("version", env!("CARGO_PKG_VERSION"))];
        recorder.register_gauge(&Key::from_parts("sluice_build_info", version), &metadata).set(1.0);
        Self {
            database_takes: gauge(
                "sluice_database_up",
                None,
                "1 while the database takes records, 0 while it does not.",
            ),
            waiting: gauge("sluice_usage_records_waiting", None, "Records that wait for the database in memory."),
            lost: counter("sluice_usage_records_lost_total", "Records that were lost."),
            unidentified: counter(
                "sluice_requests_unidentified_total",
                "Requests that were refused before their app was known; they leave no record.",
            ),
            journal_takes: gauge("sluice_journal_up", None, "1 while the journal takes entries, 0 while it does not."),
            journal_bytes: gauge("sluice_journal_bytes", Some(Unit::Bytes), "Size of the journal."),
            journal_max_bytes: gauge("sluice_journal_max_bytes", Some(Unit::Bytes), "Bound of the journal."),
            journal_waiting: gauge(
                "sluice_journal_records_waiting",
                None,
                "Records that wait for the database in the journal alone.",
            ),
            queue_waiting: gauge("sluice_queue_requests_waiting", None, "Requests that wait in front of servers."),
        }
    }
}

impl Exporter {
    async fn look_up(&self) {
        let status = self.sink.status();
        let to = &*self.looked_up;
        to.database_takes.set(flag(status.database_takes));
        to.waiting.set(number(wide(status.waiting)));
        to.lost.absolute(status.lost);
        to.unidentified.absolute(status.unidentified);
        to.journal_takes.set(flag(status.journal_takes()));
        if let Some(journal) = status.journal {
            to.journal_bytes.set(number(journal.bytes));
            to.journal_max_bytes.set(number(journal.max_bytes));
            to.journal_waiting.set(number(wide(journal.spilled)));
        }
        let waiting = self.limiter.servers().await.iter().map(|server| u64::from(server.state.queue.waiting)).sum();
        to.queue_waiting.set(number(waiting));
    }
}

const fn flag(is_up: bool) -> f64 {
    if is_up { 1.0 } else { 0.0 }
}

fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "a measured value; 2^53 bytes are enough")]
const fn number(count: u64) -> f64 {
    count as f64
}
