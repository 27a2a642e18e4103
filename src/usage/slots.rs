//! The slots of time in which usage is summed up.
//!
//! Slots come in four lengths that nest, all in UTC. Every request is in one slot of each length, so a range of time is the sum
//! of the longest slots that fit into it: a day in Shanghai is a handful of them. Days begin on a quarter of an hour in
//! every time zone, so the shortest slot is one.

/// Lengths of the slots, shortest first, in seconds. Each divides the next.
pub(crate) const SLOT_SECONDS: [i64; 4] = [QUARTER, 3600, 4 * 3600, 86_400];
/// The shortest slot, in seconds.
pub(crate) const QUARTER: i64 = 900;

/// Slots of one length in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// Length of each slot, one of [`SLOT_SECONDS`].
    pub(crate) slot_seconds: i64,
    /// Where the first one begins, in seconds since 1970 UTC.
    pub(crate) start: i64,
    /// Where the last one ends, in seconds since 1970 UTC.
    pub(crate) end: i64,
}

/// Where the slot of this length begins that an instant is in, in seconds since 1970 UTC.
pub(crate) const fn slot_start(at_ms: i64, slot_seconds: i64) -> i64 {
    floor(at_ms.div_euclid(1000), slot_seconds)
}

/// The last multiple of a length that is not after `seconds`.
pub(crate) const fn floor(seconds: i64, length: i64) -> i64 {
    seconds.saturating_sub(seconds.rem_euclid(length))
}

/// The first multiple of a length that is not before `seconds`.
pub(crate) const fn ceil(seconds: i64, length: i64) -> i64 {
    floor(seconds.saturating_add(length - 1), length)
}

/// Cuts a range into the fewest slots, in order. It begins and ends on a quarter of an hour, in seconds since 1970 UTC.
pub(crate) fn cut(start: i64, end: i64) -> Vec<Run> {
    let mut runs = Vec::new();
    cut_into(start, end, &SLOT_SECONDS, &mut runs);
    runs
}

fn cut_into(start: i64, end: i64, lengths: &[i64], runs: &mut Vec<Run>) {
    let Some((&length, shorter)) = lengths.split_last() else { return };
    if start >= end {
        return;
    }
    let (first, last) = (ceil(start, length), floor(end, length));
    if first < last {
        cut_into(start, first, shorter, runs);
        runs.push(Run { slot_seconds: length, start: first, end: last });
        cut_into(last, end, shorter, runs);
    } else {
        cut_into(start, end, shorter, runs);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_cut_covers_every_quarter_once_and_in_few_runs(start in 0_i64..3_000_000, quarters in 0_i64..4000) {
            let start = start * QUARTER;
            let end = start + quarters * QUARTER;
            let runs = cut(start, end);
            let mut at = start;
            for run in &runs {
                prop_assert_eq!(run.start, at);
                prop_assert!(run.end > run.start && SLOT_SECONDS.contains(&run.slot_seconds));
                prop_assert_eq!((run.start % run.slot_seconds, run.end % run.slot_seconds), (0, 0));
                at = run.end;
            }
            prop_assert_eq!(at, end);
            prop_assert!(runs.len() <= 7);
            // Nothing longer would have fitted.
            for run in &runs {
                if let Some(longer) = SLOT_SECONDS.iter().find(|length| **length > run.slot_seconds) {
                    prop_assert!(ceil(run.start, *longer) + longer > run.end || run.end - run.start < *longer);
                }
            }
        }

        #[test]
        fn an_instant_is_in_its_slot(at_ms in -1_000_000_000_000_i64..4_000_000_000_000) {
            for length in SLOT_SECONDS {
                let start = slot_start(at_ms, length);
                prop_assert_eq!(start % length, 0);
                prop_assert!(start * 1000 <= at_ms && at_ms < (start + length) * 1000);
            }
        }
    }
}
