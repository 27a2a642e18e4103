//! What the fields of inputs may hold. Each function looks at one field; services gather what they find.

use std::collections::HashSet;

use url::Url;

use super::error::Problems;
use crate::crypto::Secret;
use crate::model::bounds::{
    BUDGET_TOKENS_MAX, CONCURRENCY_MAX, MODELS_PER_KEY_MAX, NAME_MAX, PRICE_MAX, QUEUE_DEADLINE_MAX_MS,
    QUEUE_DEADLINE_MIN_MS, QUEUE_LENGTH_MAX, REQUESTS_PER_MINUTE_MAX, SECRET_MAX, TIMEOUT_MAX_MS, TIMEOUT_MIN_MS,
    TOKENS_PER_MINUTE_MAX, URL_MAX,
};
use crate::model::{Amount, Budget, BudgetAmount, Limits, Price, Problem, QueuePolicy, Timeouts, is_model_name};
use crate::outbound::{AddressPolicy, check_url};

/// A server's name: also the prefix in `server-name/model`, so no slash and nothing that looks like one.
pub(super) fn server_name(text: &str) -> Result<String, Problem> {
    crate::identity::check_username(text).map(str::to_owned)
}

/// An app's name as callers send it in a header.
pub(super) fn app_name(text: &str) -> Result<String, Problem> {
    let name = text.trim();
    bounded(name)?;
    if name.bytes().all(|byte| byte.is_ascii_graphic()) { Ok(name.to_owned()) } else { Err(Problem::InvalidAppName) }
}

/// A name that only people read.
pub(super) fn label(text: &str) -> Result<String, Problem> {
    let name = text.trim();
    bounded(name)?;
    if name.chars().any(char::is_control) { Err(Problem::InvalidName) } else { Ok(name.to_owned()) }
}

fn bounded(name: &str) -> Result<(), Problem> {
    if name.is_empty() {
        Err(Problem::Required)
    } else if exceeds(name.chars().count(), NAME_MAX) {
        Err(Problem::TooLong { max: NAME_MAX })
    } else {
        Ok(())
    }
}

/// Where an upstream is, without a slash at the end.
pub(super) fn base_url(text: &str, policy: AddressPolicy) -> Result<Url, Problem> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Problem::Required);
    }
    if exceeds(text.len(), URL_MAX) {
        return Err(Problem::TooLong { max: URL_MAX });
    }
    let mut url = Url::parse(text).map_err(|_| Problem::UrlInvalid)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Problem::UrlScheme);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Problem::UrlCredentials);
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(Problem::UrlQuery);
    }
    check_url(&url, policy)?;
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    // Writing it in its normal form can make it longer.
    if exceeds(url.as_str().len(), URL_MAX) {
        return Err(Problem::TooLong { max: URL_MAX });
    }
    Ok(url)
}

/// A base URL as it is stored and shown.
pub(super) fn stored_url(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

/// An upstream's API key; none if nothing was entered.
pub(super) fn api_key(text: Option<&str>) -> Result<Option<Secret>, Problem> {
    let Some(key) = text.map(str::trim).filter(|key| !key.is_empty()) else { return Ok(None) };
    if exceeds(key.len(), SECRET_MAX) {
        return Err(Problem::TooLong { max: SECRET_MAX });
    }
    if key.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(Some(Secret::new(key.to_owned())))
    } else {
        Err(Problem::SecretInvalid)
    }
}

/// Notes every timeout that is out of range.
pub(super) fn timeouts(timeouts: &Timeouts, problems: &mut Problems) {
    for (field, value) in [
        ("timeouts.connect_ms", timeouts.connect_ms),
        ("timeouts.first_byte_ms", timeouts.first_byte_ms),
        ("timeouts.idle_ms", timeouts.idle_ms),
        ("timeouts.total_ms", timeouts.total_ms),
    ] {
        in_range(field, value, TIMEOUT_MIN_MS, TIMEOUT_MAX_MS, problems);
    }
}

