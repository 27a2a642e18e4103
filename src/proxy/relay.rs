//! Stage 6: the answer passes through, and its token counts are read in passing.
//!
//! Pieces go on as they arrive; the client's pace is the upstream's pace, because nothing is fetched before the client
//! took what came before. Of a stream of events only whole events go on, so that an upstream that breaks off never
//! leaves half of one. A stream that broke off ends with an error event and without a proper end of the body: the
//! client's SDK must not take it for complete.

use std::collections::VecDeque;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures::Stream;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use http::{HeaderValue, StatusCode, Version};
use memchr::memmem;
use tokio::time::{Instant, timeout_at};

use super::attempt::Answer;
use super::headers;
use super::settle::Settlement;
use super::tap::{PlainTap, StreamTap, Verdict};
use crate::limit::Headroom;
use crate::model::Outcome;
use crate::telemetry::ErrorChain;

/// How an answer is to be passed on.
#[derive(Clone, Copy, Debug)]
pub(super) struct RelayOptions {
    /// Whether Sluice asked for token counts on its own account, so that the client must not see them.
    pub(super) hides_usage: bool,
    /// Most of one unfinished event that is held back.
    pub(super) max_event_bytes: usize,
    /// Longest pause of the upstream.
    pub(super) idle_timeout: Duration,
}

/// The answer to the client. Its body settles the request when it is done or dropped.
pub(super) fn relay(answer: Answer, options: RelayOptions, mut settlement: Settlement) -> Response {
    settlement.first_byte();
    settlement.answering(answer.status.as_u16());
    let is_stream = answer.status.is_success()
        && headers::is_event_stream(&answer.headers)
        && !headers::is_encoded(&answer.headers);
    let tap = if is_stream {
        Tap::Stream(StreamTap::new(options.hides_usage, options.max_event_bytes))
    } else if headers::is_encoded(&answer.headers) {
        Tap::Opaque
    } else {
        Tap::Plain(PlainTap::default())
    };
    let is_json = is_json(&answer);
    let is_framed = is_framed(&answer);
    let mut response = Response::new(Body::empty());
    *response.status_mut() = answer.status;
    *response.headers_mut() = headers::for_client(&answer.headers, !is_stream);
    let mut way = settlement.way();
    if answer.status == StatusCode::TOO_MANY_REQUESTS {
        // What the upstream says about its limits explains its refusal; what is left of ours does not.
        way.headroom = Headroom::default();
    }
    way.write(response.headers_mut());
    let announced = (!is_stream).then(|| content_length(&answer)).flatten();
    let mut passage = Passage {
        upstream: Some(answer.rest),
        first: answer.first,
        ready: VecDeque::new(),
        tap,
        is_error: !answer.status.is_success(),
        plain: if !is_json {
            PlainEnd::Any
        } else if is_framed {
            PlainEnd::Json
        } else {
            PlainEnd::JsonByClosing
        },
        announced,
        deadline: answer.deadline,
        idle_timeout: options.idle_timeout,
        breaks_off: false,
        settlement,
    };
    if passage.first.is_none() && !is_stream {
        // Nobody asks for the body of an answer that has none, so the books are closed here.
        passage.close_plain();
        return response;
    }
    *response.body_mut() = Body::from_stream(passage.into_stream());
    response
}

fn is_json(answer: &Answer) -> bool {
    let content_type = answer.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    memmem::find(&content_type.to_ascii_lowercase(), b"json").is_some()
}

/// Whether the end of the body can be told from the end of the connection.
fn is_framed(answer: &Answer) -> bool {
    answer.rest.version() == Version::HTTP_2
        || answer.headers.contains_key(CONTENT_LENGTH)
        || answer.headers.contains_key(TRANSFER_ENCODING)
}

fn content_length(answer: &Answer) -> Option<u64> {
    answer.headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

#[derive(Debug)]
enum Tap {
    Stream(StreamTap),
    Plain(PlainTap),
    /// In an encoding that nothing is read from.
    Opaque,
}

/// The answer was cut off; ends the client's connection without a proper end of the body.
#[derive(Debug, thiserror::Error)]
#[error("the upstream's answer was cut off")]
struct CutOff;

/// One answer on its way through.
#[derive(Debug)]
struct Passage {
    /// None once it has ended.
    upstream: Option<reqwest::Response>,
    first: Option<Bytes>,
    ready: VecDeque<Bytes>,
    tap: Tap,
    /// Whether the upstream answered with an error status.
    is_error: bool,
    plain: PlainEnd,
    /// Bytes of a plain answer that are still to come, if that is known.
    announced: Option<u64>,
    deadline: Instant,
    idle_timeout: Duration,
    breaks_off: bool,
    settlement: Settlement,
}

/// What the end of a plain answer says about its being whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PlainEnd {
    /// Nothing can be read from the content.
    Any,
    /// The JSON has to be closed; the body's framing told the client where it ends.
    Json,
    /// The JSON has to be closed, and the end of the connection is the end of the body: half of it looks whole.
    JsonByClosing,
}

enum Arrival {
    Piece(Bytes),
    End,
    Broken,
    Silent,
}

impl Passage {
    fn into_stream(self) -> impl Stream<Item = Result<Bytes, CutOff>> + Send {
        futures::stream::unfold(self, |mut passage| async move {
            let item = passage.next().await?;
            Some((item, passage))
        })
    }

