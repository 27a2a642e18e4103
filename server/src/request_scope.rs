//! What every request outside `/v1` gets: an id, one line in the log, and problems written out.
//!
//! The line has the path without its query, because a query may carry a set-up token.

use std::sync::Arc;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderValue;
use tokio::time::Instant;

use crate::problem::Problem;

/// The id under which the log knows a request.
#[derive(Clone, Debug)]
pub struct RequestId(pub Arc<str>);

impl RequestId {
    fn fresh() -> Self {
        Self(Arc::from(hex::encode(rand::random::<[u8; 16]>())))
    }
}

/// The layer.
pub async fn scope(mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = RequestId::fresh();
    request.extensions_mut().insert(id.clone());
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let mut response = next.run(request).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        let rendered = problem.render(&id.0);
        // What other layers added (`Allow`, cookies) stays, except what described the empty body.
        let (head, body) = rendered.into_parts();
        response.headers_mut().remove(http::header::CONTENT_LENGTH);
        response.headers_mut().extend(head.headers);
        *response.body_mut() = body;
    }
    if let Ok(value) = HeaderValue::from_str(&id.0) {
        response.headers_mut().insert("x-request-id", value);
    }
    let status = response.status().as_u16();
    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let is_noise = path.starts_with("/pkg/") || path.starts_with("/health");
    if is_noise {
        tracing::debug!(request_id = %id.0, %method, path, status, duration_ms, "answered");
    } else {
        tracing::info!(request_id = %id.0, %method, path, status, duration_ms, "answered");
    }
    response
}
