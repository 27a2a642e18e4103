//! Reading one chunk of a streamed answer: what it says about tokens and about the end.

use std::fmt;
use std::ops::Range;

use memchr::memmem;
use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::usage::parse_usage;
use crate::model::TokenCounts;

/// What kind of message a chunk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChunkKind {
    /// A piece of the answer.
    Piece,
    /// A piece that says why the answer ends (`finish_reason`).
    Finish,
    /// The extra chunk at the end that holds nothing but token counts.
    UsageOnly,
    /// An error in the middle of the stream.
    Error,
    /// `[DONE]`
    Done,
}

/// What one chunk says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// What kind of message it is.
    pub kind: ChunkKind,
    /// Token counts, if it has believable ones.
    pub usage: Option<TokenCounts>,
    /// Where the member `usage` stands in the data, with the comma that has to go with it; for hiding it from a client
    /// that did not ask.
    pub usage_member: Option<Range<usize>>,
}

impl Chunk {
    const fn of(kind: ChunkKind) -> Self {
        Self { kind, usage: None, usage_member: None }
    }
}

/// Reads the data of one event. What cannot be read is a piece like any other: it is passed on as it is.
///
/// Most chunks are told apart by a search for four words; only those that contain one are parsed.
pub fn read_chunk(data: &[u8]) -> Chunk {
    if data.trim_ascii() == b"[DONE]" {
        return Chunk::of(ChunkKind::Done);
    }
    let mentions = |word: &[u8]| memmem::find(data, word).is_some();
    if !mentions(b"\"usage\"") && !mentions(b"\"error\"") && !mentions(b"\"finish_reason\"") {
        return Chunk::of(ChunkKind::Piece);
    }
    let Ok(members) = serde_json::Deserializer::from_slice(data).deserialize_map(ChunkVisitor) else {
        return Chunk::of(ChunkKind::Piece);
    };
    let usage = [members.usage, members.groq_usage, members.choice_usage]
        .into_iter()
        .flatten()
        .find_map(|json| parse_usage(json.as_bytes()));
    let kind = if members.has_error {
        ChunkKind::Error
    } else if members.finishes {
        ChunkKind::Finish
    } else if members.choices_are_empty && usage.is_some() {
        ChunkKind::UsageOnly
    } else {
        ChunkKind::Piece
    };
    Chunk { kind, usage, usage_member: members.usage.and_then(|value| member_span(data, value)) }
}

/// The span of `"usage": value` and of one comma beside it. `None` if the name is not written out as `"usage"`.
fn member_span(data: &[u8], value: &str) -> Option<Range<usize>> {
    const NAME: &[u8] = b"\"usage\"";
    let value_start = value.as_ptr().addr().checked_sub(data.as_ptr().addr())?;
    let value_end = value_start + value.len();
    let before_colon = data.get(..value_start)?.trim_ascii_end().strip_suffix(b":")?;
    let before_name = before_colon.trim_ascii_end().strip_suffix(NAME)?;
    let before = before_name.trim_ascii_end();
    if let Some(without_comma) = before.strip_suffix(b",") {
        return Some(without_comma.len()..value_end);
    }
    let behind = data.get(value_end..)?;
    let behind_comma = behind.trim_ascii_start().strip_prefix(b",");
    let end = behind_comma.map_or(value_end, |rest| data.len() - rest.len());
    Some(before_name.len()..end)
}

#[derive(Default)]
struct Members<'de> {
    usage: Option<&'de str>,
    groq_usage: Option<&'de str>,
    choice_usage: Option<&'de str>,
    has_error: bool,
    finishes: bool,
    choices_are_empty: bool,
}

struct ChunkVisitor;

