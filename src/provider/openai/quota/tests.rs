use http::{HeaderName, HeaderValue};
use proptest::prelude::*;

use super::*;

/// Headers, and the milliseconds that they ask for.
type Case = (&'static [(&'static str, &'static str)], Option<u64>);

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())).collect()
}

fn now() -> Timestamp {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

#[test]
fn reads_what_an_upstream_grants() {
    let openai = headers(&[
        ("x-ratelimit-limit-requests", "10000"),
        ("x-ratelimit-remaining-requests", " 9999 "),
        ("x-ratelimit-limit-tokens", "2000000"),
        ("x-ratelimit-remaining-tokens", "0"),
    ]);
    let expected = UpstreamQuota {
        limit_requests: Some(10_000),
        remaining_requests: Some(9_999),
        limit_tokens: Some(2_000_000),
        remaining_tokens: Some(0),
        seen_at_ms: 5,
    };
    assert_eq!(quota(&openai, 5), Some(expected));

    let anthropic = headers(&[
        ("anthropic-ratelimit-requests-limit", "50"),
        ("anthropic-ratelimit-requests-remaining", "49"),
        ("anthropic-ratelimit-tokens-limit", "80000"),
        ("anthropic-ratelimit-tokens-remaining", "79000"),
    ]);
    let expected = UpstreamQuota {
        limit_requests: Some(50),
        remaining_requests: Some(49),
        limit_tokens: Some(80_000),
        remaining_tokens: Some(79_000),
        seen_at_ms: 6,
    };
    assert_eq!(quota(&anthropic, 6), Some(expected));
}

#[test]
fn what_is_no_count_is_not_said() {
    let odd = headers(&[
        ("x-ratelimit-limit-requests", "-1"),
        ("x-ratelimit-remaining-requests", "many"),
        ("x-ratelimit-limit-tokens", "1.5"),
        ("x-ratelimit-remaining-tokens", "99999999999999999999999"),
        ("x-ratelimit-reset-tokens", "1s"),
    ]);
    assert_eq!(quota(&odd, 5), None);
    assert_eq!(quota(&HeaderMap::new(), 5), None);
    let half = headers(&[("x-ratelimit-limit-requests", "-1"), ("x-ratelimit-remaining-tokens", "7")]);
    assert_eq!(quota(&half, 5).unwrap().remaining_tokens, Some(7));
}

#[test]
fn reads_for_how_long_to_pause() {
    const REQUESTS: &str = "x-ratelimit-reset-requests";
    const TOKENS: &str = "x-ratelimit-reset-tokens";
    let cases: &[Case] = &[
        (&[], None),
        (&[("retry-after-ms", "1500")], Some(1_500)),
        (&[("retry-after-ms", "12.5")], Some(12)),
        (&[("retry-after-ms", "250"), ("retry-after", "1")], Some(250)),
        (&[("retry-after-ms", "x"), ("retry-after", "1")], Some(1_000)),
        (&[("retry-after-ms", "-5"), ("retry-after", "1")], Some(1_000)),
        (&[("retry-after", "20")], Some(20_000)),
        (&[("retry-after", "0")], Some(0)),
        (&[("retry-after", "0.25")], Some(250)),
        (&[("retry-after", "Fri, 20 Nov 2026 12:00:30 GMT")], Some(30_000)),
        (&[("retry-after", "Fri, 20 Nov 2026 11:59:59 GMT")], None),
        (&[("retry-after", "Fri, 20 Nov 2026 11:59:59 GMT"), (REQUESTS, "2s")], Some(2_000)),
        (&[("retry-after", "-1")], None),
        (&[("retry-after", "1e3")], None),
        (&[("retry-after", "inf")], None),
        (&[("retry-after", "NaN")], None),
        (&[("retry-after", ".")], None),
        (&[("retry-after", "")], None),
        (&[("retry-after", "soon")], None),
        (&[("retry-after", "1795000000")], None),
        (&[("retry-after", "99999999999999999999999999")], None),
        (&[("retry-after", "20"), (REQUESTS, "1h")], Some(20_000)),
        (&[(REQUESTS, "1s")], Some(1_000)),
        (&[(REQUESTS, "6m0s")], Some(360_000)),
        (&[(REQUESTS, "20ms")], Some(20)),
        (&[(REQUESTS, "1h2m3.5s")], Some(3_723_500)),
        (&[(REQUESTS, "1d")], Some(86_400_000)),
        (&[(REQUESTS, "7.66s")], Some(7_660)),
        (&[(REQUESTS, "59")], Some(59_000)),
        (&[(REQUESTS, "s")], None),
        (&[(REQUESTS, "1x")], None),
        (&[(REQUESTS, "1s2")], None),
        (&[(REQUESTS, "-1s")], None),
        (&[(REQUESTS, "1..5s")], None),
        (&[(REQUESTS, "99999999h")], None),
        (&[(REQUESTS, "1s"), (TOKENS, "6m0s")], Some(360_000)),
        (&[(REQUESTS, "1s"), (TOKENS, "6m0s"), ("x-ratelimit-remaining-requests", "0")], Some(1_000)),
        (&[(REQUESTS, "9m"), (TOKENS, "2s"), ("x-ratelimit-remaining-tokens", "0")], Some(2_000)),
        (
            &[
                (REQUESTS, "1s"),
                (TOKENS, "2s"),
                ("x-ratelimit-remaining-requests", "0"),
                ("x-ratelimit-remaining-tokens", "0"),
            ],
            Some(2_000),
        ),
        (&[(TOKENS, "3s"), ("x-ratelimit-remaining-requests", "0")], Some(3_000)),
        (&[("anthropic-ratelimit-requests-reset", "2026-11-20T12:01:00Z")], Some(60_000)),
        (&[("anthropic-ratelimit-requests-reset", "2026-11-20T11:00:00Z")], None),
    ];
    for (pairs, expected) in cases {
        let wait = pause(&headers(pairs), now());
        let in_ms = wait.map(|wait| u64::try_from(wait.as_millis()).unwrap());
        assert_eq!(in_ms, *expected, "{pairs:?}");
    }
}

#[test]
fn bytes_that_are_no_text_are_not_said() {
    let mut odd = HeaderMap::new();
    for name in ["retry-after", "x-ratelimit-limit-tokens", "x-ratelimit-reset-tokens"] {
        odd.insert(name, HeaderValue::from_bytes(b"\xff5").unwrap());
    }
    assert_eq!((quota(&odd, 0), pause(&odd, now())), (None, None));
}

proptest! {
    #[test]
    fn reading_never_panics(text in prop_oneof!["[ -~]{0,40}", "[0-9.hmsnud-]{0,30}", "[0-9TZ:,. A-Za-z+-]{0,40}"]) {
        let value = HeaderValue::from_str(&text).unwrap();
        for name in ["retry-after-ms", "retry-after", "x-ratelimit-reset-tokens", "x-ratelimit-limit-tokens"] {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.clone());
            quota(&headers, i64::MAX);
            for now in [Timestamp::MIN, now(), Timestamp::MAX] {
                prop_assert!(pause(&headers, now).is_none_or(|wait| wait <= LONGEST_PAUSE));
            }
        }
    }
}
