//! How many tokens an upstream will count as the input of a request, roughly, before it is sent.
//!
//! One pass over the bytes, without a tree. What counts:
//!
//! - `messages`, `prompt`, `input`, `suffix`, `instructions`, `system`: the texts in them, each number in a list (a
//!   token id) as one token, and [`MESSAGE`] tokens around each message; `messages` also [`REPLY`] once. In a message
//!   all texts count but for labels (`role`, `type`, ids, ...), and the names of members do not. A tool call adds
//!   [`CALL`].
//! - `tools`, `functions`, `response_format`: texts, names of members with [`NAME`] tokens around each, other values as
//!   one token each. Some upstreams write these as JSON, some as a shorter list of types; this is in between.
//! - Images, audio and files count flat ([`IMAGE`], [`AUDIO`], [`FILE`]), whether they are sent as base64 or as a link.
//!   So does a text that is a `data:` URL as a whole, unless it stands as `content` or `text`, which upstreams read as
//!   text.
//!
//! Escapes count as the characters that they stand for. The cost is bounded: of a text of more than [`WHOLE_TEXT`]
//! bytes the beginning and the middle are read and taken for the rest, and once [`READ_IN_ALL`] bytes of text were read
//! the others are taken to be like them.

use memchr::{memchr, memchr2, memmem};

use crate::provider::token_estimate::TokenCounter;

/// Tokens around a message: its beginning, its role and its end.
const MESSAGE: u64 = 4;
/// Tokens that begin the answer.
const REPLY: u64 = 3;
/// Tokens around a tool call in a message.
const CALL: u64 = 4;
/// Tokens around the name of a member in a schema.
const NAME: u64 = 2;
/// An image: what OpenAI counts for one of 1024 x 1024 pixels.
const IMAGE: u64 = 765;
/// A piece of audio: a minute, at ten tokens a second.
const AUDIO: u64 = 600;
/// A file or a video: some pages.
const FILE: u64 = 3000;

/// Texts up to this many bytes are read as a whole, of longer ones as many bytes.
const WHOLE_TEXT: usize = 64 * 1024;
/// How many bytes of text are read of a body.
const READ_IN_ALL: usize = 1024 * 1024;
/// More than the deepest nesting that the gateway accepts (`limits.max_json_depth`). What is deeper is not looked at.
const MAX_DEPTH: usize = 1024;
/// No name that means something is longer.
const NAME_BYTES: usize = 32;

/// About how many input tokens a chat completion's, a completion's or an embedding's body has.
///
/// The body is a JSON object that was looked at before; of anything else the result means nothing, but nothing panics.
pub fn input_tokens(body: &[u8]) -> u64 {
    let mut estimate = Estimate::default();
    estimate.read(body);
    estimate.tokens()
}

/// What the values in some place of the body mean.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Place {
    /// The body itself.
    #[default]
    Body,
    /// Does not count.
    Ignored,
    /// A text, a list of texts, token ids or messages.
    Input,
    /// A member of a message, or of a part of it.
    Message,
    /// The same, and if it is a string, then the upstream reads it as text whatever it looks like.
    Text,
    /// A tool call.
    Call,
    /// Something that counts flat, unless it is null.
    Flat(u64),
    /// A member of a tool's or an answer's description.
    Schema,
}

/// An object or a list that has begun and not ended.
#[derive(Clone, Copy)]
struct Container {
    /// What the values in it mean; in an object, the value of the latest member.
    values: Place,
    /// In an object: what decides about its members.
    members: Place,
    is_object: bool,
    /// Whether a member's name comes next.
    is_before_name: bool,
}

#[derive(Default)]
struct Estimate {
    containers: Vec<Container>,
    /// All but the texts that were not read.
    tokens: u64,
    /// Bytes of text that were read, and their tokens.
    read_bytes: usize,
    read_tokens: u64,
    /// Bytes of text that were not read.
    unread_bytes: usize,
}

impl Estimate {
    fn tokens(&self) -> u64 {
        self.tokens.saturating_add(scaled(self.read_tokens, self.unread_bytes, self.read_bytes))
    }

