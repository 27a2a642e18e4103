//! `/api/servers`: upstream endpoints.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::LOCATION;
use serde::{Deserialize, Serialize};
use sluice::model::{ProbeFailure, ProbeInput, ProbeReport, ServerId, ServerInput, ServerView};

use super::body::{EnabledInput, Id, Input, Parameters};
use super::page::{Page, PageQuery, page};
use crate::caller::Caller;
use crate::host::Host;
use crate::problem::Problem;

/// The order in which servers are asked: every id exactly once.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OrderInput {
    ids: Vec<ServerId>,
}

/// What an upstream said, for programs.
#[derive(Debug, Serialize)]
pub(super) struct TestAnswer {
    ok: bool,
    latency_ms: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    models: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
}

#[derive(Debug, Serialize)]
struct Failure {
    #[serde(flatten)]
    failure: ProbeFailure,
    message: String,
}

impl From<ProbeReport> for TestAnswer {
    fn from(report: ProbeReport) -> Self {
        let latency_ms = report.latency_ms;
        match report.outcome {
            Ok(models) => Self { ok: true, latency_ms, models: Some(models), failure: None },
            Err(failure) => {
                let message = failure.to_string();
                Self { ok: false, latency_ms, models: None, failure: Some(Failure { failure, message }) }
            }
        }
    }
}

/// The models that an upstream offers.
#[derive(Debug, Serialize)]
pub(super) struct UpstreamModels {
    models: Vec<String>,
}

pub(super) async fn list(
    State(host): State<Host>,
    caller: Caller,
    Parameters(query): Parameters<PageQuery>,
) -> Result<Json<Page<ServerView>>, Problem> {
    let servers = caller.answer(host.services.servers.list(caller.actor()).await)?;
    page(servers, &query, |server| server.id.0)
}

pub(super) async fn create(
    State(host): State<Host>,
    caller: Caller,
    Input(input): Input<ServerInput>,
) -> Result<Response, Problem> {
    let server = caller.answer(host.services.servers.create(caller.actor(), input).await)?;
    let location = format!("/api/servers/{}", server.id);
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(server)).into_response())
}

pub(super) async fn show(
    State(host): State<Host>,
    caller: Caller,
    Id(id): Id<ServerId>,
) -> Result<Json<ServerView>, Problem> {
    caller.answer(host.services.servers.get(caller.actor(), id).await).map(Json)
}

pub(super) async fn update(
    State(host): State<Host>,
    caller: Caller,
    Id(id): Id<ServerId>,
    Input(input): Input<ServerInput>,
) -> Result<Json<ServerView>, Problem> {
    caller.answer(host.services.servers.update(caller.actor(), id, input).await).map(Json)
}

pub(super) async fn set_enabled(
    State(host): State<Host>,
    caller: Caller,
    Id(id): Id<ServerId>,
    Input(input): Input<EnabledInput>,
) -> Result<Json<ServerView>, Problem> {
    caller.answer(host.services.servers.set_enabled(caller.actor(), id, input.enabled).await).map(Json)
}

pub(super) async fn remove(
    State(host): State<Host>,
    caller: Caller,
    Id(id): Id<ServerId>,
) -> Result<StatusCode, Problem> {
    caller.answer(host.services.servers.delete(caller.actor(), id).await)?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn reorder(
    State(host): State<Host>,
    caller: Caller,
    Input(input): Input<OrderInput>,
) -> Result<Json<Vec<ServerView>>, Problem> {
    caller.answer(host.services.servers.reorder(caller.actor(), &input.ids).await).map(Json)
}

pub(super) async fn probe(
    State(host): State<Host>,
    caller: Caller,
    Input(input): Input<ProbeInput>,
) -> Result<Json<TestAnswer>, Problem> {
    let report = caller.answer(host.services.servers.probe(caller.actor(), input).await)?;
    Ok(Json(report.into()))
}

pub(super) async fn test(
    State(host): State<Host>,
    caller: Caller,
    Id(id): Id<ServerId>,
) -> Result<Json<TestAnswer>, Problem> {
    let report = caller.answer(host.services.servers.probe_saved(caller.actor(), id).await)?;
    Ok(Json(report.into()))
}

pub(super) async fn models(
    State(host): State<Host>,
    caller: Caller,
    Id(id): Id<ServerId>,
) -> Result<Json<UpstreamModels>, Problem> {
    let report = caller.answer(host.services.servers.probe_saved(caller.actor(), id).await)?;
    match report.outcome {
        Ok(models) => Ok(Json(UpstreamModels { models })),
        Err(failure) => Err(Problem::new(
            StatusCode::BAD_GATEWAY,
            "upstream_failed",
            "The upstream could not be asked for its models",
            failure.to_string(),
        )),
    }
}
