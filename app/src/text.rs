//! What the engine's closed sets are called in the language of the page, in one place.
//!
//! Every match is exhaustive, so that a new problem or outcome cannot reach a person without words.

use sluice::model::{
    Endpoint, KeyState, Outcome, ProbeFailure, ProbeReport, Problem, ProviderKind, Refusal, Resource, ServerState,
};

use crate::UiError;
use crate::format::{duration_text, seconds_text};
use crate::preferences::Theme;
use crate::translations::{Locale, td_string};

/// Why a server function did not do what was asked.
pub(crate) fn error(locale: Locale, error: &UiError) -> String {
    match error {
        UiError::Refused { refusal: why } => refusal(locale, why),
        UiError::Unreachable => td_string!(locale, errors.unreachable).to_owned(),
        UiError::OutOfDate => td_string!(locale, errors.out_of_date).to_owned(),
    }
}

/// Why the engine refused.
fn refusal(locale: Locale, refusal: &Refusal) -> String {
    match refusal {
        Refusal::Invalid { .. } => td_string!(locale, errors.invalid).to_owned(),
        Refusal::SignInRequired => td_string!(locale, errors.sign_in_required).to_owned(),
        Refusal::WrongCredentials => td_string!(locale, errors.wrong_credentials).to_owned(),
        Refusal::TooManyAttempts { retry_after_seconds } => {
            td_string!(locale, errors.too_many_attempts, seconds = *retry_after_seconds)
        }
        Refusal::SetupLinkInvalid => td_string!(locale, errors.setup_link_invalid).to_owned(),
        Refusal::SetupDone => td_string!(locale, errors.setup_done).to_owned(),
        Refusal::NotFound { resource } => match resource {
            Resource::Server => td_string!(locale, errors.not_found_server).to_owned(),
            Resource::App => td_string!(locale, errors.not_found_app).to_owned(),
            Resource::Key => td_string!(locale, errors.not_found_key).to_owned(),
            Resource::AdminToken => td_string!(locale, errors.not_found_admin_token).to_owned(),
            Resource::Waiter => td_string!(locale, errors.not_found_waiter).to_owned(),
            Resource::Request => td_string!(locale, errors.not_found_request).to_owned(),
        },
        Refusal::ForeignOrigin => td_string!(locale, errors.foreign_origin).to_owned(),
        Refusal::Unavailable => td_string!(locale, errors.unavailable).to_owned(),
        Refusal::Internal { request_id } => td_string!(locale, errors.internal, request_id = sane_id(request_id)),
    }
}

/// A request id as far as it looks like one: without JavaScript it comes from the page's address, where anybody could
/// write a sentence of their own.
fn sane_id(request_id: &str) -> String {
    request_id.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(64).collect()
}

