//! `GET /v1/usage`: what the owner of a key used, without an administrator.
//!
//! A key that is bound to an app shows that app's usage, any other key its own. No app is charged with anything, so `App-Name` is
//! not asked for.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use serde::Serialize;

use super::error::{ApiError, invalid_query, usage_unavailable};
use super::identify::identify_key;
use crate::catalog::{KeyEntry, Snapshot};
use crate::model::{BudgetState, UsageQuery, UsageReport};
use crate::proxy::{Gateway, GatewayError};
use crate::services::{OwnUsage, Owner, ServiceError};
use crate::telemetry::ErrorChain;
use crate::usage::budget::{Ledger, Spender};
use crate::usage::export::{CSV_TYPE, report_csv, report_name, wants_csv};

/// What the endpoint works with.
#[derive(Clone, Debug)]
pub(super) struct UsageState {
    pub(super) gateway: Gateway,
    pub(super) usage: OwnUsage,
}

/// The usage of a caller, and how its budgets are now.
#[derive(Debug, Serialize)]
struct Answer {
    #[serde(flatten)]
    report: UsageReport,
    budgets: Vec<OwnBudget>,
}

/// A budget that the caller's requests have to fit into.
#[derive(Debug, Serialize)]
struct OwnBudget {
    /// `app` or `key`.
    owner: &'static str,
    #[serde(flatten)]
    state: BudgetState,
}

/// The budgets of a key and of the app that it is bound to.
fn budgets(ledger: &Ledger, snapshot: &Snapshot, key: &KeyEntry) -> Vec<OwnBudget> {
    let of_key = ledger.states(&Spender::Key(key.id), &key.budgets);
    let app = key.app_id.and_then(|id| snapshot.app(id));
    let of_app = app.map(|app| ledger.states(&Spender::App(app.id), &app.budgets)).unwrap_or_default();
    let own = |owner| move |state| OwnBudget { owner, state };
    of_key.into_iter().map(own("key")).chain(of_app.into_iter().map(own("app"))).collect()
}

pub(super) async fn show(
    State(state): State<UsageState>,
    headers: HeaderMap,
    query: Result<Query<UsageQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    let snapshot = state.gateway.snapshot();
    // Also where no key is needed to call: without one nobody knows whose usage is meant.
    let key = identify_key(&state.gateway, &snapshot, &headers)?.ok_or(GatewayError::InvalidApiKey { sent: false })?;
    let query = match query {
        Ok(Query(query)) => query,
        Err(rejection) => return Ok(invalid_query(None, &rejection.body_text())),
    };
    let owner = key.app_id.map_or(Owner::Key(key.id), Owner::App);
    let report = match state.usage.usage(owner, query.clone()).await {
        Ok(report) => report,
        Err(ServiceError::Invalid(fields)) => {
            let all: Vec<String> = fields.iter().map(ToString::to_string).collect();
            return Ok(invalid_query(fields.first().map(|field| field.field.as_str()), &all.join("; ")));
        }
        Err(ServiceError::Busy) => return Ok(usage_unavailable()),
        Err(error) => {
            tracing::error!(error = %ErrorChain(&error), "a caller's usage cannot be summed up");
            let is_transient = matches!(&error, ServiceError::Storage(error) if error.is_transient());
            return if is_transient { Ok(usage_unavailable()) } else { Err(GatewayError::Internal.into()) };
        }
    };
    if !wants_csv(query.format, &headers) {
        let budgets = budgets(state.gateway.ledger(), &snapshot, &key);
        return Ok(([(CACHE_CONTROL, "no-store")], Json(Answer { report, budgets })).into_response());
    }
    let text = report_csv(&report, query.bom.unwrap_or(false)).map_err(|error| {
        tracing::error!(%error, "a report cannot be written as CSV");
        GatewayError::Internal
    })?;
    let headers = [
        (CONTENT_TYPE, CSV_TYPE.to_owned()),
        (CONTENT_DISPOSITION, report_name(&query, &report).content_disposition()),
        (CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((headers, text).into_response())
}
