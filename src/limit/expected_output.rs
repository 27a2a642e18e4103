//! How long answers are: what to reserve for a request that does not say how much it wants at most.

use std::collections::HashMap;

use parking_lot::RwLock;

/// What is expected of a model that has not answered yet, in tokens.
const UNKNOWN: u64 = 512;
/// The weight of one more answer in the mean is one in so many.
const WEIGHT: u64 = 8;
/// Models that are remembered; names come from the configuration, which has fewer in all but odd installations.
const MODELS_MAX: usize = 20_000;
/// The mean is kept in fractions of a token, so that short answers do not round away.
const FRACTION: u64 = 256;
/// No answer counts for more: nobody's report may run over.
const TOKENS_MAX: u64 = 1 << 40;

/// A moving mean of the answers' tokens, per public model.
#[derive(Debug, Default)]
pub(super) struct ExpectedOutput {
    means: RwLock<HashMap<String, u64>>,
}

impl ExpectedOutput {
    pub(super) fn of(&self, model: &str) -> u64 {
        self.means.read().get(model).map_or(UNKNOWN, |mean| mean.div_ceil(FRACTION))
    }

    pub(super) fn learn(&self, model: &str, tokens: u64) {
        let sample = tokens.min(TOKENS_MAX) * FRACTION;
        let mut means = self.means.write();
        if let Some(mean) = means.get_mut(model) {
            *mean = *mean - *mean / WEIGHT + sample / WEIGHT;
        } else if means.len() < MODELS_MAX {
            means.insert(model.to_owned(), sample);
        }
    }

    /// Forgets the models that do not exist any more.
    pub(super) fn keep(&self, exists: impl Fn(&str) -> bool) {
        self.means.write().retain(|model, _| exists(model));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_what_answers_take() {
        let expected = ExpectedOutput::default();
        assert_eq!(expected.of("m"), UNKNOWN);
        expected.learn("m", 10);
        assert_eq!(expected.of("m"), 10);
        for _ in 0..60 {
            expected.learn("m", 1000);
        }
        assert!((990..=1000).contains(&expected.of("m")), "{}", expected.of("m"));
        for _ in 0..60 {
            expected.learn("m", 0);
        }
        assert!(expected.of("m") <= 1, "{}", expected.of("m"));
        expected.learn("huge", u64::MAX);
        expected.learn("huge", u64::MAX);
        expected.keep(|model| model == "huge");
        assert_eq!((expected.of("m"), expected.of("huge")), (UNKNOWN, TOKENS_MAX));
    }
}
