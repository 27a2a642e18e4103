//! Accepts connections and serves them: HTTP/1.1 without TLS.
//!
//! HTTP/2 is left out on purpose. A reverse proxy speaks HTTP/1.1 to what stands behind it, and so does every client
//! without TLS; and over HTTP/2, flow control hides a client that does not read: its socket stays writable, so the
//! write timeout would never cut it.
//!
//! Everything that a stranger could hold on to is bounded: the number of connections (further ones wait in the
//! kernel's queue), the time until a request's head has come, and the time for which a client may refuse to read what
//! was written to it. A stop is graceful: nothing new is accepted, idle connections end at once, and requests in flight
//! may finish until the drain time is over.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use sluice::telemetry::ErrorChain;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_io_timeout::TimeoutWriter;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

/// How long to wait after the system refused to accept (usually: out of file descriptors) before trying again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
/// How often at most that is logged.
const COMPLAINT_INTERVAL: Duration = Duration::from_secs(30);

/// The bounds of the listener.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Connections that are open at a time; at least 1.
    pub max_connections: usize,
    /// From the connection, or the end of the request before, to the whole head of a request. Idle connections end
    /// after this time too.
    pub header_read_timeout: Duration,
    /// How long a client may leave written bytes unread before its connection is cut.
    pub write_timeout: Duration,
    /// How long requests in flight may go on after a stop was asked for.
    pub drain_timeout: Duration,
}

/// The three steps of a stop.
#[derive(Clone, Debug)]
pub struct Stop {
    /// Say that this process is not ready, and go on serving. Cancelled at the latest when `drain` is.
    pub unready: CancellationToken,
    /// Accept nothing new, let what is in flight finish.
    pub drain: CancellationToken,
    /// Cut everything now.
    pub cut: CancellationToken,
}

impl Default for Stop {
    fn default() -> Self {
        let drain = CancellationToken::new();
        Self { unready: drain.child_token(), drain, cut: CancellationToken::new() }
    }
}

/// Opens a port.
///
/// # Errors
/// One line that says which address it was and, for the usual reasons, what to do.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, BindError> {
    TcpListener::bind(address).await.map_err(|source| BindError { address, source })
}

/// A port that could not be opened.
#[derive(Debug)]
pub struct BindError {
    address: SocketAddr,
    source: io::Error,
}

impl std::fmt::Display for BindError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let address = self.address;
        match self.source.kind() {
            io::ErrorKind::AddrInUse => write!(
                formatter,
                "cannot listen on {address}: another process uses this port; choose another one with `--listen` or \
                 `SLUICE_LISTEN`"
            ),
            io::ErrorKind::PermissionDenied => write!(
                formatter,
                "cannot listen on {address}: no permission; ports below 1024 usually need extra rights"
            ),
            io::ErrorKind::AddrNotAvailable => {
                write!(formatter, "cannot listen on {address}: this machine does not have this address")
            }
            _ => write!(formatter, "cannot listen on {address}: {}", self.source),
        }
    }
}

impl std::error::Error for BindError {}

/// Serves until `stop.drain` is cancelled and everything in flight has ended, or was cut because the drain time was
/// over or `stop.cut` was cancelled. Returns how many connections were cut.
pub async fn serve(listener: TcpListener, router: Router, bounds: Bounds, stop: Stop) -> usize {
    let tasks = TaskTracker::new();
    let accept = Acceptor { router, bounds, stop: stop.clone(), tasks: tasks.clone(), builder: builder(bounds) };
    let permits = Arc::new(Semaphore::new(bounds.max_connections.max(1)));
    let mut complained: Option<Instant> = None;
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.drain.cancelled() => break,
            () = stop.cut.cancelled() => break,
            accepted = next_connection(&listener, &permits) => accepted,
        };
        match accepted {
            Ok((stream, peer, permit)) => accept.spawn(stream, peer, permit),
            Err(error) if is_about_one_connection(&error) => {
                tracing::debug!(%error, "a connection ended before it was accepted");
            }
            Err(error) => {
                if complained.is_none_or(|last| last.elapsed() >= COMPLAINT_INTERVAL) {
                    tracing::warn!(%error, "cannot accept connections; trying again");
                    complained = Some(Instant::now());
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    // Closes the port: from here on, new connections are refused by the system.
    drop(listener);
    tasks.close();
    tokio::select! {
        () = tasks.wait() => return 0,
        () = tokio::time::sleep(bounds.drain_timeout) => {}
        () = stop.cut.cancelled() => {}
    }
    let left = tasks.len();
    stop.cut.cancel();
    tasks.wait().await;
    left
}

async fn next_connection(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    // The permit comes first, so that a connection beyond the bound stays in the kernel's queue.
    let permit = Arc::clone(permits).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, permit))
}

fn is_about_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}

fn builder(bounds: Bounds) -> Builder {
    let mut builder = Builder::new();
    // hyper starts this clock when it begins to wait for a head, so it covers a client that never says anything too.
    builder.timer(TokioTimer::new()).header_read_timeout(bounds.header_read_timeout);
    builder
}

/// What every connection is served with.
struct Acceptor {
    router: Router,
    bounds: Bounds,
    stop: Stop,
    tasks: TaskTracker,
    builder: Builder,
}

impl Acceptor {
    fn spawn(&self, stream: TcpStream, peer: SocketAddr, permit: OwnedSemaphorePermit) {
        let connection =
            serve_connection(self.builder.clone(), self.router.clone(), self.bounds, self.stop.clone(), stream, peer);
        self.tasks.spawn(async move {
            connection.await;
            drop(permit);
        });
    }
}

async fn serve_connection(
    builder: Builder,
    router: Router,
    bounds: Bounds,
    stop: Stop,
    stream: TcpStream,
    peer: SocketAddr,
) {
    // Streamed answers are many small writes; each is wanted at once.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    let mut stream = TimeoutWriter::new(stream);
    stream.set_timeout(Some(bounds.write_timeout));
    let service = service_fn(move |request: Request<Incoming>| answer(router.clone(), request, peer));
    let connection = builder.serve_connection(TokioIo::new(Box::pin(stream)), service);
    let mut connection = std::pin::pin!(connection);
    let mut is_draining = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(error = %ErrorChain(&error), "a connection ended early");
                }
                return;
            }
            () = stop.drain.cancelled(), if !is_draining => {
                is_draining = true;
                connection.as_mut().graceful_shutdown();
            }
            () = stop.cut.cancelled() => return,
        }
    }
}

async fn answer(router: Router, request: Request<Incoming>, peer: SocketAddr) -> Result<Response<Body>, Infallible> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(ConnectInfo(peer));
    router.oneshot(request).await
}
