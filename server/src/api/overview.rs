//! `/api/overview`: how far the installation is.

use axum::Json;
use axum::extract::State;
use sluice::model::Overview;

use crate::caller::Caller;
use crate::host::Host;
use crate::problem::Problem;

pub(super) async fn show(State(host): State<Host>, caller: Caller) -> Result<Json<Overview>, Problem> {
    caller.answer(host.services.overview.get(caller.actor()).await).map(Json)
}
