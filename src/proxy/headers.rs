//! Which headers pass, in both directions: allow-lists, so that a credential or a cookie passes only if somebody wrote
//! it down here.

use std::sync::Arc;
use std::time::Duration;

use http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName,
};
use http::{HeaderMap, HeaderValue};

use crate::catalog::ServerEntry;
use crate::limit::{Headroom, Room};
use crate::model::ProviderKind;
use crate::provider::openai;

/// Request headers that reach an upstream.
const REQUEST_HEADERS: [&str; 6] =
    ["accept", "idempotency-key", "openai-beta", "traceparent", "tracestate", "x-client-request-id"];
/// Answer headers that reach a client.
const ANSWER_HEADERS: [&str; 9] = [
    "cache-control",
    "content-encoding",
    "content-length",
    "content-type",
    "openai-model",
    "openai-processing-ms",
    "openai-version",
    "retry-after",
    "retry-after-ms",
];
/// Answer headers that reach a client, by the beginning of their name.
const ANSWER_PREFIXES: [&str; 2] = ["x-ratelimit-", "anthropic-ratelimit-"];

/// The headers of the request to an upstream.
///
/// Compression is not asked for: answers pass as they are, and a client that cannot decompress must not get a
/// compressed one.
pub(super) fn for_upstream(client: &HeaderMap, server: &ServerEntry, request_id: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for name in REQUEST_HEADERS {
        for value in client.get_all(name) {
            headers.append(HeaderName::from_static(name), value.clone());
        }
    }
    headers.entry(ACCEPT).or_insert(HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(http::header::USER_AGENT, HeaderValue::from_static(concat!("sluice/", env!("CARGO_PKG_VERSION"))));
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert(HeaderName::from_static("x-request-id"), value);
    }
    let authorization = match server.provider {
        ProviderKind::OpenAi => server.api_key.as_ref().and_then(openai::authorization),
    };
    if let Some(value) = authorization {
        headers.insert(AUTHORIZATION, value);
    }
    headers
}

/// The headers of the answer to a client. `keeps_length` is false if bytes may be taken out of the body or added to it.
pub(super) fn for_client(upstream: &HeaderMap, keeps_length: bool) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in upstream {
        let passes = ANSWER_HEADERS.contains(&name.as_str())
            || ANSWER_PREFIXES.iter().any(|prefix| name.as_str().starts_with(prefix));
        if passes && (keeps_length || name != CONTENT_LENGTH) {
            headers.append(name.clone(), value.clone());
        }
    }
    headers
}

/// What an answer says about its way: which server it came from, how many tries it took, how long it waited, and what is
/// left of the limits.
#[derive(Clone, Debug, Default)]
pub struct Way {
    /// The server of the last try.
    pub server: Option<Arc<ServerEntry>>,
    /// Tries.
    pub attempts: u16,
    /// How long the request waited in queues.
    pub queued: Duration,
    /// What is left of the tightest limits.
    pub headroom: Headroom,
}

impl Way {
    /// Writes it on an answer. What the upstream said about its own limits stays only where Sluice has none.
    pub fn write(&self, headers: &mut HeaderMap) {
        if let Some(server) = self.server.as_ref().and_then(|server| HeaderValue::from_str(&server.name).ok()) {
            headers.insert(HeaderName::from_static("x-sluice-server"), server);
        }
        headers.insert(HeaderName::from_static("x-sluice-attempts"), HeaderValue::from(self.attempts));
        let queue_ms = u64::try_from(self.queued.as_millis()).unwrap_or(u64::MAX);
        headers.insert(HeaderName::from_static("x-sluice-queue-ms"), HeaderValue::from(queue_ms));
        if let Some(room) = self.headroom.requests {
            write_room(headers, REQUESTS_HEADERS, room);
        }
        if let Some(room) = self.headroom.tokens {
            write_room(headers, TOKENS_HEADERS, room);
        }
    }
}

/// Limit, what remains, when it is whole again. Source: OpenAI's guide "Rate limits", "Rate limits in headers".
const REQUESTS_HEADERS: [HeaderName; 3] = [
    HeaderName::from_static("x-ratelimit-limit-requests"),
    HeaderName::from_static("x-ratelimit-remaining-requests"),
    HeaderName::from_static("x-ratelimit-reset-requests"),
];
const TOKENS_HEADERS: [HeaderName; 3] = [
    HeaderName::from_static("x-ratelimit-limit-tokens"),
    HeaderName::from_static("x-ratelimit-remaining-tokens"),
    HeaderName::from_static("x-ratelimit-reset-tokens"),
];

