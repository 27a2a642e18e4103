//! Stage 2: what routing needs to know of a request's body, borrowed from the bytes.
//!
//! Only the top level is looked at, and only `model`, `stream`, `stream_options` and what bounds the output; everything
//! else stays bytes, so that what the client wrote reaches the upstream. A top-level member that decides something and
//! stands twice is refused: parsers disagree on which one counts, and what was authorised must be what is sent.

use std::fmt;
use std::ops::Range;

use memchr::memchr2;
use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::error::GatewayError;
use crate::model::is_model_name;

/// What routing needs to know of a request's body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RequestFacts {
    /// The model as the client named it.
    pub(super) model: String,
    /// Where the model's value stands in the body, quotes included.
    pub(super) model_span: Range<usize>,
    /// Whether the client asked for a stream.
    pub(super) stream: bool,
    /// What the client said about token counts in the stream.
    pub(super) include_usage: IncludeUsage,
    /// The most output tokens that the client allows, all of its choices together; `u64::MAX` if it is more than that.
    /// None if it does not say, or says something that is no count, which the upstream will refuse.
    pub(super) output_bound: Option<u64>,
    /// How many answers the client asks for at once; at least 1.
    pub(super) choices: u64,
}

/// What the client said about `stream_options.include_usage`, and where to say it for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum IncludeUsage {
    /// It asked for token counts.
    Asked,
    /// It said no: this value would have to become `true`.
    Refused {
        /// Where the value stands.
        span: Range<usize>,
    },
    /// There are `stream_options` without it.
    Unsaid {
        /// Just behind the opening brace of the options.
        insert_at: usize,
        /// Whether the options have no member.
        options_empty: bool,
    },
    /// `stream_options` is `null`.
    OptionsNull {
        /// Where the `null` stands.
        span: Range<usize>,
    },
    /// There are no `stream_options`.
    OptionsAbsent {
        /// Just behind the opening brace of the body. The body has at least a `model`.
        insert_at: usize,
    },
    /// `stream_options` is something that the upstream will refuse; it is left alone.
    Malformed,
}

/// Looks at a body.
///
/// # Errors
/// `invalid_json` if it is not one JSON object, is nested deeper than `max_depth` or has a deciding member twice;
/// `missing_model` if there is no usable `model`.
pub(super) fn peek(body: &[u8], max_depth: usize) -> Result<RequestFacts, GatewayError> {
    if !depth_is_within(body, max_depth) {
        return Err(GatewayError::InvalidJson { reason: format!("it is nested deeper than {max_depth} levels") });
    }
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let members = deserializer.deserialize_map(BodyVisitor).map_err(|error| invalid_json(&error))?;
    deserializer.end().map_err(|error| invalid_json(&error))?;

    let model_text = members.model.once("model")?.ok_or(GatewayError::MissingModel { reason: "`model` is missing" })?;
    if !model_text.starts_with('"') {
        return Err(GatewayError::MissingModel { reason: "`model` must be a string" });
    }
    let model: String = serde_json::from_str(model_text).map_err(|error| invalid_json(&error))?;
    if !is_model_name(&model) {
        return Err(GatewayError::MissingModel { reason: "`model` must have 1 to 200 visible characters" });
    }
    Ok(RequestFacts {
        model,
        model_span: span_in(body, model_text),
        stream: members.stream.once("stream")? == Some("true"),
        include_usage: include_usage(body, members.stream_options.once("stream_options")?)?,
        output_bound: output_bound(&members)?,
        choices: choices(&members)?,
    })
}

/// How many answers the client asks for at once.
fn choices(members: &BodyMembers<'_>) -> Result<u64, GatewayError> {
    let asked = [count(members.choices.once("n")?), count(members.best_of.once("best_of")?)];
    Ok(asked.into_iter().flatten().max().unwrap_or(1).max(1))
}

/// The larger of the bounds for one choice, as often as the upstream will write one.
fn output_bound(members: &BodyMembers<'_>) -> Result<Option<u64>, GatewayError> {
    let per_choice = [
        count(members.max_tokens.once("max_tokens")?),
        count(members.max_completion_tokens.once("max_completion_tokens")?),
        count(members.max_output_tokens.once("max_output_tokens")?),
    ];
    let choices = choices(members)?;
    Ok(per_choice.into_iter().flatten().max().map(|tokens| tokens.saturating_mul(choices)))
}

/// A value that is a non-negative integer; the largest `u64` if it is larger than that. JSON has no `+` and no leading
/// zeros, and fractions and exponents are no counts.
fn count(value: Option<&str>) -> Option<u64> {
    let digits = value?;
    // Too large is the only way in which digits alone can fail.
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().unwrap_or(u64::MAX))
}

