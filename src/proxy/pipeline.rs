//! The stages of one request, in order.

use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use tokio::time::Instant;

use super::admit::Entry;
use super::attempt::{Answer, UpstreamRequest, attempt};
use super::error::GatewayError;
use super::gateway::Gateway;
use super::headers::Way;
use super::peek::{RequestFacts, peek};
use super::relay::{RelayOptions, relay};
use super::settle::Settlement;
use super::splice::{Edit, edits_for, splice};
use crate::catalog::{KeyEntry, Snapshot, Target};
use crate::model::{Endpoint, KeyId};
use crate::provider::openai;
use crate::routing::{NoCandidate, candidates};
use crate::usage::AppReference;

/// An upstream that refuses and says "at once" is asked again after this.
const SHORTEST_PAUSE: Duration = Duration::from_millis(500);

/// Who calls.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The app.
    pub app: AppReference,
    /// Its name, for the log.
    pub app_name: Arc<str>,
    /// The key that was used.
    pub key_id: Option<KeyId>,
    /// What the key may do; none under the policy `open`.
    pub key: Option<Arc<KeyEntry>>,
}

/// A request that was read whole and whose caller is known.
#[derive(Debug)]
pub struct Call {
    /// The configuration that was in force when it arrived.
    pub snapshot: Arc<Snapshot>,
    /// The endpoint that was called.
    pub endpoint: Endpoint,
    /// Who calls.
    pub caller: Caller,
    /// The client's headers.
    pub headers: HeaderMap,
    /// The body, decompressed.
    pub body: Bytes,
}

/// An error, and what is known of the way of the request that it ended.
#[derive(Debug)]
pub struct Failed {
    /// What the client is told.
    pub error: GatewayError,
    /// How far it came.
    pub way: Way,
}

/// Takes a request through the stages. The answer's body carries the settlement with it.
///
/// Cancel safe: dropping it (the client left) leaves the queue or closes the connection to the upstream, and settles.
///
/// # Errors
/// What Sluice answers itself. The settlement knows of it already.
pub async fn serve(gateway: &Gateway, call: Call, mut settlement: Settlement) -> Result<Response, Box<Failed>> {
    settlement.identified(call.caller.clone());
    match first_answer(gateway, &call, &mut settlement).await {
        Ok((answer, options)) => Ok(relay(answer, options, settlement)),
        Err(error) => {
            settlement.failed(&error);
            Err(Box::new(Failed { error, way: settlement.way() }))
        }
    }
}

async fn first_answer(
    gateway: &Gateway,
    call: &Call,
    settlement: &mut Settlement,
) -> Result<(Answer, RelayOptions), GatewayError> {
    let facts = peek(&call.body, gateway.limits().max_json_depth)?;
    settlement.asked(&facts.model, facts.stream);
    let mut targets = candidates(&call.snapshot, &facts.model, call.caller.key.as_deref()).map_err(|reason| {
        // The client is told of the name that it said; the books have the public one.
        let said = facts.model.clone();
        match reason {
            NoCandidate::UnknownModel => GatewayError::ModelNotFound { model: said },
            NoCandidate::NotAllowed { model } => {
                settlement.found(&model);
                GatewayError::ModelNotAllowed { model: said }
            }
            NoCandidate::NoneUsable { model } => {
                settlement.found(&model);
                GatewayError::NoServerAvailable { model: said }
            }
        }
    })?;
    if let Some(target) = targets.first() {
        settlement.found(&target.model);
    }
    let mut entry = Entry::new(gateway, call, &facts, &targets, settlement);
    entry.claim_budgets(&targets, settlement)?;
    entry.pass_caller(&targets, settlement).await?;
    let mut pauses = 0;
    let mut returned = None;
    loop {
        let (target, permit) = entry.pass_server(&mut targets, returned.take(), settlement).await?;
        settlement.tries(&target, permit, entry.input_tokens(&targets));
        let answer = send(gateway, call, &facts, &target, settlement).await?;
        if let Some(quota) = openai::quota(&answer.headers, jiff::Timestamp::now().as_millisecond()) {
            gateway.limiter().observe(target.server.id, quota);
        }
        if answer.status == StatusCode::TOO_MANY_REQUESTS
            && let Some(pause) = openai::pause(&answer.headers, jiff::Timestamp::now())
        {
            let pause = pause.max(SHORTEST_PAUSE);
            gateway.limiter().pause(target.server.id, pause.min(gateway.queue().upstream_pause_max));
            let deadline = Duration::from_millis(u64::from(target.server.queue.deadline_ms));
            // What the upstream said goes to the client where waiting does not help or does not end.
            if pauses < gateway.queue().pause_retries
                && entry.waited() + pause < deadline
                && target.server.queue.length > 0
            {
                pauses += 1;
                returned = settlement.refused_by_upstream().map(|turn| (target.server.id, turn));
                continue;
            }
        }
        let options = RelayOptions {
            hides_usage: asks_for_usage(call, &facts, &target),
            max_event_bytes: gateway.limits().max_event_bytes,
            idle_timeout: Duration::from_millis(u64::from(target.server.timeouts.idle_ms)),
        };
        return Ok((answer, options));
    }
}

/// Sends the request to a target that let it in.
async fn send(
    gateway: &Gateway,
    call: &Call,
    facts: &RequestFacts,
    target: &Target,
    settlement: &mut Settlement,
) -> Result<Answer, GatewayError> {
    let edits = edits(call, facts, target);
    let request_id = settlement.request_id().to_owned();
    let written = settlement.written();
    let request = UpstreamRequest {
        target,
        endpoint: call.endpoint,
        client_headers: &call.headers,
        request_id: &request_id,
        body: splice(&call.body, &edits),
        written: Arc::clone(&written),
        started: Instant::now(),
    };
    let mut attempt = std::pin::pin!(attempt(gateway.upstreams(), request));
    let result = tokio::select! {
        result = &mut attempt => result,
        () = written.done() => {
            settlement.sent();
            attempt.await
        }
    };
    if !matches!(&result, Err(failure) if !failure.may_have_worked()) {
        // It was written in the same moment.
        settlement.sent();
    }
    let answer = result.map_err(|failure| GatewayError::Upstream { server: target.server.name.clone(), failure })?;
    if answer.was_repeated {
        settlement.repeated();
    }
    Ok(answer)
}

fn edits(call: &Call, facts: &RequestFacts, target: &Target) -> Vec<Edit> {
    let has_streams = matches!(call.endpoint, Endpoint::ChatCompletions | Endpoint::Completions);
    edits_for(facts, &target.upstream_model, has_streams && target.server.request_stream_usage)
}

/// Whether Sluice asks the target for token counts that the client did not ask for.
fn asks_for_usage(call: &Call, facts: &RequestFacts, target: &Target) -> bool {
    edits(call, facts, target).iter().any(|edit| edit.span != facts.model_span)
}
