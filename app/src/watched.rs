//! What a page heard of the gateway, and the clock that ticks between two pieces of news.

use std::time::Duration;

use leptos::prelude::*;

use crate::browser;

/// How often what counts seconds is written anew.
const TICK: Duration = Duration::from_secs(1);

/// The gateway's clock on a page, in milliseconds since 1970 UTC: it stands still while the page renders, so that server
/// and browser write the same, and ticks every second from then on.
#[derive(Clone, Copy)]
pub(crate) struct Clock {
    now_ms: RwSignal<i64>,
    /// How far it is ahead of the browser's clock, which may be set to anything; none until it ticks.
    ahead_ms: StoredValue<Option<i64>>,
}

impl Clock {
    /// A clock that showed this time when the page's data was made.
    pub(crate) fn starting_at(now_ms: i64) -> Self {
        let clock = Self { now_ms: RwSignal::new(now_ms), ahead_ms: StoredValue::new(None) };
        Effect::new(move || {
            clock.ahead_ms.set_value(Some(now_ms.saturating_sub(browser::now_ms())));
            if let Ok(interval) = set_interval_with_handle(move || _ = clock.tick(), TICK) {
                on_cleanup(move || interval.clear());
            }
        });
        clock
    }

    /// Goes on to the time now and gives it; none if the page is gone.
    fn tick(self) -> Option<i64> {
        if let Some(ahead_ms) = self.ahead_ms.try_get_value()? {
            _ = self.now_ms.try_set(browser::now_ms().saturating_add(ahead_ms));
        }
        self.now_ms.try_get_untracked()
    }

    /// Milliseconds since a moment, 0 for one that is still to come; whoever asks is told about every tick.
    pub(crate) fn since(self, moment_ms: i64) -> u64 {
        u64::try_from(self.now_ms.get().saturating_sub(moment_ms)).unwrap_or(0)
    }
}

/// What was last heard of something that changes, and how old that is.
pub(crate) struct Watched<T: Send + Sync + 'static> {
    state: RwSignal<T>,
    /// When it was heard, by the page's clock.
    heard_at_ms: RwSignal<i64>,
    /// The page's clock.
    pub(crate) clock: Clock,
}

impl<T: Send + Sync + 'static> Clone for Watched<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Send + Sync + 'static> Copy for Watched<T> {}

impl<T: Send + Sync + 'static> Watched<T> {
    /// What came with the page, and when that was by the gateway's clock.
    pub(crate) fn new(state: T, now_ms: i64) -> Self {
        let clock = Clock::starting_at(now_ms);
        Self { state: RwSignal::new(state), heard_at_ms: RwSignal::new(now_ms), clock }
    }

    /// Takes over what was just heard; nothing if the page is gone.
    pub(crate) fn hear(self, state: T) {
        if let Some(now_ms) = self.clock.tick() {
            _ = self.heard_at_ms.try_set(now_ms);
            _ = self.state.try_set(state);
        }
    }

    /// A part of it; whoever uses the part is told only when that changes.
    pub(crate) fn part<P>(self, get: impl Fn(&T) -> P + Send + Sync + 'static) -> Memo<P>
    where
        P: PartialEq + Send + Sync + 'static,
    {
        Memo::new(move |_| self.state.with(&get))
    }

    /// How old it is, in milliseconds; whoever asks is told about every tick.
    pub(crate) fn age_ms(self) -> u64 {
        self.clock.since(self.heard_at_ms.get())
    }
}
