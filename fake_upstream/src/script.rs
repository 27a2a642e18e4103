//! Scripts: how a request says in which way it wants its answer to be good or bad.
//!
//! A script stands in the model name behind a `?` (`fake-small?chunks=20&chunk_delay_ms=50`), because that passes
//! through a gateway that forwards nothing but the model, or in the header `x-fake-script`. If both are there, the
//! header is applied last. Values are plain numbers or words; nothing is percent-decoded.
//!
//! | key | unit | default | upper bound | effect |
//! |---|---|---|---|---|
//! | `latency_ms` | ms | 0 | 3 600 000 | wait before the response head (or before what stands in its place) |
//! | `first_byte_ms` | ms | 0 | 3 600 000 | the head is sent at once, the first byte of the body after this |
//! | `chunks` | pieces | 8 | 100 000 | pieces of content, one token each |
//! | `chunk_delay_ms` | ms | 0 | 3 600 000 | wait between two pieces (and behind each blank line) |
//! | `chunk_bytes` | bytes | a word | 8 388 608 | size of each piece |
//! | `status` | HTTP status | 200 | listed in `failure` | an OpenAI-shaped error |
//! | `status_first` | calls | all | 1 000 000 | only the first so many calls of the model get the error |
//! | `retry_after` | s | none | 86 400 | adds `Retry-After` |
//! | `cut_after` | chunks or bytes | none | 1 000 000 000 | aborts the connection within the HTTP framing |
//! | `clean_cut_after` | chunks or bytes | none | 1 000 000 000 | ends the HTTP body cleanly, but too early |
//! | `reset_after` | chunks or bytes | none | 1 000 000 000 | TCP RST within the body |
//! | `stall_after` | chunks or bytes | none | 1 000 000 000 | nothing more comes, the connection stays open |
//! | `error_event_after` | chunks | none | 1 000 000 000 | a stream ends with an error event |
//! | `piece` | bytes | none | 8 388 608 | the body is written in pieces of this size, each flushed |
//! | `split_at` | byte | none | 1 000 000 000 | the body is written in two, cut at this byte, 5 ms apart |
//! | `blank_lines` | lines | 0 | 10 000 | blank lines in front of a plain body |
//! | `rpm` | requests | none | 1 000 000 | the model's own limit of requests in any window |
//! | `tpm` | tokens | none | 1 000 000 000 | the same for tokens of prompts and answers |
//! | `window_ms` | ms | 60 000 | 3 600 000 | how long that window is |
//! | `cached_tokens` | tokens | 0 | 1 000 000 000 | so many of the prompt are reported as cached, if it has so many |
//! | `reasoning_tokens` | tokens | 0 | 1 000 000 000 | the same for the answer and reasoning |
//! | `usage` | word | as OpenAI | | `final`, `every`, `none`, `twice`, `finish` |
//! | `content` | word | words | | `utf8`: text of 3- and 4-byte characters |
//!
//! The `_after` parameters count content pieces in a stream (0 is in front of the very first event) and bytes in a
//! plain body; beyond the end they do nothing. All switches (`key=1`) are documented at [`Switch`].
//!
//! Invariant: whatever is in a [`Script`] is within its bound; an unknown key or a bad value is an error that names it.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::time::Duration;

use hyper::StatusCode;

use crate::failure::SCRIPTED_STATUSES;
use crate::switch::Switch;
use crate::window::Quota;

const MAX_DELAY_MS: u64 = 3_600_000;
const MAX_CHUNKS: u64 = 100_000;
const MAX_CHUNK_BYTES: u64 = 8 * 1024 * 1024;
const MAX_RETRY_AFTER_S: u64 = 86_400;
const MAX_POSITION: u64 = 1_000_000_000;
const MAX_BLANK_LINES: u64 = 10_000;
const MAX_FIRST_CALLS: u64 = 1_000_000;
const MAX_REQUESTS: u64 = 1_000_000;
const MAX_TOKENS: u64 = 1_000_000_000;
const MAX_WINDOW_MS: u64 = 3_600_000;
const DEFAULT_WINDOW: Duration = Duration::from_mins(1);
const DEFAULT_CHUNKS: usize = 8;