fn write_room(headers: &mut HeaderMap, names: [HeaderName; 3], room: Room) {
    let [limit, remaining, reset] = names;
    headers.insert(limit, HeaderValue::from(room.limit));
    headers.insert(remaining, HeaderValue::from(room.remaining));
    if let Ok(value) = HeaderValue::from_str(&go_duration(room.reset)) {
        headers.insert(reset, value);
    }
}

/// A duration as OpenAI writes it, such as `6m0s`, `1.5s` or `20ms`; never less than what it stands for.
fn go_duration(duration: Duration) -> String {
    let milliseconds = duration.as_millis() + u128::from(!duration.subsec_nanos().is_multiple_of(1_000_000));
    let (minutes, rest) = (milliseconds / 60_000, milliseconds % 60_000);
    let (seconds, fraction) = (rest / 1000, rest % 1000);
    let minutes = if minutes > 0 { format!("{minutes}m") } else { String::new() };
    if minutes.is_empty() && seconds == 0 {
        return format!("{fraction}ms");
    }
    let fraction = format!(".{fraction:03}");
    format!("{minutes}{seconds}{}s", fraction.trim_end_matches('0').trim_end_matches('.'))
}

/// Whether an answer's body is in an encoding, so that nothing can be read from it in passing.
pub(super) fn is_encoded(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_ENCODING).is_some_and(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"))
}

/// Whether an answer says that it is a stream of events.
pub(super) fn is_event_stream(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.trim_start().to_ascii_lowercase().starts_with("text/event-stream"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::crypto::Secret;
    use crate::model::{ServerId, Timeouts};

    #[test]
    fn no_credential_of_the_client_reaches_an_upstream() {
        let server = ServerEntry {
            id: ServerId(1),
            name: "one".to_owned(),
            provider: ProviderKind::OpenAi,
            base_url: url::Url::parse("http://127.0.0.1/v1").unwrap(),
            api_key: Some(Secret::new("sk-upstream".to_owned())),
            models: Vec::new(),
            usable: true,
            request_stream_usage: true,
            timeouts: Timeouts::default(),
            limits: crate::model::Limits::default(),
            queue: crate::model::QueuePolicy::default(),
        };
        let mut client = HeaderMap::new();
        for name in [
            "authorization",
            "x-api-key",
            "api-key",
            "cookie",
            "app-name",
            "connection",
            "x-evil",
            "host",
            "openai-organization",
        ] {
            client.insert(HeaderName::from_static(name), HeaderValue::from_static("secret"));
        }
        client.insert("traceparent", HeaderValue::from_static("00-1"));
        let headers = for_upstream(&client, &server, "id-1");
        assert!(headers.values().all(|value| value != "secret"));
        assert_eq!(headers.get("authorization").unwrap(), "Bearer sk-upstream");
        assert_eq!(headers.get("traceparent").unwrap(), "00-1");
        assert_eq!(headers.get("x-request-id").unwrap(), "id-1");
    }

    #[test]
    fn durations_are_written_as_openai_does() {
        for (milliseconds, text) in
            [(0, "0ms"), (20, "20ms"), (1000, "1s"), (1500, "1.5s"), (60_000, "1m0s"), (61_250, "1m1.25s")]
        {
            assert_eq!(go_duration(Duration::from_millis(milliseconds)), text);
        }
        assert_eq!(go_duration(Duration::from_nanos(1)), "1ms");
    }

    #[test]
    fn only_known_answer_headers_reach_the_client() {
        let mut upstream = HeaderMap::new();
        for name in ["set-cookie", "server", "location", "x-request-id", "connection", "transfer-encoding", "alt-svc"] {
            upstream.insert(HeaderName::from_static(name), HeaderValue::from_static("x"));
        }
        for name in ["content-type", "content-length", "retry-after", "x-ratelimit-remaining-tokens"] {
            upstream.insert(HeaderName::from_static(name), HeaderValue::from_static("1"));
        }
        let headers = for_client(&upstream, true);
        assert!(headers.values().all(|value| value == "1"));
        assert_eq!(headers.len(), 4);
        assert!(for_client(&upstream, false).get("content-length").is_none());
    }
}
