//! `/api/prices`: what models cost.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::LOCATION;
use sluice::model::{PriceId, PriceInput, PriceList, PriceView};

use super::body::{Id, Input};
use crate::caller::Caller;
use crate::host::Host;
use crate::problem::Problem;

pub(super) async fn list(State(host): State<Host>, caller: Caller) -> Result<Json<PriceList>, Problem> {
    caller.answer(host.services.prices.list(caller.actor()).await).map(Json)
}

pub(super) async fn create(
    State(host): State<Host>,
    caller: Caller,
    Input(input): Input<PriceInput>,
) -> Result<Response, Problem> {
    let price = caller.answer(host.services.prices.create(caller.actor(), input).await)?;
    let location = format!("/api/prices/{}", price.id);
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(price)).into_response())
}

pub(super) async fn show(
    State(host): State<Host>,
    caller: Caller,
    Id(id): Id<PriceId>,
) -> Result<Json<PriceView>, Problem> {
    caller.answer(host.services.prices.get(caller.actor(), id).await).map(Json)
}

pub(super) async fn update(
    State(host): State<Host>,
    caller: Caller,
    Id(id): Id<PriceId>,
    Input(input): Input<PriceInput>,
) -> Result<Json<PriceView>, Problem> {
    caller.answer(host.services.prices.update(caller.actor(), id, input).await).map(Json)
}

pub(super) async fn remove(
    State(host): State<Host>,
    caller: Caller,
    Id(id): Id<PriceId>,
) -> Result<StatusCode, Problem> {
    caller.answer(host.services.prices.delete(caller.actor(), id).await)?;
    Ok(StatusCode::NO_CONTENT)
}
