//! How many requests end in a second at the moment: counted in a ring of a few seconds, so that it costs one atomic step and no
//! memory, whatever the load.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::model::RequestRate;

/// Seconds that are remembered: those that are looked back at, the one that runs, and one to spare.
const SLOTS: usize = 12;
/// Seconds that are looked back at.
const SECONDS: u32 = 10;
/// The lower half of a slot counts requests, the upper half says in which second.
const HALF: u32 = u32::BITS;

/// Counts requests. Cheap to clone; clones count together.
#[derive(Clone, Debug)]
pub struct RateMeter(Arc<Meter>);

#[derive(Debug)]
struct Meter {
    started: Instant,
    slots: [AtomicU64; SLOTS],
}

impl Default for RateMeter {
    fn default() -> Self {
        Self(Arc::new(Meter { started: Instant::now(), slots: Default::default() }))
    }
}

impl RateMeter {
    /// Counts a request that has just ended.
    pub(super) fn count(&self) {
        self.count_in(self.second());
    }

    /// How many ended in the last whole seconds.
    pub fn rate(&self) -> RequestRate {
        self.rate_in(self.second())
    }

    /// Which second since the start this is. The first is 1, so that an empty slot belongs to none.
    fn second(&self) -> u64 {
        self.0.started.elapsed().as_secs().saturating_add(1)
    }

    fn count_in(&self, second: u64) {
        let Some(slot) = self.0.slots.get(index(second)) else { return };
        let this = second << HALF;
        // A slot of an older second begins anew. Requests of the same second never get lost; the count of more than four
        // billion in one would run over.
        let next = |old: u64| Some(if old >> HALF == second { old.saturating_add(1) } else { this.saturating_add(1) });
        // The closure always gives a value, so this always succeeds.
        _ = slot.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
    }

    fn rate_in(&self, second: u64) -> RequestRate {
        let first = second.saturating_sub(u64::from(SECONDS));
        let counted = |slot: &AtomicU64| {
            let value = slot.load(Ordering::Relaxed);
            let of = value >> HALF;
            if of >= first && of < second { value & u64::from(u32::MAX) } else { 0 }
        };
        let requests = self.0.slots.iter().map(counted).fold(0, u64::saturating_add);
        RequestRate { requests, seconds: SECONDS }
    }
}

fn index(second: u64) -> usize {
    let slots = u64::try_from(SLOTS).unwrap_or(1);
    usize::try_from(second % slots).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests_at(meter: &RateMeter, second: u64) -> u64 {
        meter.rate_in(second).requests
    }

    #[test]
    fn counts_the_last_ten_whole_seconds() {
        let meter = RateMeter::default();
        for second in 5..8 {
            for _ in 0..second {
                meter.count_in(second);
            }
        }
        assert_eq!(requests_at(&meter, 7), 5 + 6, "the second that runs is not whole yet");
        assert_eq!(requests_at(&meter, 8), 5 + 6 + 7);
        assert_eq!(requests_at(&meter, 15), 5 + 6 + 7);
        assert_eq!(requests_at(&meter, 16), 6 + 7);
        assert_eq!(requests_at(&meter, 18), 0);
    }

    #[test]
    fn a_slot_is_used_again_by_a_later_second() {
        let meter = RateMeter::default();
        let later = 3 + u64::try_from(SLOTS).unwrap_or(0);
        meter.count_in(3);
        meter.count_in(later);
        assert_eq!(requests_at(&meter, 4), 0);
        assert_eq!(requests_at(&meter, later + 1), 1);
    }

    #[test]
    fn counts_of_several_threads_come_together() {
        let meter = RateMeter::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..1000).for_each(|_| meter.clone().count_in(9)));
            }
        });
        assert_eq!(requests_at(&meter, 10), 4000);
    }
}
