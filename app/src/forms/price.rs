//! A price as its form sends it.

use serde::{Deserialize, Serialize};
use sluice::model::{Amount, Currency, FieldProblem, Price, PriceId, PriceInput, Problem, ServerId};

use crate::format::parse_utc_moment;

/// What the form of a price sends: every field as it was typed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PriceForm {
    /// Id of the price that is being changed; empty for a new one.
    pub id: String,
    /// The public name of the model.
    pub model: String,
    /// Id of the server; empty for any.
    pub server_id: String,
    /// The code of the currency.
    pub currency: String,
    /// A million input tokens.
    pub input: String,
    /// A million cached input tokens; empty if they cost what others cost.
    pub cached_input: String,
    /// A million output tokens.
    pub output: String,
    /// From when on, `YYYY-MM-DDThh:mm` in UTC; empty for now.
    pub valid_from: String,
}

impl PriceForm {
    /// What the service takes, and the price that it is about.
    ///
    /// # Errors
    /// Everything that cannot be read.
    pub fn parse(self) -> Result<(Option<PriceId>, PriceInput), Vec<FieldProblem>> {
        let mut problems = Vec::new();
        let mut note = |field: &str, problem| problems.push(FieldProblem::new(field, problem));
        let id = self.id.parse().ok().map(PriceId);
        if id.is_none() && !self.id.is_empty() {
            note("id", Problem::Unknown);
        }
        let server_id = self.server_id.parse().ok().map(ServerId);
        if server_id.is_none() && !self.server_id.is_empty() {
            note("server_id", Problem::Unknown);
        }
        let currency = self.currency.parse().unwrap_or_else(|problem| {
            note("currency", if self.currency.trim().is_empty() { Problem::Required } else { problem });
            Currency::USD
        });
        let mut amount = |field: &str, text: &str| {
            text.parse().unwrap_or_else(|problem| {
                note(field, if text.trim().is_empty() { Problem::Required } else { problem });
                Amount::default()
            })
        };
        let input = amount("price.input", &self.input);
        let cached_input =
            (!self.cached_input.trim().is_empty()).then(|| amount("price.cached_input", &self.cached_input));
        let output = amount("price.output", &self.output);
        let valid_from_ms = parse_utc_moment(&self.valid_from).unwrap_or_else(|problem| {
            note("valid_from_ms", problem);
            None
        });
        if !problems.is_empty() {
            return Err(problems);
        }
        let price = Price { currency, input, cached_input, output };
        Ok((id, PriceInput { model: self.model.trim().to_owned(), server_id, price, valid_from_ms }))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn form() -> PriceForm {
        PriceForm {
            model: " gpt-4o ".to_owned(),
            currency: "usd".to_owned(),
            input: "2.5".to_owned(),
            output: "0".to_owned(),
            valid_from: "2026-11-21T14:20".to_owned(),
            ..PriceForm::default()
        }
    }

    #[test]
    fn reads_a_price() {
        let (id, input) = form().parse().unwrap();
        assert_eq!((id, input.server_id, input.model.as_str()), (None, None, "gpt-4o"));
        assert_eq!(input.price.input.to_string(), "2.5");
        assert_eq!((input.price.cached_input, input.valid_from_ms), (None, Some(1_795_270_800_000)));
        let (id, input) = PriceForm { id: "4".to_owned(), valid_from: String::new(), ..form() }.parse().unwrap();
        assert_eq!((id, input.valid_from_ms), (Some(PriceId(4)), None));
    }

    #[test]
    fn reports_what_cannot_be_read() {
        let wrong = PriceForm {
            server_id: "x".to_owned(),
            currency: "dollar".to_owned(),
            input: " ".to_owned(),
            cached_input: "1,5".to_owned(),
            output: "0.0000000001".to_owned(),
            valid_from: "soon".to_owned(),
            ..PriceForm::default()
        };
        let expected = [
            ("server_id", Problem::Unknown),
            ("currency", Problem::CurrencyInvalid),
            ("price.input", Problem::Required),
            ("price.cached_input", Problem::NotANumber),
            ("price.output", Problem::TooPrecise),
            ("valid_from_ms", Problem::TimeInvalid),
        ]
        .map(|(field, problem)| FieldProblem::new(field, problem));
        assert_eq!(wrong.parse().unwrap_err(), expected);
    }
}
