//! `/health`, `/health/live`, `/health/ready`: for people, for restarts and for load balancers.
//!
//! Nobody has to sign in and no upstream is ever called. *Live* is about the process alone, or a slow database would
//! get it killed. *Ready* is about serving: as long as a configuration is loaded, requests can be routed, so a lost
//! database is *degraded* and still ready; a process that stops, or soon will, is not.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use serde::Serialize;
use sluice::catalog::Catalog;
use sluice::storage::Database;
use sluice::usage::UsageSink;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How long the database may take to answer.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long an answer of the database is good: anybody can ask for health, so asking costs it nothing.
const FRESHNESS: Duration = Duration::from_secs(1);

/// What health is told by.
#[derive(Clone, Debug)]
pub struct Health {
    database: Database,
    catalog: Arc<Catalog>,
    usage: UsageSink,
    unready: CancellationToken,
    last_ping: Arc<Mutex<Option<(Instant, bool)>>>,
}

/// How a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Condition {
    /// It works.
    Ok,
    /// It does not work as it should; requests are served all the same.
    Degraded,
    /// The process stops or is about to.
    Draining,
}

#[derive(Debug, Serialize)]
struct Report {
    status: Condition,
    version: &'static str,
    components: Components,
}

#[derive(Debug, Serialize)]
struct Components {
    database: Component,
    usage_writer: UsageComponent,
    journal: JournalComponent,
    catalog: CatalogComponent,
}

#[derive(Debug, Serialize)]
struct Component {
    status: Condition,
}

#[derive(Debug, Serialize)]
struct UsageComponent {
    status: Condition,
    /// Records that wait for the database.
    pending: usize,
    /// Records that were lost because too many waited, or because the database refused them.
    lost: u64,
}

#[derive(Debug, Serialize)]
struct JournalComponent {
    status: Condition,
    /// Whether it takes no entries because of its bound.
    is_full: bool,
    /// Size of its files.
    bytes: u64,
    /// Records in it that did not fit into the buffer.
    spilled: usize,
}

#[derive(Debug, Serialize)]
struct CatalogComponent {
    status: Condition,
    revision: i64,
}

#[derive(Debug, Serialize)]
struct Word {
    status: &'static str,
}

impl Health {
    /// Watches these parts; `unready` is cancelled when the process is about to stop.
    pub fn new(database: Database, catalog: Arc<Catalog>, usage: UsageSink, unready: CancellationToken) -> Self {
        Self { database, catalog, usage, unready, last_ping: Arc::default() }
    }

    /// The three routes.
    pub fn router(self) -> Router {
        Router::new()
            .route("/health", get(report))
            .route("/health/live", get(live))
            .route("/health/ready", get(ready))
            .with_state(self)
    }

    async fn database_answers(&self) -> bool {
        // Held across the query on purpose: many who ask at once cause one query.
        let mut last_ping = self.last_ping.lock().await;
        if let Some((at, answered)) = *last_ping
            && at.elapsed() < FRESHNESS
        {
            return answered;
        }
        let answered = matches!(tokio::time::timeout(PATIENCE, self.database.ping()).await, Ok(Ok(())));
        *last_ping = Some((Instant::now(), answered));
        answered
    }
}

const fn condition(is_well: bool) -> Condition {
    if is_well { Condition::Ok } else { Condition::Degraded }
}

async fn live() -> Json<Word> {
    Json(Word { status: "ok" })
}

async fn ready(State(health): State<Health>) -> (StatusCode, Json<Word>) {
    if health.unready.is_cancelled() {
        (StatusCode::SERVICE_UNAVAILABLE, Json(Word { status: "draining" }))
    } else {
        (StatusCode::OK, Json(Word { status: "ok" }))
    }
}

async fn report(State(health): State<Health>) -> (StatusCode, Json<Report>) {
    let usage = health.usage.status();
    let database = condition(health.database_answers().await && usage.database_takes);
    let usage_writer = condition(usage.lost == 0 && usage.database_takes);
    let journal_condition = condition(usage.journal_takes());
    let is_draining = health.unready.is_cancelled();
    let parts = [database, usage_writer, journal_condition];
    let status = match (is_draining, parts) {
        (true, _) => Condition::Draining,
        (false, [Condition::Ok, Condition::Ok, Condition::Ok]) => Condition::Ok,
        (false, _) => Condition::Degraded,
    };
    let report = Report {
        status,
        version: env!("CARGO_PKG_VERSION"),
        components: Components {
            database: Component { status: database },
            usage_writer: UsageComponent { status: usage_writer, pending: usage.waiting, lost: usage.lost },
            journal: JournalComponent {
                status: journal_condition,
                is_full: usage.journal.is_some_and(|journal| journal.is_full),
                bytes: usage.journal.map_or(0, |journal| journal.bytes),
                spilled: usage.journal.map_or(0, |journal| journal.spilled),
            },
            catalog: CatalogComponent { status: Condition::Ok, revision: health.catalog.snapshot().revision() },
        },
    };
    (if is_draining { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }, Json(report))
}
