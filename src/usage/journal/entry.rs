//! The format of a segment: a header line, then one line for each entry.
//!
//! ```text
//! sluice journal 1
//! e 0123456789abcdef 312 {"id":"...", ...}
//! ```
//!
//! A line holds the kind of the entry, the first half of a SHA-256 (over kind and JSON), the length of the JSON, and the
//! JSON. JSON escapes line breaks, so reading goes on at the next line after whatever is damaged.

use sha2::{Digest as _, Sha256};

use crate::usage::UsageRecord;

/// First line of a segment.
pub(super) const HEADER: &[u8] = b"sluice journal 1\n";
/// How the first line of every version begins.
const HEADER_START: &[u8] = b"sluice journal ";
/// Bytes of the SHA-256 that are kept.
const CHECKSUM_BYTES: usize = 8;

/// What an entry says of its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::usage) enum Kind {
    /// It is about to be sent to an upstream.
    Begun,
    /// It has ended.
    Ended,
}

impl Kind {
    const fn letter(self) -> &'static str {
        match self {
            Self::Begun => "b",
            Self::Ended => "e",
        }
    }

    fn from_letter(letter: &str) -> Option<Self> {
        [Self::Begun, Self::Ended].into_iter().find(|kind| kind.letter() == letter)
    }
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::usage) struct Entry {
    pub(in crate::usage) kind: Kind,
    pub(in crate::usage) record: UsageRecord,
}

/// What a segment holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::usage) struct Contents {
    /// In the order in which they were written.
    pub(in crate::usage) entries: Vec<Entry>,
    /// Lines that are torn, damaged, or of a kind that is not known.
    pub(in crate::usage) unreadable: usize,
}

/// The segment was written by a version with another format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::usage) struct UnknownVersion;

/// The line of an entry, with its line break.
pub(super) fn line(kind: Kind, record: &UsageRecord) -> Result<Vec<u8>, serde_json::Error> {
    let json = serde_json::to_string(record)?;
    Ok(format!("{} {} {} {json}\n", kind.letter(), checksum(kind, &json), json.len()).into_bytes())
}

/// Reads a segment as far as it can be read.
pub(super) fn read(bytes: &[u8]) -> Result<Contents, UnknownVersion> {
    if HEADER.starts_with(bytes) {
        // It was torn in its first line, or right behind it.
        return Ok(Contents::default());
    }
    let lines = match bytes.strip_prefix(HEADER) {
        Some(lines) => lines,
        None if bytes.starts_with(HEADER_START) => return Err(UnknownVersion),
        // A damaged first line is counted with the others.
        None => bytes,
    };
    let mut contents = Contents::default();
    for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        match parse(line) {
            Some(entry) => contents.entries.push(entry),
            None => contents.unreadable = contents.unreadable.saturating_add(1),
        }
    }
    Ok(contents)
}

fn parse(line: &[u8]) -> Option<Entry> {
    let mut parts = std::str::from_utf8(line).ok()?.splitn(4, ' ');
    let (letter, sum, length, json) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let kind = Kind::from_letter(letter)?;
    if length.parse() != Ok(json.len()) || sum != checksum(kind, json) {
        return None;
    }
    Some(Entry { kind, record: serde_json::from_str(json).ok()? })
}

fn checksum(kind: Kind, json: &str) -> String {
    let digest = Sha256::new().chain_update(kind.letter()).chain_update(json).finalize();
    hex::encode(digest.get(..CHECKSUM_BYTES).unwrap_or_default())
}
