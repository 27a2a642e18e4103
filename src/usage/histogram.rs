//! How long requests took, in steps of about 6 %, so that percentiles of any sum of requests can be told.
//!
//! Milliseconds up to 15 have a step each; above, every doubling has 16 steps of equal width. Only steps that something is in
//! are kept. The text is made for databases: texts joined with [`SEPARATOR`] are the text of the sum, so SQL can add
//! histograms without knowing what they are.

use crate::model::Percentiles;

/// Between texts that are added.
pub(crate) const SEPARATOR: char = ',';
/// Steps per doubling.
const STEPS: u32 = 16;
/// log2 of [`STEPS`].
const STEPS_LOG2: u32 = 4;
/// All steps of 32 bits.
const STEPS_MAX: usize = 464;
/// Digits of distances: `a` is 0.
const LETTERS: u16 = 26;

/// A text that is none of a histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not the text of a histogram")]
pub(crate) struct Damaged;

/// How many requests took how long.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Histogram {
    /// Steps and counts, by step, none of them 0.
    counts: Vec<(u16, u64)>,
}

impl Histogram {
    /// Counts one more.
    pub(crate) fn add(&mut self, milliseconds: u32) {
        self.add_many(step(milliseconds), 1);
    }

    /// Counts all that another one has.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (step, count) in &other.counts {
            self.add_many(*step, *count);
        }
    }

    fn add_many(&mut self, step: u16, count: u64) {
        match self.counts.binary_search_by_key(&step, |(step, _)| *step) {
            Ok(found) => {
                if let Some((_, counted)) = self.counts.get_mut(found) {
                    *counted = counted.saturating_add(count);
                }
            }
            Err(place) => self.counts.insert(place, (step, count)),
        }
    }

    /// As text: for each step how many steps it is after the last one, in letters, and its count if it is not 1.
    /// Empty if nothing was counted.
    pub(crate) fn to_text(&self) -> String {
        let mut text = String::with_capacity(self.counts.len().saturating_mul(4));
        let mut last = 0;
        for (step, count) in &self.counts {
            push_letters(&mut text, step.saturating_sub(last));
            if *count != 1 {
                text.push_str(&count.to_string());
            }
            last = *step;
        }
        text
    }

    /// Reads a text.
    ///
    /// # Errors
    /// It is none.
    pub(crate) fn from_text(text: &str) -> Result<Self, Damaged> {
        let mut sum = HistogramSum::default();
        sum.add_text(text)?;
        Ok(sum.finish())
    }
}

/// Adds many histograms faster than one by one. Takes 4 KiB.
#[derive(Clone, Debug)]
pub(crate) struct HistogramSum {
    counts: Vec<u64>,
}

impl Default for HistogramSum {
    fn default() -> Self {
        Self { counts: vec![0; STEPS_MAX] }
    }
}

impl HistogramSum {
    /// Counts what is in a text, or in several joined with [`SEPARATOR`].
    ///
    /// # Errors
    /// It is none.
    pub(crate) fn add_text(&mut self, text: &str) -> Result<(), Damaged> {
        let mut bytes = text.bytes().peekable();
        let mut at: u16 = 0;
        while let Some(byte) = bytes.next() {
            let mut distance = match byte {
                b',' => {
                    at = 0;
                    continue;
                }
                b'a'..=b'z' => u16::from(byte - b'a'),
                // The first of two digits is written large.
                b'A'..=b'Z' => {
                    let second = bytes.next().filter(u8::is_ascii_lowercase).ok_or(Damaged)?;
                    u16::from(byte - b'A').saturating_mul(LETTERS).saturating_add(u16::from(second - b'a'))
                }
                _ => return Err(Damaged),
            };
            distance = distance.saturating_add(at);
            at = distance;
            let mut count: u64 = 0;
            let mut is_one = true;
            while let Some(digit) = bytes.next_if(u8::is_ascii_digit) {
                is_one = false;
                count = count.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
            }
            let counted = self.counts.get_mut(usize::from(at)).ok_or(Damaged)?;
            *counted = counted.saturating_add(if is_one { 1 } else { count });
        }
        Ok(())
    }

    /// Counts all that another sum has.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (counted, count) in self.counts.iter_mut().zip(&other.counts) {
            *counted = counted.saturating_add(*count);
        }
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.counts.fill(0);
    }

    /// The sum.
    pub(crate) fn finish(&self) -> Histogram {
        let steps = (0_u16..).zip(&self.counts);
        Histogram { counts: steps.filter(|(_, count)| **count > 0).map(|(step, count)| (step, *count)).collect() }
    }

    /// Percentiles; none if nothing was counted. Each is off by 3.1 % at most.
    pub(crate) fn percentiles(&self) -> Option<Percentiles> {
        let total = self.counts.iter().fold(0_u64, |sum, count| sum.saturating_add(*count));
        if total == 0 {
            return None;
        }
        let at = |percent: u64| {
            // The smallest value that at least so many are not above.
            let rank = u128::from(total).saturating_mul(u128::from(percent)).div_ceil(100).max(1);
            let mut seen: u128 = 0;
            let reached = (0_u16..).zip(&self.counts).find(|(_, count)| {
                seen = seen.saturating_add(u128::from(**count));
                seen >= rank
            });
            reached.map_or(0, |(step, _)| middle(step))
        };
        Some(Percentiles { p50: at(50), p90: at(90), p95: at(95), p99: at(99) })
    }
}

