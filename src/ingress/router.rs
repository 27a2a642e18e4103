//! The routes below `/v1`.

use axum::response::IntoResponse;
use axum::routing::{MethodRouter, get, post};
use axum::{Router, middleware};
use tower_http::catch_panic::CatchPanicLayer;

use super::error::{ApiError, method_not_allowed, unknown_endpoint};
use super::{inference, models, request_id, usage};
use crate::proxy::{Gateway, GatewayError};
use crate::services::OwnUsage;

/// Everything below `/v1`. `own_usage` is what callers see of what they used.
pub fn router(gateway: Gateway, own_usage: OwnUsage) -> Router {
    let usage = usage::UsageState { gateway: gateway.clone(), usage: own_usage };
    let api = Router::new()
        .route("/chat/completions", only_post(post(inference::chat_completions)))
        .route("/completions", only_post(post(inference::completions)))
        .route("/embeddings", only_post(post(inference::embeddings)))
        .route("/models", only_get(get(models::list)))
        .route("/models/{*model}", only_get(get(models::retrieve)))
        .route("/usage", only_get(get(usage::show)).with_state(usage))
        .fallback(async || unknown_endpoint())
        .with_state(gateway);
    // A fault of one request is that request's alone; the panic itself is printed where it happened.
    let after_panic = CatchPanicLayer::custom(|_| ApiError(GatewayError::Internal).into_response());
    Router::new().nest("/v1", api.layer(after_panic)).layer(middleware::from_fn(request_id::layer))
}

fn only_post(methods: MethodRouter<Gateway>) -> MethodRouter<Gateway> {
    methods.fallback(async || method_not_allowed("POST"))
}

fn only_get<S: Clone + Send + Sync + 'static>(methods: MethodRouter<S>) -> MethodRouter<S> {
    methods.fallback(async || method_not_allowed("GET, HEAD"))
}
