//! Defences around the dashboard and the administration API: headers, requests from other sites, sizes, panics.
//!
//! None of this touches `/v1`, whose callers are programs with keys and not browsers with cookies.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, HOST, ORIGIN, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use http_body_util::BodyExt as _;
use tokio::time::timeout;

use crate::problem::Problem;

/// Bytes that the body of a request to the dashboard or the administration API may have.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;
/// Longest pause while such a body arrives.
const BODY_PAUSE: Duration = Duration::from_secs(10);
/// How long such a body may take altogether: short pauses without end are slow too.
const BODY_TIME: Duration = Duration::from_secs(30);

/// For answers that are not pages: nothing may be loaded or run. A page gets its own policy in [`crate::dashboard`].
const POLICY_WITHOUT_PAGE: HeaderValue =
    HeaderValue::from_static("default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
/// What the defences need to know of the outside.
#[derive(Clone, Debug, Default)]
pub struct Outside {
    /// Scheme, host and port under which people reach the dashboard, if the settings name them.
    pub public_origin: Option<Arc<str>>,
    /// Whether that is `https`.
    pub is_encrypted: bool,
}

/// Adds the headers that tell browsers what not to do.
pub async fn headers(State(outside): State<Outside>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(POLICY_WITHOUT_PAGE);
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    let fixed = [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // Not `no-referrer`: forms that work without JavaScript find their way back by it.
        (REFERRER_POLICY, "same-origin"),
        (X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if outside.is_encrypted {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    response
}

/// Refuses requests that change something and come from a page of another site.
///
/// A request with a bearer token is let through: a browser never sends one by itself.
pub async fn refuse_foreign(State(outside): State<Outside>, request: Request, next: Next) -> Response {
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let public_origin = outside.public_origin.as_deref();
    if changes && !has_bearer(request.headers()) && is_foreign(request.headers(), public_origin) {
        return Problem::foreign_origin().into_response();
    }
    next.run(request).await
}

fn has_bearer(headers: &HeaderMap) -> bool {
    headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(bearer_token).is_some()
}

/// The token in the value of an `Authorization` header, if it is a bearer token.
pub(crate) fn bearer_token(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn is_foreign(headers: &HeaderMap, public_origin: Option<&str>) -> bool {
    // Browsers write this header themselves and let no page forge it. Where it says `same-origin`, the origin need not
    // be compared, which would fail behind a proxy that rewrites `Host`.
    match headers.get("sec-fetch-site").map(HeaderValue::as_bytes) {
        Some(b"same-origin" | b"none") => return false,
        Some(_) => return true,
        None => {}
    }
    let Some(origin) = headers.get(ORIGIN) else {
        // Neither header: not a browser, so no cookie that somebody else could ride on.
        return false;
    };
    let Ok(origin) = origin.to_str() else { return true };
    if public_origin.is_some_and(|own| own.eq_ignore_ascii_case(origin)) {
        return false;
    }
    let Some((_, authority)) = origin.split_once("://") else { return true };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    !host.is_some_and(|host| host.eq_ignore_ascii_case(authority))
}

/// Refuses bodies of more than [`MAX_BODY_BYTES`], announced or not, and bodies that dawdle.
///
/// The body is read whole before the handler runs: it is small, and only here a late one can still be answered.
pub async fn limit_body(request: Request, next: Next) -> Response {
    let announced = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > MAX_BODY_BYTES) {
        return Problem::body_too_large(MAX_BODY_BYTES).into_response();
    }
    let (parts, body) = request.into_parts();
    match read_in_time(body).await {
        Ok(whole) => next.run(Request::from_parts(parts, Body::from(whole))).await,
        Err(problem) => problem.into_response(),
    }
}

async fn read_in_time(body: Body) -> Result<Bytes, Problem> {
    timeout(BODY_TIME, read_whole(body)).await.unwrap_or_else(|_| Err(Problem::body_too_slow()))
}

async fn read_whole(mut body: Body) -> Result<Bytes, Problem> {
    let mut whole = BytesMut::new();
    loop {
        let frame = timeout(BODY_PAUSE, body.frame()).await.map_err(|_| Problem::body_too_slow())?;
        let Some(frame) = frame else { return Ok(whole.freeze()) };
        // Trailers mean nothing here.
        let Ok(piece) = frame.map_err(|_| Problem::body_incomplete())?.into_data() else { continue };
        if whole.len().saturating_add(piece.len()) > MAX_BODY_BYTES {
            return Err(Problem::body_too_large(MAX_BODY_BYTES));
        }
        whole.extend_from_slice(&piece);
    }
}

/// The answer when a handler panicked. The panic itself was printed where it happened.
#[expect(clippy::needless_pass_by_value, reason = "the signature that the layer calls")]
pub fn after_panic(panic: Box<dyn Any + Send>) -> Response {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("unknown");
    tracing::error!(panic = text, "a handler panicked; this is a fault of Sluice");
    Problem::internal().into_response()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use futures::StreamExt as _;

    use super::*;

    fn foreign(pairs: &[(&'static str, &str)], public_origin: Option<&str>) -> bool {
        let headers = pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
            .collect();
        is_foreign(&headers, public_origin)
    }

    #[test]
    fn a_program_without_browser_headers_is_not_foreign() {
        assert!(!foreign(&[("host", "gateway:8080")], None));
    }

    #[test]
    fn the_browser_s_own_word_decides() {
        assert!(!foreign(&[("sec-fetch-site", "same-origin"), ("origin", "https://a"), ("host", "b")], None));
        assert!(!foreign(&[("sec-fetch-site", "none")], None));
        for site in ["cross-site", "same-site", "unheard-of"] {
            assert!(foreign(&[("sec-fetch-site", site), ("host", "a"), ("origin", "http://a")], None), "{site}");
        }
    }

    #[test]
    fn else_the_origin_must_be_the_host_or_the_public_url() {
        assert!(!foreign(&[("origin", "http://gateway:8080"), ("host", "gateway:8080")], None));
        assert!(foreign(&[("origin", "http://evil.example"), ("host", "gateway:8080")], None));
        assert!(foreign(&[("origin", "http://gateway:9090"), ("host", "gateway:8080")], None));
        assert!(foreign(&[("origin", "null"), ("host", "gateway:8080")], None));
        assert!(foreign(&[("origin", "http://gateway:8080")], None));
        let public = Some("https://llm.example");
        assert!(!foreign(&[("origin", "https://llm.example"), ("host", "internal:8080")], public));
        assert!(foreign(&[("origin", "https://llm.example.evil"), ("host", "internal:8080")], public));
    }

    /// What becomes of a body whose pieces come at this pace.
    async fn read_slowly(pieces: usize, pause: Duration) -> Result<Bytes, Problem> {
        let pieces = futures::stream::iter(0..pieces).then(move |_| async move {
            tokio::time::sleep(pause).await;
            Ok::<_, std::io::Error>("x")
        });
        read_in_time(Body::from_stream(pieces)).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_body_is_read_and_one_without_end_is_not() {
        assert_eq!(read_slowly(4, Duration::from_secs(5)).await.unwrap(), "xxxx");
        assert_eq!(read_slowly(1, Duration::from_secs(11)).await, Err(Problem::body_too_slow()));
        let started = tokio::time::Instant::now();
        assert_eq!(read_slowly(usize::MAX, Duration::from_secs(9)).await, Err(Problem::body_too_slow()));
        assert_eq!(started.elapsed(), BODY_TIME);
    }

    #[test]
    fn reads_bearer_tokens() {
        assert_eq!(bearer_token("Bearer abc"), Some("abc"));
        assert_eq!(bearer_token("bearer  abc "), Some("abc"));
        assert_eq!(bearer_token("Basic abc"), None);
        assert_eq!(bearer_token("Bearer"), None);
    }
}
