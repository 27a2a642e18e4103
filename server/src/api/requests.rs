//! `/api/requests`: what was asked lately.

use axum::Json;
use axum::extract::State;
use sluice::model::{RequestPage, RequestQuery};

use super::body::Parameters;
use crate::caller::Caller;
use crate::host::Host;
use crate::problem::Problem;

pub(super) async fn list(
    State(host): State<Host>,
    caller: Caller,
    Parameters(query): Parameters<RequestQuery>,
) -> Result<Json<RequestPage>, Problem> {
    caller.answer(host.services.requests.list(caller.actor(), query).await).map(Json)
}
