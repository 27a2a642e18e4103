//! Servers as administrators see and enter them.

use serde::{Deserialize, Serialize};

use super::bounds::{MODEL_NAME_MAX, MODELS_PER_SERVER_MAX};
use super::{Limits, Problem, ProviderKind, QueuePolicy, ServerId};

/// A model of a server: the name that clients send and the one that the upstream knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerModel {
    /// The public name.
    pub name: String,
    /// The upstream's name for it.
    pub upstream_name: String,
}

/// How long Sluice waits for an upstream, each in milliseconds from 10 to 86 400 000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Timeouts {
    /// Until the connection stands, TLS included.
    pub connect_ms: u32,
    /// From sending the request to the first byte of the answer's body.
    pub first_byte_ms: u32,
    /// Between two pieces of the answer.
    pub idle_ms: u32,
    /// For the whole request.
    pub total_ms: u32,
}

impl Default for Timeouts {
    /// Reasoning models think for minutes before the first byte, so that one is generous.
    fn default() -> Self {
        Self { connect_ms: 10_000, first_byte_ms: 300_000, idle_ms: 120_000, total_ms: 3_600_000 }
    }
}

/// Whether a server can take requests, and if not, why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServerState {
    /// It takes requests.
    Enabled,
    /// An administrator switched it off.
    Disabled,
    /// Its API key cannot be opened with the master keys at hand; enter it again.
    KeyUnreadable,
}

/// One server, without its API key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerView {
    /// Its id.
    pub id: ServerId,
    /// Its name: also the prefix in `server-name/model`.
    pub name: String,
    /// The kind of API that it speaks.
    pub provider: ProviderKind,
    /// Where it is, without a slash at the end.
    pub base_url: String,
    /// Last four characters of its API key; none if it has no key.
    pub api_key_hint: Option<String>,
    /// Its models, in the order that they were entered.
    pub models: Vec<ServerModel>,
    /// Whether it takes requests.
    pub state: ServerState,
    /// Whether Sluice asks for token counts in streams (`stream_options.include_usage`).
    pub request_stream_usage: bool,
    /// How long Sluice waits for it.
    pub timeouts: Timeouts,
    /// What may go through it.
    pub limits: Limits,
    /// How requests wait in front of it.
    pub queue: QueuePolicy,
    /// Its place in the order in which servers are asked, from 1.
    pub position: u32,
    /// When it was added, in milliseconds since 1970 UTC.
    pub created_at_ms: i64,
    /// When it was last changed, in milliseconds since 1970 UTC.
    pub updated_at_ms: i64,
}

/// What can be entered about a server.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerInput {
    /// 1 to 64 of `A-Z a-z 0-9 . _ -`.
    pub name: String,
    /// The kind of API that it speaks.
    #[serde(default)]
    pub provider: ProviderKind,
    /// Where it is, e.g. `https://api.openai.com/v1`.
    pub base_url: String,
    /// Its API key. None or blank keeps the stored one.
    #[serde(default)]
    pub api_key: Option<String>,
    /// Forget the stored API key.
    #[serde(default)]
    pub remove_api_key: bool,
    /// Its models; at least one.
    pub models: Vec<ServerModel>,
    /// Whether it takes requests.
    #[serde(default = "enabled_by_default")]
    pub enabled: bool,
    /// Whether Sluice asks for token counts in streams. Switch it off for an upstream that refuses `stream_options`.
    #[serde(default = "enabled_by_default")]
    pub request_stream_usage: bool,
    /// How long Sluice waits for it.
    #[serde(default)]
    pub timeouts: Timeouts,
    /// What may go through it.
    #[serde(default)]
    pub limits: Limits,
    /// How requests wait in front of it.
    #[serde(default)]
    pub queue: QueuePolicy,
}

const fn enabled_by_default() -> bool {
    true
}

impl std::fmt::Debug for ServerInput {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ServerInput")
            .field("name", &self.name)
            .field("base_url", &self.base_url)
            .finish_non_exhaustive()
    }
}

/// What is needed to try an upstream out before it is saved.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProbeInput {
    /// The server that is being edited; its stored key is used if `api_key` is blank and the host is the same.
    #[serde(default)]
    pub server_id: Option<ServerId>,
    /// The kind of API that it speaks.
    #[serde(default)]
    pub provider: ProviderKind,
    /// Where it is.
    pub base_url: String,
    /// Its API key.
    #[serde(default)]
    pub api_key: Option<String>,
}

impl std::fmt::Debug for ProbeInput {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ProbeInput")
            .field("server_id", &self.server_id)
            .field("base_url", &self.base_url)
            .finish_non_exhaustive()
    }
}

/// What an upstream said when it was asked for its models.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeReport {
    /// From sending the request to the whole answer, in milliseconds.
    pub latency_ms: u32,
    /// The models that it offers, or why it could not be asked.
    pub outcome: Result<Vec<String>, ProbeFailure>,
}

