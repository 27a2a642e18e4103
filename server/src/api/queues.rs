//! How full limits are, and who waits in front of them: `/api/limits` and what belongs to one server, app or key.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use sluice::model::{AppId, KeyId, LimitState, ServerId, ServerLimitState};
use uuid::Uuid;

use super::body::{Id, Parameters};
use super::page::{Page, PageQuery, page};
use crate::caller::Caller;
use crate::host::Host;
use crate::problem::Problem;

pub(super) async fn list(
    State(host): State<Host>,
    caller: Caller,
    Parameters(query): Parameters<PageQuery>,
) -> Result<Json<Page<ServerLimitState>>, Problem> {
    let states = caller.answer(host.services.queues.servers(caller.actor()).await)?;
    page(states, &query, |state| state.server_id.0)
}

pub(super) async fn server(
    State(host): State<Host>,
    caller: Caller,
    Id(id): Id<ServerId>,
) -> Result<Json<ServerLimitState>, Problem> {
    caller.answer(host.services.queues.server(caller.actor(), id).await).map(Json)
}

pub(super) async fn app(
    State(host): State<Host>,
    caller: Caller,
    Id(id): Id<AppId>,
) -> Result<Json<LimitState>, Problem> {
    caller.answer(host.services.queues.app(caller.actor(), id).await).map(Json)
}

pub(super) async fn key(
    State(host): State<Host>,
    caller: Caller,
    Id(id): Id<KeyId>,
) -> Result<Json<LimitState>, Problem> {
    caller.answer(host.services.queues.key(caller.actor(), id).await).map(Json)
}

pub(super) async fn cancel(
    State(host): State<Host>,
    caller: Caller,
    Id((id, request)): Id<(ServerId, Uuid)>,
) -> Result<StatusCode, Problem> {
    caller.answer(host.services.queues.cancel(caller.actor(), id, request).await)?;
    Ok(StatusCode::NO_CONTENT)
}
