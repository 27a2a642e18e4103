//! `/api/live`: tells browsers what changes, as server-sent events.
//!
//! An event `requests` says which request is the newest; the page then asks for rows as it always does. For those who ask
//! for it with `?limits=all` or `?limits=<server>`, an event `limits` brings how full limits and queues are: at once, and then
//! every second while anything of it changes; with `all`, an event `rate` tells in the same way how many requests end at the
//! moment. At most one event of each kind a second goes to a follower, the number of
//! followers is bounded, and a stream ends by itself after a while, so that one that was opened with a session does not
//! outlive it for long; browsers open a new one.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::{Stream, StreamExt as _, stream};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use sluice::model::{RequestRate, ServerId, ServerLimitState};
use sluice::services::ServiceError;
use sluice::usage::RateMeter;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::watch::Receiver;
use tokio::time::{Instant, Interval, MissedTickBehavior};
use uuid::Uuid;

use super::body::Parameters;
use crate::caller::Caller;
use crate::host::Host;
use crate::problem::Problem;

/// Shortest time between two events of a kind.
const PAUSE: Duration = Duration::from_secs(1);
/// A comment keeps proxies from closing a quiet stream.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long one stream goes on before the browser has to show its session again.
const LIFETIME: Duration = Duration::from_mins(10);

/// What a follower wants to know besides new requests.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LiveQuery {
    /// `all`, or the id of a server.
    #[serde(default)]
    limits: Option<String>,
}

#[derive(Serialize)]
struct Newest {
    newest: Uuid,
}

pub(super) async fn follow(
    State(host): State<Host>,
    caller: Caller,
    Parameters(query): Parameters<LiveQuery>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let scope = query.limits.as_deref().map(Scope::read).transpose()?;
    if let Some(scope) = scope {
        // Whoever may not see it, or asks for what does not exist, learns so before the stream begins.
        caller.answer(scope.state(&host, &caller).await)?;
    }
    let place = Arc::clone(&host.live_places).try_acquire_owned().map_err(|_| {
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "too_many_followers",
            "Too many browsers follow the live events",
            "close some of them, or reload the page to see new requests",
        )
        .retry_after(30)
    })?;
    let requests = Requests { newest: host.newest_request.clone(), sent_at: None, _place: place };
    let ends = {
        let draining = host.draining.clone();
        async move {
            tokio::select! {
                () = draining.cancelled() => {}
                () = tokio::time::sleep(LIFETIME) => {}
            }
        }
    };
    let rate = matches!(scope, Some(Scope::All))
        .then(|| stream::unfold(Rate { meter: host.rate.clone(), ticks: ticks(), last: None }, Rate::next).map(Some));
    let limits =
        scope.map(|scope| stream::unfold(Limits { host, caller, scope, ticks: ticks(), last: None }, Limits::next));
    // When the server is gone, the whole stream ends, so that the page asks again and finds that out.
    let limits = stream::iter(limits).flat_map(|limits| limits.map(Some).chain(stream::iter([None])));
    let requests = stream::unfold(requests, Requests::next).map(Some);
    let rate = stream::iter(rate).flatten();
    let events = stream::select(requests, stream::select(limits, rate))
        .take_while(|event| std::future::ready(event.is_some()))
        .filter_map(std::future::ready)
        .take_until(Box::pin(ends));
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT)))
}

fn ticks() -> Interval {
    let mut ticks = tokio::time::interval(PAUSE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

struct Requests {
    newest: Receiver<Option<Uuid>>,
    sent_at: Option<Instant>,
    _place: OwnedSemaphorePermit,
}

impl Requests {
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        loop {
            self.newest.changed().await.ok()?;
            if let Some(sent_at) = self.sent_at {
                tokio::time::sleep_until(sent_at + PAUSE).await;
            }
            // Whatever came during the pause goes out with this one event.
            let newest = *self.newest.borrow_and_update();
            if let Some(newest) = newest
                && let Ok(event) = Event::default().event("requests").json_data(Newest { newest })
            {
                self.sent_at = Some(Instant::now());
                return Some((Ok(event), self));
            }
        }
    }
}

/// Whose limits.
#[derive(Clone, Copy, Debug)]
enum Scope {
    /// Every server's, without the requests that wait.
    All,
    /// One server's.
    Server(ServerId),
}

impl Scope {
    fn read(text: &str) -> Result<Self, Problem> {
        if text == "all" {
            return Ok(Self::All);
        }
        text.parse().map(Self::Server).map_err(|_| {
            Problem::new(
                StatusCode::BAD_REQUEST,
                "invalid_query",
                "The query cannot be read",
                "`limits` is `all` or the id of a server",
            )
        })
    }

    async fn state(self, host: &Host, caller: &Caller) -> Result<Vec<ServerLimitState>, ServiceError> {
        let queues = &host.services.queues;
        match self {
            Self::Server(id) => queues.server(caller.actor(), id).await.map(|state| vec![state]),
            Self::All => {
                let mut states = queues.servers(caller.actor()).await?;
                for state in &mut states {
                    state.state.queue.waiters.clear();
                }
                Ok(states)
            }
        }
    }
}

struct Limits {
    host: Host,
    caller: Caller,
    scope: Scope,
    ticks: Interval,
    last: Option<Vec<ServerLimitState>>,
}

impl Limits {
    /// Ends when the server is gone.
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        loop {
            self.ticks.tick().await;
            let states = self.scope.state(&self.host, &self.caller).await.ok()?;
            if self.last.as_ref() == Some(&states) {
                continue;
            }
            let event = Event::default().event("limits").json_data(&states).ok()?;
            self.last = Some(states);
            return Some((Ok(event), self));
        }
    }
}

struct Rate {
    meter: RateMeter,
    ticks: Interval,
    last: Option<RequestRate>,
}

impl Rate {
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        loop {
            self.ticks.tick().await;
            let rate = self.meter.rate();
            if self.last == Some(rate) {
                continue;
            }
            let event = Event::default().event("rate").json_data(rate).ok()?;
            self.last = Some(rate);
            return Some((Ok(event), self));
        }
    }
}
