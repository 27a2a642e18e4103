//! What the engine's closed sets are called in the language of the page, in one place.
//!
//! Every match is exhaustive, so that a new problem or outcome cannot reach a person without words.

use sluice::model::{
    BudgetLevel, Endpoint, Fill, KeyState, LimitName, Limits, Outcome, Overflow, PriceSource, Priority, ProbeFailure,
    ProbeReport, Problem, ProviderKind, QueueOrder, Refusal, Resource, ServerState,
};

use crate::UiError;
use crate::components::{Level, Measure, level};
use crate::filter::Filter;
use crate::format::{compact_text, count_text, countdown_text, duration_text, seconds_text, span_text};
use crate::forms::BudgetKind;
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
            Resource::Price => td_string!(locale, errors.not_found_price).to_owned(),
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
        Problem::NotPositive => td_string!(locale, problems.not_positive).to_owned(),
        Problem::TooLarge => td_string!(locale, problems.too_large).to_owned(),
        Problem::TooPrecise => td_string!(locale, problems.too_precise).to_owned(),
        Problem::CurrencyInvalid => td_string!(locale, problems.currency_invalid).to_owned(),
        Problem::TimeZoneInvalid => td_string!(locale, problems.time_zone_invalid).to_owned(),
        Problem::TimeInvalid => td_string!(locale, problems.time_invalid).to_owned(),
        Problem::RangeReversed => td_string!(locale, problems.range_reversed).to_owned(),
        Problem::TooManyRows { max } => td_string!(locale, problems.too_many_rows, max = *max),
        Problem::InvalidName => td_string!(locale, problems.invalid_name).to_owned(),
        Problem::InvalidAppName => td_string!(locale, problems.invalid_app_name).to_owned(),
        Problem::Taken if field == "valid_from_ms" => td_string!(locale, prices.taken).to_owned(),
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
        Outcome::Interrupted => td_string!(locale, outcome.interrupted),
    }
}

/// What a list of requests is filtered by.
pub(crate) fn filter(locale: Locale, filter: Filter) -> &'static str {
    match filter {
        Filter::From => td_string!(locale, requests.from),
        Filter::To => td_string!(locale, requests.to),
        Filter::Server => td_string!(locale, requests.server),
        Filter::App => td_string!(locale, requests.app),
        Filter::Key => td_string!(locale, requests.key),
        Filter::Model => td_string!(locale, requests.model),
        Filter::Outcome => td_string!(locale, requests.outcome),
        Filter::Id => td_string!(locale, requests.request_id),
    }
}

/// The limit that a request waited for.
pub(crate) fn limit_name(locale: Locale, limit: LimitName) -> &'static str {
    match limit {
        LimitName::ServerRequests => td_string!(locale, limits.server_requests),
        LimitName::ServerTokens => td_string!(locale, limits.server_tokens),
        LimitName::ServerConcurrency => td_string!(locale, limits.server_concurrency),
        LimitName::ServerPause => td_string!(locale, limits.server_pause),
        LimitName::AppRequests => td_string!(locale, limits.app_requests),
        LimitName::AppTokens => td_string!(locale, limits.app_tokens),
        LimitName::AppConcurrency => td_string!(locale, limits.app_concurrency),
        LimitName::KeyRequests => td_string!(locale, limits.key_requests),
        LimitName::KeyTokens => td_string!(locale, limits.key_tokens),
        LimitName::KeyConcurrency => td_string!(locale, limits.key_concurrency),
    }
}

/// How long a request waited in queues, and for what; none if it did not wait.
pub(crate) fn waited(locale: Locale, queue_ms: u32, limited_by: Option<LimitName>) -> Option<String> {
    let time = (queue_ms > 0).then(|| duration_text(queue_ms))?;
    Some(limited_by.map_or_else(
        || td_string!(locale, requests.waited, time = time.clone()),
        |limit| td_string!(locale, requests.waited_for, time = time.clone(), limit = limit_name(locale, limit)),
    ))
}

/// Limits in a few words, such as `10 RPM, 50k TPM`; none if nothing is limited.
pub(crate) fn limits(locale: Locale, limits: Limits) -> Option<String> {
    let words = [
        limits.requests_per_minute.map(|limit| td_string!(locale, limits.short_requests, count = compact_text(limit))),
        limits.tokens_per_minute.map(|limit| td_string!(locale, limits.short_tokens, count = compact_text(limit))),
        limits.concurrency.map(|limit| td_string!(locale, limits.short_concurrency, count = compact_text(limit))),
    ];
    let words: Vec<String> = words.into_iter().flatten().collect();
    let between = match locale {
        Locale::en => ", ",
        Locale::zh => "、",
    };
    (!words.is_empty()).then(|| words.join(between))
}