    async fn next(&mut self) -> Option<Result<Bytes, CutOff>> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                return Some(Ok(piece));
            }
            if self.breaks_off {
                // The error event in front of this is handed to the socket while the body is pending; without the
                // pause the connection would be closed with the event still in the buffer.
                tokio::task::yield_now().await;
                self.breaks_off = false;
                return Some(Err(CutOff));
            }
            self.upstream.as_ref()?;
            match self.arrival().await {
                Arrival::Piece(piece) => self.take(piece),
                Arrival::End => self.end(),
                Arrival::Broken => self.cut(None),
                Arrival::Silent => self.cut(Some("upstream_timeout")),
            }
        }
    }

    async fn arrival(&mut self) -> Arrival {
        if let Some(first) = self.first.take() {
            return Arrival::Piece(first);
        }
        let Some(upstream) = self.upstream.as_mut() else { return Arrival::End };
        let until = self.deadline.min(Instant::now() + self.idle_timeout);
        match timeout_at(until, upstream.chunk()).await {
            Ok(Ok(Some(piece))) => Arrival::Piece(piece),
            Ok(Ok(None)) => Arrival::End,
            Ok(Err(error)) => {
                tracing::debug!(
                    request_id = self.settlement.request_id(),
                    error = %ErrorChain(&error),
                    "an upstream's answer broke off"
                );
                Arrival::Broken
            }
            Err(_) => Arrival::Silent,
        }
    }

    fn take(&mut self, piece: Bytes) {
        match &mut self.tap {
            Tap::Stream(tap) => {
                tap.push(&piece, &mut self.ready);
                self.settlement.seen(tap.seen_tokens());
                if let Some(tokens) = tap.counts() {
                    self.settlement.reported(tokens);
                }
                // Clients leave as soon as they have what they wanted; that is no early end.
                match tap.verdict() {
                    Verdict::Whole => self.settlement.ended(Outcome::Completed, None),
                    Verdict::Error => self.settlement.ended(Outcome::UpstreamError, None),
                    Verdict::Unfinished => {}
                }
            }
            Tap::Plain(tap) => {
                tap.push(&piece);
                self.settlement.seen(tap.seen_tokens());
                self.pass(piece);
            }
            Tap::Opaque => self.pass(piece),
        }
    }

    /// Passes a piece of a plain answer on. The server asks for nothing behind the last announced byte, so the books
    /// are closed with that byte and not with the end of the stream.
    fn pass(&mut self, piece: Bytes) {
        if let Some(announced) = &mut self.announced {
            *announced = announced.saturating_sub(u64::try_from(piece.len()).unwrap_or(u64::MAX));
            if *announced == 0 {
                self.close_plain();
            }
        }
        self.ready.push_back(piece);
    }

    fn close_plain(&mut self) {
        let (counts, is_whole) = match &self.tap {
            Tap::Plain(tap) => (tap.counts(), self.plain == PlainEnd::Any || tap.is_whole()),
            Tap::Stream(_) | Tap::Opaque => (None, true),
        };
        if let Some(tokens) = counts {
            self.settlement.reported(tokens);
        }
        let outcome = match (self.is_error, is_whole) {
            (true, _) => Outcome::UpstreamError,
            (false, true) => Outcome::Completed,
            (false, false) => Outcome::UpstreamCut,
        };
        self.settlement.ended(outcome, None);
    }

    fn end(&mut self) {
        self.upstream = None;
        let Tap::Stream(tap) = &mut self.tap else {
            self.close_plain();
            let is_whole = !matches!(&self.tap, Tap::Plain(tap) if !tap.is_whole());
            self.breaks_off = self.plain == PlainEnd::JsonByClosing && !is_whole;
            return;
        };
        tap.finish(&mut self.ready);
        self.settlement.seen(tap.seen_tokens());
        if let Some(tokens) = tap.counts() {
            self.settlement.reported(tokens);
        }
        match tap.verdict() {
            Verdict::Whole => self.settlement.ended(Outcome::Completed, None),
            Verdict::Error => self.settlement.ended(Outcome::UpstreamError, None),
            Verdict::Unfinished => self.break_off("The upstream server ended its answer early.", "upstream_cut", None),
        }
    }

    fn cut(&mut self, error_code: Option<&'static str>) {
        // The client has all of a stream that said that it is done, whatever becomes of the connection.
        let is_whole = matches!(&self.tap, Tap::Stream(tap) if tap.is_done());
        if is_whole {
            self.upstream = None;
            return;
        }
        match error_code {
            Some(code) => self.break_off("The upstream server stopped answering.", code, error_code),
            None => self.break_off("The upstream server broke off its answer.", "upstream_cut", None),
        }
    }

    fn break_off(&mut self, message: &str, code: &str, error_code: Option<&'static str>) {
        self.upstream = None;
        self.breaks_off = true;
        let was_told = matches!(&self.tap, Tap::Stream(tap) if tap.verdict() == Verdict::Error);
        if was_told {
            // The upstream's own error event says more than ours could.
            self.settlement.ended(Outcome::UpstreamError, None);
            return;
        }
        let outcome = if self.is_error { Outcome::UpstreamError } else { Outcome::UpstreamCut };
        self.settlement.ended(outcome, error_code);
        if matches!(self.tap, Tap::Stream(_)) {
            let error = serde_json::json!({
                "error": {"message": message, "type": "upstream_error", "param": null, "code": code}
            });
            self.ready.push_back(Bytes::from(format!("data: {error}\n\n")));
        }
    }
}
