//! Sending to upstreams: pooled connections, and one more try when a pooled one was dead.

use std::cell::Cell;
use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::RwLock;
use tokio::time::Instant;
use tower::{Layer, Service};

use super::client::{build, client_builder};
use super::watched_body::{WatchedBody, Written};
use super::{AddressPolicy, AddressRefusal, OutboundError, check_url};

/// How soon after sending a dead connection shows itself. One that breaks later broke while the upstream worked on the
/// request, and that must not be done twice.
const DEAD_ON_ARRIVAL: Duration = Duration::from_millis(500);
/// Most distinct connect timeouts for which connections are pooled at once.
const MAX_CLIENTS: usize = 64;

tokio::task_local! {
    /// Whether a new connection was begun on behalf of the request that the task is sending.
    static CONNECTION_BEGUN: Cell<bool>;
}

/// Why nothing came back.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The URL leads where it must not.
    #[error("the address is not allowed")]
    Refused(#[from] AddressRefusal),
    /// The HTTP client could not be built.
    #[error(transparent)]
    Client(#[from] OutboundError),
    /// Connecting, sending or waiting for the head failed.
    #[error("the request failed")]
    Request(#[from] reqwest::Error),
}

/// The head of an answer.
#[derive(Debug)]
pub struct Sent {
    /// The answer, with its body still to come.
    pub response: reqwest::Response,
    /// Whether the request was sent a second time, because the first connection was dead.
    pub was_repeated: bool,
}

/// The clients for all upstreams: one per connect timeout, because that is a property of a client.
#[derive(Debug)]
pub struct UpstreamClients {
    policy: AddressPolicy,
    clients: RwLock<HashMap<Duration, ClientPair>>,
}

#[derive(Clone, Debug)]
struct ClientPair {
    pooled: reqwest::Client,
    /// Keeps no connections, so that the second try cannot get a dead one again.
    fresh: reqwest::Client,
}

impl UpstreamClients {
    /// Clients with these rules on where they may lead.
    pub fn new(policy: AddressPolicy) -> Self {
        Self { policy, clients: RwLock::new(HashMap::new()) }
    }

    /// Sends a request with this body and waits for the head of the answer. `written` is marked when the request is
    /// written to a connection.
    ///
    /// If it went out on a connection that had been used before and that broke at once, with nothing come back, the
    /// upstream had closed it while it was idle; then the request is sent once more, on a new connection. A request that
    /// was the first on its connection, or that was waited for, is never repeated: it may have been executed.
    ///
    /// Cancel safe: dropping it closes what it opened.
    ///
    /// # Errors
    /// The address is not allowed, or no head came.
    pub async fn send(
        &self,
        mut request: reqwest::Request,
        body: Bytes,
        connect_timeout: Duration,
        written: &Arc<Written>,
    ) -> Result<Sent, SendError> {
        check_url(request.url(), self.policy)?;
        let clients = self.clients(connect_timeout)?;
        let once = |response| Sent { response, was_repeated: false };
        let watched = |body| Some(reqwest::Body::wrap(WatchedBody::new(body, Arc::clone(written))));
        let again = request.try_clone();
        *request.body_mut() = watched(body.clone());
        let Some(mut again) = again else { return Ok(once(clients.pooled.execute(request).await?)) };
        let began = Instant::now();
        let (outcome, connection_begun) = CONNECTION_BEGUN
            .scope(Cell::new(false), async {
                let outcome = clients.pooled.execute(request).await;
                (outcome, CONNECTION_BEGUN.with(Cell::get))
            })
            .await;
        match outcome {
            Err(error) if !connection_begun && began.elapsed() < DEAD_ON_ARRIVAL && broke_before_the_answer(&error) => {
                tracing::debug!("a pooled connection was dead; sending again on a new one");
                *again.body_mut() = watched(body);
                Ok(Sent { response: clients.fresh.execute(again).await?, was_repeated: true })
            }
            outcome => Ok(once(outcome?)),
        }
    }

    fn clients(&self, connect_timeout: Duration) -> Result<ClientPair, OutboundError> {
        if let Some(pair) = self.clients.read().get(&connect_timeout) {
            return Ok(pair.clone());
        }
        let pair = ClientPair {
            pooled: build(client_builder(self.policy, connect_timeout).connector_layer(NoteConnection))?,
            fresh: build(client_builder(self.policy, connect_timeout).pool_max_idle_per_host(0))?,
        };
        let mut clients = self.clients.write();
        if clients.len() >= MAX_CLIENTS {
            // Requests in flight keep their own handle; only idle connections are lost.
            clients.clear();
        }
        Ok(clients.entry(connect_timeout).or_insert(pair).clone())
    }
}

/// Whether the connection ended before one byte of the answer: told by type, not by text.
fn broke_before_the_answer(error: &reqwest::Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<hyper::Error>()
            && (error.is_incomplete_message() || error.is_canceled() || error.is_closed())
        {
            return true;
        }
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected};
            return matches!(error.kind(), ConnectionReset | BrokenPipe | ConnectionAborted | NotConnected);
        }
        cause = error.source();
    }
    false
}

/// Notes for the task that is sending that a new connection is being made for it.
#[derive(Clone, Copy, Debug)]
struct NoteConnection;

impl<S> Layer<S> for NoteConnection {
    type Service = NotingConnector<S>;

    fn layer(&self, connector: S) -> Self::Service {
        NotingConnector { connector }
    }
}

#[derive(Clone, Debug)]
struct NotingConnector<S> {
    connector: S,
}

impl<S: Service<R>, R> Service<R> for NotingConnector<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.connector.poll_ready(context)
    }

    fn call(&mut self, destination: R) -> Self::Future {
        // Outside of `send` nobody wants to know.
        let _ = CONNECTION_BEGUN.try_with(|begun| begun.set(true));
        self.connector.call(destination)
    }
}
