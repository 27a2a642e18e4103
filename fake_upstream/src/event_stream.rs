//! The streamed form of a generation: server-sent events, one step of the body at a time.
//!
//! Invariants: one event is made at a time, however long the stream; the `_after` parameters count content events, so
//! that 0 is in front of everything and the last possible place is in front of the finish event.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::body::{Break, Step};
use crate::endpoints::generation::{FINGERPRINT, Generation, Kind, SERVICE_TIER};
use crate::failure::Failure;
use crate::script::UsagePlace;
use crate::switch::Switch;
use crate::usage::Usage;
use crate::wire::{ChatChunkChoice, Delta, Envelope, Field, Function, TextChoice, ToolCall, json};

const BROKEN_JSON: &[u8] = br#"{"id":"chatcmpl-fake","object":"#;

#[derive(Debug, Clone, Copy)]
enum Phase {
    Start,
    Content(usize),
    Finish,
    FinalUsage,
    Done,
    Ended,
}

/// The steps of a stream.
#[derive(Debug)]
pub(crate) struct EventStream {
    generation: Generation,
    phase: Phase,
    queue: VecDeque<Step>,
    events: usize,
}

impl Iterator for EventStream {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        loop {
            if let Some(step) = self.queue.pop_front() {
                return Some(step);
            }
            match self.phase {
                Phase::Start => self.start(),
                Phase::Content(index) => self.content(index),
                Phase::Finish => self.finish(),
                Phase::FinalUsage => self.final_usage(),
                Phase::Done => self.done(),
                Phase::Ended => return None,
            }
        }
    }
}

impl EventStream {
    pub(crate) fn new(generation: Generation) -> Self {
        Self { generation, phase: Phase::Start, queue: VecDeque::new(), events: 0 }
    }

    fn has(&self, switch: Switch) -> bool {
        self.generation.script.has(switch)
    }

