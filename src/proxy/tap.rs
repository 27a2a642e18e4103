//! Reading an answer in passing: token counts, and whether it came to its end.

use std::borrow::Cow;
use std::collections::VecDeque;

use bytes::Bytes;

use crate::model::TokenCounts;
use crate::provider::openai::{AnswerScanner, AnswerText, Chunk, ChunkKind, read_chunk};
use crate::sse::{EventSplitter, event_data};

/// Reads a plain answer.
#[derive(Debug, Default)]
pub(super) struct PlainTap {
    scanner: AnswerScanner,
    text: AnswerText,
}

impl PlainTap {
    pub(super) fn push(&mut self, piece: &[u8]) {
        self.scanner.push(piece);
        self.text.push(piece);
    }

    /// About how many tokens the texts have that came so far.
    pub(super) const fn seen_tokens(&self) -> u64 {
        self.text.tokens()
    }

    pub(super) fn counts(&self) -> Option<TokenCounts> {
        self.scanner.counts()
    }

    /// Whether the JSON that began has ended.
    pub(super) const fn is_whole(&self) -> bool {
        self.scanner.is_whole()
    }
}

/// What can be said about a stream so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing yet says that it is at its end.
    Unfinished,
    /// It said why it ended, or that it is done.
    Whole,
    /// It told of an error.
    Error,
}

/// Reads a stream of events, gives out whole events, and takes token counts out that the client did not ask for.
#[derive(Debug)]
pub(super) struct StreamTap {
    splitter: EventSplitter,
    hides_usage: bool,
    progress: Progress,
    counts: Option<TokenCounts>,
    text: AnswerText,
    verdict: Verdict,
}

/// How far a stream came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// No whole event yet.
    Nothing,
    /// At least one whole event.
    Events,
    /// It said `[DONE]`.
    Done,
    /// An event was longer than can be held back: from there on everything passes unread.
    Unread,
}

impl StreamTap {
    pub(super) fn new(hides_usage: bool, max_event_bytes: usize) -> Self {
        Self {
            splitter: EventSplitter::new(max_event_bytes),
            hides_usage,
            progress: Progress::Nothing,
            counts: None,
            text: AnswerText::default(),
            verdict: Verdict::Unfinished,
        }
    }

    /// Takes what arrived and puts what may go on into `ready`.
    pub(super) fn push(&mut self, piece: &Bytes, ready: &mut VecDeque<Bytes>) {
        if self.progress == Progress::Unread {
            ready.push_back(piece.clone());
            return;
        }
        self.splitter.push(piece);
        loop {
            match self.splitter.next_event() {
                Ok(Some(event)) => self.event(event, ready),
                Ok(None) => return,
                Err(error) => {
                    tracing::warn!(
                        max_event_bytes = error.max_bytes,
                        "an event of a stream is too long to be read (`limits.max_event_bytes`); the rest of this stream passes unread"
                    );
                    self.progress = Progress::Unread;
                    // Nobody can tell any more whether it ends well; a proper end of the body has to do.
                    self.verdict = Verdict::Whole;
                    ready.push_back(self.splitter.take_rest());
                    return;
                }
            }
        }
    }

    /// The upstream ended its body properly: what is held back goes on too.
    pub(super) fn finish(&mut self, ready: &mut VecDeque<Bytes>) {
        let rest = self.splitter.take_rest();
        if rest.is_empty() {
            return;
        }
        if self.progress == Progress::Nothing && rest.trim_ascii_start().starts_with(b"{") {
            // A plain answer that calls itself a stream.
            let mut tap = PlainTap::default();
            tap.push(&rest);
            self.counts = tap.counts();
            self.text = std::mem::take(&mut tap.text);
            self.verdict = if tap.is_whole() { Verdict::Whole } else { Verdict::Unfinished };
            ready.push_back(rest);
            return;
        }
        let mut last = VecDeque::new();
        self.event(rest, &mut last);
        // Half an event in front of the error that follows would make both unreadable.
        if self.verdict != Verdict::Unfinished {
            ready.append(&mut last);
        }
    }

    pub(super) const fn counts(&self) -> Option<TokenCounts> {
        self.counts
    }

    /// About how many tokens the texts have that came so far.
    pub(super) const fn seen_tokens(&self) -> u64 {
        self.text.tokens()
    }

    pub(super) const fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Whether the stream said `[DONE]`.
    pub(super) const fn is_done(&self) -> bool {
        matches!(self.progress, Progress::Done)
    }

    fn event(&mut self, event: Bytes, ready: &mut VecDeque<Bytes>) {
        if self.progress == Progress::Nothing {
            self.progress = Progress::Events;
        }
        let Some(data) = event_data(&event) else {
            ready.push_back(event);
            return;
        };
        let chunk = read_chunk(&data);
        if matches!(chunk.kind, ChunkKind::Piece | ChunkKind::Finish) {
            self.text.push_event(&data);
        }
        self.note(&chunk);
        if !self.hides_usage {
            ready.push_back(event);
            return;
        }
        if chunk.kind == ChunkKind::UsageOnly {
            // The second half of a CRLF that was cut in two still belongs to the event before.
            let leading = event.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            if leading > 0 {
                ready.push_back(event.slice(..leading));
            }
            return;
        }
        let (Cow::Borrowed(data), Some(member)) = (&data, chunk.usage_member) else {
            ready.push_back(event);
            return;
        };
        let offset = data.as_ptr().addr().saturating_sub(event.as_ptr().addr());
        ready.push_back(event.slice(..offset + member.start));
        ready.push_back(event.slice(offset + member.end..));
    }

