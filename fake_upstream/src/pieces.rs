//! Cuts the bytes of a body into the pieces that `piece` and `split_at` ask for.
//!
//! Changes no byte. Invariants: no step follows the last data that did not follow it before (hyper would not ask for
//! it); a flush or a pause lies between two pieces, so that they leave in writes of their own.

use std::time::Duration;

use bytes::{Buf, Bytes};

use crate::body::Step;

/// Between the two halves of `split_at`: long enough for the peer to read the first one on its own.
const SPLIT_PAUSE: Duration = Duration::from_millis(5);

/// An iterator of steps whose data are cut.
pub(crate) struct Pieces<Inner> {
    inner: Inner,
    piece: Option<usize>,
    /// How many bytes are left before the split; `None` once it is behind us.
    until_split: Option<usize>,
    rest: Bytes,
    before_next: Option<Step>,
}

impl<Inner: Iterator<Item = Step>> Pieces<Inner> {
    pub(crate) fn new(inner: Inner, piece: Option<usize>, split_at: Option<usize>) -> Self {
        // A split at byte 0 would have an empty first half.
        let until_split = split_at.filter(|at| *at > 0);
        Self { inner, piece, until_split, rest: Bytes::new(), before_next: None }
    }
}

impl<Inner: Iterator<Item = Step>> Iterator for Pieces<Inner> {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        if self.rest.is_empty() {
            match self.inner.next() {
                Some(Step::Data(bytes)) if !bytes.is_empty() => self.rest = bytes,
                other => return other,
            }
        }
        // Only in front of data: behind the last ones nothing may come.
        if let Some(step) = self.before_next.take() {
            return Some(step);
        }
        let mut length = self.rest.remaining();
        if let Some(piece) = self.piece {
            length = length.min(piece);
            self.before_next = Some(Step::Flush);
        }
        if let Some(until_split) = self.until_split {
            length = length.min(until_split);
            self.until_split = until_split.checked_sub(length).filter(|left| *left > 0);
            if self.until_split.is_none() {
                self.before_next = Some(Step::Wait(SPLIT_PAUSE));
            }
        }
        Some(Step::Data(self.rest.split_to(length)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(parts: &[&'static str], piece: Option<usize>, split_at: Option<usize>) -> Vec<String> {
        let steps = parts.iter().map(|part| Step::Data(Bytes::from_static(part.as_bytes())));
        Pieces::new(steps.collect::<Vec<_>>().into_iter(), piece, split_at)
            .map(|step| match step {
                Step::Data(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                Step::Flush => "|".to_owned(),
                other => format!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn uncut_steps_pass_as_they_are() {
        assert_eq!(cut(&["abc", "de"], None, None), ["abc", "de"]);
    }

    #[test]
    fn pieces_are_flushed_and_nothing_follows_the_last() {
        assert_eq!(cut(&["abcde", "f"], Some(2), None), ["ab", "|", "cd", "|", "e", "|", "f"]);
        assert_eq!(cut(&["ab"], Some(2), None), ["ab"]);
    }

    #[test]
    fn the_split_falls_where_it_is_asked_for_across_data() {
        assert_eq!(cut(&["abc", "de"], None, Some(4)), ["abc", "d", "Wait(5ms)", "e"]);
        assert_eq!(cut(&["abc", "de"], None, Some(3)), ["abc", "Wait(5ms)", "de"]);
        assert_eq!(cut(&["abc"], None, Some(3)), ["abc"]);
        assert_eq!(cut(&["abc"], None, Some(0)), ["abc"]);
    }

    #[test]
    fn both_cuts_apply_together() {
        assert_eq!(cut(&["abcde"], Some(2), Some(3)), ["ab", "|", "c", "Wait(5ms)", "de"]);
    }
}
