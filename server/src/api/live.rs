//! `/api/live`: tells browsers that new requests were written down, as server-sent events.
//!
//! An event says only which request is the newest; the page then asks for rows as it always does. At most one event a
//! second goes to a follower, the number of followers is bounded, and a stream ends by itself after a while, so that
//! one that was opened with a session does not outlive it for long; browsers open a new one.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::{Stream, StreamExt as _, stream};
use http::StatusCode;
use serde::Serialize;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::watch::Receiver;
use tokio::time::Instant;
use uuid::Uuid;

use crate::host::Host;
use crate::problem::Problem;

/// Shortest time between two events.
const PAUSE: Duration = Duration::from_secs(1);
/// A comment keeps proxies from closing a quiet stream.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long one stream goes on before the browser has to show its session again.
const LIFETIME: Duration = Duration::from_mins(10);

#[derive(Serialize)]
struct Newest {
    newest: Uuid,
}

pub(super) async fn follow(
    State(host): State<Host>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let place = Arc::clone(&host.live_places).try_acquire_owned().map_err(|_| {
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "too_many_followers",
            "Too many browsers follow the live events",
            "close some of them, or reload the page to see new requests",
        )
        .retry_after(30)
    })?;
    let follower = Follower { newest: host.newest_request.clone(), sent_at: None, _place: place };
    let ends = {
        let draining = host.draining.clone();
        async move {
            tokio::select! {
                () = draining.cancelled() => {}
                () = tokio::time::sleep(LIFETIME) => {}
            }
        }
    };
    let events = stream::unfold(follower, next).take_until(Box::pin(ends));
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT)))
}

struct Follower {
    newest: Receiver<Option<Uuid>>,
    sent_at: Option<Instant>,
    _place: OwnedSemaphorePermit,
}

async fn next(mut follower: Follower) -> Option<(Result<Event, Infallible>, Follower)> {
    loop {
        follower.newest.changed().await.ok()?;
        if let Some(sent_at) = follower.sent_at {
            tokio::time::sleep_until(sent_at + PAUSE).await;
        }
        // Whatever came during the pause goes out with this one event.
        let newest = *follower.newest.borrow_and_update();
        if let Some(newest) = newest
            && let Ok(event) = Event::default().event("requests").json_data(Newest { newest })
        {
            follower.sent_at = Some(Instant::now());
            return Some((Ok(event), follower));
        }
    }
}