/// Why an upstream could not be asked for its models.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum ProbeFailure {
    /// The host's name has no address.
    #[error("the host name could not be resolved")]
    NameNotFound,
    /// Nothing listens there.
    #[error("nothing answers at this address (connection refused or unreachable)")]
    ConnectionFailed,
    /// TLS could not be agreed on.
    #[error("no secure connection could be made (TLS); is the certificate valid, and does the server speak https?")]
    TlsFailed,
    /// No answer in time.
    #[error("no answer within {seconds} s")]
    TimedOut {
        /// How long was waited.
        seconds: u32,
    },
    /// The address is link-local or a cloud metadata address, or private where that is forbidden.
    #[error("the name leads to an address that is not allowed")]
    AddressForbidden,
    /// The upstream does not accept the API key.
    #[error("the upstream refused the API key (status {status})")]
    KeyRefused {
        /// 401 or 403.
        status: u16,
    },
    /// The upstream has no such path.
    #[error(
        "the upstream has no `/models` under this base URL (status 404); does the URL end in the right path, such as `/v1`?"
    )]
    PathNotFound,
    /// The upstream wants to send Sluice elsewhere; redirects are not followed.
    #[error("the upstream answers with a redirect (status {status}), which is not followed; enter the final URL")]
    Redirected {
        /// 301 to 308.
        status: u16,
    },
    /// Any other status.
    #[error("the upstream answered with status {status}")]
    UnexpectedStatus {
        /// The status.
        status: u16,
    },
    /// The answer is not a list of models.
    #[error("the upstream's answer is not a list of models; is this an OpenAI-compatible API?")]
    NotAModelList,
    /// The connection broke in the middle of the answer.
    #[error("the connection broke before the whole answer had come")]
    Interrupted,
}

/// Reads a list of models as forms and the command line take it: one per line or comma, `name` or
/// `name = upstream-name`; blank lines are skipped.
///
/// # Errors
/// The first line that cannot be read, a name that stands twice, or too many lines.
pub fn parse_models(text: &str) -> Result<Vec<ServerModel>, Problem> {
    let mut models: Vec<ServerModel> = Vec::new();
    for (index, line) in text.split(['\n', ',']).enumerate() {
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        let (name, upstream_name) = match line.split_once('=') {
            Some((name, upstream_name)) => (name.trim(), upstream_name.trim()),
            None => (line, line),
        };
        if name.is_empty() || upstream_name.is_empty() {
            return Err(Problem::LineInvalid { line: u32::try_from(index).unwrap_or(u32::MAX).saturating_add(1) });
        }
        models.push(ServerModel { name: name.to_owned(), upstream_name: upstream_name.to_owned() });
    }
    check_models(&models)?;
    Ok(models)
}

/// Writes a list of models the way [`parse_models`] reads it, one per line.
pub fn print_models(models: &[ServerModel]) -> String {
    models
        .iter()
        .map(|model| {
            if model.name == model.upstream_name {
                model.name.clone()
            } else {
                format!("{} = {}", model.name, model.upstream_name)
            }
        })
        .collect::<Vec<_>>()
        .join("\n")
}

/// Whether a list of models can be stored: not empty, not too long, each name sound and only once.
///
/// # Errors
/// The first problem that is found.
pub fn check_models(models: &[ServerModel]) -> Result<(), Problem> {
    if models.is_empty() {
        return Err(Problem::ListEmpty);
    }
    if models.len() > usize::try_from(MODELS_PER_SERVER_MAX).unwrap_or(usize::MAX) {
        return Err(Problem::ListTooLong { max: MODELS_PER_SERVER_MAX });
    }
    let mut seen = std::collections::HashSet::new();
    for model in models {
        for name in [&model.name, &model.upstream_name] {
            if !is_model_name(name) {
                return Err(Problem::ModelNameInvalid { value: name.chars().take(40).collect() });
            }
        }
        if !seen.insert(model.name.as_str()) {
            return Err(Problem::ListDuplicate { value: model.name.clone() });
        }
    }
    Ok(())
}

/// Whether a text can name a model: 1 to 200 bytes, no control characters, no white space around it.
pub fn is_model_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= usize::try_from(MODEL_NAME_MAX).unwrap_or(usize::MAX)
        && name.trim() == name
        && !name.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(name: &str, upstream_name: &str) -> ServerModel {
        ServerModel { name: name.to_owned(), upstream_name: upstream_name.to_owned() }
    }

    #[test]
    fn reads_lines_commas_and_renames() {
        let models = parse_models("gpt-4o\n\n fast = openai/gpt-oss-20b \r\na,b=c");
        assert_eq!(
            models,
            Ok(vec![model("gpt-4o", "gpt-4o"), model("fast", "openai/gpt-oss-20b"), model("a", "a"), model("b", "c")])
        );
    }

    #[test]
    fn prints_what_it_reads() {
        let models = vec![model("a", "a"), model("b", "c")];
        assert_eq!(parse_models(&print_models(&models)), Ok(models));
    }

    #[test]
    fn names_the_line_that_cannot_be_read() {
        assert_eq!(parse_models("a\n= b"), Err(Problem::LineInvalid { line: 2 }));
        assert_eq!(parse_models("a ="), Err(Problem::LineInvalid { line: 1 }));
    }

    #[test]
    fn refuses_empty_twice_and_control_characters() {
        assert_eq!(parse_models(" \n "), Err(Problem::ListEmpty));
        assert_eq!(parse_models("a\na"), Err(Problem::ListDuplicate { value: "a".to_owned() }));
        assert!(matches!(parse_models("a\u{7}"), Err(Problem::ModelNameInvalid { .. })));
        assert!(matches!(parse_models(&"x".repeat(201)), Err(Problem::ModelNameInvalid { .. })));
    }
}
