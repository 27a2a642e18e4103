//! Puts everything together and runs it: engine, dashboard, administration API, files, health.
//!
//! The command line, the demo and the tests start the same thing here. Its end has a fixed order: not ready but still
//! serving (if the settings ask for that), no new connections, requests in flight finish, what was recorded is written
//! down, the database is closed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::{Router, middleware};
use sluice::catalog::DEFAULT_POLL_INTERVAL;
use sluice::config::Settings;
use sluice::ingress;
use sluice::limit::LocalLimiter;
use sluice::proxy::Gateway;
use sluice::services::{OwnUsage, Services};
use sluice::storage::{Database, UsageRecords};
use sluice::telemetry::ErrorChain;
use sluice::usage::budget::Ledger;
use sluice::usage::{Journal, UsageWriter, expire};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_http::catch_panic::CatchPanicLayer;

use crate::administration::{self, Administration};
use crate::assets::Assets;
use crate::health::Health;
use crate::host::{Host, MAX_EXPORTS, MAX_LIVE_SUBSCRIBERS};
use crate::listener::{self, Bounds, Stop};
use crate::metrics::{Exporter, MetricsRecorder};
use crate::problem::Problem;
use crate::security::Outside;
use crate::{api, caller, dashboard, request_scope, security};

/// How long what was recorded may take to reach the database at the end.
const FLUSH_PATIENCE: Duration = Duration::from_secs(10);
/// How long the start waits for records of an earlier process to reach the database.
const REPLAY_PATIENCE: Duration = Duration::from_secs(10);
/// Pause between tries to read what counts against budgets.
const LEDGER_PAUSE: Duration = Duration::from_secs(1);
/// Folder of the journal, in the data folder.
const JOURNAL_FOLDER: &str = "journal";

/// A running gateway. It goes on until [`Running::shutdown`] is called.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    setup_url: Option<String>,
    services: Arc<Services>,
    records: UsageRecords,
    stop: Stop,
    task: JoinHandle<()>,
}

impl Running {
    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The one-time link to make the first administrator, if there is none yet.
    pub fn setup_url(&self) -> Option<&str> {
        self.setup_url.as_deref()
    }

    /// The services of this process, for the demo and for tests.
    pub const fn services(&self) -> &Arc<Services> {
        &self.services
    }

    /// The records of this process, for the demo.
    pub const fn records(&self) -> &UsageRecords {
        &self.records
    }

    /// The steps of its stop, for whoever listens to signals.
    pub fn stop(&self) -> Stop {
        self.stop.clone()
    }

    /// Begins to stop: from now on it is not ready; after `limits.unready_seconds` the port closes, and requests in
    /// flight may finish. Returns at once.
    pub fn shutdown(&self) {
        self.stop.unready.cancel();
    }

    /// Waits until it has stopped and everything is written down.
    ///
    /// # Errors
    /// The task that served panicked.
    pub async fn wait(self) -> anyhow::Result<()> {
        self.task.await.context("the server ended in a panic")
    }
}

