//! The id under which a request can be found in the log and in the list of requests.

use std::sync::Arc;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderName, HeaderValue};
use uuid::Uuid;

/// The header that carries it, both ways.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");
/// Longest id that is taken over from a client.
const MAX_LENGTH: usize = 128;

/// The id of one request; in the request's extensions.
#[derive(Clone, Debug)]
pub struct RequestId {
    /// Sluice's own: UUID v7, unique, newer ones sort after older ones.
    pub internal: Uuid,
    /// What the client sees: its own, if it sent a sane one.
    pub visible: Arc<str>,
    /// Whether the client chose it.
    pub chosen_by_client: bool,
}

impl RequestId {
    fn new(sent: Option<&HeaderValue>) -> Self {
        let internal = Uuid::now_v7();
        let sane = sent.and_then(|value| value.to_str().ok()).filter(|text| is_sane(text));
        Self {
            internal,
            visible: sane.map_or_else(|| Arc::from(internal.to_string()), Arc::from),
            chosen_by_client: sane.is_some(),
        }
    }
}

/// 1 to 128 letters, digits and the signs `. _ - : / + =`: nothing that could break a log line or a header.
fn is_sane(text: &str) -> bool {
    (1..=MAX_LENGTH).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-:/+=".contains(&byte))
}

/// Gives the request an id and puts it on the answer.
pub async fn layer(mut request: Request, next: Next) -> Response {
    let id = RequestId::new(request.headers().get(HEADER));
    let visible = Arc::clone(&id.visible);
    request.extensions_mut().insert(id);
    let mut response = next.run(request).await;
    if let Ok(value) = HeaderValue::from_str(&visible) {
        response.headers_mut().insert(HEADER, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_over_sane_ids_only() {
        for (sent, taken) in [
            ("req-1/a:b+c=", true),
            ("", false),
            ("a b", false),
            ("a\tb", false),
            (&"x".repeat(128), true),
            (&"x".repeat(129), false),
            ("{\"a\":1}", false),
        ] {
            let id = RequestId::new(HeaderValue::from_str(sent).ok().as_ref());
            assert_eq!(id.chosen_by_client, taken, "{sent}");
            assert_eq!(id.visible.as_ref() == sent, taken);
        }
        assert_eq!(RequestId::new(None).visible.len(), 36);
    }
}
