//! `/api/stats/usage`: usage in sums.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use sluice::model::UsageQuery;
use sluice::usage::export::{CSV_TYPE, report_csv, report_name, wants_csv};

use super::body::Parameters;
use crate::caller::Caller;
use crate::host::Host;
use crate::problem::Problem;

pub(super) async fn usage(
    State(host): State<Host>,
    caller: Caller,
    headers: HeaderMap,
    Parameters(query): Parameters<UsageQuery>,
) -> Result<Response, Problem> {
    let report = caller.answer(host.services.stats.usage(caller.actor(), query.clone()).await)?;
    if !wants_csv(query.format, &headers) {
        return Ok(Json(report).into_response());
    }
    // No larger than the report itself, which is bounded.
    let text = report_csv(&report, query.bom.unwrap_or(false)).map_err(|error| {
        tracing::error!(%error, "a report cannot be written as CSV");
        Problem::internal()
    })?;
    let headers = [
        (CONTENT_TYPE, CSV_TYPE.to_owned()),
        (CONTENT_DISPOSITION, report_name(&query, &report).content_disposition()),
        (CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((headers, text).into_response())
}