/// Starts a gateway on a port that is open already.
///
/// # Errors
/// The database, the master key or the configuration cannot be used.
pub async fn start(settings: Settings, listener: TcpListener) -> anyhow::Result<Running> {
    let address = listener.local_addr().context("cannot read the address of the listening socket")?;
    let Administration { database, catalog, limiter, ledger, services } = administration::open(&settings).await?;
    if let Some(admin) = &settings.admin {
        let made = services.accounts.ensure_admin(&admin.username, admin.password.expose()).await;
        administration::answer(made).context("cannot make the administrator of the settings")?;
    }
    let setup_token = administration::answer(services.accounts.begin_setup().await)?;
    let outside = outside(&settings);
    let setup_url = setup_token.map(|token| format!("{}/setup?token={token}", visible_origin(&outside, address)));

    let tasks = TaskTracker::new();
    let background = CancellationToken::new();
    tasks.spawn({
        let (catalog, background) = (Arc::clone(&catalog), background.clone());
        async move { catalog.watch(background, DEFAULT_POLL_INTERVAL).await }
    });
    tasks.spawn({
        let (limiter, background) = (Arc::clone(&limiter), background.clone());
        async move { limiter.keep_tidy(background).await }
    });
    let records = UsageRecords::new(database.clone(), settings.access.max_apps);
    // Before the first row that is summed up when it is written.
    let summed_up = records.rebuild_sums().await.context("cannot sum up the usage of an earlier version")?;
    if summed_up > 0 {
        tracing::info!(records = summed_up, "the usage that an earlier version recorded was summed up");
    }
    let journal = Journal::open(&settings.data_dir.join(JOURNAL_FOLDER), settings.usage.journal_max_bytes);
    let capacity = settings.usage.buffer_records;
    let recorder = MetricsRecorder::new().context("cannot keep metrics")?;
    let caught_up = count_the_journal(Arc::clone(&ledger), database.clone());
    let (sink, writer) =
        UsageWriter::start(records.clone(), capacity, catalog.look_now(), Some(journal), recorder.usage(), caught_up);
    services.watch_recording(sink.clone());
    let exporter = recorder.exporter(sink.clone(), Arc::<LocalLimiter>::clone(&limiter));
    tasks.spawn({
        let (metrics, replayed, background) = (recorder.usage(), writer.on_replayed(), background.clone());
        let (records, days) = (records.clone(), settings.usage.retention_days);
        async move {
            if background.run_until_cancelled(replayed.cancelled()).await.is_some() {
                expire(records, days, metrics, background).await;
            }
        }
    });
    tasks.spawn(recorder.keep_up(background.clone()));
    // Before the limiter looks at them: what was in flight when the process was killed counts too.
    if !writer.replayed(REPLAY_PATIENCE).await {
        tracing::warn!("what the journal holds is not in the database yet; it follows while requests are served");
    }
    limiter.remember(&records.recent(limiter.horizon_ms()).await.context("cannot read the latest requests")?);
    let stop = Stop::default();
    let host = Host {
        services: Arc::clone(&services),
        catalog: Arc::clone(&catalog),
        outside,
        trusted_proxies: Arc::from(settings.trusted_proxies.as_slice()),
        newest_request: writer.subscribe(),
        rate: sink.rate_meter(),
        live_places: Arc::new(Semaphore::new(MAX_LIVE_SUBSCRIBERS)),
        export_places: Arc::new(Semaphore::new(MAX_EXPORTS)),
        draining: stop.drain.clone(),
    };
    let health = Health::new(database.clone(), Arc::clone(&catalog), sink.clone(), stop.unready.clone());
    let metrics = Metrics { exporter, is_public: settings.metrics.public };
    let bounds = Bounds {
        max_connections: settings.limits.max_connections,
        header_read_timeout: settings.limits.header_read_timeout,
        write_timeout: settings.limits.write_timeout,
        drain_timeout: settings.limits.drain_timeout,
    };
    let unready_pause = settings.limits.unready_pause;
    let own_usage = OwnUsage::new(database.clone(), settings.usage.time_zone.clone());
    let gateway = Gateway::new(catalog, settings.access, settings.limits, settings.queue, limiter, ledger, sink);
    tasks.spawn(begin_to_drain(gateway.clone(), stop.clone(), unready_pause, background.clone()));
    let router = router(&host, health, metrics, ingress::router(gateway, own_usage), &Assets::load());
    let rest = Rest { tasks, background, writer, services: Arc::clone(&services), database };
    let task = tokio::spawn(serve(listener, router, bounds, stop.clone(), rest));
    Ok(Running { address, setup_url, services, records, stop, task })
}

