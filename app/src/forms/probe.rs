//! Trying an upstream out with what is typed and not yet saved.

use std::fmt;

use serde::{Deserialize, Serialize};
use sluice::model::{FieldProblem, ProbeInput, Problem, ServerId};

/// What the buttons "Test connection" and "Fetch models" send.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ProbeForm {
    /// Id of the server that is being edited; empty for a new one.
    pub id: String,
    /// The provider's stable name.
    pub provider: String,
    /// The base URL as it was typed.
    pub base_url: String,
    /// The API key as it was typed; empty for the stored one.
    pub api_key: String,
}

impl fmt::Debug for ProbeForm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ProbeForm")
            .field("id", &self.id)
            .field("base_url", &self.base_url)
            .finish_non_exhaustive()
    }
}

impl ProbeForm {
    /// What the service takes.
    ///
    /// # Errors
    /// A provider or an id that does not exist.
    pub fn parse(self) -> Result<ProbeInput, Vec<FieldProblem>> {
        let provider = self.provider.parse().map_err(|_| vec![FieldProblem::new("provider", Problem::Unknown)])?;
        Ok(ProbeInput {
            server_id: parse_id(&self.id)?,
            provider,
            base_url: self.base_url.trim().to_owned(),
            api_key: Some(self.api_key.trim().to_owned()).filter(|key| !key.is_empty()),
        })
    }
}

/// The id in a form's hidden field; none in an empty one.
pub(super) fn parse_id(text: &str) -> Result<Option<ServerId>, Vec<FieldProblem>> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| vec![FieldProblem::new("id", Problem::Unknown)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_key_means_the_stored_one() {
        let form = ProbeForm {
            provider: "openai".to_owned(),
            api_key: "  ".to_owned(),
            id: "3".to_owned(),
            ..ProbeForm::default()
        };
        let input = form.parse().ok();
        assert_eq!(input.as_ref().and_then(|input| input.api_key.clone()), None);
        assert_eq!(input.and_then(|input| input.server_id), Some(ServerId(3)));
    }

    #[test]
    fn debug_does_not_show_the_key() {
        let form = ProbeForm { api_key: "sk-secret".to_owned(), ..ProbeForm::default() };
        assert!(!format!("{form:?}").contains("secret"));
    }
}
