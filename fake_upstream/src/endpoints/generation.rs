//! `POST /v1/chat/completions` and `POST /v1/completions`: what will be said, and the plain form of it.
//!
//! The streamed form is in `event_stream`. Invariants: both forms say the same; a plain answer has at most
//! [`MAX_PLAIN_BYTES`] of text; there is one choice, whatever `n` says.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use serde_json::Value;

use super::LONG_AGO;
use crate::answer::Answer;
use crate::content::Content;
use crate::event_stream::EventStream;
use crate::failure::Failure;
use crate::ledger::Tokens;
use crate::request::{ParsedRequest, text_bytes, text_of};
use crate::script::Script;
use crate::switch::Switch;
use crate::usage::{Usage, prompt_tokens};
use crate::wire::{ChatChoice, Envelope, Field, Function, Message, TextChoice, ToolCall, json};

const MAX_PLAIN_BYTES: usize = 64 * 1024 * 1024;
pub(crate) const SERVICE_TIER: &str = "default";
pub(crate) const FINGERPRINT: &str = "fp_fake_upstream";

/// Which of the two endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Chat completions.
    Chat,
    /// Completions.
    Text,
}

/// An answer that is decided but not written yet.
#[derive(Debug)]
pub(crate) struct Generation {
    pub(crate) kind: Kind,
    pub(crate) id: String,
    pub(crate) created: u64,
    pub(crate) model: String,
    pub(crate) script: Script,
    /// How many pieces will be sent.
    pub(crate) pieces: usize,
    /// Whether the request asked for usage in the stream.
    pub(crate) include_usage: bool,
    /// The function to call, if the answer is a tool call.
    pub(crate) tool: Option<String>,
    content: Content,
    prompt_tokens: u64,
    /// Whether the limit of tokens cut pieces off.
    cut: bool,
}

/// Answers a request. `number` is the number of the answer.
pub(crate) fn answer(kind: Kind, request: ParsedRequest, number: u64) -> Result<Answer, Failure> {
    let stream = request.flag("stream")?;
    let generation = Generation::new(kind, request, number, stream)?;
    if stream { Ok(Answer::stream(EventStream::new(generation))) } else { generation.plain() }
}

/// The tokens of a request and its whole answer, before there is one.
pub(crate) fn tokens(kind: Kind, request: &ParsedRequest) -> Result<Tokens, Failure> {
    let (prompt_bytes, _) = prompt(kind, request)?;
    let (_, pieces) = pieces(request, tool(kind, request).is_some())?;
    let completion_tokens = u64::try_from(pieces).unwrap_or(u64::MAX);
    Ok(Tokens { prompt_tokens: prompt_tokens(prompt_bytes), completion_tokens, ..Tokens::default() })
}

impl Generation {
    fn new(kind: Kind, request: ParsedRequest, number: u64, stream: bool) -> Result<Self, Failure> {
        let include_usage = include_usage(&request, stream)?;
        let (prompt_bytes, prompt) = prompt(kind, &request)?;
        let tool = tool(kind, &request);
        let (wanted, pieces) = pieces(&request, tool.is_some())?;
        let ParsedRequest { model, script, .. } = request;
        let prefix = if kind == Kind::Chat { "chatcmpl" } else { "cmpl" };
        Ok(Self {
            kind,
            id: format!("{prefix}-fake{number:020}"),
            created: SystemTime::now().duration_since(UNIX_EPOCH).map_or(LONG_AGO, |time| time.as_secs()),
            model,
            content: Content::new(&prompt, script.utf8, script.chunk_bytes),
            script,
            pieces,
            include_usage,
            tool,
            prompt_tokens: prompt_tokens(prompt_bytes),
            cut: pieces < wanted,
        })
    }

