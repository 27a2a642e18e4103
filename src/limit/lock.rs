//! The one primitive that the hand-off between requests stands on, such that a model checker can take its place.

use parking_lot::Mutex;

/// Exclusive access to a value, for as long as a closure runs.
pub(super) trait Lock<T> {
    /// A lock around a value.
    fn around(value: T) -> Self;

    /// Runs `work` with the value. It must be short: other threads stand still.
    fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R;
}

impl<T> Lock<T> for Mutex<T> {
    fn around(value: T) -> Self {
        Self::new(value)
    }

    fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        work(&mut self.lock())
    }
}
