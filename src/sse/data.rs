//! The payload of one event.

use std::borrow::Cow;

use memchr::memchr2;

/// The payload of an event: the values of its `data` fields, joined with LF. `None` if it has no `data` field
/// (comments, `event:` alone).
///
/// Accepts LF, CRLF and CR, `data:` with or without a space behind it, `data` without a colon, and a byte order mark.
pub fn event_data(event: &[u8]) -> Option<Cow<'_, [u8]>> {
    let mut rest = event.strip_prefix(b"\xef\xbb\xbf").unwrap_or(event);
    let mut data: Option<Cow<'_, [u8]>> = None;
    while !rest.is_empty() {
        let line = match memchr2(b'\n', b'\r', rest) {
            Some(end) => {
                let (line, remainder) = rest.split_at(end);
                rest = remainder.get(1..).unwrap_or_default();
                line
            }
            None => std::mem::take(&mut rest),
        };
        let Some(value) = data_value(line) else { continue };
        data = Some(match data {
            None => Cow::Borrowed(value),
            Some(earlier) => {
                let mut joined = earlier.into_owned();
                joined.push(b'\n');
                joined.extend_from_slice(value);
                Cow::Owned(joined)
            }
        });
    }
    data
}

fn data_value(line: &[u8]) -> Option<&[u8]> {
    let value = line.strip_prefix(b"data")?;
    if value.is_empty() {
        return Some(value);
    }
    let value = value.strip_prefix(b":")?;
    Some(value.strip_prefix(b" ").unwrap_or(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_data_out() {
        for (event, expected) in [
            ("data: {}\n\n", Some("{}")),
            ("data:{}\r\n\r\n", Some("{}")),
            ("\u{feff}data: a\n\n", Some("a")),
            ("event: x\ndata: a\rdata:  b\r\n\r\n", Some("a\n b")),
            ("data\n\n", Some("")),
            (": comment\n\n", None),
            ("database: x\n\n", None),
            ("\n", None),
            ("data: unfinished", Some("unfinished")),
        ] {
            assert_eq!(event_data(event.as_bytes()).as_deref(), expected.map(str::as_bytes), "{event:?}");
        }
    }
}