/// What is wrong with the value of a field.
pub(crate) fn problem(locale: Locale, field: &str, problem: &Problem) -> String {
    match problem {
        Problem::Required => td_string!(locale, problems.required).to_owned(),
        Problem::TooLong { max } => td_string!(locale, problems.too_long, max = *max),
        Problem::TooShort { min } => td_string!(locale, problems.too_short, min = *min),
        Problem::OutOfRange { min, max } if field.ends_with("_ms") => {
            // Timeouts are entered in seconds, and services count milliseconds.
            td_string!(locale, problems.out_of_range_seconds, min = seconds_text(*min), max = seconds_text(*max))
        }
        Problem::OutOfRange { min, max } => td_string!(locale, problems.out_of_range, min = *min, max = *max),
        Problem::NotANumber => td_string!(locale, problems.not_a_number).to_owned(),
        Problem::InvalidName => td_string!(locale, problems.invalid_name).to_owned(),
        Problem::InvalidAppName => td_string!(locale, problems.invalid_app_name).to_owned(),
        Problem::Taken => td_string!(locale, problems.taken).to_owned(),
        Problem::UrlInvalid => td_string!(locale, problems.url_invalid).to_owned(),
        Problem::UrlScheme => td_string!(locale, problems.url_scheme).to_owned(),
        Problem::UrlCredentials => td_string!(locale, problems.url_credentials).to_owned(),
        Problem::UrlQuery => td_string!(locale, problems.url_query).to_owned(),
        Problem::AddressForbidden => td_string!(locale, problems.address_forbidden).to_owned(),
        Problem::AddressPrivate => td_string!(locale, problems.address_private).to_owned(),
        Problem::ListEmpty => td_string!(locale, problems.list_empty).to_owned(),
        Problem::ListTooLong { max } => td_string!(locale, problems.list_too_long, max = *max),
        Problem::ListDuplicate { value } => td_string!(locale, problems.list_duplicate, value = value.clone()),
        Problem::LineInvalid { line } => td_string!(locale, problems.line_invalid, line = *line),
        Problem::ModelNameInvalid { value } => td_string!(locale, problems.model_name_invalid, value = value.clone()),
        Problem::KeyNeededForNewHost => td_string!(locale, problems.key_needed_for_new_host).to_owned(),
        Problem::SecretInvalid => td_string!(locale, problems.secret_invalid).to_owned(),
        Problem::Unknown => td_string!(locale, problems.unknown).to_owned(),
        Problem::Mismatch => td_string!(locale, problems.mismatch).to_owned(),
        Problem::DateInvalid => td_string!(locale, problems.date_invalid).to_owned(),
        Problem::InThePast => td_string!(locale, problems.in_the_past).to_owned(),
        Problem::OrderIncomplete => td_string!(locale, problems.order_incomplete).to_owned(),
    }
}

/// What came of asking an upstream for its models.
pub(crate) fn probe(locale: Locale, report: &ProbeReport) -> String {
    let latency = duration_text(report.latency_ms);
    match &report.outcome {
        Ok(models) if models.len() == 1 => td_string!(locale, probe.succeeded_one, latency = latency),
        Ok(models) => td_string!(locale, probe.succeeded_many, latency = latency, count = models.len()),
        Err(failure) => {
            let failed = td_string!(locale, probe.failed, latency = latency);
            format!("{failed} {}", probe_failure(locale, failure))
        }
    }
}

/// Why an upstream could not be asked for its models.
fn probe_failure(locale: Locale, failure: &ProbeFailure) -> String {
    match failure {
        ProbeFailure::NameNotFound => td_string!(locale, probe.name_not_found).to_owned(),
        ProbeFailure::ConnectionFailed => td_string!(locale, probe.connection_failed).to_owned(),
        ProbeFailure::TlsFailed => td_string!(locale, probe.tls_failed).to_owned(),
        ProbeFailure::TimedOut { seconds } => td_string!(locale, probe.timed_out, seconds = *seconds),
        ProbeFailure::AddressForbidden => td_string!(locale, probe.address_forbidden).to_owned(),
        ProbeFailure::KeyRefused { status } => td_string!(locale, probe.key_refused, status = *status),
        ProbeFailure::PathNotFound => td_string!(locale, probe.path_not_found).to_owned(),
        ProbeFailure::Redirected { status } => td_string!(locale, probe.redirected, status = *status),
        ProbeFailure::UnexpectedStatus { status } => td_string!(locale, probe.unexpected_status, status = *status),
        ProbeFailure::NotAModelList => td_string!(locale, probe.not_a_model_list).to_owned(),
        ProbeFailure::Interrupted => td_string!(locale, probe.interrupted).to_owned(),
    }
}

/// How many models "Fetch models" added.
pub(crate) fn models_added(locale: Locale, added: u32) -> String {
    match added {
        0 => td_string!(locale, probe.none_added).to_owned(),
        1 => td_string!(locale, probe.one_added).to_owned(),
        count => td_string!(locale, probe.many_added, count = count),
    }
}