    fn read(&mut self, body: &[u8]) {
        let mut rest = body;
        while let Some((byte, remainder)) = rest.split_first() {
            rest = remainder;
            match byte {
                b'"' => {
                    let (text, remainder) = split_string(remainder);
                    rest = remainder;
                    self.string(text);
                }
                b'{' | b'[' => {
                    if self.containers.len() == MAX_DEPTH {
                        return;
                    }
                    self.begin(*byte == b'{');
                }
                b'}' | b']' => {
                    self.containers.pop();
                }
                b',' => {
                    if let Some(container) = self.containers.last_mut() {
                        container.is_before_name = container.is_object;
                    }
                }
                b'-' | b'0'..=b'9' | b'a'..=b'z' => {
                    let end =
                        rest.iter().position(|byte| matches!(byte, b',' | b']' | b'}' | b' ' | b'\n' | b'\r' | b'\t'));
                    rest = rest.get(end.unwrap_or(rest.len())..).unwrap_or_default();
                    self.number_or_word(*byte);
                }
                _ => {}
            }
        }
    }

    /// What the next value means.
    fn place(&self) -> Place {
        self.containers.last().map_or(Place::Body, |container| container.values)
    }

    fn begin(&mut self, is_object: bool) {
        let members = match self.place() {
            // Parts of a message's content and the like.
            Place::Text => Place::Message,
            Place::Input if is_object => {
                self.tokens += MESSAGE;
                Place::Message
            }
            Place::Call if is_object => {
                self.tokens += CALL;
                Place::Message
            }
            Place::Flat(tokens) if is_object => {
                self.tokens += tokens;
                Place::Ignored
            }
            Place::Body if !is_object || !self.containers.is_empty() => Place::Ignored,
            place => place,
        };
        let values = if is_object { Place::Ignored } else { members };
        self.containers.push(Container { values, members, is_object, is_before_name: is_object });
    }

    fn string(&mut self, text: &[u8]) {
        if let Some(container) = self.containers.last_mut()
            && container.is_before_name
        {
            container.is_before_name = false;
            let members = container.members;
            container.values = member_place(members, text);
            match members {
                Place::Schema => {
                    self.tokens += NAME;
                    self.text(text);
                }
                Place::Body if is_name(text, b"messages") => self.tokens += REPLY,
                _ => {}
            }
            return;
        }
        match self.place() {
            Place::Body | Place::Ignored => {}
            Place::Flat(tokens) => self.tokens += tokens,
            Place::Text | Place::Schema => self.text(text),
            Place::Input | Place::Message | Place::Call => match data_url(text) {
                Some(tokens) => self.tokens += tokens,
                None => self.text(text),
            },
        }
    }

    fn number_or_word(&mut self, first: u8) {
        let counts = match self.place() {
            Place::Schema => true,
            Place::Input => !first.is_ascii_lowercase(),
            _ => false,
        };
        self.tokens += u64::from(counts);
    }

    /// Counts a text, given as it stands between its quotes.
    fn text(&mut self, raw: &[u8]) {
        let affordable = READ_IN_ALL.saturating_sub(self.read_bytes);
        let (tokens, read) = if raw.len().min(WHOLE_TEXT) > affordable {
            self.unread_bytes = self.unread_bytes.saturating_add(raw.len());
            return;
        } else if raw.len() <= WHOLE_TEXT {
            (unescaped_tokens(raw), raw.len())
        } else {
            let half = WHOLE_TEXT / 2;
            let middle = raw.len() / 2;
            let beginning = unescaped_tokens(raw.get(..half).unwrap_or_default());
            let sample = beginning + unescaped_tokens(raw.get(middle..middle + half).unwrap_or_default());
            self.tokens = self.tokens.saturating_add(scaled(sample, raw.len() - WHOLE_TEXT, WHOLE_TEXT));
            (sample, WHOLE_TEXT)
        };
        self.tokens = self.tokens.saturating_add(tokens);
        self.read_tokens += tokens;
        self.read_bytes += read;
    }
}

/// `tokens` for `read` bytes, told for `bytes`.
fn scaled(tokens: u64, bytes: usize, read: usize) -> u64 {
    let (Ok(bytes), Ok(read)) = (u64::try_from(bytes), u64::try_from(read)) else { return u64::MAX };
    tokens.saturating_mul(bytes).checked_div(read).unwrap_or(0)
}

/// What a member's value means.
fn member_place(members: Place, name: &[u8]) -> Place {
    let mut buffer = [0; NAME_BYTES];
    let Some(name) = unescaped_name(name, &mut buffer) else {
        return if members == Place::Body { Place::Ignored } else { members };
    };
    match members {
        Place::Body => match name {
            b"messages" | b"prompt" | b"input" | b"suffix" | b"instructions" | b"system" => Place::Input,
            b"tools" | b"functions" | b"response_format" => Place::Schema,
            _ => Place::Ignored,
        },
        Place::Message => match name {
            b"content" | b"text" | b"arguments" => Place::Text,
            b"function" | b"function_call" => Place::Call,
            b"role" | b"type" | b"id" | b"call_id" | b"tool_call_id" | b"tool_use_id" | b"index" | b"status"
            | b"annotations" | b"logprobs" | b"cache_control" | b"signature" | b"encrypted_content" => Place::Ignored,
            b"image" | b"image_url" | b"source" => Place::Flat(IMAGE),
            b"audio" | b"audio_url" | b"input_audio" => Place::Flat(AUDIO),
            b"file" | b"file_data" | b"file_id" | b"file_url" | b"video" | b"video_url" => Place::Flat(FILE),
            _ => Place::Message,
        },
        place => place,
    }
}

