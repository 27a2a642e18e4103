//! An exact sliding window over requests and tokens, with bounded memory.
//!
//! What was sent lies in slots, oldest first. A slot leaves when everything in it is older than the window, so at no
//! moment does any interval of the window's length hold more than was allowed in. Neighbours that lie closer together
//! than a 512th of the window share a slot, which bounds the slots to 513; a shared slot leaves with its youngest entry,
//! so sharing delays, and never lets in too much.
//!
//! The window is kept a little longer than its name says: 0.3 % and 5 ms, at most 0.5 %. A request takes some time from
//! here to the upstream, now more and now less, and the upstream counts when it arrives: without the margin, a slow
//! request followed a minute later by a fast one would be one too many there. Margin and slots together leave more than
//! 99 % of the limit to use.
//!
//! What was let in and not sent yet is held: it counts, and its time begins when it is sent.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// Most slots of one window, but for one that is being begun.
const SLOTS: u32 = 512;
/// The margin: the window divided by this,
const MARGIN_DIVISOR: u32 = 333;
/// and this,
const MARGIN_EXTRA: Duration = Duration::from_millis(5);
/// and at most the window divided by this.
const MARGIN_CAP_DIVISOR: u32 = 200;

/// Names a slot for as long as it is in the window, and nothing afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SlotId(u64);

#[derive(Clone, Copy, Debug)]
struct Slot {
    first: Instant,
    last: Instant,
    requests: u64,
    tokens: u64,
}

/// Requests and tokens of the last window.
#[derive(Debug)]
pub(super) struct Window {
    length: Duration,
    span: Duration,
    grain: Duration,
    slots: VecDeque<Slot>,
    /// Number of the slot in front.
    front: u64,
    /// In slots and held.
    requests: u64,
    tokens: u64,
    held_requests: u64,
    held_tokens: u64,
}

impl Window {
    /// An empty window of this length.
    pub(super) fn new(length: Duration) -> Self {
        Self {
            length,
            span: length + (length / MARGIN_DIVISOR + MARGIN_EXTRA).min(length / MARGIN_CAP_DIVISOR),
            grain: length / SLOTS,
            slots: VecDeque::new(),
            front: 0,
            requests: 0,
            tokens: 0,
            held_requests: 0,
            held_tokens: 0,
        }
    }

    /// Its length, without the margin.
    pub(super) const fn length(&self) -> Duration {
        self.length
    }

    /// Requests that count now, those that are held included. Call [`Self::expire`] before.
    pub(super) const fn requests(&self) -> u64 {
        self.requests
    }

    /// Tokens that count now, those that are held included. Call [`Self::expire`] before.
    pub(super) const fn tokens(&self) -> u64 {
        self.tokens
    }

    /// Forgets what is too old. Amortised constant cost: each slot leaves once.
    pub(super) fn expire(&mut self, now: Instant) {
        while let Some(slot) = self.slots.front()
            && slot.last + self.span <= now
        {
            self.requests = self.requests.saturating_sub(slot.requests);
            self.tokens = self.tokens.saturating_sub(slot.tokens);
            self.slots.pop_front();
            self.front += 1;
        }
        if self.slots.is_empty() && self.slots.capacity() > 8 {
            self.slots = VecDeque::new();
        }
    }

    /// One request is let in and will be sent later.
    pub(super) const fn hold(&mut self, tokens: u64) {
        self.requests += 1;
        self.held_requests += 1;
        self.tokens = self.tokens.saturating_add(tokens);
        self.held_tokens = self.held_tokens.saturating_add(tokens);
    }

    /// A request that was held is not sent after all.
    pub(super) const fn let_go(&mut self, tokens: u64) {
        self.requests = self.requests.saturating_sub(1);
        self.held_requests = self.held_requests.saturating_sub(1);
        self.tokens = self.tokens.saturating_sub(tokens);
        self.held_tokens = self.held_tokens.saturating_sub(tokens);
    }

    /// A request that was held is sent now. The slot is where its tokens can be given back.
    pub(super) fn send(&mut self, now: Instant, tokens: u64) -> SlotId {
        self.let_go(tokens);
        self.add(now, 1, tokens)
    }

    /// Counts what happened at a moment. Moments never go back: an earlier one than the last counts as the last.
    pub(super) fn add(&mut self, at: Instant, requests: u64, tokens: u64) -> SlotId {
        self.requests = self.requests.saturating_add(requests);
        self.tokens = self.tokens.saturating_add(tokens);
        if let Some(slot) = self.slots.back_mut()
            && at.saturating_duration_since(slot.first) < self.grain
        {
            slot.last = slot.last.max(at);
            slot.requests = slot.requests.saturating_add(requests);
            slot.tokens = slot.tokens.saturating_add(tokens);
        } else {
            self.slots.push_back(Slot { first: at, last: at, requests, tokens });
        }
        SlotId(self.front + u64::try_from(self.slots.len()).unwrap_or(u64::MAX) - 1)
    }

    /// Gives requests and tokens of a slot back, if it is still in the window.
    pub(super) fn give_back(&mut self, slot: SlotId, requests: u64, tokens: u64) {
        let Some(index) = slot.0.checked_sub(self.front).and_then(|index| usize::try_from(index).ok()) else { return };
        let Some(slot) = self.slots.get_mut(index) else { return };
        let (requests, tokens) = (requests.min(slot.requests), tokens.min(slot.tokens));
        slot.requests -= requests;
        slot.tokens -= tokens;
        self.requests = self.requests.saturating_sub(requests);
        self.tokens = self.tokens.saturating_sub(tokens);
    }

    /// When all requests and when all tokens will have left, if nothing else comes; what is held leaves a window from
    /// now at the earliest.
    pub(super) fn empties(&self, now: Instant) -> (Instant, Instant) {
        let last = |holds: bool, counts: fn(&Slot) -> bool| {
            if holds {
                return now + self.span;
            }
            self.slots.iter().rev().find(|slot| counts(slot)).map_or(now, |slot| slot.last + self.span)
        };
        (last(self.held_requests > 0, |slot| slot.requests > 0), last(self.held_tokens > 0, |slot| slot.tokens > 0))
    }

    /// The first moment at which not more than `requests` and `tokens` count, if nothing else comes: now or earlier
    /// if that is so already, none if what is held alone is more.
    pub(super) fn falls_to(&self, requests: u64, tokens: u64, now: Instant) -> Option<Instant> {
        if self.held_requests > requests || self.held_tokens > tokens {
            return None;
        }
        let mut left = (self.requests, self.tokens);
        let mut at = now;
        for slot in &self.slots {
            if left.0 <= requests && left.1 <= tokens {
                return Some(at);
            }
            left = (left.0.saturating_sub(slot.requests), left.1.saturating_sub(slot.tokens));
            at = slot.last + self.span;
        }
        (left.0 <= requests && left.1 <= tokens).then_some(at)
    }
}

#[cfg(test)]
impl Window {
    /// Whether no memory is kept for what is not there.
    pub(super) fn is_bare(&self) -> bool {
        self.slots.is_empty() && self.slots.capacity() <= 8 && self.held_requests == 0 && self.held_tokens == 0
    }
}