/// How many models a server has.
pub(crate) fn model_count(locale: Locale, count: usize) -> String {
    if count == 1 {
        td_string!(locale, servers.models_one).to_owned()
    } else {
        td_string!(locale, servers.models_many, count = count)
    }
}

/// How many fields need another look.
pub(crate) fn problem_count(locale: Locale, count: usize) -> String {
    if count == 1 {
        td_string!(locale, errors.summary_one).to_owned()
    } else {
        td_string!(locale, errors.summary_many, count = count)
    }
}

/// What happens to an app's keys when the app is deleted.
pub(crate) fn app_deletion(locale: Locale, active_keys: u32) -> String {
    match active_keys {
        0 => td_string!(locale, apps.delete_text).to_owned(),
        1 => td_string!(locale, apps.delete_text_one).to_owned(),
        count => td_string!(locale, apps.delete_text_many, count = count),
    }
}

/// How a request ended.
pub(crate) fn outcome(locale: Locale, outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Completed => td_string!(locale, outcome.completed),
        Outcome::UpstreamError => td_string!(locale, outcome.upstream_error),
        Outcome::UpstreamCut => td_string!(locale, outcome.upstream_cut),
        Outcome::ClientClosed => td_string!(locale, outcome.client_closed),
        Outcome::Rejected => td_string!(locale, outcome.rejected),
        Outcome::QueueTimeout => td_string!(locale, outcome.queue_timeout),
        Outcome::QueueEvicted => td_string!(locale, outcome.queue_evicted),
    }
}

/// The endpoint that was called, as a path, which is the same in every language.
pub(crate) const fn endpoint(endpoint: Endpoint) -> &'static str {
    match endpoint {
        Endpoint::ChatCompletions => "chat/completions",
        Endpoint::Completions => "completions",
        Endpoint::Embeddings => "embeddings",
    }
}

/// Whether a server takes requests.
pub(crate) fn server_state(locale: Locale, state: ServerState) -> &'static str {
    match state {
        ServerState::Enabled => td_string!(locale, common.enabled),
        ServerState::Disabled => td_string!(locale, common.disabled),
        ServerState::KeyUnreadable => td_string!(locale, servers.key_unreadable),
    }
}

/// Whether a key can be used.
pub(crate) fn key_state(locale: Locale, state: KeyState) -> &'static str {
    match state {
        KeyState::Active => td_string!(locale, keys.active),
        KeyState::Expired => td_string!(locale, keys.expired),
        KeyState::Revoked => td_string!(locale, keys.revoked),
    }
}

/// A kind of API.
pub(crate) fn provider(locale: Locale, provider: ProviderKind) -> &'static str {
    match provider {
        ProviderKind::OpenAi => td_string!(locale, servers.provider_openai),
    }
}

/// A theme.
pub(crate) fn theme(locale: Locale, theme: Theme) -> &'static str {
    match theme {
        Theme::System => td_string!(locale, nav.theme_system),
        Theme::Light => td_string!(locale, nav.theme_light),
        Theme::Dark => td_string!(locale, nav.theme_dark),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_named_in_seconds() {
        let range = Problem::OutOfRange { min: 10, max: 86_400_000 };
        assert_eq!(problem(Locale::en, "connect_ms", &range), "Must be between 0.01 and 86400 seconds.");
        assert_eq!(problem(Locale::zh, "limit", &range), "必须介于 10 与 86400000 之间。");
    }

    #[test]
    fn a_crafted_request_id_is_no_sentence() {
        let crafted = UiError::from(Refusal::Internal { request_id: "call <b>555 0100</b>!".to_owned() });
        assert!(error(Locale::en, &crafted).ends_with("request id callb5550100b."));
    }

    #[test]
    fn one_model_is_not_plural() {
        assert_eq!(model_count(Locale::en, 1), "1 model");
        assert_eq!(model_count(Locale::en, 2), "2 models");
    }
}
