//! The plain values that the ledger hands out. They hold no reference to it.

use std::time::Instant;

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

/// How many calls there were, by what became of them.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// POST requests that were seen.
    pub calls: u64,
    /// Of these: being read or answered now.
    pub active: u64,
    /// Of these: answered completely.
    pub completed: u64,
    /// Of these: the caller went away first.
    pub cancelled: u64,
    /// Of these: broken off by a script.
    pub faulted: u64,
    /// Of these: refused with 429 by the upstream's own limits (`rpm`, `tpm`). They count as completed, too.
    pub limited: u64,
}

/// Token counts as reported in usage.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Tokens {
    /// Tokens of the prompt.
    pub prompt_tokens: u64,
    /// Tokens of the answer.
    pub completion_tokens: u64,
    /// Tokens of the prompt that were cached.
    pub cached_tokens: u64,
    /// Tokens of the answer that were spent on reasoning.
    pub reasoning_tokens: u64,
}

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is being read or answered.
    Active,
    /// The whole answer was sent; it may be an error, or nonsense if the script asked for that.
    Completed,
    /// The caller went away before the answer was complete.
    Cancelled,
    /// The script broke the answer off (`reset`, `close`, and what ends in `_after` except `stall_after`).
    Faulted,
}

/// One request as it arrived, and what became of it.
#[derive(Debug, Clone, Serialize)]
pub struct ReceivedRequest {
    /// Counts up from 1 over the life of the upstream.
    pub id: u64,
    /// When its head had been read. Never earlier than that of a request with a smaller id.
    #[serde(skip)]
    pub received_at: Instant,
    /// The path, without the query.
    pub path: String,
    /// The headers in the order of arrival, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, if bodies are kept and this one was not pushed out by newer ones.
    #[serde(skip)]
    pub body: Option<Bytes>,
    /// How long the body was.
    pub body_bytes: usize,
    /// SHA-256 of the body in hex; empty until the body was read.
    pub body_sha256: String,
    /// The HTTP status of the answer, once it is known.
    pub status: Option<u16>,
    /// The usage that was reported last.
    pub reported: Option<Tokens>,
    /// What became of it.
    pub outcome: Outcome,
}

impl ReceivedRequest {
    /// The first header of that name (in lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(candidate, _)| candidate == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON, if it was kept and is JSON.
    pub fn json(&self) -> Option<Value> {
        self.body.as_ref().and_then(|body| serde_json::from_slice(body).ok())
    }
}