/// What was in flight when an earlier process was killed counts against budgets too. Tries until it can be read: records
/// are written after that, so that none counts twice.
async fn count_the_journal(ledger: Arc<Ledger>, database: Database) {
    let mut has_failed = false;
    while let Err(error) = ledger.read(&database).await {
        if !std::mem::replace(&mut has_failed, true) {
            tracing::error!(
                error = %ErrorChain(&error),
                "what the journal had does not count against budgets yet: the sums cannot be read; it is tried again"
            );
        }
        tokio::time::sleep(LEDGER_PAUSE).await;
    }
    if has_failed {
        tracing::info!("what the journal had counts against budgets");
    }
}

/// Leads from the first step of a stop to the second: lets the pause pass, unless it is skipped, and then closes the
/// port and tells `/v1`, so that what still comes over open connections is refused with a clear error.
async fn begin_to_drain(gateway: Gateway, stop: Stop, unready_pause: Duration, ended: CancellationToken) {
    let pause_is_over = async {
        stop.unready.cancelled().await;
        tokio::time::sleep(unready_pause).await;
    };
    tokio::select! {
        () = stop.drain.cancelled() => {}
        () = pause_is_over => {}
        () = ended.cancelled() => return,
    }
    gateway.begin_drain();
    stop.drain.cancel();
}

/// What is taken down after the last connection has ended.
struct Rest {
    tasks: TaskTracker,
    background: CancellationToken,
    writer: UsageWriter,
    services: Arc<Services>,
    database: Database,
}

async fn serve(listener: TcpListener, router: Router, bounds: Bounds, stop: Stop, rest: Rest) {
    let cut = listener::serve(listener, router, bounds, stop).await;
    if cut > 0 {
        tracing::warn!(connections = cut, "connections were cut because the drain time was over");
    }
    if !rest.writer.flush_and_stop(FLUSH_PATIENCE).await {
        tracing::error!(
            "the database did not take the last usage records in time; the next start reads them from the journal"
        );
    }
    rest.services.finish().await;
    rest.background.cancel();
    rest.tasks.close();
    rest.tasks.wait().await;
    if let Err(error) = rest.database.close().await {
        tracing::warn!(error = %ErrorChain(&error), "the database could not be closed cleanly");
    }
    tracing::info!("stopped");
}

/// What answers `/metrics`, and whom.
struct Metrics {
    exporter: Exporter,
    is_public: bool,
}

/// All routes. `/v1` stands outside of everything that is about browsers.
fn router(host: &Host, health: Health, metrics: Metrics, traffic: Router, assets: &Assets) -> Router {
    let exporter = metrics.exporter.router();
    let (guarded, public) = if metrics.is_public { (Router::new(), exporter) } else { (exporter, Router::new()) };
    let guarded = guarded.layer(middleware::from_fn(caller::require));
    let administration = dashboard::router(assets)
        .layer(middleware::from_fn(security::limit_body))
        .merge(api::router(host.clone()))
        .merge(guarded)
        .layer(middleware::from_fn_with_state(host.clone(), caller::identify))
        .layer(middleware::from_fn_with_state(host.outside.clone(), security::refuse_foreign));
    let open = assets.router().merge(health.router()).merge(public);
    let browsers = administration
        .merge(open)
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .layer(CatchPanicLayer::custom(security::after_panic))
        .layer(middleware::from_fn(request_scope::scope))
        .layer(middleware::from_fn_with_state(host.outside.clone(), security::headers));
    traffic.merge(browsers)
}

fn outside(settings: &Settings) -> Outside {
    let public_url = settings.public_url.as_ref();
    Outside {
        public_origin: public_url.map(|url| Arc::from(url.origin().ascii_serialization())),
        is_encrypted: public_url.is_some_and(|url| url.scheme() == "https"),
    }
}

/// Under which address somebody at this machine reaches the dashboard.
fn visible_origin(outside: &Outside, address: SocketAddr) -> String {
    if let Some(origin) = &outside.public_origin {
        return origin.to_string();
    }
    format!("http://{}", visible_address(address))
}

/// The address to type: one that means "every interface" is reached by loopback.
pub fn visible_address(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