fn include_usage(body: &[u8], options: Option<&str>) -> Result<IncludeUsage, GatewayError> {
    let Some(options) = options else {
        let insert_at = body.iter().position(|byte| *byte == b'{').map_or(0, |brace| brace + 1);
        return Ok(IncludeUsage::OptionsAbsent { insert_at });
    };
    let options_span = span_in(body, options);
    if options == "null" {
        return Ok(IncludeUsage::OptionsNull { span: options_span });
    }
    if !options.starts_with('{') {
        return Ok(IncludeUsage::Malformed);
    }
    let members = serde_json::Deserializer::from_str(options)
        .deserialize_map(OptionsVisitor)
        .map_err(|error| invalid_json(&error))?;
    Ok(match members.include_usage.once("stream_options.include_usage")? {
        Some("true") => IncludeUsage::Asked,
        Some(value @ ("false" | "null")) => IncludeUsage::Refused { span: span_in(body, value) },
        Some(_) => IncludeUsage::Malformed,
        None => IncludeUsage::Unsaid { insert_at: options_span.start + 1, options_empty: members.is_empty },
    })
}

/// The position only: serde's own text may quote the body, and the body is nobody's business.
fn invalid_json(error: &serde_json::Error) -> GatewayError {
    let place = format!("line {}, column {}", error.line(), error.column());
    let reason = match error.classify() {
        serde_json::error::Category::Eof => format!("it ends too early ({place})"),
        serde_json::error::Category::Data => format!("it is not a JSON object ({place})"),
        serde_json::error::Category::Syntax | serde_json::error::Category::Io => format!("syntax error at {place}"),
    };
    GatewayError::InvalidJson { reason }
}

/// Where a text that was borrowed from the body stands in it.
fn span_in(body: &[u8], part: &str) -> Range<usize> {
    let start = part.as_ptr().addr().saturating_sub(body.as_ptr().addr());
    start..start + part.len()
}

/// Whether arrays and objects are nested at most `max_depth` deep. Strings are skipped by `memchr`, so a large image
/// costs next to nothing. What is not JSON is found later, by the parser.
fn depth_is_within(body: &[u8], max_depth: usize) -> bool {
    let mut depth = 0_usize;
    let mut rest = body;
    while let Some((byte, remainder)) = rest.split_first() {
        rest = remainder;
        match byte {
            b'{' | b'[' => {
                depth += 1;
                if depth > max_depth {
                    return false;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => rest = skip_string(rest),
            _ => {}
        }
    }
    true
}

/// What follows the end of the string that `rest` begins inside of.
fn skip_string(mut rest: &[u8]) -> &[u8] {
    while let Some(position) = memchr2(b'"', b'\\', rest) {
        let skipped = if rest.get(position) == Some(&b'"') { 1 } else { 2 };
        let ended = skipped == 1;
        rest = rest.get(position + skipped..).unwrap_or_default();
        if ended {
            return rest;
        }
    }
    &[]
}

/// A member that decides something: its value, and whether it stood there more than once.
#[derive(Clone, Copy, Default)]
struct Deciding<'de> {
    value: Option<&'de str>,
    is_repeated: bool,
}

impl<'de> Deciding<'de> {
    fn set(&mut self, value: &'de RawValue) {
        self.is_repeated |= self.value.replace(value.get()).is_some();
    }

    fn once(self, name: &str) -> Result<Option<&'de str>, GatewayError> {
        if self.is_repeated {
            return Err(GatewayError::InvalidJson { reason: format!("`{name}` stands in it twice; send it once") });
        }
        Ok(self.value)
    }
}

#[derive(Default)]
struct BodyMembers<'de> {
    model: Deciding<'de>,
    stream: Deciding<'de>,
    stream_options: Deciding<'de>,
    max_tokens: Deciding<'de>,
    max_completion_tokens: Deciding<'de>,
    max_output_tokens: Deciding<'de>,
    choices: Deciding<'de>,
    best_of: Deciding<'de>,
}

struct BodyVisitor;

impl<'de> Visitor<'de> for BodyVisitor {
    type Value = BodyMembers<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = BodyMembers::default();
        while let Some(key) = map.next_key::<Key>()? {
            let value: &RawValue = map.next_value()?;
            match key {
                Key::Model => members.model.set(value),
                Key::Stream => members.stream.set(value),
                Key::StreamOptions => members.stream_options.set(value),
                Key::MaxTokens => members.max_tokens.set(value),
                Key::MaxCompletionTokens => members.max_completion_tokens.set(value),
                Key::MaxOutputTokens => members.max_output_tokens.set(value),
                Key::Choices => members.choices.set(value),
                Key::BestOf => members.best_of.set(value),
                Key::IncludeUsage | Key::Other => {}
            }
        }
        Ok(members)
    }
}

