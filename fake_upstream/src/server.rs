//! The listening socket, its connections and their end.
//!
//! Does not know what is answered (`routes` does). Invariants: at most [`MAX_CONNECTIONS`] connections at a time;
//! every task belongs to one tracker, which `shutdown` waits for; dropping the [`FakeUpstream`] stops it too.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::builder::FakeUpstreamBuilder;
use crate::connection::{Connection, ScriptedStream};
use crate::history::History;
use crate::ledger::Ledger;
use crate::routes;

/// Connections that are served at the same time; more wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 16_384;
/// The largest request head, and about what is buffered of an answer per connection.
const MAX_BUFFER_BYTES: usize = 64 * 1024;
/// How long accepting pauses after an error, which is most often a lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// What the builder decided about answers.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) api_key: Option<String>,
    pub(crate) models: Vec<String>,
}

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) ledger: Ledger,
    /// What scripts look back on; unlike the ledger it is never cleared.
    pub(crate) history: Mutex<History>,
    answers: AtomicU64,
}

impl Shared {
    /// A number that no other answer of this upstream has.
    pub(crate) fn next_answer(&self) -> u64 {
        self.answers.fetch_add(1, Ordering::Relaxed)
    }
}

/// A running upstream. It stops at [`shutdown`](Self::shutdown), or when it is dropped.
#[derive(Debug)]
pub struct FakeUpstream {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: CancellationToken,
    tasks: TaskTracker,
    _stop_on_drop: DropGuard,
}

impl FakeUpstream {
    /// Starts to set one up.
    pub fn builder() -> FakeUpstreamBuilder {
        FakeUpstreamBuilder::new()
    }

    pub(crate) async fn start(settings: Settings, listen: SocketAddr, keep_bodies: bool) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            settings,
            ledger: Ledger::new(keep_bodies),
            history: Mutex::new(History::new()),
            answers: AtomicU64::new(1),
        });
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        tasks.spawn(accept(listener, Arc::clone(&shared), tasks.clone(), stop.clone()));
        let stop_on_drop = stop.clone().drop_guard();
        Ok(Self { address, shared, stop, tasks, _stop_on_drop: stop_on_drop })
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base URL for an OpenAI client, `http://127.0.0.1:PORT/v1`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// What it received and what became of it. A clone outlives the upstream.
    pub fn ledger(&self) -> &Ledger {
        &self.shared.ledger
    }

    /// Stops at once: connections are dropped, unfinished calls count as cancelled, the port is free afterwards.
    /// May be called more than once.
    pub async fn shutdown(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, tasks: TaskTracker, stop: CancellationToken) {
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let serving = async {
        // The semaphore is never closed, so that this loop ends only with `stop`.
        while let Ok(permit) = Arc::clone(&permits).acquire_owned().await {
            match listener.accept().await {
                Ok((stream, _)) => {
                    tasks.spawn(serve(stream, Arc::clone(&shared), stop.clone(), permit));
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            }
        }
    };
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        () = serving => {}
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>, stop: CancellationToken, _permit: OwnedSemaphorePermit) {
    // Without Nagle's algorithm off, the kernel would glue the pieces together that scripts ask for.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let connection = Connection::default();
    let stream = TokioIo::new(ScriptedStream::new(stream, connection.clone()));
    let service = service_fn(move |request| routes::answer(Arc::clone(&shared), connection.clone(), request));
    let serving = http1::Builder::new().max_buf_size(MAX_BUFFER_BYTES).serve_connection(stream, service);
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        // An error is a caller who left or a fault that the script asked for: the ledger knows either.
        _ = serving => {}
    }
}
