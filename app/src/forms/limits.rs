//! Limits as forms send them: the same three fields for servers, apps and keys.

use serde::{Deserialize, Serialize};
use sluice::model::{FieldProblem, Limits};

use crate::format::parse_count;

/// What the three fields of limits send: text as it was typed, empty for no limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LimitsForm {
    /// RPM.
    pub requests_per_minute: String,
    /// TPM.
    pub tokens_per_minute: String,
    /// Requests at the same time.
    pub concurrency: String,
}

impl LimitsForm {
    /// The limits; what cannot be read is added to `problems`.
    pub(crate) fn read(&self, problems: &mut Vec<FieldProblem>) -> Limits {
        let mut count = |field: &str, text: &str| {
            parse_count(text).unwrap_or_else(|problem| {
                problems.push(FieldProblem::new(field, problem));
                None
            })
        };
        Limits {
            requests_per_minute: count("limits.requests_per_minute", &self.requests_per_minute),
            tokens_per_minute: count("limits.tokens_per_minute", &self.tokens_per_minute),
            concurrency: count("limits.concurrency", &self.concurrency),
        }
    }

    /// The limits by themselves.
    ///
    /// # Errors
    /// Everything that cannot be read.
    pub fn parse(&self) -> Result<Limits, Vec<FieldProblem>> {
        let mut problems = Vec::new();
        let limits = self.read(&mut problems);
        if problems.is_empty() { Ok(limits) } else { Err(problems) }
    }
}

#[cfg(test)]
mod tests {
    use sluice::model::Problem;

    use super::*;

    fn form(requests: &str, tokens: &str, concurrency: &str) -> LimitsForm {
        LimitsForm {
            requests_per_minute: requests.to_owned(),
            tokens_per_minute: tokens.to_owned(),
            concurrency: concurrency.to_owned(),
        }
    }

    #[test]
    fn an_empty_field_is_no_limit() {
        assert_eq!(form("", " ", "").parse(), Ok(Limits::default()));
        let some = Limits { requests_per_minute: Some(10), tokens_per_minute: Some(50_000), concurrency: None };
        assert_eq!(form("10", "50,000", "").parse(), Ok(some));
    }

    #[test]
    fn zero_is_left_to_the_service() {
        assert_eq!(form("0", "", "").parse().ok().and_then(|limits| limits.requests_per_minute), Some(0));
    }

    #[test]
    fn reports_every_field_that_cannot_be_read() {
        assert_eq!(
            form("many", "-1", "1.5").parse().err(),
            Some(vec![
                FieldProblem::new("limits.requests_per_minute", Problem::NotANumber),
                FieldProblem::new("limits.tokens_per_minute", Problem::NotANumber),
                FieldProblem::new("limits.concurrency", Problem::NotANumber),
            ])
        );
    }
}
