//! Stage 5: one try at one target, up to the first byte of the answer.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use tokio::time::{Instant, timeout_at};

use super::error::UpstreamFailure;
use super::headers;
use crate::catalog::Target;
use crate::model::{Endpoint, ProviderKind};
use crate::outbound::{OutboundFailure, SendError, Sent, UpstreamClients, Written};
use crate::provider::openai;
use crate::telemetry::ErrorChain;

/// An answer that began: the head and the first piece of the body.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// `None` if the body is empty.
    pub(super) first: Option<Bytes>,
    /// Everything after that.
    pub(super) rest: reqwest::Response,
    /// Whether it took a second try on a new connection.
    pub(super) was_repeated: bool,
    /// When the whole request has to be done.
    pub(super) deadline: Instant,
}

/// What is sent.
pub(super) struct UpstreamRequest<'a> {
    pub(super) target: &'a Target,
    pub(super) endpoint: Endpoint,
    pub(super) client_headers: &'a HeaderMap,
    pub(super) request_id: &'a str,
    pub(super) body: Bytes,
    /// Marked when it is written to a connection.
    pub(super) written: Arc<Written>,
    /// When it is sent, for the total timeout: the time in queues is not the server's.
    pub(super) started: Instant,
}

/// Sends the request and waits until the first byte of the answer's body is there, so that nothing has gone to the
/// client yet when it fails. What failed is logged here, with the reason that the client does not get to see.
///
/// Cancel safe: dropping it closes the connection to the upstream.
///
/// # Errors
/// No answer that can be passed on began in time.
pub(super) async fn attempt(
    upstreams: &UpstreamClients,
    request: UpstreamRequest<'_>,
) -> Result<Answer, UpstreamFailure> {
    let server = &request.target.server;
    let result = begin(upstreams, &request).await;
    if let Err(Reason { failure, cause }) = &result {
        tracing::warn!(
            request_id = request.request_id,
            server = server.name,
            failure = failure.code(),
            reason = ?failure,
            cause = cause.as_deref().map(tracing::field::display),
            "an attempt at an upstream failed"
        );
    }
    result.map_err(|reason| reason.failure)
}

struct Reason {
    failure: UpstreamFailure,
    cause: Option<String>,
}

impl Reason {
    const fn new(failure: UpstreamFailure) -> Self {
        Self { failure, cause: None }
    }
}

async fn begin(upstreams: &UpstreamClients, request: &UpstreamRequest<'_>) -> Result<Answer, Reason> {
    let server = &request.target.server;
    let timeouts = server.timeouts;
    let total = Duration::from_millis(u64::from(timeouts.total_ms));
    let first_byte = Duration::from_millis(u64::from(timeouts.first_byte_ms));
    let deadline = request.started + total;
    let (until, on_timeout) = match Instant::now() + first_byte {
        instant if instant <= deadline => (instant, UpstreamFailure::FirstByteTimeout(first_byte)),
        _ => (deadline, UpstreamFailure::TotalTimeout(total)),
    };

    let url = match server.provider {
        ProviderKind::OpenAi => openai::endpoint_url(&server.base_url, request.endpoint),
    };
    let mut outgoing = reqwest::Request::new(reqwest::Method::POST, url);
    *outgoing.headers_mut() = headers::for_upstream(request.client_headers, server, request.request_id);
    let connect = Duration::from_millis(u64::from(timeouts.connect_ms));

    let answer = async {
        let Sent { mut response, was_repeated } = upstreams
            .send(outgoing, request.body.clone(), connect, &request.written)
            .await
            .map_err(|error| classify(&error))?;
        let status = response.status();
        if status == StatusCode::UNAUTHORIZED || status == StatusCode::FORBIDDEN {
            return Err(Reason {
                failure: UpstreamFailure::AuthFailed,
                cause: Some(format!("the upstream answered {status}")),
            });
        }
        if status.is_redirection() || status.is_informational() {
            return Err(Reason {
                failure: UpstreamFailure::InvalidAnswer,
                cause: Some(format!("the upstream answered {status}; redirects are not followed")),
            });
        }
        let headers = std::mem::take(response.headers_mut());
        let first = response.chunk().await.map_err(|error| Reason {
            failure: UpstreamFailure::Broken,
            cause: Some(ErrorChain(&error).to_string()),
        })?;
        Ok(Answer { status, headers, first, rest: response, was_repeated, deadline })
    };
    timeout_at(until, answer).await.unwrap_or(Err(Reason::new(on_timeout)))
}

/// By type and cause, never by text.
fn classify(error: &SendError) -> Reason {
    let failure = match error {
        SendError::Refused(_) => UpstreamFailure::AddressForbidden,
        SendError::Client(_) => UpstreamFailure::Unreachable,
        SendError::Request(error) => match OutboundFailure::of(error) {
            OutboundFailure::AddressRefused(_) => UpstreamFailure::AddressForbidden,
            // The only time limit that these clients have themselves is the one for connecting.
            OutboundFailure::TimedOut => UpstreamFailure::ConnectTimeout,
            OutboundFailure::NameNotFound | OutboundFailure::Tls | OutboundFailure::Connect => {
                UpstreamFailure::Unreachable
            }
            OutboundFailure::Interrupted if is_parse_error(error) => UpstreamFailure::InvalidAnswer,
            OutboundFailure::Interrupted => UpstreamFailure::Broken,
        },
    };
    Reason { failure, cause: Some(ErrorChain(error).to_string()) }
}

fn is_parse_error(error: &reqwest::Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        if error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse) {
            return true;
        }
        cause = error.source();
    }
    false
}
