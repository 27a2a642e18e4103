//! `POST /v1/chat/completions`, `/v1/completions` and `/v1/embeddings`.
//!
//! One body for all three: what differs between them is the upstream's path.
//! Source: OpenAI's API reference, "Create chat completion", "Create completion", "Create embeddings".

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};

use super::body::{discard, read_body};
use super::error::ApiError;
use super::identify::{Refused, identify};
use super::request_id::RequestId;
use crate::model::Endpoint;
use crate::proxy::{Call, Failed, Gateway, GatewayError, Settlement, Way, serve};

pub(super) async fn chat_completions(
    State(gateway): State<Gateway>,
    Extension(id): Extension<RequestId>,
    request: Request,
) -> Response {
    infer(gateway, id, Endpoint::ChatCompletions, request).await
}

pub(super) async fn completions(
    State(gateway): State<Gateway>,
    Extension(id): Extension<RequestId>,
    request: Request,
) -> Response {
    infer(gateway, id, Endpoint::Completions, request).await
}

pub(super) async fn embeddings(
    State(gateway): State<Gateway>,
    Extension(id): Extension<RequestId>,
    request: Request,
) -> Response {
    infer(gateway, id, Endpoint::Embeddings, request).await
}

async fn infer(gateway: Gateway, id: RequestId, endpoint: Endpoint, request: Request) -> Response {
    let (sink, limiter) = (gateway.usage().clone(), Arc::clone(gateway.limiter()));
    let (ledger, visible) = (Arc::clone(gateway.ledger()), Arc::clone(&id.visible));
    let mut settlement = Settlement::begin(sink, limiter, ledger, id.internal, visible, id.chosen_by_client, endpoint);
    // The call is large for a future that every connection holds; on the heap it costs only while it runs.
    let call = match Box::pin(read_call(&gateway, endpoint, request, &mut settlement)).await {
        Ok(call) => call,
        Err(error) => {
            settlement.failed(&error);
            return failed(Failed { error, way: Way::default() });
        }
    };
    Box::pin(serve(&gateway, call, settlement)).await.unwrap_or_else(|end| failed(*end))
}

fn failed(Failed { error, way }: Failed) -> Response {
    let mut response = ApiError(error).into_response();
    way.write(response.headers_mut());
    response
}

async fn read_call(
    gateway: &Gateway,
    endpoint: Endpoint,
    request: Request,
    settlement: &mut Settlement,
) -> Result<Call, GatewayError> {
    let (parts, body) = request.into_parts();
    let limits = gateway.limits();
    if gateway.is_draining() {
        return Err(GatewayError::ShuttingDown);
    }
    let snapshot = gateway.snapshot();
    let caller = match identify(gateway, &snapshot, &parts.headers) {
        Ok(caller) => caller,
        Err(Refused { error, caller }) => {
            if let Some(caller) = caller {
                settlement.identified(caller);
            }
            discard(&parts.headers, body, limits.max_body_bytes).await;
            return Err(error);
        }
    };
    settlement.identified(caller.clone());
    let body = read_body(&parts.headers, body, limits).await?;
    Ok(Call { snapshot, endpoint, caller, headers: parts.headers, body })
}
