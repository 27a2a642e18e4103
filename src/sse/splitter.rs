//! Cutting a byte stream into events.

use bytes::{Bytes, BytesMut};
use memchr::memchr2;

/// An event grew past the bound before its end was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event is longer than {max_bytes} bytes")]
pub struct EventTooLarge {
    /// The bound.
    pub max_bytes: usize,
}

/// Cuts a byte stream into events, whatever pieces it arrives in.
///
/// Concatenating everything that [`next_event`](Self::next_event) and [`take_rest`](Self::take_rest) return gives
/// exactly the bytes that were pushed. At most `max_event_bytes` and one network read are held.
#[derive(Debug)]
pub struct EventSplitter {
    buffer: BytesMut,
    /// Where the search goes on; everything before is known to hold no end of an event.
    searched: usize,
    /// Whether `searched` is at the beginning of a line.
    at_line_start: bool,
    /// Whether a non-empty line was seen since the last event ended: blank lines alone do not make an event.
    has_content: bool,
    max_event_bytes: usize,
}

impl EventSplitter {
    /// A splitter that holds back at most `max_event_bytes` of an unfinished event.
    pub fn new(max_event_bytes: usize) -> Self {
        Self { buffer: BytesMut::new(), searched: 0, at_line_start: true, has_content: false, max_event_bytes }
    }

    /// Takes what the network brought.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole event with the line ends that close it; `None` until more bytes come.
    ///
    /// # Errors
    /// [`EventTooLarge`] once the unfinished event is past the bound. The bytes are still there for
    /// [`take_rest`](Self::take_rest).
    pub fn next_event(&mut self) -> Result<Option<Bytes>, EventTooLarge> {
        loop {
            let Some(unsearched) = self.buffer.get(self.searched..) else { return Ok(None) };
            let Some(offset) = memchr2(b'\n', b'\r', unsearched) else {
                if !unsearched.is_empty() {
                    self.at_line_start = false;
                    self.has_content = true;
                }
                self.searched = self.buffer.len();
                if self.buffer.len() > self.max_event_bytes {
                    return Err(EventTooLarge { max_bytes: self.max_event_bytes });
                }
                return Ok(None);
            };
            let line_is_empty = self.at_line_start && offset == 0;
            let line_end = self.searched + offset;
            // A CR as the last byte may be the first half of a CRLF. If the LF comes later it is an empty line of its
            // own, which belongs to no event and is passed on in front of the next one.
            let terminator = if self.buffer.get(line_end..line_end + 2) == Some(b"\r\n".as_slice()) { 2 } else { 1 };
            self.searched = line_end + terminator;
            self.at_line_start = true;
            if offset > 0 {
                self.has_content = true;
            }
            if line_is_empty && self.has_content && !self.is_split_line_end(line_end) {
                let event = self.buffer.split_to(self.searched).freeze();
                self.searched = 0;
                self.has_content = false;
                return Ok(Some(event));
            }
        }
    }

    /// Everything that is held back: the unfinished event at the end of the stream.
    pub fn take_rest(&mut self) -> Bytes {
        self.searched = 0;
        self.at_line_start = true;
        self.has_content = false;
        self.buffer.split().freeze()
    }

    /// Whether the LF at `line_end` is the second half of a CRLF whose CR was already taken for a line end.
    fn is_split_line_end(&self, line_end: usize) -> bool {
        line_end > 0 && self.buffer.get(line_end - 1..=line_end) == Some(b"\r\n".as_slice())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(pieces: &[&[u8]]) -> (Vec<Vec<u8>>, Vec<u8>) {
        let mut splitter = EventSplitter::new(1 << 20);
        let mut events = Vec::new();
        for piece in pieces {
            splitter.push(piece);
            while let Some(event) = splitter.next_event().unwrap() {
                events.push(event.to_vec());
            }
        }
        (events, splitter.take_rest().to_vec())
    }

    #[test]
    fn cuts_at_empty_lines_of_every_kind() {
        for (stream, expected) in [
            ("data: a\n\ndata: b\n\n", vec!["data: a\n\n", "data: b\n\n"]),
            ("data: a\r\n\r\ndata: b\r\n\r\n", vec!["data: a\r\n\r\n", "data: b\r\n\r\n"]),
            ("data: a\r\rdata: b\r\r", vec!["data: a\r\r", "data: b\r\r"]),
            (": hi\n\ndata: b\ndata: c\n\n", vec![": hi\n\n", "data: b\ndata: c\n\n"]),
        ] {
            let (events, rest) = split(&[stream.as_bytes()]);
            assert_eq!(events, expected.iter().map(|event| event.as_bytes().to_vec()).collect::<Vec<_>>());
            assert_eq!(rest, b"");
        }
    }

    #[test]
    fn gives_an_event_out_as_soon_as_it_is_whole() {
        let mut splitter = EventSplitter::new(100);
        splitter.push(b"data: a\n");
        assert_eq!(splitter.next_event(), Ok(None));
        splitter.push(b"\n");
        assert_eq!(splitter.next_event(), Ok(Some(Bytes::from_static(b"data: a\n\n"))));
    }

    #[test]
    fn keeps_the_unfinished_end() {
        let (events, rest) = split(&[b"data: a\n\ndata: unfin", b"ished"]);
        assert_eq!(events.len(), 1);
        assert_eq!(rest, b"data: unfinished");
    }

    #[test]
    fn passes_a_line_of_four_megabytes_and_refuses_more_than_the_bound() {
        let mut splitter = EventSplitter::new(5 << 20);
        let long = vec![b'x'; 4 << 20];
        splitter.push(b"data: ");
        splitter.push(&long);
        assert_eq!(splitter.next_event(), Ok(None));
        splitter.push(b"\n\n");
        assert_eq!(splitter.next_event().unwrap().unwrap().len(), long.len() + 8);
        splitter.push(&long);
        splitter.push(&long);
        assert_eq!(splitter.next_event(), Err(EventTooLarge { max_bytes: 5 << 20 }));
        assert_eq!(splitter.take_rest().len(), long.len() * 2);
    }

    proptest! {
        #[test]
        fn loses_no_byte_and_finds_the_same_data_whatever_the_cuts(
            lines in proptest::collection::vec("(data: ?[a-zé水🦀]{0,6}|:[a-z]{0,3}|)(\n|\r\n|\r)", 0..24),
            cuts in proptest::collection::vec(0_usize..400, 0..12),
        ) {
            let stream: Vec<u8> = lines.concat().into_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(stream.len())).collect();
            cuts.push(0);
            cuts.push(stream.len());
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect();
            let (whole_events, whole_rest) = split(&[&stream]);
            let (events, rest) = split(&pieces);
            let mut bytes = events.concat();
            bytes.extend_from_slice(&rest);
            prop_assert_eq!(&bytes, &stream);
            let data = |events: &[Vec<u8>], rest: &[u8]| -> Vec<Vec<u8>> {
                events.iter().map(Vec::as_slice).chain([rest])
                    .filter_map(|event| crate::sse::event_data(event).map(std::borrow::Cow::into_owned)).collect()
            };
            prop_assert_eq!(data(&events, &rest), data(&whole_events, &whole_rest));
        }
    }
}