impl<'de> Visitor<'de> for ChunkVisitor {
    type Value = Members<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a chunk")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Members { choices_are_empty: true, ..Members::default() };
        while let Some(name) = map.next_key::<String>()? {
            match name.as_str() {
                "usage" => members.usage = Some(map.next_value::<&RawValue>()?.get()),
                "error" => members.has_error = map.next_value::<&RawValue>()?.get() != "null",
                "x_groq" => members.groq_usage = usage_within(map.next_value::<&RawValue>()?.get()),
                "choices" => {
                    let choices: &RawValue = map.next_value()?;
                    let choices: Vec<&RawValue> = serde_json::from_str(choices.get()).unwrap_or_default();
                    members.choices_are_empty = choices.is_empty();
                    members.finishes = choices.iter().any(|choice| finishes(choice.get()));
                    members.choice_usage = choices.iter().find_map(|choice| usage_within(choice.get()));
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(members)
    }
}

#[derive(serde::Deserialize)]
struct UsageHolder<'a> {
    #[serde(borrow, default)]
    usage: Option<&'a RawValue>,
}

fn usage_within(json: &str) -> Option<&str> {
    serde_json::from_str::<UsageHolder<'_>>(json).ok()?.usage.map(RawValue::get)
}

#[derive(serde::Deserialize)]
struct FinishHolder<'a> {
    #[serde(borrow, default)]
    finish_reason: Option<&'a RawValue>,
}

/// A reason of `null`, `""` (xAI) or `"null"` (`DashScope`) is none.
fn finishes(choice: &str) -> bool {
    serde_json::from_str::<FinishHolder<'_>>(choice)
        .ok()
        .and_then(|holder| holder.finish_reason)
        .is_some_and(|reason| !matches!(reason.get(), "null" | "\"\"" | "\"null\""))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn kind(data: &str) -> ChunkKind {
        read_chunk(data.as_bytes()).kind
    }

    #[test]
    fn tells_the_kinds_apart() {
        for (data, expected) in [
            ("[DONE]", ChunkKind::Done),
            (" [DONE] ", ChunkKind::Done),
            (r#"{"choices":[{"delta":{"content":"a \"usage\" b"},"finish_reason":null}]}"#, ChunkKind::Piece),
            (r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#, ChunkKind::Finish),
            (r#"{"choices":[{"delta":{},"finish_reason":""}],"usage":null}"#, ChunkKind::Piece),
            (r#"{"choices":[{"delta":{},"finish_reason":"null"}]}"#, ChunkKind::Piece),
            (r#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#, ChunkKind::UsageOnly),
            (r#"{"usage":{"prompt_tokens":1,"completion_tokens":2}}"#, ChunkKind::UsageOnly),
            (r#"{"choices":[],"prompt_filter_results":[],"usage":null}"#, ChunkKind::Piece),
            (r#"{"error":{"message":"x"}}"#, ChunkKind::Error),
            (r#"{"error":null,"choices":[]}"#, ChunkKind::Piece),
            (r#"{"choices":null,"usage":7}"#, ChunkKind::Piece),
            (r#"not json "usage""#, ChunkKind::Piece),
            ("", ChunkKind::Piece),
        ] {
            assert_eq!(kind(data), expected, "{data}");
        }
    }

    #[test]
    fn reads_usage_wherever_the_family_puts_it() {
        for data in [
            r#"{"choices":[{"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":4}}"#,
            r#"{"choices":[{"finish_reason":"stop"}],"x_groq":{"usage":{"prompt_tokens":3,"completion_tokens":4}}}"#,
            r#"{"choices":[{"finish_reason":"stop","usage":{"prompt_tokens":3,"completion_tokens":4}}]}"#,
        ] {
            assert_eq!(read_chunk(data.as_bytes()).usage.unwrap().output, Some(4), "{data}");
        }
    }

    #[test]
    fn finds_the_member_to_hide_with_its_comma() {
        for (data, expected) in [
            (r#"{"id":1,"usage":null}"#, r#"{"id":1}"#),
            (r#"{"usage" : {"prompt_tokens":1} , "id":1}"#, r#"{ "id":1}"#),
            (r#"{"usage":null}"#, "{}"),
            (r#"{"a":"\"usage\":null","usage":null,"b":2}"#, r#"{"a":"\"usage\":null","b":2}"#),
        ] {
            let span = read_chunk(data.as_bytes()).usage_member.unwrap();
            let mut hidden = data.to_owned();
            hidden.replace_range(span, "");
            assert_eq!(hidden, expected);
        }
        assert_eq!(read_chunk(br#"{"us\u0061ge":null,"x":"\"usage\""}"#).usage_member, None);
    }
}