    /// The text or the arguments at an index.
    pub(crate) fn piece(&self, index: usize) -> String {
        let piece = self.content.piece(index);
        if self.tool.is_none() {
            return piece;
        }
        let open = if index == 0 { r#"{"text":""# } else { "" };
        let close = if index + 1 == self.pieces && !self.cut { r#""}"# } else { "" };
        format!("{open}{piece}{close}")
    }

    /// What stands for a completed answer.
    pub(crate) fn finish_reason(&self) -> &'static str {
        match (self.cut, &self.tool) {
            (true, _) => "length",
            (false, Some(_)) => "tool_calls",
            (false, None) => "stop",
        }
    }

    /// The id of the tool call.
    pub(crate) fn tool_call_id(&self) -> String {
        format!("call_{}", self.id)
    }

    /// The tokens after so many pieces.
    pub(crate) fn tokens(&self, pieces: usize) -> Tokens {
        let completion_tokens = u64::try_from(pieces).unwrap_or(u64::MAX);
        Tokens {
            prompt_tokens: self.prompt_tokens,
            completion_tokens,
            // Never more than there are.
            cached_tokens: self.script.cached.min(self.prompt_tokens),
            reasoning_tokens: self.script.reasoning.min(completion_tokens),
        }
    }

    fn plain(&self) -> Result<Answer, Failure> {
        if self.pieces.saturating_mul(self.content.piece_bytes()) > MAX_PLAIN_BYTES {
            let message = format!("A plain answer of the fake upstream has at most {MAX_PLAIN_BYTES} bytes of text.");
            return Err(Failure::invalid(Some("model"), message));
        }
        let text: String = (0..self.pieces).map(|index| self.piece(index)).collect();
        let has_usage = Usage::in_plain(&self.script);
        let tokens = self.tokens(self.pieces);
        let body = match self.kind {
            Kind::Chat => self.plain_chat(&text, has_usage),
            Kind::Text => {
                let finish_reason = Some(self.finish_reason());
                let choice = TextChoice { text: &text, index: 0, logprobs: None, finish_reason };
                self.envelope("text_completion", &[choice], has_usage)
            }
        };
        Ok(Answer::json(body, has_usage.then(|| Usage::reported(tokens, &self.script)).flatten()))
    }

    fn plain_chat(&self, text: &str, has_usage: bool) -> Bytes {
        let call_id = self.tool_call_id();
        let tool_calls = self.tool.as_deref().map(|name| {
            let function = Function { name: Some(name), arguments: text };
            [ToolCall { index: None, id: Some(&call_id), r#type: Some("function"), function }]
        });
        let content = tool_calls.is_none().then_some(text);
        let message = Message { role: "assistant", content, tool_calls, refusal: None, annotations: [] };
        let choice = ChatChoice { index: 0, message, logprobs: None, finish_reason: self.finish_reason() };
        self.envelope("chat.completion", &[choice], has_usage)
    }

    fn envelope<Choice: serde::Serialize>(&self, object: &'static str, choices: &[Choice], has_usage: bool) -> Bytes {
        let tokens = self.tokens(self.pieces);
        let usage = if has_usage { Field::Value(Usage::generated(tokens, &self.script)) } else { Field::Absent };
        let Self { id, model, created, .. } = self;
        json(&Envelope {
            id,
            object,
            created: *created,
            model,
            service_tier: SERVICE_TIER,
            system_fingerprint: FINGERPRINT,
            choices,
            usage,
        })
        .into()
    }
}

fn include_usage(request: &ParsedRequest, stream: bool) -> Result<bool, Failure> {
    let Some(options) = request.field("stream_options") else { return Ok(false) };
    if !stream {
        let message = "The 'stream_options' parameter is only allowed when 'stream' is enabled.";
        return Err(Failure::invalid(Some("stream_options"), message));
    }
    let options = options.as_object().ok_or_else(|| Failure::wrong_type("stream_options", "an object"))?;
    match options.get("include_usage") {
        None | Some(Value::Null) => Ok(false),
        Some(value) => value.as_bool().ok_or_else(|| Failure::wrong_type("stream_options.include_usage", "a boolean")),
    }
}

/// The bytes of all text, and the text that decides the language.
fn prompt(kind: Kind, request: &ParsedRequest) -> Result<(usize, String), Failure> {
    if kind == Kind::Text {
        // OpenAI takes a missing prompt for the beginning of a document.
        return Ok(request.field("prompt").map_or((0, String::new()), |prompt| (text_bytes(prompt), text_of(prompt))));
    }
    let messages = request.required("messages")?;
    let Value::Array(messages) = messages else { return Err(Failure::wrong_type("messages", "an array of objects")) };
    if messages.is_empty() || !messages.iter().all(Value::is_object) {
        return Err(Failure::wrong_type("messages", "an array of one or more objects"));
    }
    let content = |message: &Value| message.get("content").map_or(0, text_bytes);
    let last_user = messages.iter().rfind(|message| message.get("role").and_then(Value::as_str) == Some("user"));
    let text = last_user.and_then(|message| message.get("content")).map(text_of).unwrap_or_default();
    Ok((messages.iter().map(content).sum(), text))
}

/// How many pieces the script wants, and how many the limit of tokens leaves.
fn pieces(request: &ParsedRequest, has_tool: bool) -> Result<(usize, usize), Failure> {
    let limit = match request.positive("max_completion_tokens")? {
        Some(limit) => Some(limit),
        None => request.positive("max_tokens")?,
    };
    let chunks = request.script.chunks;
    // Arguments cannot be empty: their first piece opens the JSON.
    let wanted = if has_tool { chunks.max(1) } else { chunks };
    Ok((wanted, limit.map_or(wanted, |limit| limit.min(wanted))))
}

/// The function to call, if the script wants a tool call and the request has a tool.
fn tool(kind: Kind, request: &ParsedRequest) -> Option<String> {
    (kind == Kind::Chat && request.script.has(Switch::Tool)).then(|| tool_name(request)).flatten()
}

fn tool_name(request: &ParsedRequest) -> Option<String> {
    let tool = request.field("tools")?.as_array()?.first()?;
    Some(tool.get("function")?.get("name")?.as_str()?.to_owned())
}