    fn start(&mut self) {
        self.queue.push_back(Step::Wait(self.generation.script.first_byte));
        if self.breaks_at(0) {
            return;
        }
        self.phase = Phase::Content(0);
        if self.generation.kind == Kind::Chat {
            let call_id = self.generation.tool_call_id();
            let name = self.generation.tool.clone();
            let role = Some("assistant");
            let delta = match &name {
                Some(name) => {
                    let function = Function { name: Some(name), arguments: "" };
                    let call = ToolCall { index: Some(0), id: Some(&call_id), r#type: Some("function"), function };
                    Delta { role, content: Field::Null, tool_calls: Some([call]), refusal: Field::Null }
                }
                None => Delta { role, content: Field::Value(""), refusal: Field::Null, ..Delta::default() },
            };
            self.chat_event(delta, None, 0);
        }
    }

    fn content(&mut self, index: usize) {
        if index >= self.generation.pieces {
            self.phase = Phase::Finish;
            return;
        }
        if index > 0 {
            self.queue.push_back(Step::Wait(self.generation.script.chunk_delay));
        }
        let sent = index + 1;
        let piece = self.generation.piece(index);
        self.phase = Phase::Content(sent);
        match (self.generation.kind, &self.generation.tool) {
            (Kind::Text, _) => self.text_event(&piece, None, sent),
            (Kind::Chat, None) => {
                self.chat_event(Delta { content: Field::Value(&piece), ..Delta::default() }, None, sent);
            }
            (Kind::Chat, Some(_)) => {
                let function = Function { name: None, arguments: &piece };
                let call = ToolCall { index: Some(0), id: None, r#type: None, function };
                self.chat_event(Delta { tool_calls: Some([call]), ..Delta::default() }, None, sent);
            }
        }
        if self.has(Switch::TruncatedJson) {
            self.phase = Phase::Ended;
        } else {
            self.breaks_at(sent);
        }
    }

    fn finish(&mut self) {
        self.phase = Phase::FinalUsage;
        let reason = Some(self.generation.finish_reason());
        match self.generation.kind {
            Kind::Chat => self.chat_event(Delta::default(), reason, self.generation.pieces),
            Kind::Text => self.text_event("", reason, self.generation.pieces),
        }
    }

    fn final_usage(&mut self) {
        self.phase = Phase::Done;
        let wanted = match self.generation.script.usage {
            UsagePlace::AsAsked | UsagePlace::Every => self.generation.include_usage,
            UsagePlace::Final | UsagePlace::Twice => true,
            UsagePlace::None | UsagePlace::Finish => false,
        };
        if wanted {
            let usage = self.report(self.generation.pieces);
            let event = match self.generation.kind {
                Kind::Chat => self.envelope::<ChatChunkChoice<'_>>(&[], Field::Value(usage)),
                Kind::Text => self.envelope::<TextChoice<'_>>(&[], Field::Value(usage)),
            };
            self.push_event(&event);
        }
    }

    fn done(&mut self) {
        self.phase = Phase::Ended;
        if !self.has(Switch::NoDone) {
            self.push_event(b"[DONE]");
        }
    }

    /// Queues the fault that a script wants behind so many content events, if it wants one.
    fn breaks_at(&mut self, sent: usize) -> bool {
        let script = &self.generation.script;
        let here = Some(sent);
        let kind = if script.cut_after == here {
            Break::Abort
        } else if script.reset_after == here {
            Break::Reset
        } else if script.clean_cut_after == here {
            Break::Clean
        } else if script.stall_after == here {
            Break::Stall
        } else if script.error_event_after == here {
            self.push_event(&Failure::in_stream().body());
            Break::Clean
        } else {
            return false;
        };
        self.queue.extend([Step::Flush, Step::Break(kind)]);
        self.phase = Phase::Ended;
        true
    }

    fn chat_event(&mut self, delta: Delta<'_>, finish_reason: Option<&'static str>, sent: usize) {
        let choice = ChatChunkChoice { index: 0, delta, logprobs: None, finish_reason };
        let usage = self.usage(finish_reason.is_some(), sent);
        let event = self.envelope(&[choice], usage);
        self.push_event(&event);
    }

    fn text_event(&mut self, text: &str, finish_reason: Option<&'static str>, sent: usize) {
        let choice = TextChoice { text, index: 0, logprobs: None, finish_reason };
        let usage = self.usage(finish_reason.is_some(), sent);
        let event = self.envelope(&[choice], usage);
        self.push_event(&event);
    }

    /// The usage field of an event with choices: left out, null or usage.
    fn usage(&mut self, finishes: bool, sent: usize) -> Field<Usage> {
        let here = match self.generation.script.usage {
            UsagePlace::None => return Field::Absent,
            UsagePlace::Every => true,
            UsagePlace::Twice | UsagePlace::Finish => finishes,
            UsagePlace::AsAsked | UsagePlace::Final => false,
        };
        if here {
            return Field::Value(self.report(sent));
        }
        if self.generation.include_usage { Field::Null } else { Field::Absent }
    }

    /// Usage for the event that is queued next, noted in the ledger when that event is sent.
    fn report(&mut self, sent: usize) -> Usage {
        let Generation { script, .. } = &self.generation;
        let tokens = self.generation.tokens(sent);
        self.queue.extend(Usage::reported(tokens, script).map(Step::Report));
        Usage::generated(tokens, script)
    }

    fn envelope<Choice: serde::Serialize>(&self, choices: &[Choice], usage: Field<Usage>) -> Vec<u8> {
        let Generation { kind, id, created, model, .. } = &self.generation;
        json(&Envelope {
            id,
            object: if *kind == Kind::Chat { "chat.completion.chunk" } else { "text_completion" },
            created: *created,
            model,
            service_tier: SERVICE_TIER,
            system_fingerprint: FINGERPRINT,
            choices,
            usage,
        })
    }

    fn push_event(&mut self, data: &[u8]) {
        let first = self.events == 0;
        self.events += 1;
        let data = if first && self.has(Switch::Malformed) { BROKEN_JSON } else { data };
        let line_end: &[u8] = if self.has(Switch::Crlf) { b"\r\n" } else { b"\n" };
        let mut event = Vec::with_capacity(data.len() + 32);
        if !first && self.has(Switch::Comments) {
            event.extend_from_slice(b": keep-alive");
            event.extend_from_slice(line_end);
            event.extend_from_slice(line_end);
        }
        event.extend_from_slice(if self.has(Switch::NoSpace) { b"data:" } else { b"data: " });
        let is_content = matches!(self.phase, Phase::Content(sent) if sent > 0);
        if is_content && self.has(Switch::TruncatedJson) {
            event.extend(data.iter().take(data.len() / 2));
        } else {
            event.extend_from_slice(data);
            event.extend_from_slice(line_end);
            event.extend_from_slice(line_end);
        }
        self.queue.push_back(Step::Data(Bytes::from(event)));
    }
}