/// What a text costs that is a `data:` URL with base64 as a whole.
fn data_url(text: &[u8]) -> Option<u64> {
    let kind = text.strip_prefix(b"data:")?;
    memmem::find(kind.get(..128).unwrap_or(kind), b";base64,")?;
    Some(if kind.starts_with(b"image") {
        IMAGE
    } else if kind.starts_with(b"audio") {
        AUDIO
    } else {
        FILE
    })
}

fn is_name(raw: &[u8], name: &[u8]) -> bool {
    unescaped_name(raw, &mut [0; NAME_BYTES]) == Some(name)
}

/// A member's name as it is meant: `"mess\u0061ges"` are the messages too. None if it is longer than any that counts.
fn unescaped_name<'buffer>(raw: &'buffer [u8], buffer: &'buffer mut [u8; NAME_BYTES]) -> Option<&'buffer [u8]> {
    if memchr(b'\\', raw).is_none() {
        return (raw.len() <= NAME_BYTES).then_some(raw);
    }
    if raw.len() > 6 * NAME_BYTES {
        return None;
    }
    let mut length = 0;
    let mut fits = true;
    unescape(raw, |piece| match buffer.get_mut(length..length + piece.len()) {
        Some(target) => {
            target.copy_from_slice(piece);
            length += piece.len();
        }
        None => fits = false,
    });
    buffer.get(..length).filter(|_| fits)
}

fn unescaped_tokens(raw: &[u8]) -> u64 {
    let mut counter = TokenCounter::new();
    unescape(raw, |piece| counter.push(piece));
    counter.tokens()
}

/// The string that begins with these bytes, without its quotes, and what follows it.
fn split_string(bytes: &[u8]) -> (&[u8], &[u8]) {
    let mut at = 0;
    while let Some(found) = memchr2(b'"', b'\\', bytes.get(at..).unwrap_or_default()) {
        at += found;
        if bytes.get(at) == Some(&b'"') {
            return (bytes.get(..at).unwrap_or_default(), bytes.get(at + 1..).unwrap_or_default());
        }
        at += 2;
    }
    (bytes, &[])
}

/// Hands over a string's content piece by piece, with its escapes replaced. What is no escape is left out.
fn unescape(raw: &[u8], mut take: impl FnMut(&[u8])) {
    let mut rest = raw;
    while let Some(backslash) = memchr(b'\\', rest) {
        let (plain, escape) = rest.split_at(backslash);
        take(plain);
        let letter = escape.get(1).copied();
        rest = escape.get(2..).unwrap_or_default();
        match letter {
            Some(b'n') => take(b"\n"),
            Some(b't') => take(b"\t"),
            Some(b'r') => take(b"\r"),
            Some(b'b' | b'f') => take(b" "),
            Some(b'u') => {
                let (character, remainder) = split_code_unit(rest);
                rest = remainder;
                take(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
            Some(sign) => take(&[sign]),
            None => {}
        }
    }
    take(rest);
}

/// The character that the four hexadecimal digits after `\u` stand for, or they and a second escape with a low
/// surrogate. A surrogate without its other half is the replacement character.
fn split_code_unit(bytes: &[u8]) -> (char, &[u8]) {
    let Some((high, rest)) = split_hex(bytes) else { return (char::REPLACEMENT_CHARACTER, bytes) };
    if let Some(character) = char::from_u32(high) {
        return (character, rest);
    }
    let low = rest.strip_prefix(b"\\u").and_then(split_hex);
    match low {
        Some((low @ 0xDC00..=0xDFFF, after_low)) if high < 0xDC00 => {
            let code_point = 0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00);
            (char::from_u32(code_point).unwrap_or(char::REPLACEMENT_CHARACTER), after_low)
        }
        _ => (char::REPLACEMENT_CHARACTER, rest),
    }
}

fn split_hex(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (digits, rest) = bytes.split_at_checked(4)?;
    let mut value = 0;
    for digit in digits {
        value = value * 16 + char::from(*digit).to_digit(16)?;
    }
    Some((value, rest))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
