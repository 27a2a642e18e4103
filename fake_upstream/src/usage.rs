//! The `usage` object of answers, good and malformed.

use serde::Serialize;

use crate::ledger::Tokens;
use crate::script::{Script, UsagePlace};
use crate::switch::Switch;

/// A `usage` object.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub(crate) enum Usage {
    /// Of chat completions and completions.
    Generated(GeneratedUsage),
    /// Of embeddings.
    Embedded(EmbeddedUsage),
    /// Numbers that no one can add up.
    Malformed(MalformedUsage),
}

/// Usage with details.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct GeneratedUsage {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    prompt_tokens_details: PromptDetails,
    completion_tokens_details: CompletionDetails,
}

#[derive(Debug, Default, Clone, Serialize)]
struct PromptDetails {
    cached_tokens: u64,
    audio_tokens: u64,
}

#[derive(Debug, Default, Clone, Serialize)]
#[expect(clippy::struct_field_names, reason = "OpenAI's names")]
struct CompletionDetails {
    reasoning_tokens: u64,
    audio_tokens: u64,
    accepted_prediction_tokens: u64,
    rejected_prediction_tokens: u64,
}

/// Usage of embeddings: there is no completion.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct EmbeddedUsage {
    prompt_tokens: u64,
    total_tokens: u64,
}

/// A string, a negative number and one that fits no integer.
#[derive(Debug, Clone, Serialize)]
#[expect(clippy::struct_field_names, reason = "OpenAI's names")]
pub(crate) struct MalformedUsage {
    prompt_tokens: String,
    completion_tokens: i64,
    total_tokens: f64,
}

impl Usage {
    /// Usage of an answer with text.
    pub(crate) fn generated(tokens: Tokens, script: &Script) -> Self {
        let Tokens { prompt_tokens, completion_tokens, cached_tokens, reasoning_tokens } = tokens;
        if script.has(Switch::BigUsage) {
            return Self::malformed(prompt_tokens);
        }
        Self::Generated(GeneratedUsage {
            prompt_tokens,
            completion_tokens,
            total_tokens: prompt_tokens + completion_tokens,
            prompt_tokens_details: PromptDetails { cached_tokens, ..PromptDetails::default() },
            completion_tokens_details: CompletionDetails { reasoning_tokens, ..CompletionDetails::default() },
        })
    }

    /// Usage of embeddings.
    pub(crate) fn embedded(prompt_tokens: u64, script: &Script) -> Self {
        if script.has(Switch::BigUsage) {
            return Self::malformed(prompt_tokens);
        }
        Self::Embedded(EmbeddedUsage { prompt_tokens, total_tokens: prompt_tokens })
    }

    fn malformed(prompt_tokens: u64) -> Self {
        Self::Malformed(MalformedUsage {
            prompt_tokens: prompt_tokens.to_string(),
            completion_tokens: -5,
            total_tokens: 1e300,
        })
    }

    /// Whether a plain answer carries usage.
    pub(crate) fn in_plain(script: &Script) -> bool {
        script.usage != UsagePlace::None
    }

    /// What the ledger may add up of a report: malformed usage reports nothing.
    pub(crate) fn reported(tokens: Tokens, script: &Script) -> Option<Tokens> {
        (!script.has(Switch::BigUsage)).then_some(tokens)
    }
}

/// The token count of a text of so many bytes.
pub(crate) fn prompt_tokens(text_bytes: usize) -> u64 {
    u64::try_from(text_bytes / 4).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_has_a_token_per_four_bytes_and_one_at_least() {
        assert_eq!([0, 3, 4, 7, 8].map(prompt_tokens), [1, 1, 1, 1, 2]);
    }
}
