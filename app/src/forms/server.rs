//! A server as its form sends it.

use std::fmt;

use serde::{Deserialize, Serialize};
use sluice::model::{
    FieldProblem, Overflow, Problem, ProviderKind, QueueOrder, QueuePolicy, ServerId, ServerInput, ServerModel,
    Timeouts, parse_models,
};

use super::LimitsForm;
use super::probe::parse_id;
use crate::format::{parse_count, parse_seconds};

/// What the form of a server sends: every field as it was typed.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerForm {
    /// Id of the server that is being edited; empty for a new one.
    pub id: String,
    /// The name.
    pub name: String,
    /// The provider's stable name.
    pub provider: String,
    /// The base URL.
    pub base_url: String,
    /// The API key; empty keeps the stored one.
    pub api_key: String,
    /// Whether the stored API key is to be forgotten.
    pub remove_api_key: bool,
    /// The models, one `name` or `name = upstream-name` per line.
    pub models: String,
    /// Whether it takes requests.
    pub enabled: bool,
    /// Whether Sluice asks for token counts in streams.
    pub request_stream_usage: bool,
    /// What may go through it.
    pub limits: LimitsForm,
    /// How requests wait in front of it.
    pub queue: QueueForm,
    /// Seconds until the connection stands.
    pub connect: String,
    /// Seconds until the first byte of the answer.
    pub first_byte: String,
    /// Seconds between two pieces of the answer.
    pub idle: String,
    /// Seconds for the whole request.
    pub total: String,
}

/// What the fields of a queue send.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct QueueForm {
    /// Most requests that wait at a time.
    pub length: String,
    /// Seconds that a request waits at most.
    pub deadline: String,
    /// Stable name of what happens when it is full; empty for the default.
    pub overflow: String,
    /// Stable name of the order; empty for the default.
    pub order: String,
}

impl QueueForm {
    /// The policy; what cannot be read is added to `problems`.
    fn read(&self, problems: &mut Vec<FieldProblem>) -> QueuePolicy {
        let mut policy = QueuePolicy::default();
        let mut note = |field: &str, problem| problems.push(FieldProblem::new(field, problem));
        match parse_count(&self.length).and_then(|length| length.ok_or(Problem::Required)) {
            Ok(length) => policy.length = length,
            Err(problem) => note("queue.length", problem),
        }
        match parse_seconds(&self.deadline) {
            Ok(deadline_ms) => policy.deadline_ms = deadline_ms,
            Err(problem) => note("queue.deadline_ms", problem),
        }
        match self.overflow.as_str() {
            "" => {}
            name => match name.parse::<Overflow>() {
                Ok(overflow) => policy.overflow = overflow,
                Err(problem) => note("queue.overflow", problem),
            },
        }
        match self.order.as_str() {
            "" => {}
            name => match name.parse::<QueueOrder>() {
                Ok(order) => policy.order = order,
                Err(problem) => note("queue.order", problem),
            },
        }
        policy
    }
}

impl fmt::Debug for ServerForm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ServerForm").field("id", &self.id).field("name", &self.name).finish_non_exhaustive()
    }
}

impl ServerForm {
    /// What the service takes, and the server that it is about.
    ///
    /// # Errors
    /// Everything that cannot be read.
    pub fn parse(self) -> Result<(Option<ServerId>, ServerInput), Vec<FieldProblem>> {
        let mut problems = Vec::new();
        let id = parse_id(&self.id).unwrap_or_else(|found| {
            problems.extend(found);
            None
        });
        let provider = self.provider.parse().unwrap_or_else(|_| {
            problems.push(FieldProblem::new("provider", Problem::Unknown));
            ProviderKind::default()
        });
        let models = read_models(&self.models).unwrap_or_else(|problem| {
            problems.push(FieldProblem::new("models", problem));
            Vec::new()
        });
        let limits = self.limits.read(&mut problems);
        let queue = self.queue.read(&mut problems);
        let mut milliseconds = |field: &str, text: &str| {
            parse_seconds(text).unwrap_or_else(|problem| {
                problems.push(FieldProblem::new(field, problem));
                0
            })
        };
        let timeouts = Timeouts {
            connect_ms: milliseconds("connect_ms", &self.connect),
            first_byte_ms: milliseconds("first_byte_ms", &self.first_byte),
            idle_ms: milliseconds("idle_ms", &self.idle),
            total_ms: milliseconds("total_ms", &self.total),
        };
        if !problems.is_empty() {
            return Err(problems);
        }
        let input = ServerInput {
            name: self.name.trim().to_owned(),
            provider,
            base_url: self.base_url.trim().to_owned(),
            api_key: Some(self.api_key.trim().to_owned()).filter(|key| !key.is_empty()),
            remove_api_key: self.remove_api_key,
            models,
            enabled: self.enabled,
            request_stream_usage: self.request_stream_usage,
            timeouts,
            limits,
            queue,
        };
        Ok((id, input))
    }
}

