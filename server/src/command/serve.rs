//! `sluice serve`: the gateway itself.

use std::net::SocketAddr;

use clap::Args;
use sluice::config::Settings;
use sluice::telemetry::init_logging;
use tokio::signal::unix::{SignalKind, signal};

use crate::run::{Running, start, visible_address};
use crate::{console, listener};

/// Arguments of `sluice serve`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sluice serve
  sluice serve --listen 0.0.0.0:8080 --config sluice.toml
  SLUICE_DATA_DIR=/var/lib/sluice sluice serve")]
pub(super) struct Arguments {
    /// Where to listen, e.g. `127.0.0.1:8080`; overrides the settings.
    #[arg(long, value_name = "ADDRESS")]
    pub(super) listen: Option<SocketAddr>,
}

pub(super) async fn run(arguments: Arguments, mut settings: Settings) -> anyhow::Result<()> {
    if let Some(listen) = arguments.listen {
        settings.listen = listen;
    }
    init_logging(&settings.log)?;
    // The port comes first: a second process by mistake should not touch the database.
    let listener = listener::bind(settings.listen).await?;
    raise_open_files(settings.limits.max_connections);
    let data_dir = settings.data_dir.clone();
    let running = Box::pin(start(settings, listener)).await?;
    let address = running.address();
    tracing::info!(%address, data_dir = %data_dir.display(), version = env!("CARGO_PKG_VERSION"), "listening");
    announce(&running);
    stop_at_signals(running).await
}

/// Raises this process's limit of open files to what the system allows: a request needs two sockets, and shells
/// commonly start programs with 1024.
fn raise_open_files(max_connections: usize) {
    let wanted = u64::try_from(max_connections).unwrap_or(u64::MAX).saturating_mul(2);
    match rlimit::increase_nofile_limit(wanted) {
        Ok(limit) if limit < wanted => tracing::warn!(
            open_files = limit,
            wanted,
            "the system allows fewer open files than `limits.max_connections` can need; raise it (`ulimit -Hn`) or lower the setting"
        ),
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "the limit of open files cannot be raised"),
    }
}

/// Tells people at the console where to go. Only they see the set-up link: it is never in the log.
fn announce(running: &Running) {
    let dashboard = format!("http://{}", visible_address(running.address()));
    match running.setup_url() {
        Some(setup_url) => console::notice(&[
            format!("Sluice runs on {dashboard} and has no administrator yet."),
            "Open this link once to create one:".to_owned(),
            String::new(),
            format!("  {setup_url}"),
            String::new(),
            "It works until it is used or Sluice is started again, which prints a new one.".to_owned(),
        ]),
        None => console::line(format!("Sluice runs on {dashboard} (Ctrl-C stops it)")),
    }
}

/// Waits for a signal and stops gracefully. A further signal skips the pause before the port closes, if it is on, and
/// otherwise cuts everything.
pub(super) async fn stop_at_signals(running: Running) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stop = running.stop();
    let mut stopped = std::pin::pin!(running.wait());
    tokio::select! {
        result = stopped.as_mut() => return result,
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping: not ready from now on; another signal shortens what follows");
    stop.unready.cancel();
    tokio::select! {
        result = stopped.as_mut() => return result,
        () = stop.drain.cancelled() => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("nothing new is accepted, requests in flight may finish; another signal stops at once");
    stop.drain.cancel();
    tokio::select! {
        result = stopped.as_mut() => return result,
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::warn!("stopping at once");
    stop.cut.cancel();
    stopped.await
}