/// Notes every limit that is out of range. A limit of 0 is none of them: what shall not go through is switched off.
pub(super) fn limits(limits: &Limits, problems: &mut Problems) {
    for (field, value, max) in [
        ("limits.requests_per_minute", limits.requests_per_minute, REQUESTS_PER_MINUTE_MAX),
        ("limits.tokens_per_minute", limits.tokens_per_minute, TOKENS_PER_MINUTE_MAX),
        ("limits.concurrency", limits.concurrency, CONCURRENCY_MAX),
    ] {
        if let Some(value) = value {
            in_range(field, value, 1, max, problems);
        }
    }
}

/// Notes everything about a queue that is out of range.
pub(super) fn queue(queue: &QueuePolicy, problems: &mut Problems) {
    in_range("queue.length", queue.length, 0, QUEUE_LENGTH_MAX, problems);
    in_range("queue.deadline_ms", queue.deadline_ms, QUEUE_DEADLINE_MIN_MS, QUEUE_DEADLINE_MAX_MS, problems);
}

/// Notes every amount of a price that is out of range. A price of 0 is one: such models are free.
pub(super) fn price(price: &Price, problems: &mut Problems) {
    for (field, amount) in [
        ("price.input", Some(price.input)),
        ("price.cached_input", price.cached_input),
        ("price.output", Some(price.output)),
    ] {
        let most = Amount::from_nanos(i64::from(PRICE_MAX).saturating_mul(1_000_000_000));
        if amount.is_some_and(|amount| !(Amount::default()..=most).contains(&amount)) {
            problems.add(field, Problem::OutOfRange { min: 0, max: PRICE_MAX });
        }
    }
}

/// Notes everything about budgets that cannot be: at most one for each period and unit, each of something.
pub(super) fn budgets(budgets: &[Budget], problems: &mut Problems) {
    let mut seen = HashSet::new();
    for (index, budget) in budgets.iter().enumerate() {
        let (unit, problem) = match budget.amount {
            BudgetAmount::Tokens { tokens: 0 } => ("tokens", Some(Problem::NotPositive)),
            BudgetAmount::Tokens { tokens } => ("tokens", (tokens > BUDGET_TOKENS_MAX).then_some(Problem::TooLarge)),
            BudgetAmount::Money { amount, .. } => ("amount", (amount.nanos <= 0).then_some(Problem::NotPositive)),
        };
        if let Some(problem) = problem {
            problems.add(&format!("budgets[{index}].{unit}"), problem);
        }
        in_range(&format!("budgets[{index}].warn_percent"), u32::from(budget.warn_percent), 1, 100, problems);
        if !seen.insert((budget.period, unit)) {
            let unit = if unit == "tokens" { "tokens" } else { "money" };
            problems.add("budgets", Problem::ListDuplicate { value: format!("{} {unit}", budget.period) });
        }
    }
}

fn in_range(field: &str, value: u32, min: u32, max: u32, problems: &mut Problems) {
    if !(min..=max).contains(&value) {
        problems.add(field, Problem::OutOfRange { min, max });
    }
}

/// The models that a key is limited to. They need not exist: a key may come before the server.
pub(super) fn key_models(names: &[String]) -> Result<(), Problem> {
    if exceeds(names.len(), MODELS_PER_KEY_MAX) {
        return Err(Problem::ListTooLong { max: MODELS_PER_KEY_MAX });
    }
    let mut seen = HashSet::new();
    for name in names {
        if !is_model_name(name) {
            return Err(Problem::ModelNameInvalid { value: name.chars().take(40).collect() });
        }
        if !seen.insert(name.as_str()) {
            return Err(Problem::ListDuplicate { value: name.clone() });
        }
    }
    Ok(())
}

