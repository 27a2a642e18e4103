//! Refusals as `application/problem+json` (RFC 9457): the one shape of every error outside `/v1`.
//!
//! A handler answers with a [`Problem`]; [`crate::request_scope`] writes it out, because only there the request id is
//! known. The text comes from the closed sets of [`sluice::model`], so nothing internal can slip in.

use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use sluice::model::{FieldProblem, Refusal};

/// Why a request was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    detail: String,
    fields: Vec<FieldProblem>,
    retry_after_seconds: Option<u32>,
}

impl Problem {
    /// A problem of this kind. `code` is stable: programs compare it.
    pub fn new(status: StatusCode, code: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, title, detail: detail.into(), fields: Vec::new(), retry_after_seconds: None }
    }

    /// Nothing is served under this path.
    pub fn path_not_found() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "path_not_found",
            "There is nothing at this path",
            "check the path for a typing error",
        )
    }

    /// The path exists, but not with this method.
    pub fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "This path does not take this method",
            "the `Allow` header names the methods that it takes",
        )
    }

    /// The body is larger than the face for administration takes.
    pub fn body_too_large(limit_bytes: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_too_large",
            "The body is too large",
            format!("at most {limit_bytes} bytes are taken here"),
        )
    }

    /// The body stopped arriving, or takes too long altogether.
    pub fn body_too_slow() -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "body_too_slow",
            "The body did not arrive in time",
            "send it again, without pauses",
        )
    }

    /// The body broke off, or its pieces are not what HTTP says.
    pub fn body_incomplete() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "body_incomplete",
            "The body could not be read to its end",
            "send it again in one piece",
        )
    }

    /// The request came from a page of another site.
    pub fn foreign_origin() -> Self {
        Self::from(&Refusal::ForeignOrigin)
    }

    /// A fault inside; the log has it under the request id.
    pub fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Something went wrong inside",
            "the log has the details under this request id",
        )
    }

    /// Adds when to try again.
    #[must_use]
    pub const fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    /// The HTTP status.
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// Writes it out.
    pub(crate) fn render(&self, request_id: &str) -> Response {
        let body = Body {
            kind: format!("urn:sluice:problem:{}", self.code),
            title: self.title,
            status: self.status.as_u16(),
            detail: &self.detail,
            fields: self.fields.iter().map(|problem| Field { problem, message: problem.to_string() }).collect(),
            request_id,
        };
        let mut response = (self.status, serde_json::to_vec(&body).unwrap_or_default()).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<&Refusal> for Problem {
    fn from(refusal: &Refusal) -> Self {
        let detail = refusal.to_string();
        match refusal {
            Refusal::Invalid { fields } => {
                let mut problem =
                    Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "Some fields cannot be accepted", detail);
                problem.fields.clone_from(fields);
                problem
            }
            Refusal::SignInRequired => {
                Self::new(StatusCode::UNAUTHORIZED, "sign_in_required", "Sign in first", SIGN_IN_HINT)
            }
            Refusal::WrongCredentials => {
                Self::new(StatusCode::UNAUTHORIZED, "wrong_credentials", "Wrong user name or password", detail)
            }
            Refusal::TooManyAttempts { retry_after_seconds } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", "Too many attempts", detail)
                    .retry_after(*retry_after_seconds)
            }
            Refusal::SetupLinkInvalid => {
                Self::new(StatusCode::FORBIDDEN, "setup_link_invalid", "This set-up link is not valid", detail)
            }
            Refusal::SetupDone => Self::new(StatusCode::CONFLICT, "setup_done", "Set-up is done already", detail),
            Refusal::NotFound { .. } => Self::new(StatusCode::NOT_FOUND, "not_found", "Not found", detail),
            Refusal::ForeignOrigin => {
                Self::new(StatusCode::FORBIDDEN, "foreign_origin", "This request came from another site", detail)
            }
            Refusal::Unavailable => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "The database does not answer", detail)
                    .retry_after(1)
            }
            Refusal::Internal { .. } => Self::internal(),
        }
    }
}

const SIGN_IN_HINT: &str =
    "sign in on the dashboard, or send `Authorization: Bearer` with a token made by `sluice token create`";

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<Field<'a>>,
    request_id: &'a str,
}

#[derive(Serialize)]
struct Field<'a> {
    #[serde(flatten)]
    problem: &'a FieldProblem,
    message: String,
}