/// What a budget is of and for how long.
pub(crate) fn budget_kind(locale: Locale, kind: BudgetKind) -> &'static str {
    match kind {
        BudgetKind::DailyTokens => td_string!(locale, budgets.daily_tokens),
        BudgetKind::MonthlyTokens => td_string!(locale, budgets.monthly_tokens),
        BudgetKind::DailyCost => td_string!(locale, budgets.daily_cost),
        BudgetKind::MonthlyCost => td_string!(locale, budgets.monthly_cost),
    }
}

/// How a budget is.
pub(crate) fn budget_level(locale: Locale, level: BudgetLevel) -> &'static str {
    match level {
        BudgetLevel::Ok => td_string!(locale, budgets.ok),
        BudgetLevel::Warning => td_string!(locale, budgets.warning),
        BudgetLevel::Exceeded => td_string!(locale, budgets.exceeded),
    }
}

/// Where a price comes from.
pub(crate) fn price_source(locale: Locale, source: PriceSource) -> &'static str {
    match source {
        PriceSource::Server => td_string!(locale, prices.source_server),
        PriceSource::Model => td_string!(locale, prices.source_model),
        PriceSource::Shipped => td_string!(locale, prices.source_shipped),
    }
}

/// What a gauge shows.
pub(crate) fn measure_title(locale: Locale, measure: Measure, window_ms: u64) -> String {
    let minute = window_ms == 60_000;
    let window = u32::try_from(window_ms).map_or_else(|_| span_text(window_ms), |ms| format!("{} s", seconds_text(ms)));
    match measure {
        Measure::Requests if minute => td_string!(locale, gauge.requests_minute).to_owned(),
        Measure::Requests => td_string!(locale, gauge.requests_window, window = window),
        Measure::Tokens if minute => td_string!(locale, gauge.tokens_minute).to_owned(),
        Measure::Tokens => td_string!(locale, gauge.tokens_window, window = window),
        Measure::Concurrency => td_string!(locale, gauge.concurrency).to_owned(),
    }
}

/// What a gauge shows, in one word.
pub(crate) fn measure_name(locale: Locale, measure: Measure) -> &'static str {
    match measure {
        Measure::Requests => td_string!(locale, gauge.name_requests),
        Measure::Tokens => td_string!(locale, gauge.name_tokens),
        Measure::Concurrency => td_string!(locale, gauge.name_concurrency),
    }
}

/// How much of a limit is used.
pub(crate) fn fill(locale: Locale, fill: Fill) -> String {
    let used = count_text(fill.used);
    if let Some(limit) = fill.limit {
        td_string!(locale, gauge.of, used = used, limit = count_text(u64::from(limit)))
    } else {
        td_string!(locale, gauge.no_limit_used, used = used)
    }
}

/// How much of a limit is left and, if nothing is, when something will be. The numbers are `age_ms` milliseconds old.
pub(crate) fn fill_state(locale: Locale, fill: Fill, age_ms: u64) -> String {
    let limit = fill.limit.map(u64::from).unwrap_or_default();
    let free = count_text(limit.saturating_sub(fill.used));
    let frees = || match fill.frees_in_ms.map(|ms| ms.saturating_sub(age_ms)) {
        Some(0) => td_string!(locale, gauge.frees_soon).to_owned(),
        Some(ms) => td_string!(locale, gauge.frees_in, time = countdown_text(ms)),
        None => td_string!(locale, gauge.frees_with_end).to_owned(),
    };
    match level(fill) {
        Level::Unlimited => td_string!(locale, gauge.no_limit).to_owned(),
        Level::Room => td_string!(locale, gauge.free, count = free),
        Level::Tight => td_string!(locale, gauge.tight, count = free),
        Level::Full => format!("{} · {}", td_string!(locale, gauge.full), frees()),
        Level::Over => {
            let over = count_text(fill.used.saturating_sub(limit));
            format!("{} · {}", td_string!(locale, gauge.over, count = over), frees())
        }
    }
}

