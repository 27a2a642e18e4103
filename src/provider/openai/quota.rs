//! What an upstream says about its own limits in the headers of an answer.
//!
//! Sources: OpenAI's rate limit guide (`x-ratelimit-*`; Azure, Groq and others send the same), Azure's
//! `retry-after-ms`, RFC 9110 for `Retry-After`, Anthropic's `anthropic-ratelimit-*`.

use std::time::Duration;

use http::HeaderMap;
use jiff::Timestamp;

use crate::model::UpstreamQuota;

/// Longest pause that is believed. Quotas by the month exist; what is beyond is a mistake, such as a point in time
/// where seconds belong.
const LONGEST_PAUSE: Duration = Duration::from_hours(31 * 24);

/// The names of one dimension's headers, OpenAI's and Anthropic's.
struct Dimension {
    limit: [&'static str; 2],
    remaining: [&'static str; 2],
    reset: [&'static str; 2],
}

const REQUESTS: Dimension = Dimension {
    limit: ["x-ratelimit-limit-requests", "anthropic-ratelimit-requests-limit"],
    remaining: ["x-ratelimit-remaining-requests", "anthropic-ratelimit-requests-remaining"],
    reset: ["x-ratelimit-reset-requests", "anthropic-ratelimit-requests-reset"],
};

const TOKENS: Dimension = Dimension {
    limit: ["x-ratelimit-limit-tokens", "anthropic-ratelimit-tokens-limit"],
    remaining: ["x-ratelimit-remaining-tokens", "anthropic-ratelimit-tokens-remaining"],
    reset: ["x-ratelimit-reset-tokens", "anthropic-ratelimit-tokens-reset"],
};

/// What the upstream grants and what is left of it, as of `now_ms` (milliseconds since 1970 UTC). None if it says
/// nothing of the kind. A header that is not a whole number (some send `-1` for no limit) counts as not sent.
pub fn quota(headers: &HeaderMap, now_ms: i64) -> Option<UpstreamQuota> {
    let count = |names| first(headers, names, |text| text.parse::<u64>().ok());
    let quota = UpstreamQuota {
        limit_requests: count(REQUESTS.limit),
        remaining_requests: count(REQUESTS.remaining),
        limit_tokens: count(TOKENS.limit),
        remaining_tokens: count(TOKENS.remaining),
        seen_at_ms: now_ms,
    };
    let is_silent = quota == UpstreamQuota { seen_at_ms: now_ms, ..UpstreamQuota::default() };
    (!is_silent).then_some(quota)
}

/// For how long the upstream asks to be left alone, read from an answer with status 429: `retry-after-ms`, else
/// `Retry-After`, else when the limit resets of which nothing is left (the later one, if that is both or cannot be
/// told). Zero if it may be asked again at once.
///
/// None if nothing usable is said: no text of a known form, a negative number, a point in time that has passed, more
/// than 31 days.
pub fn pause(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    first(headers, ["retry-after-ms"], |text| believed(plain_number(text)? / 1000.0))
        .or_else(|| first(headers, ["retry-after"], |text| retry_after(text, now)))
        .or_else(|| reset(headers, now))
}

fn reset(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let dimensions = [REQUESTS, TOKENS].map(|dimension| {
        let is_exhausted = first(headers, dimension.remaining, |text| text.parse::<u64>().ok()) == Some(0);
        (is_exhausted, first(headers, dimension.reset, |text| reset_time(text, now)))
    });
    let exhausted = dimensions.iter().filter(|(is_exhausted, _)| *is_exhausted).filter_map(|(_, wait)| *wait).max();
    exhausted.or_else(|| dimensions.iter().filter_map(|(_, wait)| *wait).max())
}

/// The first header that is there and can be read.
fn first<T, const N: usize>(headers: &HeaderMap, names: [&str; N], read: impl Fn(&str) -> Option<T>) -> Option<T> {
    names.into_iter().find_map(|name| read(headers.get(name)?.to_str().ok()?.trim()))
}

/// Seconds, whole or not, or a date.
fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    match plain_number(text) {
        Some(seconds) => believed(seconds),
        None => until(jiff::fmt::rfc2822::parse(text).ok()?.timestamp(), now),
    }
}

/// A span such as `6m0s`, plain seconds, or Anthropic's point in time.
fn reset_time(text: &str, now: Timestamp) -> Option<Duration> {
    if let Some(seconds) = plain_number(text) {
        return believed(seconds);
    }
    go_duration(text).or_else(|| until(text.parse().ok()?, now))
}

/// A span as Go writes it: numbers with units, such as `1h2m3.5s` or `20ms`.
fn go_duration(text: &str) -> Option<Duration> {
    let mut seconds = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|sign: char| !sign.is_ascii_digit() && sign != '.')?);
        let (unit, after) = after.split_at(after.find(|sign: char| sign.is_ascii_digit()).unwrap_or(after.len()));
        let in_seconds = match unit {
            "d" => 86_400.0,
            "h" => 3_600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        seconds += plain_number(number)? * in_seconds;
        rest = after;
    }
    if text.is_empty() { None } else { believed(seconds) }
}

/// A non-negative decimal number without an exponent.
fn plain_number(text: &str) -> Option<f64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if is_plain { text.parse().ok() } else { None }
}

fn until(then: Timestamp, now: Timestamp) -> Option<Duration> {
    Duration::try_from(then.duration_since(now)).ok().filter(|wait| !wait.is_zero() && *wait <= LONGEST_PAUSE)
}

fn believed(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok().filter(|wait| *wait <= LONGEST_PAUSE)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
