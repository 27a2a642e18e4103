//! Reading a request's body: whole, bounded in size and in time.

use std::convert::Infallible;
use std::error::Error;
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, EXPECT};
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::time::{Instant, timeout, timeout_at};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_http::decompression::{DecompressionBody, RequestDecompressionLayer};

use crate::config::TrafficLimits;
use crate::proxy::GatewayError;

/// A body must be whole within this many times the longest pause, or a byte a minute could hold a connection for days.
const MAX_PAUSES: u32 = 10;
/// How long a refused body is read on and thrown away, so that the client gets to the answer.
const DISCARD_TIME: Duration = Duration::from_secs(5);

/// Reads the body and decompresses it where it is compressed. Only for callers that are known: decompressing costs more
/// than sending.
///
/// # Errors
/// Too large as sent or decompressed, too slow, in an encoding that is not understood, broken, or the client left.
pub(super) async fn read_body(headers: &HeaderMap, body: Body, limits: &TrafficLimits) -> Result<Bytes, GatewayError> {
    let max_bytes = limits.max_body_bytes;
    let too_large = GatewayError::RequestTooLarge { max_bytes };
    if announced_length(headers).is_some_and(|length| length > u64::try_from(max_bytes).unwrap_or(u64::MAX)) {
        discard(headers, body, max_bytes).await;
        return Err(too_large);
    }
    if !is_compressed(headers) {
        return collect(headers, body, limits).await;
    }
    let (left, body) = decompressed(headers, Limited::new(body, max_bytes)).await;
    if left.contains_key(CONTENT_ENCODING) {
        return Err(GatewayError::InvalidEncoding);
    }
    collect(headers, body, limits).await
}

fn is_compressed(headers: &HeaderMap) -> bool {
    headers.get_all(CONTENT_ENCODING).iter().any(|value| {
        let value = value.as_bytes().trim_ascii();
        !value.is_empty() && !value.eq_ignore_ascii_case(b"identity")
    })
}

/// The body decompressed, and the headers that are left: an encoding that is not understood stays in them.
async fn decompressed(headers: &HeaderMap, body: Limited<Body>) -> (HeaderMap, Body) {
    let mut request = Request::new(body);
    request.headers_mut().clone_from(headers);
    // The layer is made to stand around a service; this one hands back what it was given.
    let hand_back = service_fn(async |request: Request<DecompressionBody<Limited<Body>>>| {
        let (parts, body) = request.into_parts();
        let mut response = Response::new(body);
        *response.headers_mut() = parts.headers;
        Ok::<_, Infallible>(response)
    });
    let layer = RequestDecompressionLayer::new().pass_through_unaccepted(true);
    match layer.layer(hand_back).oneshot(request).await {
        Ok(response) => {
            let (parts, body) = response.into_parts();
            (parts.headers, Body::new(body))
        }
        // It cannot fail by its type; the encoding that stays in the headers would be refused.
        Err(_) => (headers.clone(), Body::empty()),
    }
}

async fn collect(headers: &HeaderMap, mut body: Body, limits: &TrafficLimits) -> Result<Bytes, GatewayError> {
    let max_bytes = limits.max_body_bytes;
    let pause = limits.body_read_timeout;
    let deadline = Instant::now() + pause * MAX_PAUSES;
    let mut pieces = BytesMut::new();
    let mut only: Option<Bytes> = None;
    loop {
        let until = deadline.min(Instant::now() + pause);
        let frame = match timeout_at(until, body.frame()).await {
            Err(_) => return Err(GatewayError::BodyTimeout { seconds: pause.as_secs() }),
            Ok(None) => break,
            Ok(Some(Err(error))) => return Err(unreadable(&error, max_bytes)),
            Ok(Some(Ok(frame))) => frame,
        };
        let Ok(piece) = frame.into_data() else { continue };
        if pieces.len() + only.as_ref().map_or(0, Bytes::len) + piece.len() > max_bytes {
            discard(headers, body, max_bytes).await;
            return Err(GatewayError::RequestTooLarge { max_bytes });
        }
        // Small bodies come in one piece, which is then not copied.
        match only.take() {
            None if pieces.is_empty() => only = Some(piece),
            first => {
                pieces.extend_from_slice(&first.unwrap_or_default());
                pieces.extend_from_slice(&piece);
            }
        }
    }
    Ok(only.unwrap_or_else(|| pieces.freeze()))
}

/// Why a body could not be read to its end.
fn unreadable(error: &(dyn Error + 'static), max_bytes: usize) -> GatewayError {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<LengthLimitError>() {
            return GatewayError::RequestTooLarge { max_bytes };
        }
        if error.is::<hyper::Error>() {
            return GatewayError::ClientGone;
        }
        cause = error.source();
    }
    GatewayError::InvalidEncoding
}

/// Reads a refused body on, up to its bound once more and for a few seconds. Clients that are still sending when the
/// answer comes and the connection closes would see a broken connection instead of the answer. A client that waits for
/// `100 Continue` has not sent anything.
pub(super) async fn discard(headers: &HeaderMap, mut body: Body, max_bytes: usize) {
    if headers.contains_key(EXPECT) {
        return;
    }
    let reading = async {
        let mut discarded = 0_usize;
        while let Some(Ok(frame)) = body.frame().await {
            discarded += frame.data_ref().map_or(0, Bytes::len);
            if discarded > max_bytes.saturating_mul(2) {
                return;
            }
        }
    };
    // Whether it was read to its end makes no difference to the answer.
    drop(timeout(DISCARD_TIME, reading).await);
}

fn announced_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
