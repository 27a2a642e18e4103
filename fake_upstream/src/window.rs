//! The upstream's own limits: an exact sliding window over what it took of one model.
//!
//! Knows no HTTP and no clock: every moment is told. Invariants: no interval that is as long as the quota's window has
//! more requests or tokens in it than the quota grants, in whatever order requests come to be decided; a refused
//! request leaves no trace.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::{Duration, Instant};

/// How long after its arrival a request may come to be decided and still count from its arrival. One whose body takes
/// longer counts from later.
const SLACK: Duration = Duration::from_secs(10);
/// What a caller is told to wait at the least.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);

/// What an upstream grants. One at least of the two numbers is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quota {
    pub(crate) requests: Option<u64>,
    pub(crate) tokens: Option<u64>,
    /// How long the interval is in which so many are granted.
    pub(crate) window: Duration,
}

/// A request that wants to be taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask {
    /// When it arrived.
    pub(crate) at: Instant,
    /// Tokens of its prompt and its answer.
    pub(crate) tokens: u64,
}

/// What is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// Requests in the window.
    Requests,
    /// Tokens in the window.
    Tokens,
}

/// Why a request was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) limit: Limit,
    /// What is granted.
    pub(crate) granted: u64,
    /// What counts against it now.
    pub(crate) used: u64,
    /// What the request would have added.
    pub(crate) requested: u64,
    /// When it would be taken if nothing else came; none if never.
    pub(crate) retry_after: Option<Duration>,
}

/// What is left of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Room {
    pub(crate) limit: u64,
    pub(crate) remaining: u64,
    /// Until all of it is free again.
    pub(crate) reset: Duration,
}

/// What is left of a quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) requests: Option<Room>,
    pub(crate) tokens: Option<Room>,
}

#[derive(Debug, Clone, Copy)]
struct Taken {
    at: Instant,
    tokens: u64,
}

/// What was taken, by arrival.
#[derive(Debug, Default)]
pub(crate) struct Window {
    taken: VecDeque<Taken>,
    /// The longest window that it was asked about.
    longest: Duration,
}

impl Window {
    /// How many requests are remembered.
    pub(crate) fn len(&self) -> usize {
        self.taken.len()
    }

    /// Takes a request, or says why not. `now` is not earlier than the one of any call before.
    pub(crate) fn take(&mut self, ask: Ask, quota: &Quota, now: Instant) -> Result<(), Refusal> {
        self.longest = self.longest.max(quota.window);
        while self.taken.front().is_some_and(|oldest| oldest.at + self.longest + SLACK <= now) {
            self.taken.pop_front();
        }
        let at = now.checked_sub(SLACK).map_or(ask.at, |earliest| ask.at.max(earliest));
        let position = self.taken.partition_point(|taken| taken.at <= at);
        // The window that ends with the request, and those that end with one that arrived later but was decided before.
        let later = self.taken.range(position..).map(|taken| taken.at).take_while(|end| *end < at + quota.window);
        for end in std::iter::once(at).chain(later) {
            let range = self.ending(end, quota.window);
            let limit = if quota.requests.is_some_and(|granted| count(&range) >= granted) {
                Limit::Requests
            } else if quota.tokens.is_some_and(|granted| self.tokens(range).saturating_add(ask.tokens) > granted) {
                Limit::Tokens
            } else {
                continue;
            };
            return Err(self.refusal(limit, ask.tokens, quota, now));
        }
        self.taken.insert(position, Taken { at, tokens: ask.tokens });
        Ok(())
    }

    /// Forgets the oldest request.
    pub(crate) fn forget_oldest(&mut self) {
        self.taken.pop_front();
    }

    /// What is left at a moment.
    pub(crate) fn standing(&self, quota: &Quota, now: Instant) -> Standing {
        let range = self.ending(now, quota.window);
        let newest = self.taken.range(range.clone()).next_back();
        let reset = newest.map_or(Duration::ZERO, |taken| (taken.at + quota.window).saturating_duration_since(now));
        let room = |limit: u64, used: u64| Room { limit, remaining: limit.saturating_sub(used), reset };
        Standing {
            requests: quota.requests.map(|limit| room(limit, count(&range))),
            tokens: quota.tokens.map(|limit| room(limit, self.tokens(range.clone()))),
        }
    }

    fn refusal(&self, limit: Limit, tokens: u64, quota: &Quota, now: Instant) -> Refusal {
        let range = self.ending(now, quota.window);
        let (granted, used, requested) = match limit {
            Limit::Requests => (quota.requests.unwrap_or_default(), count(&range), 1),
            Limit::Tokens => (quota.tokens.unwrap_or_default(), self.tokens(range), tokens),
        };
        let retry_after = self.takes_at(tokens, quota, now).map(|moment| moment.saturating_duration_since(now));
        Refusal { limit, granted, used, requested, retry_after: retry_after.map(|wait| wait.max(SHORTEST_WAIT)) }
    }

    /// The first moment from `now` on at which a request with so many tokens would be taken.
    fn takes_at(&self, tokens: u64, quota: &Quota, now: Instant) -> Option<Instant> {
        if quota.requests == Some(0) || quota.tokens.is_some_and(|granted| tokens > granted) {
            return None;
        }
        let (mut requests, mut sum) = (1_u64, tokens);
        for taken in self.taken.iter().rev() {
            requests = requests.saturating_add(1);
            sum = sum.saturating_add(taken.tokens);
            let is_over = quota.requests.is_some_and(|granted| requests > granted)
                || quota.tokens.is_some_and(|granted| sum > granted);
            if is_over {
                return Some(now.max(taken.at + quota.window));
            }
        }
        Some(now)
    }

    /// Where the requests are that arrived in the window that ends at a moment. One that is exactly as old as the window
    /// is long is outside.
    fn ending(&self, end: Instant, window: Duration) -> Range<usize> {
        let first = self.taken.partition_point(|taken| taken.at + window <= end);
        first..self.taken.partition_point(|taken| taken.at <= end).max(first)
    }

    fn tokens(&self, range: Range<usize>) -> u64 {
        self.taken.range(range).fold(0, |sum, taken| sum.saturating_add(taken.tokens))
    }
}

fn count(range: &Range<usize>) -> u64 {
    u64::try_from(range.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
