//! Finding the token counts in a plain answer while it passes by.

use memchr::memchr2;

use super::usage::parse_usage;
use crate::model::TokenCounts;

/// Most bytes of a `usage` object that are kept. OpenAI's own has about 400.
const MAX_USAGE_BYTES: usize = 64 * 1024;
/// A top-level name that is longer is not `usage`.
const MAX_NAME_BYTES: usize = 8;

/// Reads a JSON answer piece by piece and remembers the value of its top-level `usage`.
///
/// Needs memory for that value only, however large the answer is. What is not JSON gives no counts and no error.
#[derive(Debug, Default)]
pub struct AnswerScanner {
    depth: usize,
    string: StringState,
    place: Place,
    name: Vec<u8>,
    usage: Vec<u8>,
    usage_is_too_large: bool,
}

/// Where the scanner is among the members of the top level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// In something that is of no interest.
    #[default]
    Elsewhere,
    /// In front of a member's name.
    BeforeName,
    /// Inside a member's name.
    InName,
    /// In the value of `usage`.
    InUsage,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum StringState {
    #[default]
    Outside,
    Inside,
    Escaped,
}

impl AnswerScanner {
    /// Looks at the next piece.
    pub fn push(&mut self, piece: &[u8]) {
        let mut rest = piece;
        while let Some((&byte, remainder)) = rest.split_first() {
            rest = remainder;
            match self.string {
                StringState::Escaped => {
                    self.keep(&[byte]);
                    self.string = StringState::Inside;
                }
                StringState::Inside => rest = self.in_string(byte, remainder, rest),
                StringState::Outside => self.outside_string(byte),
            }
        }
    }

    /// The counts, once the answer has passed by whole.
    pub fn counts(&self) -> Option<TokenCounts> {
        if self.usage_is_too_large {
            tracing::warn!(max_bytes = MAX_USAGE_BYTES, "an upstream's usage object is too large to be read");
            return None;
        }
        parse_usage(&self.usage)
    }

    /// Whether the JSON value that began has ended.
    pub const fn is_whole(&self) -> bool {
        self.depth == 0 && matches!(self.string, StringState::Outside)
    }

    fn in_string<'a>(&mut self, byte: u8, remainder: &'a [u8], rest: &'a [u8]) -> &'a [u8] {
        match byte {
            b'"' => {
                self.keep(b"\"");
                self.string = StringState::Outside;
                if self.place == Place::InName {
                    self.place = Place::Elsewhere;
                }
            }
            b'\\' => {
                self.keep(b"\\");
                self.string = StringState::Escaped;
            }
            _ => {
                // The text of an answer is most of its bytes: jump over what cannot end the string.
                let plain = memchr2(b'"', b'\\', remainder).unwrap_or(remainder.len());
                self.keep(&[byte]);
                self.keep(remainder.get(..plain).unwrap_or_default());
                return remainder.get(plain..).unwrap_or_default();
            }
        }
        rest
    }

    fn outside_string(&mut self, byte: u8) {
        match byte {
            b'"' => {
                self.string = StringState::Inside;
                if self.place == Place::BeforeName {
                    self.place = Place::InName;
                    self.name.clear();
                    return;
                }
            }
            b'{' | b'[' => {
                self.depth += 1;
                if self.depth == 1 {
                    self.place = if byte == b'{' { Place::BeforeName } else { Place::Elsewhere };
                    return;
                }
            }
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                if self.depth == 0 {
                    self.place = Place::Elsewhere;
                }
            }
            b',' if self.depth == 1 => {
                self.place = Place::BeforeName;
            }
            b':' if self.depth == 1 && self.place != Place::InUsage => {
                if self.name == b"usage" {
                    self.place = Place::InUsage;
                    self.usage.clear();
                    self.usage_is_too_large = false;
                }
                self.name.clear();
                return;
            }
            _ => {}
        }
        self.keep(&[byte]);
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.place == Place::InName {
            let room = MAX_NAME_BYTES.saturating_sub(self.name.len());
            self.name.extend(bytes.iter().filter(|byte| **byte != b'"').take(room));
        } else if self.place == Place::InUsage && !self.usage_is_too_large {
            self.usage_is_too_large = self.usage.len() + bytes.len() > MAX_USAGE_BYTES;
            if !self.usage_is_too_large {
                self.usage.extend_from_slice(bytes);
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scan(json: &str, cuts: &[usize]) -> Option<TokenCounts> {
        let mut scanner = AnswerScanner::default();
        let mut from = 0;
        for cut in cuts.iter().copied().chain([json.len()]) {
            let to = cut.clamp(from, json.len());
            scanner.push(&json.as_bytes()[from..to]);
            from = to;
        }
        scanner.counts()
    }

    const USAGE: &str = r#"{"prompt_tokens":10,"completion_tokens":5,"note":"a \"quoted\" }, text"}"#;

    #[test]
    fn finds_the_top_level_usage_only() {
        let whole = format!(
            r#" {{"id":"usage","choices":[{{"usage":{{"prompt_tokens":1}},"text":"\"usage\":{{"}}] , "usage" : {USAGE} ,"x":1}}"#
        );
        assert_eq!(scan(&whole, &[]).unwrap().input, Some(10));
        assert_eq!(scan(r#"{"x":{"usage":{"prompt_tokens":1}}}"#, &[]), None);
        assert_eq!(scan(r#"[{"usage":{"prompt_tokens":1}}]"#, &[]), None);
        assert_eq!(scan("<html>\"usage\":{", &[]), None);
        assert_eq!(scan(r#"{"usages":{"prompt_tokens":1},"usage\u0020":{"prompt_tokens":1}}"#, &[]), None);
    }

    #[test]
    fn takes_the_last_of_several() {
        let twice = r#"{"usage":{"prompt_tokens":1},"usage":{"prompt_tokens":2}}"#;
        assert_eq!(scan(twice, &[]).unwrap().input, Some(2));
    }

    #[test]
    fn gives_up_on_a_monstrous_usage_without_keeping_it() {
        let monster = format!(r#"{{"usage":{{"prompt_tokens":1,"x":"{}"}}}}"#, "y".repeat(MAX_USAGE_BYTES * 2));
        let mut scanner = AnswerScanner::default();
        scanner.push(monster.as_bytes());
        assert_eq!(scanner.counts(), None);
        assert!(scanner.usage.len() <= MAX_USAGE_BYTES);
    }

    proptest! {
        #[test]
        fn cuts_change_nothing(text in "\\PC{0,40}", cuts in proptest::collection::vec(0_usize..300, 0..20)) {
            let json = serde_json::json!({
                "choices": [{"message": {"content": text}}], "usage": {"prompt_tokens": 10, "completion_tokens": 5, "t": text},
            }).to_string();
            let mut cuts = cuts;
            cuts.sort_unstable();
            prop_assert_eq!(scan(&json, &cuts).unwrap().output, Some(5));
        }
    }
}
