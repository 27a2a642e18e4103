//! The stages of one request, in order.

use std::sync::Arc;

use axum::response::Response;
use bytes::Bytes;
use http::HeaderMap;

use super::attempt::{Answer, UpstreamRequest, attempt};
use super::error::GatewayError;
use super::gateway::Gateway;
use super::peek::peek;
use super::relay::{RelayOptions, relay};
use super::settle::Settlement;
use super::splice::{edits_for, splice};
use crate::catalog::{KeyEntry, Snapshot};
use crate::model::{Endpoint, KeyId};
use crate::routing::{NoCandidate, candidates};
use crate::usage::AppReference;

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

/// Takes a request through the stages. The answer's body carries the settlement with it.
///
/// Cancel safe: dropping it (the client left) closes the connection to the upstream and settles.
///
/// # Errors
/// What Sluice answers itself. The settlement knows of it already.
pub async fn serve(gateway: &Gateway, call: Call, mut settlement: Settlement) -> Result<Response, GatewayError> {
    settlement.identified(call.caller.clone());
    match first_answer(gateway, &call, &mut settlement).await {
        Ok((answer, options)) => Ok(relay(answer, options, settlement)),
        Err(error) => {
            settlement.failed(&error);
            Err(error)
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
    let targets = candidates(&call.snapshot, &facts.model, call.caller.key.as_deref()).map_err(|reason| {
        let model = facts.model.clone();
        match reason {
            NoCandidate::UnknownModel => GatewayError::ModelNotFound { model },
            NoCandidate::NotAllowed => GatewayError::ModelNotAllowed { model },
            NoCandidate::NoneUsable => GatewayError::NoServerAvailable { model },
        }
    })?;
    let Some(target) = targets.first() else {
        return Err(GatewayError::ModelNotFound { model: facts.model });
    };

    let has_streams = matches!(call.endpoint, Endpoint::ChatCompletions | Endpoint::Completions);
    let edits = edits_for(&facts, &target.upstream_model, has_streams && target.server.request_stream_usage);
    let asked_for_usage = edits.iter().any(|edit| edit.span != facts.model_span);
    settlement.attempt(&target.server);
    let request_id = settlement.request_id().to_owned();
    let request = UpstreamRequest {
        target,
        endpoint: call.endpoint,
        client_headers: &call.headers,
        request_id: &request_id,
        body: splice(&call.body, &edits),
        started: settlement.started(),
    };
    let answer = attempt(gateway.upstreams(), request)
        .await
        .map_err(|failure| GatewayError::Upstream { server: target.server.name.clone(), failure })?;
    if answer.was_repeated {
        settlement.attempt(&target.server);
    }
    let options = RelayOptions {
        hides_usage: asked_for_usage,
        max_event_bytes: gateway.limits().max_event_bytes,
        idle_timeout: std::time::Duration::from_millis(u64::from(target.server.timeouts.idle_ms)),
    };
    Ok((answer, options))
}
