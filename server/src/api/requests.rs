//! `/api/requests`: what was asked, page by page, one by one, or all of it as CSV.

use std::io;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use futures::stream;
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use sluice::model::{RequestDetail, RequestQuery};
use sluice::services::RequestExport;
use sluice::usage::export::{CSV_TYPE, wants_csv};
use tokio::sync::OwnedSemaphorePermit;

use super::body::Parameters;
use crate::caller::Caller;
use crate::host::Host;
use crate::problem::Problem;

pub(super) async fn list(
    State(host): State<Host>,
    caller: Caller,
    headers: HeaderMap,
    Parameters(query): Parameters<RequestQuery>,
) -> Result<Response, Problem> {
    if wants_csv(query.format, &headers) {
        return export(&host, caller, query).await;
    }
    caller.answer(host.services.requests.list(caller.actor(), query).await).map(|page| Json(page).into_response())
}

pub(super) async fn show(
    State(host): State<Host>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<RequestDetail>, Problem> {
    caller.answer(host.services.requests.get(caller.actor(), &id).await).map(Json)
}

async fn export(host: &Host, caller: Caller, query: RequestQuery) -> Result<Response, Problem> {
    let place = Arc::clone(&host.export_places).try_acquire_owned().map_err(|_| {
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "too_many_exports",
            "Too many exports are under way",
            "wait until one of them has ended",
        )
        .retry_after(10)
    })?;
    let export = caller.answer(host.services.requests.export(caller.actor(), query).await)?;
    let headers = [
        (CONTENT_TYPE, CSV_TYPE.to_owned()),
        (CONTENT_DISPOSITION, export.file_name().content_disposition()),
        (CACHE_CONTROL, "no-store".to_owned()),
    ];
    let parts = stream::try_unfold(Export { rows: export, caller, _place: place }, Export::next);
    Ok((headers, Body::from_stream(parts)).into_response())
}

/// An export on its way to a client. A client that leaves drops it.
struct Export {
    rows: RequestExport,
    caller: Caller,
    _place: OwnedSemaphorePermit,
}

impl Export {
    /// An error breaks the connection: a file that only ends too early would pass for a whole one.
    async fn next(mut self) -> io::Result<Option<(Vec<u8>, Self)>> {
        match self.caller.answer(self.rows.next().await) {
            Ok(part) => Ok(part.map(|part| (part, self))),
            Err(_) => Err(io::Error::other("the export failed")),
        }
    }
}
