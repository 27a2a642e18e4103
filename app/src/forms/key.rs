//! A key as its form sends it.

use serde::{Deserialize, Serialize};
use sluice::model::{FieldProblem, KeyId, KeyInput, Priority, Problem};

use super::{BudgetsForm, LimitsForm};
use crate::format::parse_last_moment_of_day;

/// What the form of a key sends: every field as it was typed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KeyForm {
    /// Id of the key that is being edited; empty for a new one.
    pub id: String,
    /// The name.
    pub name: String,
    /// Id of the app; empty if the caller names itself.
    pub app_id: String,
    /// The models that were ticked.
    pub models: Vec<String>,
    /// More models, one per line or comma.
    pub more_models: String,
    /// The last day, `YYYY-MM-DD` in UTC; empty for a key that does not end by itself.
    pub expires: String,
    /// What may be sent with it.
    pub limits: LimitsForm,
    /// What may be used with it in a day or a month.
    pub budgets: BudgetsForm,
    /// How urgent its requests are, by its stable name; empty for the default.
    pub priority: String,
}

impl KeyForm {
    /// What the service takes, and the key that it is about.
    ///
    /// # Errors
    /// Everything that cannot be read.
    pub fn parse(self) -> Result<(Option<KeyId>, KeyInput), Vec<FieldProblem>> {
        let mut problems = Vec::new();
        let id = self.id.parse().ok().map(KeyId);
        if id.is_none() && !self.id.is_empty() {
            problems.push(FieldProblem::new("id", Problem::Unknown));
        }
        let app_id = self.app_id.parse().ok();
        if app_id.is_none() && !self.app_id.is_empty() {
            problems.push(FieldProblem::new("app_id", Problem::Unknown));
        }
        let expires_at_ms = parse_last_moment_of_day(&self.expires).unwrap_or_else(|problem| {
            problems.push(FieldProblem::new("expires_at_ms", problem));
            None
        });
        let limits = self.limits.read(&mut problems);
        let budgets = self.budgets.read(&mut problems);
        let priority = match self.priority.as_str() {
            "" => Priority::default(),
            name => name.parse().unwrap_or_else(|problem| {
                problems.push(FieldProblem::new("priority", problem));
                Priority::default()
            }),
        };
        if !problems.is_empty() {
            return Err(problems);
        }
        let models = all_models(self.models, &self.more_models);
        Ok((
            id,
            KeyInput { name: self.name.trim().to_owned(), app_id, models, limits, budgets, priority, expires_at_ms },
        ))
    }
}

/// The ticked models and the typed ones, each once, in that order.
fn all_models(ticked: Vec<String>, typed: &str) -> Vec<String> {
    let mut models = ticked;
    for name in typed.split(['\n', ',']).map(str::trim).filter(|name| !name.is_empty()) {
        if !models.iter().any(|model| model == name) {
            models.push(name.to_owned());
        }
    }
    models
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_ticked_and_typed_models() {
        let form = KeyForm {
            name: "ci".to_owned(),
            models: vec!["a".to_owned()],
            more_models: "b, a\n\n c ".to_owned(),
            app_id: "4".to_owned(),
            ..KeyForm::default()
        };
        let input = form.parse().ok().map(|(_, input)| input).unwrap_or_default();
        assert_eq!(input.models, ["a", "b", "c"]);
        assert_eq!(input.app_id, Some(sluice::model::AppId(4)));
        assert_eq!(input.expires_at_ms, None);
        assert!(input.limits.is_empty());
        assert_eq!(input.priority, Priority::Normal);
    }

    #[test]
    fn reads_limits_and_priority() {
        let limits = LimitsForm { tokens_per_minute: "1000".to_owned(), ..LimitsForm::default() };
        let form = KeyForm { limits, priority: "high".to_owned(), ..KeyForm::default() };
        let input = form.parse().ok().map(|(_, input)| input).unwrap_or_default();
        assert_eq!((input.limits.tokens_per_minute, input.priority), (Some(1000), Priority::High));
    }

    #[test]
    fn reports_what_cannot_be_read() {
        let form = KeyForm {
            app_id: "x".to_owned(),
            expires: "tomorrow".to_owned(),
            limits: LimitsForm { concurrency: "few".to_owned(), ..LimitsForm::default() },
            priority: "urgent".to_owned(),
            ..KeyForm::default()
        };
        assert_eq!(
            form.parse().err(),
            Some(vec![
                FieldProblem::new("app_id", Problem::Unknown),
                FieldProblem::new("expires_at_ms", Problem::DateInvalid),
                FieldProblem::new("limits.concurrency", Problem::NotANumber),
                FieldProblem::new("priority", Problem::Unknown),
            ])
        );
    }
}
