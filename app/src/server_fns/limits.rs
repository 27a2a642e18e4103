//! How full limits are, and who waits.

use leptos::server;
use leptos::server_fn::codec::GetUrl;
use serde::{Deserialize, Serialize};
use sluice::model::{ServerId, ServerLimitState, ServerView};

use crate::UiError;

/// Everything on the page of a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerPage {
    /// The server.
    pub server: ServerView,
    /// Its limits and its queue.
    pub state: ServerLimitState,
    /// The gateway's clock, in milliseconds since 1970 UTC: pages have none while they render.
    pub now_ms: i64,
}

/// A server and its limits at this moment.
#[server(prefix = "/api/ui", endpoint = "limits/server", input = GetUrl)]
pub async fn get_server_page(id: ServerId) -> Result<ServerPage, UiError> {
    use sluice::model::Resource;
    use sluice::services::ServiceError;

    let context = crate::ssr::request_context()?;
    let server = context.answer(context.services.servers.get(&context.actor, id).await)?;
    let state = match context.services.queues.server(&context.actor, id).await {
        // It exists, and nothing has gone through it since it was added or switched on.
        Err(ServiceError::NotFound(Resource::Server)) => idle(&server),
        answer => context.answer(answer)?,
    };
    Ok(ServerPage { server, state, now_ms: crate::ssr::now_ms() })
}

/// The limits and queues of all servers, without the requests that wait.
#[server(prefix = "/api/ui", endpoint = "limits/list", input = GetUrl)]
pub async fn list_limits() -> Result<Vec<ServerLimitState>, UiError> {
    let context = crate::ssr::request_context()?;
    let mut states = context.answer(context.services.queues.servers(&context.actor).await)?;
    for state in &mut states {
        state.state.queue.waiters.clear();
    }
    Ok(states)
}

/// Takes a waiting request out of a server's queue.
#[server(prefix = "/api/ui", endpoint = "limits/cancel")]
pub async fn cancel_waiter(server_id: ServerId, #[server(default)] request_id: String) -> Result<(), UiError> {
    use sluice::model::{Refusal, Resource};

    let context = crate::ssr::signed_in_context()?;
    let request = request_id.parse().map_err(|_| Refusal::NotFound { resource: Resource::Waiter })?;
    context.answer(context.services.queues.cancel(&context.actor, server_id, request).await)
}

/// A server that nothing goes through.
#[cfg(feature = "ssr")]
fn idle(server: &ServerView) -> ServerLimitState {
    use sluice::model::{Fill, LimitState, QueueState};

    let unused = |limit| Fill { used: 0, limit, frees_in_ms: Some(0) };
    ServerLimitState {
        server_id: server.id,
        state: LimitState {
            requests: unused(server.limits.requests_per_minute),
            tokens: unused(server.limits.tokens_per_minute),
            concurrency: unused(server.limits.concurrency),
            window_ms: 60_000,
            queue: QueueState { capacity: server.queue.length, ..QueueState::default() },
        },
        paused_ms: None,
        upstream: None,
    }
}