/// The step that a time is in.
fn step(milliseconds: u32) -> u16 {
    let Some(doublings) = milliseconds.checked_ilog2().and_then(|log| log.checked_sub(STEPS_LOG2)) else {
        return u16::try_from(milliseconds).unwrap_or(0);
    };
    let within = (milliseconds >> doublings) - STEPS;
    u16::try_from((doublings + 1) * STEPS + within).unwrap_or(u16::MAX)
}

/// Where a step begins, and its last value.
fn bounds(step: u16) -> (u64, u64) {
    let step = u64::from(step);
    let steps = u64::from(STEPS);
    if step < steps {
        return (step, step);
    }
    let doublings = step / steps - 1;
    let first = (steps + step % steps) << doublings;
    (first, first + (1 << doublings) - 1)
}

/// The value of a step that is off least, as a part of any value in it: the harmonic mean of its ends.
fn middle(step: u16) -> u32 {
    let (first, last) = bounds(step);
    let sum = first + last;
    if sum == 0 {
        return 0;
    }
    let mean = (u128::from(first) * u128::from(last) * 2 + u128::from(sum) / 2) / u128::from(sum);
    u32::try_from(mean).unwrap_or(u32::MAX)
}

fn push_letters(text: &mut String, distance: u16) {
    let letter = |base: u8, digit: u16| char::from(base.saturating_add(u8::try_from(digit).unwrap_or(0)));
    if distance >= LETTERS {
        text.push(letter(b'A', distance / LETTERS));
    }
    text.push(letter(b'a', distance % LETTERS));
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(times: &[u32]) -> Histogram {
        let mut histogram = Histogram::default();
        for time in times {
            histogram.add(*time);
        }
        histogram
    }

    fn times() -> impl Strategy<Value = Vec<u32>> {
        prop::collection::vec(prop_oneof![0_u32..50, 0_u32..20_000, any::<u32>()], 1..200)
    }

    #[test]
    fn steps_follow_each_other() {
        let mut next = 0;
        for index in 0..STEPS_MAX {
            let (first, last) = bounds(u16::try_from(index).unwrap());
            assert_eq!(first, next);
            assert_eq!(usize::from(step(u32::try_from(first).unwrap())), index);
            assert_eq!(usize::from(step(u32::try_from(last).unwrap())), index);
            next = last + 1;
        }
        assert_eq!(next, u64::from(u32::MAX) + 1);
    }

    #[test]
    fn texts_are_short_and_say_what_is_wrong() {
        assert_eq!(of(&[]).to_text(), "");
        assert_eq!(of(&[0, 0, 3, 1000]).to_text(), "a2dEe");
        for text in ["A", "1", "aA1", "Zz", "a b", "é"] {
            assert_eq!(Histogram::from_text(text), Err(Damaged), "{text}");
        }
        let busy: Vec<u32> = (0..5000).map(|index| 200 + index * 7 % 3000).collect();
        assert!(of(&busy).to_text().len() < 300, "{}", of(&busy).to_text());
    }

    proptest! {
        #[test]
        fn texts_hold_everything_and_joining_adds(one in times(), other in times()) {
            let (one, other) = (of(&one), of(&other));
            prop_assert_eq!(&Histogram::from_text(&one.to_text()).unwrap(), &one);
            let joined = Histogram::from_text(&format!("{}{SEPARATOR}{}", one.to_text(), other.to_text())).unwrap();
            let mut merged = other.clone();
            merged.merge(&one);
            prop_assert_eq!(joined, merged);
        }

        #[test]
        fn percentiles_are_nearly_exact(mut times in times()) {
            let mut sum = HistogramSum::default();
            sum.add_text(&of(&times).to_text()).unwrap();
            let found = sum.percentiles().unwrap();
            times.sort_unstable();
            for (percent, found) in [(50, found.p50), (90, found.p90), (95, found.p95), (99, found.p99)] {
                let exact = f64::from(times[(times.len() * percent).div_ceil(100).max(1) - 1]);
                prop_assert!((f64::from(found) - exact).abs() <= exact * 0.031 + 0.5, "{percent}: {found} is not {exact}");
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in "[a-zA-C0-9, ]{0,40}|\\PC{0,20}") {
            let _damaged = Histogram::from_text(&text);
        }
    }
}
