//! `GET /v1/models` and `GET /v1/models/{model}`: what can be called now, with this key.
//!
//! A valid key is enough here; no app is charged with anything, so `App-Name` is not asked for.
//! Source: OpenAI's API reference, "List models", "Retrieve model".

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use serde_json::{Value, json};

use super::error::ApiError;
use super::identify::identify_key;
use crate::catalog::Target;
use crate::proxy::{Gateway, GatewayError};
use crate::routing::{NoCandidate, candidates};

pub(super) async fn list(State(gateway): State<Gateway>, headers: HeaderMap) -> Result<Response, ApiError> {
    let snapshot = gateway.snapshot();
    let key = identify_key(&gateway, &snapshot, &headers)?;
    let models: Vec<Value> = snapshot
        .callable_models()
        .filter(|(name, _)| key.as_ref().is_none_or(|key| key.allows(name)))
        .map(|(name, target)| describe(name, target))
        .collect();
    Ok(Json(json!({"object": "list", "data": models})).into_response())
}

pub(super) async fn retrieve(
    State(gateway): State<Gateway>,
    Path(model): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let snapshot = gateway.snapshot();
    let key = identify_key(&gateway, &snapshot, &headers)?;
    let targets = candidates(&snapshot, &model, key.as_deref()).map_err(|reason| match reason {
        // A model that the key may not use is not listed either.
        NoCandidate::UnknownModel | NoCandidate::NotAllowed { .. } => {
            GatewayError::ModelNotFound { model: model.clone() }
        }
        NoCandidate::NoneUsable { .. } => GatewayError::NoServerAvailable { model: model.clone() },
    })?;
    let target = targets.first().ok_or(GatewayError::Internal)?;
    Ok(Json(describe(&model, target)).into_response())
}

/// Sluice does not know when a model was made, so `created` is 0; the SDKs insist on a number.
fn describe(name: &str, target: &Target) -> Value {
    json!({"id": name, "object": "model", "created": 0, "owned_by": target.server.name})
}