struct OptionsMembers<'de> {
    include_usage: Deciding<'de>,
    is_empty: bool,
}

struct OptionsVisitor;

impl<'de> Visitor<'de> for OptionsVisitor {
    type Value = OptionsMembers<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = OptionsMembers { include_usage: Deciding::default(), is_empty: true };
        while let Some(key) = map.next_key::<Key>()? {
            members.is_empty = false;
            let value: &RawValue = map.next_value()?;
            if key == Key::IncludeUsage {
                members.include_usage.set(value);
            }
        }
        Ok(members)
    }
}

/// A member's name after unescaping: `"mod\u0065l"` is the model too.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    Model,
    Stream,
    StreamOptions,
    IncludeUsage,
    MaxTokens,
    MaxCompletionTokens,
    MaxOutputTokens,
    /// `n`
    Choices,
    BestOf,
    Other,
}

impl<'de> serde::Deserialize<'de> for Key {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;

        impl Visitor<'_> for KeyVisitor {
            type Value = Key;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a member's name")
            }

            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Key, E> {
                Ok(match name {
                    "model" => Key::Model,
                    "stream" => Key::Stream,
                    "stream_options" => Key::StreamOptions,
                    "include_usage" => Key::IncludeUsage,
                    "max_tokens" => Key::MaxTokens,
                    "max_completion_tokens" => Key::MaxCompletionTokens,
                    "max_output_tokens" => Key::MaxOutputTokens,
                    "n" => Key::Choices,
                    "best_of" => Key::BestOf,
                    _ => Key::Other,
                })
            }

            fn visit_bytes<E: serde::de::Error>(self, name: &[u8]) -> Result<Key, E> {
                std::str::from_utf8(name).map_or_else(|_| Err(E::custom("not UTF-8")), |name| self.visit_str(name))
            }
        }

        deserializer.deserialize_str(KeyVisitor)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn facts(body: &str) -> RequestFacts {
        peek(body.as_bytes(), 128).unwrap()
    }

    fn code(body: &str) -> &'static str {
        peek(body.as_bytes(), 128).unwrap_err().code()
    }

    #[test]
    fn finds_model_and_stream() {
        let body = r#" {"messages":[{"model":"x"}] , "model" : "gpt-4o","stream":true}"#;
        let facts = facts(body);
        assert_eq!(facts.model, "gpt-4o");
        assert_eq!(&body[facts.model_span.clone()], r#""gpt-4o""#);
        assert!(facts.stream);
        assert_eq!(facts.include_usage, IncludeUsage::OptionsAbsent { insert_at: 2 });
    }

    #[test]
    fn reads_escaped_names_and_values() {
        let facts = facts(r#"{"mod\u0065l":"gpt\u002d4o"}"#);
        assert_eq!(facts.model, "gpt-4o");
        assert!(!facts.stream);
    }

    #[test]
    fn refuses_deciding_members_that_stand_twice() {
        for body in [
            r#"{"model":"a","model":"b"}"#,
            r#"{"model":"a","mod\u0065l":"b"}"#,
            r#"{"model":"a","stream":true,"stream":false}"#,
            r#"{"model":"a","stream_options":{"include_usage":true,"include_usage":false}}"#,
            r#"{"model":"a","max_tokens":1,"max_tokens":1}"#,
            r#"{"model":"a","max_completion_tokens":1,"max_completion_t\u006fkens":2}"#,
            r#"{"model":"a","max_output_tokens":null,"max_output_tokens":1}"#,
            r#"{"model":"a","n":1,"n":2}"#,
            r#"{"model":"a","best_of":1,"best_of":2}"#,
        ] {
            assert_eq!(code(body), "invalid_json", "{body}");
        }
        assert_eq!(facts(r#"{"model":"a","x":1,"x":2,"y":{"model":1,"model":2}}"#).model, "a");
    }

    #[test]
    fn refuses_what_is_not_one_object() {
        for body in ["", "[]", "1", "\"x\"", "{", r#"{"model":"a"} x"#, r#"{"model":"a",}"#, "\u{feff}{}", "null"] {
            assert_eq!(code(body), "invalid_json", "{body}");
        }
        assert_eq!(peek(b"{\"model\":\"a\",\"x\":\"\xff\"}", 9).unwrap_err().code(), "invalid_json");
    }

    #[test]
    fn refuses_a_missing_or_odd_model() {
        for body in ["{}", r#"{"model":null}"#, r#"{"model":1}"#, r#"{"model":""}"#, r#"{"model":" a"}"#] {
            assert_eq!(code(body), "missing_model", "{body}");
        }
    }

    #[test]
    fn bounds_the_depth_without_counting_strings() {
        let deep = format!(r#"{{"model":"a","x":{}{}}}"#, "[".repeat(200), "]".repeat(200));
        assert_eq!(code(&deep), "invalid_json");
        let flat = format!(r#"{{"model":"a","x":"{}\"{}"}}"#, "[".repeat(200), "{".repeat(200));
        assert_eq!(facts(&flat).model, "a");
        let hostile = "[".repeat(5_000_000);
        assert_eq!(code(&hostile), "invalid_json");
    }

    #[test]
    fn knows_what_was_said_about_usage() {
        for (options, expected) in [
            (r#"{"include_usage":true}"#, IncludeUsage::Asked),
            ("null", IncludeUsage::OptionsNull { span: 29..33 }),
            ("{}", IncludeUsage::Unsaid { insert_at: 30, options_empty: true }),
            (r#"{ "x":1}"#, IncludeUsage::Unsaid { insert_at: 30, options_empty: false }),
            (r#"{"include_usage":false}"#, IncludeUsage::Refused { span: 46..51 }),
            (r#"{"include_usage":"yes"}"#, IncludeUsage::Malformed),
            ("[]", IncludeUsage::Malformed),
        ] {
            let body = format!(r#"{{"model":"a","stream_options":{options}}}"#);
            let shift = |index: usize| index + 1;
            let expected = match expected {
                IncludeUsage::OptionsNull { span } => {
                    IncludeUsage::OptionsNull { span: shift(span.start)..shift(span.end) }
                }
                IncludeUsage::Refused { span } => IncludeUsage::Refused { span: shift(span.start)..shift(span.end) },
                IncludeUsage::Unsaid { insert_at, options_empty } => {
                    IncludeUsage::Unsaid { insert_at: shift(insert_at), options_empty }
                }
                other => other,
            };
            assert_eq!(facts(&body).include_usage, expected, "{body}");
        }
    }

    #[test]
    fn knows_how_much_output_the_client_allows() {
        for (members, expected) in [
            (r#""max_tokens":100"#, Some(100)),
            (r#""max_tokens":0"#, Some(0)),
            (r#""max_completion_tokens":200"#, Some(200)),
            (r#""max_output_tokens":300"#, Some(300)),
            (r#""max_tokens":100,"max_completion_tokens":7"#, Some(100)),
            (r#""max_tokens":100,"n":3"#, Some(300)),
            (r#""n":0,"max_tokens":100"#, Some(100)),
            (r#""max_tokens":100,"n":3,"best_of":5"#, Some(500)),
            (r#""max_tokens":100,"n":"3","best_of":null"#, Some(100)),
            (r#""max\u005ftokens":100"#, Some(100)),
            (r#""n":3"#, None),
            (r#""messages":[{"max_tokens":5}]"#, None),
            (r#""max_tokens":-1"#, None),
            (r#""max_tokens":-0"#, None),
            (r#""max_tokens":"5""#, None),
            (r#""max_tokens":1.5"#, None),
            (r#""max_tokens":1e3"#, None),
            (r#""max_tokens":null"#, None),
            (r#""max_tokens":true"#, None),
            (r#""max_tokens":[5]"#, None),
            (r#""max_tokens":-1,"max_completion_tokens":9"#, Some(9)),
            (r#""max_tokens":18446744073709551615"#, Some(u64::MAX)),
            (r#""max_tokens":99999999999999999999999"#, Some(u64::MAX)),
            (r#""max_tokens":99999999999999999999999,"n":99999999999999999999999"#, Some(u64::MAX)),
            (r#""max_tokens":9223372036854775808,"n":2"#, Some(u64::MAX)),
            (r#""max_tokens":0,"n":99999999999999999999999"#, Some(0)),
        ] {
            let body = format!(r#"{{"model":"a",{members}}}"#);
            assert_eq!(facts(&body).output_bound, expected, "{body}");
        }
    }

    #[test]
    fn a_number_beyond_floating_point_does_no_harm() {
        let body = r#"{"model":"a","max_tokens":1e400,"n":1e400}"#;
        assert!(peek(body.as_bytes(), 128).map_or(true, |facts| facts.output_bound.is_none()));
    }
}