/// An empty list is left to the service, which then reports it together with the other fields' problems.
fn read_models(text: &str) -> Result<Vec<ServerModel>, Problem> {
    match parse_models(text) {
        Err(Problem::ListEmpty) => Ok(Vec::new()),
        other => other,
    }
}

/// The text of the models field with those of an upstream added that it does not name yet, and how many were added.
///
/// A model counts as named if it is a public name or an upstream name in the list, so that a rename survives.
pub(crate) fn add_missing_models(text: &str, offered: &[String]) -> (String, u32) {
    let named: std::collections::HashSet<&str> =
        text.split(['\n', ',', '=']).map(str::trim).filter(|name| !name.is_empty()).collect();
    let mut extended = text.trim_end().to_owned();
    let mut added: u32 = 0;
    for model in offered.iter().filter(|model| !named.contains(model.as_str())) {
        if !extended.is_empty() {
            extended.push('\n');
        }
        extended.push_str(model);
        added = added.saturating_add(1);
    }
    (extended, added)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> ServerForm {
        ServerForm {
            name: " openai ".to_owned(),
            provider: "openai".to_owned(),
            base_url: "https://api.openai.com/v1".to_owned(),
            models: "gpt-4o\nfast = gpt-4o-mini".to_owned(),
            enabled: true,
            queue: QueueForm { length: "100".to_owned(), deadline: "60".to_owned(), ..QueueForm::default() },
            connect: "10".to_owned(),
            first_byte: "300".to_owned(),
            idle: "0.5".to_owned(),
            total: "3600".to_owned(),
            ..ServerForm::default()
        }
    }

    #[test]
    fn reads_what_was_typed() {
        let (id, input) = form().parse().ok().unzip();
        assert_eq!(id, Some(None));
        assert!(input.is_some_and(|input| input.name == "openai"
            && input.models.len() == 2
            && input.timeouts.idle_ms == 500
            && input.api_key.is_none()
            && input.limits.is_empty()
            && input.queue == QueuePolicy::default()));
    }

    #[test]
    fn reads_limits_and_queue() {
        let limits = LimitsForm { requests_per_minute: "10".to_owned(), ..LimitsForm::default() };
        let queue = QueueForm {
            length: "0".to_owned(),
            deadline: "2,5".to_owned(),
            overflow: "reject_newest".to_owned(),
            order: "fair".to_owned(),
        };
        let input = ServerForm { limits, queue, ..form() }.parse().ok().map(|(_, input)| input);
        assert_eq!(input.as_ref().and_then(|input| input.limits.requests_per_minute), Some(10));
        let policy =
            QueuePolicy { length: 0, deadline_ms: 2_500, overflow: Overflow::RejectNewest, order: QueueOrder::Fair };
        assert_eq!(input.map(|input| input.queue), Some(policy));
    }

    #[test]
    fn reports_limits_and_queue_together_with_the_rest() {
        let form = ServerForm {
            limits: LimitsForm { tokens_per_minute: "lots".to_owned(), ..LimitsForm::default() },
            queue: QueueForm {
                length: " ".to_owned(),
                deadline: "soon".to_owned(),
                overflow: "drop".to_owned(),
                order: "lifo".to_owned(),
            },
            idle: "x".to_owned(),
            ..form()
        };
        assert_eq!(
            form.parse().err(),
            Some(vec![
                FieldProblem::new("limits.tokens_per_minute", Problem::NotANumber),
                FieldProblem::new("queue.length", Problem::Required),
                FieldProblem::new("queue.deadline_ms", Problem::NotANumber),
                FieldProblem::new("queue.overflow", Problem::Unknown),
                FieldProblem::new("queue.order", Problem::Unknown),
                FieldProblem::new("idle_ms", Problem::NotANumber),
            ])
        );
    }

    #[test]
    fn reports_every_field_that_cannot_be_read() {
        let form = ServerForm { models: "= x".to_owned(), connect: "soon".to_owned(), total: String::new(), ..form() };
        assert_eq!(
            form.parse().err(),
            Some(vec![
                FieldProblem::new("models", Problem::LineInvalid { line: 1 }),
                FieldProblem::new("connect_ms", Problem::NotANumber),
                FieldProblem::new("total_ms", Problem::Required),
            ])
        );
    }

    #[test]
    fn leaves_an_empty_list_to_the_service() {
        assert!(ServerForm { models: " ".to_owned(), ..form() }.parse().is_ok());
    }

    #[test]
    fn adds_only_what_is_missing() {
        let offered = ["gpt-4o".to_owned(), "gpt-4o-mini".to_owned(), "o3".to_owned()];
        assert_eq!(
            add_missing_models("fast = gpt-4o-mini\n", &offered),
            ("fast = gpt-4o-mini\ngpt-4o\no3".to_owned(), 2)
        );
        assert_eq!(add_missing_models("", &offered).1, 3);
        assert_eq!(add_missing_models("gpt-4o, gpt-4o-mini, o3", &offered).1, 0);
    }
}
