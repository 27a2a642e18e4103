//! How many tokens the text of an answer has, about, read while it passes by: for answers that end without saying.
//!
//! The texts are the values of a few names, wherever they stand: `content`, `reasoning_content`, `reasoning`, `refusal`,
//! `text` and the `arguments` of tool calls. A plain answer comes in pieces that may be cut anywhere; of a stream, each
//! event's data is read as a whole, and a word that goes on in the next event is one word. Escapes count as the characters that
//! they stand for. What is not JSON is counted somehow and never fails. Memory is constant.

use std::fmt;

use crate::provider::token_estimate::TokenCounter;

/// Names whose texts are the answer.
const NAMES: [&[u8]; 6] = [b"content", b"reasoning_content", b"reasoning", b"refusal", b"text", b"arguments"];
/// As long as the longest of them.
const NAME_MAX: usize = 17;

/// Counts the tokens of an answer's texts.
pub struct AnswerText {
    counter: TokenCounter,
    place: Place,
    escape: Escape,
    /// The latest string that may have been a name, with its length; one that is longer is none of them.
    name: [u8; NAME_MAX],
    name_length: usize,
    /// Whether a value comes next, and not a name.
    after_colon: bool,
    /// The first half of a character that is escaped as two.
    high_surrogate: Option<u32>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Outside,
    /// In a string that may be a name.
    InName,
    /// In a text of the answer.
    InText,
    /// In another value.
    InOther,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Escape {
    None,
    /// Behind the backslash.
    Begun,
    /// In the four digits of a `\u` escape: how many are still to come, and what they say so far.
    Digits(u8, u32),
}

impl Default for AnswerText {
    fn default() -> Self {
        Self {
            counter: TokenCounter::new(),
            place: Place::Outside,
            escape: Escape::None,
            name: [0; NAME_MAX],
            name_length: 0,
            after_colon: false,
            high_surrogate: None,
        }
    }
}

impl fmt::Debug for AnswerText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("AnswerText").field("tokens", &self.tokens()).finish_non_exhaustive()
    }
}

impl AnswerText {
    /// Reads the next piece of a plain answer.
    pub fn push(&mut self, piece: &[u8]) {
        let mut rest = piece;
        while let Some((&byte, remainder)) = rest.split_first() {
            rest = remainder;
            if self.escape != Escape::None {
                self.escaped(byte);
                continue;
            }
            match (self.place, byte) {
                (Place::Outside, _) => self.outside(byte),
                (_, b'\\') => self.escape = Escape::Begun,
                (_, b'"') => self.place = Place::Outside,
                (Place::InName, _) => self.name_byte(byte),
                (Place::InText | Place::InOther, _) => {
                    let plain = memchr::memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
                    let (text, remainder) = rest.split_at(plain);
                    if self.place == Place::InText {
                        self.counter.push(&[byte]);
                        self.counter.push(text);
                    }
                    rest = remainder;
                }
            }
        }
    }

    /// Reads the data of one event of a stream.
    pub fn push_event(&mut self, data: &[u8]) {
        self.place = Place::Outside;
        self.escape = Escape::None;
        self.after_colon = false;
        self.push(data);
    }

    /// Tokens so far.
    pub const fn tokens(&self) -> u64 {
        self.counter.tokens()
    }

    fn outside(&mut self, byte: u8) {
        match byte {
            b'"' if self.after_colon => {
                let name = self.name.get(..self.name_length).unwrap_or_default();
                self.place = if NAMES.contains(&name) { Place::InText } else { Place::InOther };
                self.after_colon = false;
            }
            b'"' => {
                self.place = Place::InName;
                self.name_length = 0;
            }
            b':' => self.after_colon = true,
            b' ' | b'\t' | b'\r' | b'\n' => {}
            _ => self.after_colon = false,
        }
    }

    fn name_byte(&mut self, byte: u8) {
        if let Some(place) = self.name.get_mut(self.name_length) {
            *place = byte;
        }
        // Beyond the end, it is too long to be one of the names, and stays so.
        self.name_length = self.name_length.saturating_add(1);
    }

    fn escaped(&mut self, byte: u8) {
        self.escape = match (self.escape, byte) {
            (Escape::Begun, b'u') => Escape::Digits(4, 0),
            (Escape::Digits(left, value), _) => {
                let digit = char::from(byte).to_digit(16).unwrap_or(0);
                let value = (value << 4) | digit;
                if left > 1 {
                    Escape::Digits(left - 1, value)
                } else {
                    self.character(value);
                    Escape::None
                }
            }
            _ => {
                let stands_for = match byte {
                    b'n' => b'\n',
                    b't' => b'\t',
                    b'r' => b'\r',
                    other => other,
                };
                self.text(&[stands_for]);
                Escape::None
            }
        };
    }

