//! Errors in the shape of OpenAI's.
//!
//! Invariant: every failure has the status, type and code that OpenAI uses for it, as far as those are public.

use bytes::Bytes;
use hyper::StatusCode;
use serde::Serialize;

use crate::quota::duration_text;
use crate::script::ScriptError;
use crate::window::{Limit, Refusal};
use crate::wire::json;

/// The statuses that a script may ask for.
pub(crate) const SCRIPTED_STATUSES: [u16; 14] = [400, 401, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 504, 529];

const INVALID: &str = "invalid_request_error";
/// Keys up to this length are quoted whole, as OpenAI does with what is clearly no key.
const WHOLE_KEY: usize = 12;
/// How much of a longer key is quoted at either end.
const KEY_START: usize = 8;
const KEY_END: usize = 4;

/// An error answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) status: StatusCode,
    kind: &'static str,
    code: Option<&'static str>,
    param: Option<&'static str>,
    message: String,
}

#[derive(Serialize)]
struct Envelope<'a> {
    error: Details<'a>,
}

#[derive(Serialize)]
struct Details<'a> {
    message: &'a str,
    r#type: &'a str,
    param: Option<&'a str>,
    code: Option<&'a str>,
}

impl Failure {
    fn new(status: StatusCode, kind: &'static str, code: Option<&'static str>, message: impl Into<String>) -> Self {
        Self { status, kind, code, param: None, message: message.into() }
    }

    /// A request that is wrong in itself.
    pub(crate) fn invalid(param: Option<&'static str>, message: impl Into<String>) -> Self {
        Self { param, ..Self::new(StatusCode::BAD_REQUEST, INVALID, None, message) }
    }

    /// A field that must be there.
    pub(crate) fn missing(param: &'static str) -> Self {
        let message = format!("Missing required parameter: '{param}'.");
        Self { code: Some("missing_required_parameter"), ..Self::invalid(Some(param), message) }
    }

    /// A field of the wrong type.
    pub(crate) fn wrong_type(param: &'static str, expected: &str) -> Self {
        let message = format!("Invalid type for '{param}': expected {expected}.");
        Self { code: Some("invalid_type"), ..Self::invalid(Some(param), message) }
    }

    /// A body that is not JSON.
    pub(crate) fn not_json() -> Self {
        Self::invalid(
            None,
            "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP \
             library correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON.)",
        )
    }