/// Where usage is in a stream.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UsagePlace {
    /// As OpenAI: in a chunk of its own at the end, if the request asks for it.
    #[default]
    AsAsked,
    /// In a chunk of its own at the end, asked for or not.
    Final,
    /// On every chunk with the counts up to there, and as asked at the end.
    Every,
    /// Nowhere, in plain answers neither.
    None,
    /// On the finish chunk and again in a chunk of its own.
    Twice,
    /// On the finish chunk.
    Finish,
}

/// What a request asks for. The default is a good answer at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Script {
    pub(crate) latency: Duration,
    pub(crate) first_byte: Duration,
    pub(crate) chunks: usize,
    pub(crate) chunk_delay: Duration,
    pub(crate) chunk_bytes: Option<usize>,
    pub(crate) status: Option<StatusCode>,
    pub(crate) status_first: Option<u64>,
    pub(crate) retry_after: Option<u64>,
    pub(crate) cut_after: Option<usize>,
    pub(crate) clean_cut_after: Option<usize>,
    pub(crate) reset_after: Option<usize>,
    pub(crate) stall_after: Option<usize>,
    pub(crate) error_event_after: Option<usize>,
    pub(crate) piece: Option<usize>,
    pub(crate) split_at: Option<usize>,
    pub(crate) blank_lines: usize,
    pub(crate) usage: UsagePlace,
    pub(crate) utf8: bool,
    pub(crate) cached: u64,
    pub(crate) reasoning: u64,
    rpm: Option<u64>,
    tpm: Option<u64>,
    window: Duration,
    switches: BTreeSet<Switch>,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            latency: Duration::ZERO,
            first_byte: Duration::ZERO,
            chunks: DEFAULT_CHUNKS,
            chunk_delay: Duration::ZERO,
            chunk_bytes: None,
            status: None,
            status_first: None,
            retry_after: None,
            cut_after: None,
            clean_cut_after: None,
            reset_after: None,
            stall_after: None,
            error_event_after: None,
            piece: None,
            split_at: None,
            blank_lines: 0,
            usage: UsagePlace::default(),
            utf8: false,
            cached: 0,
            reasoning: 0,
            rpm: None,
            tpm: None,
            window: DEFAULT_WINDOW,
            switches: BTreeSet::new(),
        }
    }
}

/// Why a script was refused, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ScriptError(pub(crate) String);

impl Script {
    /// Whether a switch is on.
    pub(crate) fn has(&self, switch: Switch) -> bool {
        self.switches.contains(&switch)
    }

    /// The limits that the upstream itself has, if it has any.
    pub(crate) fn quota(&self) -> Option<Quota> {
        let Self { rpm, tpm, window, .. } = *self;
        (rpm.is_some() || tpm.is_some()).then_some(Quota { requests: rpm, tokens: tpm, window })
    }

    /// Takes out what stands for an error by status.
    pub(crate) fn pardon(&mut self) {
        self.status = None;
        self.retry_after = None;
        self.switches.remove(&Switch::ErrorHtml);
    }

