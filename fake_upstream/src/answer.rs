//! Answers before they are written, and how they become HTTP responses.
//!
//! Here are the faults of plain bodies and the headers that scripts add. Invariants: a plain body announces its full
//! `Content-Length`, even if it will be cut, unless it must be able to end cleanly too early or starts with blank lines.

use std::collections::VecDeque;

use bytes::Bytes;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, RETRY_AFTER, SET_COOKIE};
use hyper::{HeaderMap, Response, StatusCode};

use crate::body::{Break, ScriptedBody, Step, Steps};
use crate::connection::Connection;
use crate::event_stream::EventStream;
use crate::failure::{Failure, html_page};
use crate::ledger::{Call, Tokens};
use crate::pieces::Pieces;
use crate::script::Script;
use crate::switch::Switch;

const JSON: &str = "application/json";
const RATE_LIMITS: [(&str, &str); 6] = [
    ("x-ratelimit-limit-requests", "10000"),
    ("x-ratelimit-limit-tokens", "200000"),
    ("x-ratelimit-remaining-requests", "9999"),
    ("x-ratelimit-remaining-tokens", "199984"),
    ("x-ratelimit-reset-requests", "8.64s"),
    ("x-ratelimit-reset-tokens", "4ms"),
];

/// An answer whose faults and delays are still to come.
#[derive(Debug)]
pub(crate) struct Answer {
    status: StatusCode,
    content_type: &'static str,
    payload: Payload,
}

#[derive(Debug)]
enum Payload {
    /// A whole body, and the usage that it reports.
    Plain(Bytes, Option<Tokens>),
    Stream(Box<EventStream>),
}

impl Answer {
    /// A good plain answer.
    pub(crate) fn json(body: Bytes, reported: Option<Tokens>) -> Self {
        Self { status: StatusCode::OK, content_type: JSON, payload: Payload::Plain(body, reported) }
    }

    /// A good stream.
    pub(crate) fn stream(events: EventStream) -> Self {
        let payload = Payload::Stream(Box::new(events));
        Self { status: StatusCode::OK, content_type: "text/event-stream; charset=utf-8", payload }
    }

    /// An error.
    pub(crate) fn failure(failure: &Failure) -> Self {
        Self { status: failure.status, content_type: JSON, payload: Payload::Plain(failure.body(), None) }
    }

    /// The answer that a script puts in place of a good one, if it does.
    pub(crate) fn scripted(script: &Script, model: &str, key: Option<&str>) -> Option<Self> {
        if script.has(Switch::ErrorHtml) {
            let status = script.status.unwrap_or(StatusCode::BAD_GATEWAY);
            return Some(Self { status, content_type: "text/html", payload: Payload::Plain(html_page(status), None) });
        }
        if let Some(status) = script.status {
            return Some(Self::failure(&Failure::scripted(status, model, key)));
        }
        if script.has(Switch::Redirect) {
            let payload = Payload::Plain(Bytes::new(), None);
            return Some(Self { status: StatusCode::FOUND, content_type: "text/html", payload });
        }
        None
    }

    /// Spoils a good answer as the script says. Streams spoil their own events.
    pub(crate) fn spoiled(mut self, script: &Script) -> Self {
        if script.has(Switch::Empty) {
            self.payload = Payload::Plain(Bytes::new(), None);
        } else if let Payload::Plain(body, _) = &mut self.payload {
            if script.has(Switch::Malformed) {
                *body = Bytes::from_static(br#"{"id":"chatcmpl-fake","object":]}"#);
            } else if script.has(Switch::TruncatedJson) {
                body.truncate(body.len() / 2);
            }
        }
        self
    }

    /// The response that plays this answer.
    pub(crate) fn respond(
        self,
        script: &Script,
        mut call: Option<Call>,
        connection: Connection,
        number: u64,
    ) -> Response<ScriptedBody> {
        let Self { status, content_type, payload } = self;
        if let Some(call) = &mut call {
            call.answer(status.as_u16());
        }
        let is_stream = matches!(payload, Payload::Stream(_));
        let (steps, length): (Steps, _) = match payload {
            Payload::Stream(events) => (cut(*events, script), None),
            Payload::Plain(body, reported) => {
                let has_length = script.blank_lines == 0 && script.clean_cut_after.is_none();
                let length = u64::try_from(body.len()).ok().filter(|_| has_length);
                (cut(plain_steps(body, reported, script).into_iter(), script), length)
            }
        };
        let close_after = script.has(Switch::KeepAliveClose);
        let mut response = Response::new(ScriptedBody::new(steps, length, call, connection, close_after));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        if is_stream {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        }
        if status == StatusCode::FOUND {
            headers.insert(LOCATION, HeaderValue::from_static("http://127.0.0.1:1/"));
        }
        add_headers(headers, script, number);
        response
    }
}

fn cut(steps: impl Iterator<Item = Step> + Send + 'static, script: &Script) -> Steps {
    if script.piece.is_none() && script.split_at.is_none() {
        return Box::new(steps);
    }
    Box::new(Pieces::new(steps, script.piece, script.split_at))
}

fn plain_steps(mut body: Bytes, reported: Option<Tokens>, script: &Script) -> VecDeque<Step> {
    let mut steps = VecDeque::from([Step::Wait(script.first_byte)]);
    for _ in 0..script.blank_lines {
        steps.extend([Step::Data(Bytes::from_static(b"\n")), Step::Wait(script.chunk_delay)]);
    }
    steps.extend(reported.map(Step::Report));
    let breaks = [
        (script.cut_after, Break::Abort),
        (script.reset_after, Break::Reset),
        (script.clean_cut_after, Break::Clean),
        (script.stall_after, Break::Stall),
    ];
    let first = breaks.into_iter().filter_map(|(after, kind)| Some((after?, kind))).min_by_key(|(after, _)| *after);
    let fault = first.filter(|(after, _)| *after < body.len());
    if let Some((after, _)) = fault {
        body.truncate(after);
    }
    if !body.is_empty() {
        steps.push_back(Step::Data(body));
    } else if fault.is_none() {
        // Hyper asks an empty body for nothing, so that no wait may be left in it.
        steps.clear();
    }
    if let Some((_, kind)) = fault {
        steps.extend([Step::Flush, Step::Break(kind)]);
    }
    steps
}

fn add_headers(headers: &mut HeaderMap, script: &Script, number: u64) {
    headers.insert(HeaderName::from_static("x-request-id"), HeaderValue::from(number));
    headers.insert(HeaderName::from_static("openai-version"), HeaderValue::from_static("2020-10-01"));
    if let Some(seconds) = script.retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if script.has(Switch::SetCookie) {
        headers.insert(SET_COOKIE, HeaderValue::from_static("__cf_bm=fake; path=/; HttpOnly"));
    }
    if script.has(Switch::RateLimit) {
        for (name, value) in RATE_LIMITS {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
    }
}
