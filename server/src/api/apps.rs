//! `/api/apps`: calling applications.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::LOCATION;
use serde::Deserialize;
use sluice::model::{AppId, AppInput, AppView, Budget, Limits, Refusal, Resource};
use sluice::services::AppChange;

use super::body::{Id, Input, Parameters, invalid_body, present};
use super::page::{Page, PageQuery, page};
use crate::caller::Caller;
use crate::host::Host;
use crate::problem::Problem;

/// What is to be changed about an app; what is not named stays.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangeInput {
    #[serde(default, deserialize_with = "present")]
    enabled: Option<bool>,
    /// All of them: one that is not named in it is lifted.
    #[serde(default, deserialize_with = "present")]
    limits: Option<Limits>,
    /// All of them: one that is not named in it is lifted.
    #[serde(default, deserialize_with = "present")]
    budgets: Option<Vec<Budget>>,
}

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

pub(super) async fn change(
    State(host): State<Host>,
    caller: Caller,
    Id(id): Id<AppId>,
    Input(ChangeInput { enabled, limits, budgets }): Input<ChangeInput>,
) -> Result<Json<AppView>, Problem> {
    if enabled.is_none() && limits.is_none() && budgets.is_none() {
        return Err(invalid_body("name `enabled`, `limits` or `budgets`"));
    }
    let change = AppChange { enabled, limits, budgets };
    caller.answer(host.services.apps.change(caller.actor(), id, change).await).map(Json)
}

pub(super) async fn remove(State(host): State<Host>, caller: Caller, Id(id): Id<AppId>) -> Result<StatusCode, Problem> {
    caller.answer(host.services.apps.delete(caller.actor(), id).await)?;
    Ok(StatusCode::NO_CONTENT)
}