/// How many requests wait.
pub(crate) fn waiting_count(locale: Locale, waiting: u64) -> String {
    match waiting {
        0 => td_string!(locale, overview.queue_none).to_owned(),
        1 => td_string!(locale, overview.queue_one).to_owned(),
        count => td_string!(locale, overview.queue_many, count = count_text(count)),
    }
}

/// How urgent the requests of a key are.
pub(crate) fn priority(locale: Locale, priority: Priority) -> &'static str {
    match priority {
        Priority::Low => td_string!(locale, keys.priority_low),
        Priority::Normal => td_string!(locale, keys.priority_normal),
        Priority::High => td_string!(locale, keys.priority_high),
    }
}

/// What happens when a queue is full.
pub(crate) fn overflow(locale: Locale, overflow: Overflow) -> &'static str {
    match overflow {
        Overflow::EvictOldest => td_string!(locale, queue.overflow_evict_oldest),
        Overflow::RejectNewest => td_string!(locale, queue.overflow_reject_newest),
    }
}

/// Who is next in a queue.
pub(crate) fn queue_order(locale: Locale, order: QueueOrder) -> &'static str {
    match order {
        QueueOrder::Fifo => td_string!(locale, queue.order_fifo),
        QueueOrder::Fair => td_string!(locale, queue.order_fair),
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
    fn the_deadline_of_a_queue_is_named_in_seconds_and_its_length_is_not() {
        let range = Problem::OutOfRange { min: 100, max: 3_600_000 };
        assert_eq!(problem(Locale::en, "queue.deadline_ms", &range), "Must be between 0.1 and 3600 seconds.");
        let range = Problem::OutOfRange { min: 0, max: 10_000 };
        assert_eq!(problem(Locale::en, "queue.length", &range), "Must be between 0 and 10000.");
    }

    #[test]
    fn limits_are_named_in_a_few_words() {
        let some = Limits { requests_per_minute: Some(10), tokens_per_minute: Some(50_000), concurrency: Some(4) };
        assert_eq!(limits(Locale::en, some).as_deref(), Some("10 RPM, 50k TPM, 4 at a time"));
        assert_eq!(limits(Locale::zh, some).as_deref(), Some("10 RPM、50k TPM、并发 4"));
        assert_eq!(limits(Locale::en, Limits::default()), None);
    }

    #[test]
    fn a_full_limit_says_when_there_is_room() {
        let fill = |used, frees_in_ms| Fill { used, limit: Some(2_000), frees_in_ms };
        assert_eq!(fill_state(Locale::en, fill(1, Some(0)), 0), "1,999 free");
        assert_eq!(fill_state(Locale::en, fill(2_000, Some(11_500)), 0), "Full · frees in 12 s");
        assert_eq!(fill_state(Locale::en, fill(2_000, Some(11_500)), 3_000), "Full · frees in 9 s");
        assert_eq!(fill_state(Locale::en, fill(2_000, Some(11_500)), 12_000), "Full · frees at any moment");
        assert_eq!(fill_state(Locale::zh, fill(2_100, None), 0), "超出 100 · 有请求结束时释放");
        let unlimited = Fill { used: 3, limit: None, frees_in_ms: Some(0) };
        assert_eq!(fill_state(Locale::en, unlimited, 0), "No limit");
    }

    #[test]
    fn a_window_that_is_no_minute_is_named() {
        assert_eq!(measure_title(Locale::en, Measure::Requests, 60_000), "Requests per minute");
        assert_eq!(measure_title(Locale::en, Measure::Tokens, 2_500), "Tokens in 2.5 s");
        assert_eq!(measure_title(Locale::zh, Measure::Requests, 5_000), "5 s 内的请求数");
    }

    #[test]
    fn a_request_that_waited_says_for_what() {
        assert_eq!(waited(Locale::en, 0, None), None);
        assert_eq!(waited(Locale::en, 900, None).as_deref(), Some("waited 900 ms"));
        assert_eq!(
            waited(Locale::en, 3_200, Some(LimitName::ServerRequests)).as_deref(),
            Some("waited 3.20 s for RPM of the server")
        );
    }

    #[test]
    fn one_waiting_request_is_not_plural() {
        let texts: Vec<String> = [0, 1, 2].into_iter().map(|count| waiting_count(Locale::en, count)).collect();
        assert_eq!(texts, ["Nobody waits", "1 request waits", "2 requests wait"]);
    }

    #[test]
    fn one_model_is_not_plural() {
        assert_eq!(model_count(Locale::en, 1), "1 model");
        assert_eq!(model_count(Locale::en, 2), "2 models");
    }
}
