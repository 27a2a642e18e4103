//! Errors in OpenAI's dialect.

use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::json;

use crate::proxy::{GatewayError, whole_seconds};

/// The header that keeps the official SDKs from trying again.
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// An error on `/v1`, as OpenAI's clients expect it.
#[derive(Debug)]
pub(super) struct ApiError(pub(super) GatewayError);

impl From<GatewayError> for ApiError {
    fn from(error: GatewayError) -> Self {
        Self(error)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let Self(error) = self;
        let mut response =
            render(error.status(), &error.to_string(), error_type(error.status()), error.parameter(), error.code());
        let headers = response.headers_mut();
        if let Some(wait) = error.retry_after() {
            headers.insert(RETRY_AFTER, HeaderValue::from(whole_seconds(wait)));
        }
        if error.forbids_retry() {
            headers.insert(SHOULD_RETRY, HeaderValue::from_static("false"));
        }
        if matches!(error, GatewayError::InvalidApiKey { .. }) {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// An answer for a path that does not exist below `/v1`.
pub(super) fn unknown_endpoint() -> Response {
    render(
        404,
        "There is no such endpoint here. `docs/api.md` lists those that exist; the base URL ends in `/v1`.",
        "invalid_request_error",
        None,
        "unknown_endpoint",
    )
}

/// An answer for a method that an endpoint does not take.
pub(super) fn method_not_allowed(allowed: &'static str) -> Response {
    let mut response = render(
        405,
        &format!("This endpoint takes {allowed} only."),
        "invalid_request_error",
        None,
        "method_not_allowed",
    );
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

/// An answer for a query that cannot be accepted; `parameter` is what is wrong with it, where that is one.
pub(super) fn invalid_query(parameter: Option<&str>, message: &str) -> Response {
    let message = format!("The query cannot be accepted: {message}.");
    render(400, &message, "invalid_request_error", parameter, "invalid_query")
}

/// An answer while the database with the sums of usage does not answer, or too many ask for them. Requests to models do not need it.
pub(super) fn usage_unavailable() -> Response {
    let message = "Usage cannot be looked up at this moment; try again in a second. Requests to models are served.";
    let mut response = render(503, message, "server_error", None, "usage_unavailable");
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

fn render(status: u16, message: &str, kind: &str, parameter: Option<&str>, code: &str) -> Response {
    let body = json!({"error": {"message": message, "type": kind, "param": parameter, "code": code}});
    let mut response = Response::new(body.to_string().into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

const fn error_type(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        403 => "permission_error",
        429 => "rate_limit_error",
        502 | 504 => "upstream_error",
        500..=599 => "server_error",
        _ => "invalid_request_error",
    }
}
