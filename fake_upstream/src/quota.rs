//! How the upstream's own limits show in an answer: OpenAI's 429, and the headers that tell what is left.

use std::time::Duration;

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue, RETRY_AFTER};

use crate::window::{Refusal, Room, Standing};

const RETRY_AFTER_MS: HeaderName = HeaderName::from_static("retry-after-ms");
/// Limit, what remains, when all of it is free again.
const REQUESTS: [HeaderName; 3] = [
    HeaderName::from_static("x-ratelimit-limit-requests"),
    HeaderName::from_static("x-ratelimit-remaining-requests"),
    HeaderName::from_static("x-ratelimit-reset-requests"),
];
const TOKENS: [HeaderName; 3] = [
    HeaderName::from_static("x-ratelimit-limit-tokens"),
    HeaderName::from_static("x-ratelimit-remaining-tokens"),
    HeaderName::from_static("x-ratelimit-reset-tokens"),
];

/// Writes what is left of the limits.
pub(crate) fn write_standing(headers: &mut HeaderMap, standing: &Standing) {
    for (names, room) in [(REQUESTS, standing.requests), (TOKENS, standing.tokens)] {
        let (Some(room), [limit, remaining, reset]) = (room, names) else { continue };
        let Room { limit: granted, remaining: left, reset: wait } = room;
        headers.insert(limit, HeaderValue::from(granted));
        headers.insert(remaining, HeaderValue::from(left));
        if let Ok(value) = HeaderValue::from_str(&duration_text(wait)) {
            headers.insert(reset, value);
        }
    }
}

/// Writes when to come back, unless that helps nothing.
pub(crate) fn write_retry(headers: &mut HeaderMap, refusal: &Refusal) {
    let Some(wait) = refusal.retry_after else { return };
    let milliseconds = whole_milliseconds(wait);
    headers.insert(RETRY_AFTER, HeaderValue::from(milliseconds.div_ceil(1000)));
    headers.insert(RETRY_AFTER_MS, HeaderValue::from(milliseconds));
}

/// A duration as OpenAI writes it (`20ms`, `1s`, `8.64s`, `6m0s`, `1h0m0s`), rounded up to milliseconds.
pub(crate) fn duration_text(duration: Duration) -> String {
    let milliseconds = whole_milliseconds(duration);
    if (1..1000).contains(&milliseconds) {
        return format!("{milliseconds}ms");
    }
    let (minutes, rest) = (milliseconds / 60_000, milliseconds % 60_000);
    let front = match (minutes / 60, minutes % 60) {
        (0, 0) => String::new(),
        (0, minutes) => format!("{minutes}m"),
        (hours, minutes) => format!("{hours}h{minutes}m"),
    };
    let seconds = format!("{}.{:03}", rest / 1000, rest % 1000);
    format!("{front}{}s", seconds.trim_end_matches('0').trim_end_matches('.'))
}

fn whole_milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::Limit;

    #[test]
    fn durations_are_written_like_openai_does() {
        let written = [
            (0, "0s"),
            (20_000, "20ms"),
            (999_001, "1s"),
            (1_000_000, "1s"),
            (8_640_000, "8.64s"),
            (10_000_000, "10s"),
            (60_000_000, "1m0s"),
            (90_500_000, "1m30.5s"),
            (360_000_000, "6m0s"),
            (600_000_000, "10m0s"),
            (3_600_000_000, "1h0m0s"),
        ];
        for (microseconds, text) in written {
            assert_eq!(duration_text(Duration::from_micros(microseconds)), text);
        }
    }

    #[test]
    fn nobody_is_told_to_come_back_too_early_or_in_vain() {
        let told = |retry_after| {
            let mut headers = HeaderMap::new();
            let refusal = Refusal { limit: Limit::Requests, granted: 1, used: 1, requested: 1, retry_after };
            write_retry(&mut headers, &refusal);
            ["retry-after", "retry-after-ms"]
                .map(|name| headers.get(name).and_then(|value| value.to_str().ok()).map(String::from))
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(told(Some(Duration::from_micros(1_000_001))), [some("2"), some("1001")]);
        assert_eq!(told(Some(Duration::from_millis(1))), [some("1"), some("1")]);
        assert_eq!(told(None), [None, None]);
    }
}