    /// Applies `key=value&key=value` on top of what is there.
    pub(crate) fn apply(&mut self, text: &str) -> Result<(), ScriptError> {
        for pair in text.split('&').map(str::trim).filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, "1"));
            self.set(key.trim(), value.trim())?;
        }
        Ok(())
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), ScriptError> {
        let number = |low, high| number(key, value, low, high);
        let millis = || number(0, MAX_DELAY_MS).map(Duration::from_millis);
        let size = |low, high| number(low, high).map(to_size);
        match key {
            "latency_ms" => self.latency = millis()?,
            "first_byte_ms" => self.first_byte = millis()?,
            "chunks" => self.chunks = size(0, MAX_CHUNKS)?,
            "chunk_delay_ms" => self.chunk_delay = millis()?,
            "chunk_bytes" => self.chunk_bytes = Some(size(1, MAX_CHUNK_BYTES)?),
            "status" => self.status = Some(status(value)?),
            "status_first" => self.status_first = Some(number(0, MAX_FIRST_CALLS)?),
            "retry_after" => self.retry_after = Some(number(0, MAX_RETRY_AFTER_S)?),
            "cut_after" => self.cut_after = Some(size(0, MAX_POSITION)?),
            "clean_cut_after" => self.clean_cut_after = Some(size(0, MAX_POSITION)?),
            "reset_after" => self.reset_after = Some(size(0, MAX_POSITION)?),
            "stall_after" => self.stall_after = Some(size(0, MAX_POSITION)?),
            "error_event_after" => self.error_event_after = Some(size(0, MAX_POSITION)?),
            "piece" => self.piece = Some(size(1, MAX_CHUNK_BYTES)?),
            "split_at" => self.split_at = Some(size(0, MAX_POSITION)?),
            "blank_lines" => self.blank_lines = size(0, MAX_BLANK_LINES)?,
            "rpm" => self.rpm = Some(number(1, MAX_REQUESTS)?),
            "tpm" => self.tpm = Some(number(1, MAX_TOKENS)?),
            "cached_tokens" => self.cached = number(0, MAX_TOKENS)?,
            "reasoning_tokens" => self.reasoning = number(0, MAX_TOKENS)?,
            "window_ms" => self.window = number(1, MAX_WINDOW_MS).map(Duration::from_millis)?,
            "usage" => {
                self.usage = match value {
                    "final" => UsagePlace::Final,
                    "every" => UsagePlace::Every,
                    "none" => UsagePlace::None,
                    "twice" => UsagePlace::Twice,
                    "finish" => UsagePlace::Finish,
                    _ => return Err(refused(key, value, "one of final, every, none, twice, finish")),
                }
            }
            "content" if value == "utf8" => self.utf8 = true,
            "content" => return Err(refused(key, value, "utf8")),
            _ => {
                let switch =
                    Switch::from_key(key).ok_or_else(|| ScriptError(format!("Unknown fake script key '{key}'.")))?;
                match value {
                    "1" => self.switches.insert(switch),
                    "0" => self.switches.remove(&switch),
                    _ => return Err(refused(key, value, "0 or 1")),
                };
            }
        }
        Ok(())
    }
}

impl FromStr for Script {
    type Err = ScriptError;

    fn from_str(text: &str) -> Result<Self, ScriptError> {
        let mut script = Self::default();
        script.apply(text)?;
        Ok(script)
    }
}

fn number(key: &str, value: &str, low: u64, high: u64) -> Result<u64, ScriptError> {
    let expected = || refused(key, value, &format!("a number from {low} to {high}"));
    let number: u64 = value.parse().map_err(|_| expected())?;
    if (low..=high).contains(&number) { Ok(number) } else { Err(expected()) }
}

/// All bounds are far below what a `usize` holds.
fn to_size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn status(value: &str) -> Result<StatusCode, ScriptError> {
    let status = value.parse().ok().filter(|status| SCRIPTED_STATUSES.contains(status));
    status
        .and_then(|status| StatusCode::from_u16(status).ok())
        .ok_or_else(|| refused("status", value, &format!("one of {SCRIPTED_STATUSES:?}")))
}