    /// A path that there is not.
    pub(crate) fn unknown_path(method: &str, path: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, INVALID, None, format!("Invalid URL ({method} {path})"))
    }

    /// A method that the path has not.
    pub(crate) fn wrong_method(method: &str, path: &str) -> Self {
        let message = format!("Not allowed to {method} on {path} (HINT: Perhaps you meant to POST to it)");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, INVALID, Some("method_not_supported"), message)
    }

    /// A model that is not listed.
    pub(crate) fn unknown_model(model: &str) -> Self {
        let message = format!("The model `{model}` does not exist or you do not have access to it.");
        Self { param: Some("model"), ..Self::new(StatusCode::NOT_FOUND, INVALID, Some("model_not_found"), message) }
    }

    /// A body that is larger than is read.
    pub(crate) fn too_large(limit: usize) -> Self {
        let message = format!("Maximum content size limit ({limit}) exceeded.");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, INVALID, Some("request_too_large"), message)
    }

    /// A wrong key, quoted in part, or none at all.
    pub(crate) fn unauthorized(key: Option<&str>) -> Self {
        let Some(key) = key else {
            return Self::new(
                StatusCode::UNAUTHORIZED,
                INVALID,
                None,
                "You didn't provide an API key. You need to provide your API key in an Authorization header using \
                 Bearer auth (i.e. Authorization: Bearer YOUR_KEY).",
            );
        };
        let message = format!(
            "Incorrect API key provided: {}. You can find your API key at \
             https://platform.openai.com/account/api-keys.",
            quoted(key)
        );
        Self::new(StatusCode::UNAUTHORIZED, INVALID, Some("invalid_api_key"), message)
    }

    /// What a script asks for with `status`.
    pub(crate) fn scripted(status: StatusCode, model: &str, key: Option<&str>) -> Self {
        let server = "server_error";
        let (kind, code, message) = match status.as_u16() {
            401 => return Self::unauthorized(key),
            404 => return Self::unknown_model(model),
            403 => (
                "request_forbidden",
                Some("unsupported_country_region_territory"),
                "Country, region, or territory not supported".to_owned(),
            ),
            408 => (server, Some("request_timeout"), "Request timed out.".to_owned()),
            409 => (INVALID, Some("conflict"), "The resource was updated by another request.".to_owned()),
            413 => (INVALID, Some("request_too_large"), "Maximum content size limit exceeded.".to_owned()),
            422 => (INVALID, Some("unprocessable_entity"), "The request could not be processed.".to_owned()),
            429 => (
                "requests",
                Some("rate_limit_exceeded"),
                format!(
                    "Rate limit reached for {model} in organization org-fake on requests per min (RPM): Limit 3, \
                     Used 3, Requested 1. Please try again in 20s."
                ),
            ),
            500 => (server, None, SERVER_ERROR.to_owned()),
            502 => (server, Some("bad_gateway"), "Bad gateway.".to_owned()),
            503 => (
                server,
                Some("service_unavailable"),
                "The engine is currently overloaded, please try again later.".to_owned(),
            ),
            504 => (server, Some("gateway_timeout"), "Gateway timeout.".to_owned()),
            529 => ("overloaded_error", Some("overloaded"), "Overloaded".to_owned()),
            _ => (INVALID, None, "The fake upstream was asked to refuse this request.".to_owned()),
        };
        Self::new(status, kind, code, message)
    }

    /// What the upstream's own limits refuse.
    pub(crate) fn limited(model: &str, refusal: &Refusal) -> Self {
        let (kind, unit) = match refusal.limit {
            Limit::Requests => ("requests", "requests per min (RPM)"),
            Limit::Tokens => ("tokens", "tokens per min (TPM)"),
        };
        let Refusal { granted, used, requested, .. } = refusal;
        let message = match refusal.retry_after {
            Some(wait) => format!(
                "Rate limit reached for {model} in organization org-fake on {unit}: Limit {granted}, Used {used}, \
                 Requested {requested}. Please try again in {}.",
                duration_text(wait)
            ),
            None => format!(
                "Request too large for {model} in organization org-fake on {unit}: Limit {granted}, Requested \
                 {requested}. The input or output tokens must be reduced in order to run successfully."
            ),
        };
        Self::new(StatusCode::TOO_MANY_REQUESTS, kind, Some("rate_limit_exceeded"), message)
    }

    /// What comes in the middle of a stream.
    pub(crate) fn in_stream() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "server_error", None, SERVER_ERROR)
    }

    /// The JSON body.
    pub(crate) fn body(&self) -> Bytes {
        let Self { kind, code, param, message, .. } = self;
        json(&Envelope { error: Details { message, r#type: kind, param: *param, code: *code } }).into()
    }
}

const SERVER_ERROR: &str = "The server had an error while processing your request. Sorry about that!";

impl From<ScriptError> for Failure {
    fn from(error: ScriptError) -> Self {
        Self { code: Some("invalid_fake_script"), ..Self::invalid(Some("model"), error.0) }
    }
}

/// The page that a proxy in front of an upstream would send.
pub(crate) fn html_page(status: StatusCode) -> Bytes {
    let title = format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or("Error"));
    format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n<hr><center>\
         nginx</center>\r\n</body>\r\n</html>\r\n"
    )
    .into()
}

fn quoted(key: &str) -> String {
    let length = key.chars().count();
    if length <= WHOLE_KEY {
        return key.to_owned();
    }
    let start: String = key.chars().take(KEY_START).collect();
    let end: String = key.chars().skip(length - KEY_END).collect();
    format!("{start}{}{end}", "*".repeat(length - KEY_START - KEY_END))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn keys_are_quoted_like_openai_does() {
        assert_eq!(quoted("sk-proj-0123456789abcd"), "sk-proj-**********abcd");
        assert_eq!(quoted("test"), "test");
        assert_eq!(quoted("schlüssel-für-alle"), "schlüsse******alle");
    }

    #[test]
    fn every_scripted_status_has_an_error_of_its_own() {
        let mut messages = std::collections::HashSet::new();
        for status in SCRIPTED_STATUSES {
            let failure = Failure::scripted(StatusCode::from_u16(status).unwrap(), "m", Some("k"));
            let body: Value = serde_json::from_slice(&failure.body()).unwrap();
            assert_eq!(failure.status.as_u16(), status);
            assert!(body["error"]["type"].is_string());
            assert!(messages.insert(body["error"]["message"].to_string()), "{status}");
        }
    }

    #[test]
    fn a_failure_has_all_four_fields_in_order() {
        let body = Failure::missing("model").body();
        let expected = r#"{"error":{"message":"Missing required parameter: 'model'.","type":"invalid_request_error","param":"model","code":"missing_required_parameter"}}"#;
        assert_eq!(std::str::from_utf8(&body).unwrap(), expected);
    }
}