fn exceeds(length: usize, max: u32) -> bool {
    u32::try_from(length).unwrap_or(u32::MAX) > max
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::PrivateAddresses;

    const OPEN: AddressPolicy = AddressPolicy::new(PrivateAddresses::Allow);
    const STRICT: AddressPolicy = AddressPolicy::new(PrivateAddresses::Deny);

    fn stored(text: &str) -> Result<String, Problem> {
        base_url(text, OPEN).map(|url| stored_url(&url))
    }

    #[test]
    fn takes_urls_and_strips_the_slash() {
        assert_eq!(stored(" https://api.openai.com/v1/ "), Ok("https://api.openai.com/v1".to_owned()));
        assert_eq!(stored("http://localhost:11434"), Ok("http://localhost:11434".to_owned()));
        assert_eq!(stored("HTTPS://API.Example.com:443//"), Ok("https://api.example.com".to_owned()));
    }

    #[test]
    fn says_what_is_wrong_with_a_url() {
        for (text, problem) in [
            ("", Problem::Required),
            ("not a url", Problem::UrlInvalid),
            ("https://", Problem::UrlInvalid),
            ("api.openai.com/v1", Problem::UrlInvalid),
            ("localhost:8080/v1", Problem::UrlScheme),
            ("ftp://example.com", Problem::UrlScheme),
            ("file:///etc/passwd", Problem::UrlScheme),
            ("https://user@example.com", Problem::UrlCredentials),
            ("https://user:password@example.com", Problem::UrlCredentials),
            ("https://example.com?key=1", Problem::UrlQuery),
            ("https://example.com#a", Problem::UrlQuery),
            ("http://169.254.169.254/v1", Problem::AddressForbidden),
            ("http://0xA9FEA9FE/v1", Problem::AddressForbidden),
        ] {
            assert_eq!(stored(text), Err(problem), "{text}");
        }
        let long = format!("https://example.com/{}", "x".repeat(600));
        assert_eq!(stored(&long), Err(Problem::TooLong { max: URL_MAX }));
        let longer_when_written_out = format!("https://example.com/{}", "ä".repeat(240));
        assert_eq!(stored(&longer_when_written_out), Err(Problem::TooLong { max: URL_MAX }));
    }

    #[test]
    fn refuses_private_addresses_by_setting() {
        assert_eq!(base_url("http://10.0.0.1/v1", STRICT), Err(Problem::AddressPrivate));
        assert_eq!(base_url("http://localhost/v1", STRICT), Err(Problem::AddressPrivate));
    }

    #[test]
    fn takes_keys_that_fit_into_a_header() {
        assert_eq!(api_key(None), Ok(None));
        assert_eq!(api_key(Some("  ")), Ok(None));
        assert_eq!(api_key(Some(" sk-1 ")), Ok(Some(Secret::new("sk-1".to_owned()))));
        assert_eq!(api_key(Some("sk-\u{2026}")), Err(Problem::SecretInvalid));
        assert_eq!(api_key(Some("two words")), Err(Problem::SecretInvalid));
        assert_eq!(api_key(Some(&"x".repeat(4097))), Err(Problem::TooLong { max: SECRET_MAX }));
    }

    #[test]
    fn takes_app_names_that_fit_into_a_header() {
        assert_eq!(app_name("My/App:1"), Ok("My/App:1".to_owned()));
        assert_eq!(app_name(""), Err(Problem::Required));
        assert_eq!(app_name("two words"), Err(Problem::InvalidAppName));
        assert_eq!(app_name("ä"), Err(Problem::InvalidAppName));
        assert_eq!(app_name(&"x".repeat(65)), Err(Problem::TooLong { max: NAME_MAX }));
    }

    proptest! {
        #[test]
        fn never_panics_and_never_lets_a_metadata_address_through(text in "\\PC{0,80}") {
            if let Ok(url) = base_url(&text, OPEN) {
                prop_assert_eq!(check_url(&url, OPEN), Ok(()));
                // Storing and reading again gives the same.
                prop_assert_eq!(base_url(&stored_url(&url), OPEN), Ok(url));
            }
        }

        #[test]
        fn reads_back_what_it_stores(host in "[a-z]{1,10}(\\.[a-z]{2,5}){1,2}", path in "(/[a-z0-9._~-]{0,8}){0,4}") {
            let url = base_url(&format!("https://{host}{path}"), OPEN);
            prop_assert!(url.is_ok());
            if let Ok(url) = url {
                prop_assert!(!stored_url(&url).ends_with('/'));
                prop_assert_eq!(base_url(&stored_url(&url), OPEN), Ok(url));
            }
        }
    }
}