    fn note(&mut self, chunk: &Chunk) {
        if chunk.usage.is_some() {
            self.counts = chunk.usage;
        }
        match chunk.kind {
            ChunkKind::Done => {
                self.progress = Progress::Done;
                if self.verdict == Verdict::Unfinished {
                    self.verdict = Verdict::Whole;
                }
            }
            ChunkKind::Finish if self.verdict == Verdict::Unfinished => self.verdict = Verdict::Whole,
            ChunkKind::Error => self.verdict = Verdict::Error,
            ChunkKind::Piece | ChunkKind::UsageOnly | ChunkKind::Finish => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STREAM: &str = concat!(
        ": hi\n\n",
        "data: {\"choices\":[{\"delta\":{\"content\":\"水\"},\"finish_reason\":null}],\"usage\":null}\n\n",
        "data: {\"usage\":null,\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\r\n\r\n",
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}\n\n",
        "data: [DONE]\n\n",
    );
    const HIDDEN: &str = concat!(
        ": hi\n\n",
        "data: {\"choices\":[{\"delta\":{\"content\":\"水\"},\"finish_reason\":null}]}\n\n",
        "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\r\n\r\n",
        "data: [DONE]\n\n",
    );

    fn run(pieces: &[&[u8]], hides_usage: bool) -> (Vec<u8>, StreamTap) {
        let mut tap = StreamTap::new(hides_usage, 1 << 20);
        let mut ready = VecDeque::new();
        for piece in pieces {
            tap.push(&Bytes::copy_from_slice(piece), &mut ready);
        }
        tap.finish(&mut ready);
        let bytes = ready.iter().flat_map(|piece| piece.iter().copied()).collect();
        (bytes, tap)
    }

    #[test]
    fn passes_everything_unchanged_wherever_it_is_cut() {
        let bytes = STREAM.as_bytes();
        for cut in 0..=bytes.len() {
            let (head, tail) = bytes.split_at(cut);
            let (passed, tap) = run(&[head, tail], false);
            assert_eq!(passed, bytes, "cut at {cut}");
            assert_eq!(tap.counts().and_then(|counts| counts.output), Some(4));
            assert!(tap.is_done());
        }
    }

    #[test]
    fn hides_what_the_client_did_not_ask_for_wherever_it_is_cut() {
        let bytes = STREAM.as_bytes();
        for cut in 0..=bytes.len() {
            let (head, tail) = bytes.split_at(cut);
            let (passed, tap) = run(&[head, tail], true);
            assert_eq!(String::from_utf8_lossy(&passed), HIDDEN, "cut at {cut}");
            assert_eq!(tap.counts().and_then(|counts| counts.input), Some(3));
        }
    }

    #[test]
    fn an_end_without_a_reason_is_no_end() {
        let (_, tap) = run(&[b"data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n"], false);
        assert_eq!(tap.verdict(), Verdict::Unfinished);
        let (_, tap) = run(&[b""], false);
        assert_eq!(tap.verdict(), Verdict::Unfinished);
    }

    #[test]
    fn an_error_in_the_stream_is_not_hidden_by_done() {
        let (_, tap) = run(&[b"data: {\"error\":{\"message\":\"x\"}}\n\ndata: [DONE]\n\n"], false);
        assert_eq!(tap.verdict(), Verdict::Error);
        assert!(tap.is_done());
    }

    #[test]
    fn a_plain_answer_that_calls_itself_a_stream_passes() {
        let (passed, tap) = run(&[b"{\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}"], true);
        assert!(passed.starts_with(b"{\"usage\""));
        assert_eq!(tap.verdict(), Verdict::Whole);
        assert_eq!(tap.counts().and_then(|counts| counts.output), Some(2));
    }

    #[test]
    fn an_event_that_is_too_long_passes_unread() {
        let mut tap = StreamTap::new(true, 64);
        let mut ready = VecDeque::new();
        let long = format!("data: {}\n\n", "x".repeat(200));
        tap.push(&Bytes::from(long.clone().into_bytes()), &mut ready);
        tap.push(&Bytes::from_static(b"data: more"), &mut ready);
        tap.push(&Bytes::from(vec![b'y'; 100]), &mut ready);
        tap.finish(&mut ready);
        let passed: Vec<u8> = ready.iter().flat_map(|piece| piece.iter().copied()).collect();
        assert_eq!(passed, format!("{long}data: more{}", "y".repeat(100)).into_bytes());
    }

    proptest! {
        #[test]
        fn any_cuts_give_the_same_bytes(cuts in proptest::collection::vec(0_usize..STREAM.len(), 0..30)) {
            let mut cuts = cuts;
            cuts.push(0);
            cuts.push(STREAM.len());
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2)
                .filter_map(|pair| STREAM.as_bytes().get(*pair.first()?..*pair.get(1)?)).collect();
            prop_assert_eq!(run(&pieces, false).0, STREAM.as_bytes());
            prop_assert_eq!(run(&pieces, true).0, HIDDEN.as_bytes());
        }
    }
}
