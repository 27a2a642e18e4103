//! `fake-upstream`: the scripted upstream as a program. It prints its base URL and serves until it is told to stop.

use std::io::{self, Write};
use std::net::SocketAddr;

use clap::Parser;
use sluice_fake_upstream::FakeUpstream;

/// A scripted OpenAI-compatible upstream.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The address to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// The key that requests must carry; without it any will do.
    #[arg(long)]
    api_key: Option<String>,
    /// A model to list; may be repeated.
    #[arg(long = "model")]
    models: Vec<String>,
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let arguments = Arguments::parse();
    // The program is for demos and benchmarks, where nobody reads bodies back.
    let mut builder = FakeUpstream::builder().listen(arguments.listen).keep_bodies(false);
    if let Some(key) = arguments.api_key {
        builder = builder.api_key(key);
    }
    if !arguments.models.is_empty() {
        builder = builder.models(arguments.models);
    }
    let upstream = builder.start().await?;
    let mut output = io::stdout();
    writeln!(output, "{}", upstream.base_url())?;
    output.flush()?;
    stopped().await?;
    upstream.shutdown().await;
    Ok(())
}

#[cfg(unix)]
async fn stopped() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn stopped() -> io::Result<()> {
    tokio::signal::ctrl_c().await
}
