//! `/api/apps`: calling applications.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::LOCATION;
use sluice::model::{AppId, AppInput, AppView, Refusal, Resource};

use super::body::{EnabledInput, Id, Input, Parameters};
use super::page::{Page, PageQuery, page};
use crate::caller::Caller;
use crate::host::Host;
use crate::problem::Problem;

pub(super) async fn list(
    State(host): State<Host>,
    caller: Caller,
    Parameters(query): Parameters<PageQuery>,
) -> Result<Json<Page<AppView>>, Problem> {
    let apps = caller.answer(host.services.apps.list(caller.actor()).await)?;
    page(apps, &query, |app| app.id.0)
}

pub(super) async fn create(
    State(host): State<Host>,
    caller: Caller,
    Input(input): Input<AppInput>,
) -> Result<Response, Problem> {
    let app = caller.answer(host.services.apps.create(caller.actor(), input).await)?;
    let location = format!("/api/apps/{}", app.id);
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(app)).into_response())
}

pub(super) async fn show(
    State(host): State<Host>,
    caller: Caller,
    Id(id): Id<AppId>,
) -> Result<Json<AppView>, Problem> {
    let apps = caller.answer(host.services.apps.list(caller.actor()).await)?;
    let app = apps.into_iter().find(|app| app.id == id);
    app.map(Json).ok_or_else(|| Problem::from(&Refusal::NotFound { resource: Resource::App }))
}

pub(super) async fn set_enabled(
    State(host): State<Host>,
    caller: Caller,
    Id(id): Id<AppId>,
    Input(input): Input<EnabledInput>,
) -> Result<Json<AppView>, Problem> {
    caller.answer(host.services.apps.set_enabled(caller.actor(), id, input.enabled).await).map(Json)
}

pub(super) async fn remove(State(host): State<Host>, caller: Caller, Id(id): Id<AppId>) -> Result<StatusCode, Problem> {
    caller.answer(host.services.apps.delete(caller.actor(), id).await)?;
    Ok(StatusCode::NO_CONTENT)
}
