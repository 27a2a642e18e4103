//! The kinds of API that a server can speak.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The kind of API that a server speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderKind {
    /// OpenAI, and every server that speaks its format (vLLM, Ollama's `/v1`, DeepSeek, OpenRouter, ...).
    #[default]
    #[serde(rename = "openai")]
    OpenAi,
}

impl ProviderKind {
    /// Every kind, in the order in which a form offers them.
    pub const ALL: [Self; 1] = [Self::OpenAi];

    /// The stable name in the database, the API and the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
        }
    }
}

impl fmt::Display for ProviderKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for ProviderKind {
    type Err = UnknownProvider;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| UnknownProvider(text.to_owned()))
    }
}

/// A provider's name that this version does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown provider `{0}`; known: openai")]
pub struct UnknownProvider(String);
