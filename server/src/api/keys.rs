//! `/api/keys`: keys that Sluice issues to apps.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::LOCATION;
use sluice::model::{KeyId, KeyInput, KeyView, Refusal, Resource};

use super::body::{Id, Input, Parameters};
use super::page::{Page, PageQuery, page};
use crate::caller::Caller;
use crate::host::Host;
use crate::problem::Problem;

pub(super) async fn list(
    State(host): State<Host>,
    caller: Caller,
    Parameters(query): Parameters<PageQuery>,
) -> Result<Json<Page<KeyView>>, Problem> {
    let keys = caller.answer(host.services.keys.list(caller.actor()).await)?;
    page(keys, &query, |key| key.id.0)
}

/// The only answer that ever carries a key.
pub(super) async fn create(
    State(host): State<Host>,
    caller: Caller,
    Input(input): Input<KeyInput>,
) -> Result<Response, Problem> {
    let created = caller.answer(host.services.keys.create(caller.actor(), input).await)?;
    let location = format!("/api/keys/{}", created.view.id);
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(created)).into_response())
}

pub(super) async fn show(
    State(host): State<Host>,
    caller: Caller,
    Id(id): Id<KeyId>,
) -> Result<Json<KeyView>, Problem> {
    let keys = caller.answer(host.services.keys.list(caller.actor()).await)?;
    let key = keys.into_iter().find(|key| key.id == id);
    key.map(Json).ok_or_else(|| Problem::from(&Refusal::NotFound { resource: Resource::Key }))
}

pub(super) async fn update(
    State(host): State<Host>,
    caller: Caller,
    Id(id): Id<KeyId>,
    Input(input): Input<KeyInput>,
) -> Result<Json<KeyView>, Problem> {
    caller.answer(host.services.keys.update(caller.actor(), id, input).await).map(Json)
}

/// Revoked keys stay in the list, so the answer is the key as it is now.
pub(super) async fn revoke(
    State(host): State<Host>,
    caller: Caller,
    Id(id): Id<KeyId>,
) -> Result<Json<KeyView>, Problem> {
    caller.answer(host.services.keys.revoke(caller.actor(), id).await).map(Json)
}