fn refused(key: &str, value: &str, expected: &str) -> ScriptError {
    ScriptError(format!("Invalid value '{value}' of fake script key '{key}': expected {expected}."))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::history::MAX_TAKEN;

    const NUMBERS: [(&str, u64, u64); 21] = [
        ("latency_ms", 0, MAX_DELAY_MS),
        ("first_byte_ms", 0, MAX_DELAY_MS),
        ("chunks", 0, MAX_CHUNKS),
        ("chunk_delay_ms", 0, MAX_DELAY_MS),
        ("chunk_bytes", 1, MAX_CHUNK_BYTES),
        ("retry_after", 0, MAX_RETRY_AFTER_S),
        ("cut_after", 0, MAX_POSITION),
        ("clean_cut_after", 0, MAX_POSITION),
        ("reset_after", 0, MAX_POSITION),
        ("stall_after", 0, MAX_POSITION),
        ("error_event_after", 0, MAX_POSITION),
        ("piece", 1, MAX_CHUNK_BYTES),
        ("split_at", 0, MAX_POSITION),
        ("blank_lines", 0, MAX_BLANK_LINES),
        ("status", 400, 529),
        ("status_first", 0, MAX_FIRST_CALLS),
        ("rpm", 1, MAX_REQUESTS),
        ("tpm", 1, MAX_TOKENS),
        ("window_ms", 1, MAX_WINDOW_MS),
        ("cached_tokens", 0, MAX_TOKENS),
        ("reasoning_tokens", 0, MAX_TOKENS),
    ];

    #[test]
    fn every_number_has_its_bounds() {
        for (key, low, high) in NUMBERS {
            for good in [low, high] {
                assert!(format!("{key}={good}").parse::<Script>().is_ok(), "{key}={good}");
            }
            for bad in [(high + 1).to_string(), "-1".to_owned(), "x".to_owned(), String::new()] {
                let error = format!("{key}={bad}").parse::<Script>().unwrap_err();
                assert!(error.0.contains(&format!("'{key}'")), "{}", error.0);
            }
            assert!(low == 0 || format!("{key}={}", low - 1).parse::<Script>().is_err(), "{key}");
        }
    }

    #[test]
    fn every_switch_goes_on_and_off() {
        for (key, switch) in Switch::ALL {
            assert!(format!("{key}=1").parse::<Script>().unwrap().has(switch));
            assert!(key.parse::<Script>().unwrap().has(switch));
            assert_eq!(format!("{key}=1&{key}=0").parse::<Script>().unwrap(), Script::default());
            assert!(format!("{key}=2").parse::<Script>().unwrap_err().0.contains(key));
        }
    }

    #[test]
    fn unknown_keys_and_words_are_named() {
        for (text, named) in [("chonks=3", "'chonks'"), ("usage=some", "'usage'"), ("content=latin1", "'content'")] {
            assert!(text.parse::<Script>().unwrap_err().0.contains(named), "{text}");
        }
    }

    #[test]
    fn a_script_is_read_in_order() {
        let script: Script = "chunks=3&&usage=twice& chunks = 4 ".parse().unwrap();
        assert_eq!(script, Script { chunks: 4, usage: UsagePlace::Twice, ..Script::default() });
        assert_eq!("".parse::<Script>().unwrap(), Script::default());
    }

    #[test]
    fn a_window_without_a_limit_is_no_quota() {
        let quota = |text: &str| text.parse::<Script>().unwrap().quota();
        assert_eq!(quota("window_ms=100"), None);
        let window = Duration::from_mins(1);
        assert_eq!(quota("rpm=3"), Some(Quota { requests: Some(3), tokens: None, window }));
        let window = Duration::from_millis(100);
        assert_eq!(quota("tpm=9&window_ms=100"), Some(Quota { requests: None, tokens: Some(9), window }));
    }

    #[test]
    fn a_pardoned_script_has_no_error_left() {
        let mut script: Script = "status=503&retry_after=2&error_html=1&chunks=3".parse().unwrap();
        script.pardon();
        assert_eq!(script, "chunks=3".parse().unwrap());
    }

    #[test]
    fn every_quota_fits_what_is_remembered() {
        assert_eq!(usize::try_from(MAX_REQUESTS), Ok(MAX_TAKEN));
    }

    #[test]
    fn every_key_is_in_the_readme() {
        let readme = include_str!("../README.md");
        let words = ["usage", "content"];
        let keys = NUMBERS.iter().map(|(key, ..)| *key).chain(Switch::ALL.map(|(key, _)| key)).chain(words);
        for key in keys {
            assert!(readme.contains(&format!("| `{key}` |")), "{key} is missing in README.md");
        }
    }
}
