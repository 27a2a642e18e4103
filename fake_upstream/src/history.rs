//! What the upstream remembers of earlier calls of a model: how many there were, and what its own limits took.
//!
//! A model is told apart by its whole text, script and all, so that tests do not disturb each other. Invariant: at most
//! [`MAX_MODELS`] models and [`MAX_TAKEN`] requests are remembered; the model that was not called for the longest goes
//! first, and only a model that has all the requests to itself loses its oldest.

use std::collections::HashMap;
use std::time::Instant;

use sha2::{Digest, Sha256};

use crate::window::{Ask, Quota, Refusal, Standing, Window};

/// How many models are remembered.
const MAX_MODELS: usize = 10_000;
/// How many requests are remembered in all windows together, and so the most that a quota can grant.
pub(crate) const MAX_TAKEN: usize = 1_000_000;

/// Texts have no bound, their hashes have.
type Key = [u8; 32];

#[derive(Debug, Default)]
struct Model {
    /// When it was called last, as a number that counts up.
    touched: u64,
    calls: u64,
    window: Window,
}

/// What is remembered, by model.
#[derive(Debug)]
pub(crate) struct History {
    max_models: usize,
    max_taken: usize,
    models: HashMap<Key, Model>,
    touches: u64,
    taken: usize,
}

impl History {
    pub(crate) fn new() -> Self {
        Self::bounded(MAX_MODELS, MAX_TAKEN)
    }

    fn bounded(max_models: usize, max_taken: usize) -> Self {
        Self { max_models, max_taken, models: HashMap::new(), touches: 0, taken: 0 }
    }

    /// Counts a call; true if it is one of the `first` calls of this model.
    pub(crate) fn is_among_first(&mut self, model: &str, first: u64) -> bool {
        let key = key(model);
        let model = self.touch(key);
        model.calls = model.calls.saturating_add(1);
        let is_among = model.calls <= first;
        self.forget(key);
        is_among
    }

    /// Takes a request into the model's window, or says why not. `now` is not earlier than the one of any call before.
    pub(crate) fn take(&mut self, model: &str, ask: Ask, quota: &Quota, now: Instant) -> Result<(), Refusal> {
        let key = key(model);
        let window = &mut self.touch(key).window;
        let before = window.len();
        let result = window.take(ask, quota, now);
        let after = window.len();
        self.taken = (self.taken + after).saturating_sub(before);
        self.forget(key);
        result
    }

    /// What is left of the model's quota.
    pub(crate) fn standing(&self, model: &str, quota: &Quota, now: Instant) -> Standing {
        self.models
            .get(&key(model))
            .map_or_else(|| Window::default().standing(quota, now), |model| model.window.standing(quota, now))
    }

    fn touch(&mut self, key: Key) -> &mut Model {
        self.touches += 1;
        let model = self.models.entry(key).or_default();
        model.touched = self.touches;
        model
    }

    /// Keeps the bounds, at the expense of others than `current`.
    fn forget(&mut self, current: Key) {
        while self.models.len() > self.max_models || self.taken > self.max_taken {
            let others = self.models.iter().filter(|(key, _)| **key != current);
            let Some(oldest) = others.min_by_key(|(_, model)| model.touched).map(|(key, _)| *key) else { break };
            let forgotten = self.models.remove(&oldest);
            self.taken = self.taken.saturating_sub(forgotten.map_or(0, |model| model.window.len()));
        }
        if self.taken > self.max_taken
            && let Some(model) = self.models.get_mut(&current)
        {
            model.window.forget_oldest();
            self.taken = self.taken.saturating_sub(1);
        }
    }
}

fn key(model: &str) -> Key {
    Sha256::digest(model.as_bytes()).into()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::time::Duration;

    use super::*;

    const QUOTA: Quota = Quota { requests: Some(3), tokens: None, window: Duration::from_mins(1) };

    fn take(history: &mut History, model: &str) -> Result<(), Refusal> {
        let now = Instant::now();
        history.take(model, Ask { at: now, tokens: 0 }, &QUOTA, now)
    }

    #[test]
    fn every_model_has_its_own_count_and_window() {
        let mut history = History::new();
        for expected in [true, true, false, false] {
            assert_eq!(history.is_among_first("a", 2), expected);
        }
        assert!(history.is_among_first("a?", 2));
        for _ in 0..3 {
            take(&mut history, "a").unwrap();
        }
        assert!(take(&mut history, "a").is_err());
        take(&mut history, "b").unwrap();
        let remaining = |model| history.standing(model, &QUOTA, Instant::now()).requests.unwrap().remaining;
        assert_eq!(["a", "b", "c"].map(remaining), [0, 2, 3]);
    }

    #[test]
    fn the_model_that_was_not_called_for_the_longest_is_forgotten() {
        let mut history = History::bounded(2, 100);
        for model in ["a", "b", "a", "c"] {
            take(&mut history, model).unwrap();
        }
        let kept = ["a", "b", "c"].map(|model| history.models.contains_key(&key(model)));
        assert_eq!((kept, history.taken), ([true, false, true], 3));
    }

    #[test]
    fn requests_are_bounded_over_all_models() {
        let mut history = History::bounded(10, 2);
        for model in ["a", "b", "b"] {
            take(&mut history, model).unwrap();
        }
        assert_eq!((history.models.len(), history.taken), (1, 2));
        // It has no others to live on: its own oldest goes.
        take(&mut history, "b").unwrap();
        take(&mut history, "b").unwrap();
        assert_eq!((history.models.len(), history.taken), (1, 2));
    }
}