    fn character(&mut self, value: u32) {
        let value = match (self.high_surrogate.take(), value) {
            (_, 0xD800..=0xDBFF) => {
                self.high_surrogate = Some(value);
                return;
            }
            (Some(high), 0xDC00..=0xDFFF) => 0x10000 + ((high - 0xD800) << 10) + (value - 0xDC00),
            _ => value,
        };
        let character = char::from_u32(value).unwrap_or(char::REPLACEMENT_CHARACTER);
        self.text(character.encode_utf8(&mut [0; 4]).as_bytes());
    }

    fn text(&mut self, bytes: &[u8]) {
        match self.place {
            Place::InText => self.counter.push(bytes),
            Place::InName => bytes.iter().for_each(|byte| self.name_byte(*byte)),
            Place::Outside | Place::InOther => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::provider::token_estimate::text_tokens;

    const TEXT: &str = "Rivers, \"locks\" and\nweirs: 水闸和 12 345 🌊 {\"content\":1}";

    fn tokens(body: &str) -> u64 {
        let mut text = AnswerText::default();
        text.push(body.as_bytes());
        text.tokens()
    }

    fn ascii(json: &str) -> String {
        json.encode_utf16()
            .map(|unit| match u8::try_from(unit) {
                Ok(byte) if byte.is_ascii() => char::from(byte).to_string(),
                _ => format!("\\u{unit:04x}"),
            })
            .collect()
    }

    #[test]
    fn counts_the_texts_of_plain_answers_and_nothing_else() {
        let expected = text_tokens(TEXT);
        let chat = json!({"id": "a-long-id", "model": "m", "choices": [{"index": 0, "finish_reason": "stop",
            "message": {"role": "assistant", "content": TEXT}}]});
        let completion = json!({"choices": [{"text": TEXT, "logprobs": null}], "object": "text_completion"});
        let tool = json!({"choices": [{"message": {"content": null, "tool_calls": [{"id": "x", "type": "function",
            "function": {"name": "f", "arguments": TEXT}}]}}]});
        for body in [chat, completion, tool] {
            assert_eq!(tokens(&body.to_string()), expected, "{body}");
            assert_eq!(tokens(&ascii(&body.to_string())), expected, "escaped: {body}");
        }
        for body in ["", "{}", "null", "<html>content</html>", r#"{"data":[{"embedding":[0.1,0.2]}]}"#] {
            assert_eq!(tokens(body), 0, "{body}");
        }
    }

    #[test]
    fn a_word_that_is_cut_between_events_is_one_word() {
        let mut text = AnswerText::default();
        for piece in ["Under", "standing", " rivers"] {
            text.push_event(json!({"choices": [{"delta": {"content": piece}}]}).to_string().as_bytes());
        }
        text.push_event(b"{\"choices\":[{\"delta\":{\"content\":\"cut off");
        text.push_event(b"[DONE]");
        assert_eq!(text.tokens(), text_tokens("Understanding riverscut off"));
    }

    proptest! {
        #[test]
        fn cuts_change_next_to_nothing(cut in 0_usize..400, content in ".{0,60}") {
            let body = json!({"choices": [{"message": {"content": content, "x": [1, "content", {"y": 2}]}}]}).to_string();
            let expected = text_tokens(&content);
            for body in [body.clone(), ascii(&body)] {
                let (head, tail) = body.as_bytes().split_at(cut.min(body.len()));
                let mut text = AnswerText::default();
                text.push(head);
                text.push(tail);
                // The estimate of a text that comes in pieces may differ a little; that nothing is missing is the point.
                prop_assert!(text.tokens().abs_diff(expected) <= 2 + expected / 8, "{} and {expected}", text.tokens());
            }
        }

        #[test]
        fn nothing_makes_it_fail(pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..20)) {
            let mut text = AnswerText::default();
            for piece in &pieces {
                text.push(piece);
            }
            let bytes = pieces.iter().map(Vec::len).sum::<usize>();
            prop_assert!(text.tokens() <= 1 + u64::try_from(bytes).unwrap_or(u64::MAX));
        }
    }
}
