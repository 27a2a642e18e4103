//! `/api/storage`: how large the database is, what a day costs, and how records get into it.

use axum::Json;
use axum::extract::State;
use sluice::model::StorageView;

use crate::caller::Caller;
use crate::host::Host;
use crate::problem::Problem;

pub(super) async fn show(State(host): State<Host>, caller: Caller) -> Result<Json<StorageView>, Problem> {
    caller.answer(host.services.storage.get(caller.actor()).await).map(Json)
}
