//! Server-sent events, read incrementally and without ever decoding text.
//!
//! [`EventSplitter`] cuts a byte stream into events wherever the network cut it before; [`event_data`] takes the payload
//! out of one event. Every byte that goes in comes out, in order, so that events can be passed on unchanged. Works on
//! bytes only: a UTF-8 character that was cut in two is whole again before anybody looks at it.
//!
//! Source: the HTML standard, section "Server-sent events": lines end with LF, CRLF or CR; an event ends with an empty
//! line; a line that begins with a colon is a comment.

mod data;
mod splitter;

pub use data::event_data;
pub use splitter::{EventSplitter, EventTooLarge};
