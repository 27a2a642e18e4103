//! What depends on earlier calls: errors that pass, and the upstream's own limits.

use std::time::{Duration, Instant};

use reqwest::Response;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use sluice_fake_upstream::{Counts, FakeUpstream};

use crate::client::{chat, client, plain, post, reaches, read_all, start, streamed};

fn header(headers: &HeaderMap, name: &str) -> String {
    headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

fn milliseconds(headers: &HeaderMap) -> u64 {
    header(headers, "retry-after-ms").parse().unwrap()
}

async fn statuses(upstream: &FakeUpstream, script: &str, times: usize) -> Vec<u16> {
    let mut statuses = Vec::new();
    for _ in 0..times {
        statuses.push(plain(upstream, script).await.unwrap().status().as_u16());
    }
    statuses
}

async fn error(response: Response) -> (u16, Value) {
    (response.status().as_u16(), response.json::<Value>().await.unwrap()["error"].take())
}

#[tokio::test]
async fn an_error_may_be_only_for_the_first_calls_of_a_model() {
    let upstream = start().await;
    let script = "status=503&retry_after=1&status_first=2";
    let first = plain(&upstream, script).await.unwrap();
    assert_eq!((first.status().as_u16(), header(first.headers(), "retry-after").as_str()), (503, "1"));
    assert_eq!(statuses(&upstream, script, 2).await, [503, 200]);
    let good = plain(&upstream, script).await.unwrap();
    assert!(good.headers().get("retry-after").is_none());
    assert!(good.json::<Value>().await.unwrap()["choices"].is_array());
    // Another text is another model.
    assert_eq!(statuses(&upstream, "status=503&status_first=1", 2).await, [503, 200]);
    assert_eq!(statuses(&upstream, "error_html=1&status_first=1", 2).await, [502, 200]);
    assert_eq!(statuses(&upstream, "status=500&status_first=0", 1).await, [200]);
}

#[tokio::test]
async fn requests_over_the_limit_are_refused_like_openai_does() {
    let upstream = start().await;
    let script = "rpm=2";
    for remaining in ["1", "0"] {
        let response = plain(&upstream, script).await.unwrap();
        let headers = response.headers();
        assert_eq!((response.status().as_u16(), header(headers, "x-ratelimit-limit-requests").as_str()), (200, "2"));
        assert_eq!(header(headers, "x-ratelimit-remaining-requests"), remaining);
        let reset = header(headers, "x-ratelimit-reset-requests");
        assert!(reset.ends_with('s') && (reset == "1m0s" || reset.starts_with("59.")), "{reset}");
        assert!(headers.get("x-ratelimit-limit-tokens").is_none() && headers.get("retry-after").is_none());
    }
    let response = plain(&upstream, script).await.unwrap();
    let headers = response.headers().clone();
    let wait = milliseconds(&headers);
    assert!((50_000..=60_000).contains(&wait), "{wait}");
    assert_eq!(header(&headers, "retry-after"), wait.div_ceil(1000).to_string());
    assert_eq!(header(&headers, "x-ratelimit-remaining-requests"), "0");
    let (status, error) = error(response).await;
    assert_eq!((status, &error["type"], &error["code"]), (429, &json!("requests"), &json!("rate_limit_exceeded")));
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("(RPM): Limit 2, Used 2, Requested 1. Please try again in "), "{message}");
    reaches(&upstream, |counts| *counts == Counts { calls: 3, completed: 3, limited: 1, ..Counts::default() }).await;
    assert_eq!(upstream.ledger().limited(), 1);
    assert_eq!(upstream.ledger().last_request().unwrap().status, Some(429));
    assert_eq!(statuses(&upstream, "rpm=2&chunks=1", 1).await, [200]);
}

#[tokio::test]
async fn tokens_of_prompt_and_answer_are_limited() {
    let upstream = start().await;
    // "Hello river" has 2 tokens.
    let script = "tpm=20&chunks=6&usage=final";
    let response = streamed(&upstream, script).await.unwrap();
    assert_eq!(header(response.headers(), "x-ratelimit-limit-tokens"), "20");
    assert_eq!(header(response.headers(), "x-ratelimit-remaining-tokens"), "12");
    assert!(response.headers().get("x-ratelimit-limit-requests").is_none());
    read_all(response).await;
    plain(&upstream, script).await.unwrap();
    let refused = plain(&upstream, script).await.unwrap();
    assert_eq!(header(refused.headers(), "x-ratelimit-remaining-tokens"), "4");
    let (status, refusal) = error(refused).await;
    assert_eq!((status, &refusal["type"]), (429, &json!("tokens")));
    let message = refusal["message"].as_str().unwrap();
    assert!(message.contains("(TPM): Limit 20, Used 16, Requested 8. "), "{message}");
    // What still fits is taken.
    let short = chat(script, json!({"max_tokens": 2}));
    assert_eq!(post(&upstream, "/chat/completions", &short).await.unwrap().status(), 200);
    assert_eq!(upstream.ledger().totals().prompt_tokens + upstream.ledger().totals().completion_tokens, 20);

    let input = json!({"model": "fake-embedding?tpm=3", "input": "twelve bytes", "dimensions": 2});
    for status in [200, 429] {
        assert_eq!(post(&upstream, "/embeddings", &input).await.unwrap().status(), status);
    }
}

#[tokio::test]
async fn a_request_that_never_fits_is_not_told_to_come_back() {
    let upstream = start().await;
    let response = plain(&upstream, "tpm=9").await.unwrap();
    let headers = response.headers();
    assert!(headers.get("retry-after").is_none() && headers.get("retry-after-ms").is_none());
    assert_eq!(header(headers, "x-ratelimit-remaining-tokens"), "9");
    assert_eq!(header(headers, "x-ratelimit-reset-tokens"), "0s");
    let (status, refusal) = error(response).await;
    assert_eq!((status, &refusal["code"]), (429, &json!("rate_limit_exceeded")));
    assert!(refusal["message"].as_str().unwrap().starts_with("Request too large for fake-small?tpm=9"), "{refusal}");
}

#[tokio::test]
async fn the_wait_that_is_told_is_enough() {
    let upstream = start().await;
    let script = "rpm=1&window_ms=2000&latency_ms=1";
    assert_eq!(statuses(&upstream, script, 1).await, [200]);
    let refused = plain(&upstream, script).await.unwrap();
    assert_eq!(refused.status(), 429);
    let wait = milliseconds(refused.headers());
    assert!((1..=2000).contains(&wait), "{wait}");
    // The time itself is what is tested.
    tokio::time::sleep(Duration::from_millis(wait)).await;
    assert_eq!(statuses(&upstream, script, 1).await, [200]);
}

#[tokio::test]
async fn no_window_has_more_than_the_limit_by_the_moments_of_the_ledger() {
    const LIMIT: usize = 5;
    const WINDOW: Duration = Duration::from_millis(50);
    let upstream = start().await;
    let client = client();
    let send = || {
        let body = chat("rpm=5&window_ms=50&chunks=1", json!({}));
        let request = client.post(format!("{}/chat/completions", upstream.base_url())).json(&body);
        async move { request.send().await.unwrap().bytes().await.unwrap() }
    };
    let began = Instant::now();
    // Bursts over several windows, until enough was refused for them to have been at the limit.
    while began.elapsed() < WINDOW * 10 || upstream.ledger().limited() < 20 {
        tokio::join!(send(), send(), send(), send(), send(), send(), send());
    }
    let requests = upstream.ledger().requests();
    let taken: Vec<_> =
        requests.iter().filter(|request| request.status == Some(200)).map(|request| request.received_at).collect();
    for pair in taken.windows(LIMIT + 1) {
        assert!(pair[LIMIT] - pair[0] >= WINDOW, "{:?}", pair[LIMIT] - pair[0]);
    }
    assert!(taken.len() > LIMIT);
}

#[tokio::test]
async fn a_call_counts_whatever_becomes_of_it_and_a_refused_one_does_not() {
    let upstream = start().await;
    assert!(plain(&upstream, "rpm=1&reset=1").await.is_err());
    assert_eq!(statuses(&upstream, "rpm=1&reset=1", 1).await, [429]);
    assert_eq!(statuses(&upstream, "rpm=2&status=500&status_first=1", 4).await, [500, 200, 429, 429]);
    let wrong = json!({"model": "fake-small?rpm=1", "messages": "no list"});
    for status in [400, 429] {
        assert_eq!(post(&upstream, "/chat/completions", &wrong).await.unwrap().status(), status);
    }
}

#[tokio::test]
async fn a_refusal_comes_at_once_even_if_answers_take_long() {
    let upstream = start().await;
    let script = "rpm=1&hang=1";
    let hanging = plain(&upstream, script);
    let refused = async {
        reaches(&upstream, |counts| counts.active == 1).await;
        // The first call is in the ledger before it is decided; it may be this one that hangs.
        plain(&upstream, script).await.unwrap().status()
    };
    tokio::select! {
        answer = hanging => assert_eq!(answer.unwrap().status(), 429),
        status = refused => assert_eq!(status, 429),
    }
}

#[tokio::test]
async fn true_numbers_replace_those_of_ratelimit() {
    let upstream = start().await;
    let response = plain(&upstream, "ratelimit=1&rpm=4").await.unwrap();
    assert_eq!(header(response.headers(), "x-ratelimit-remaining-requests"), "3");
    assert_eq!(header(response.headers(), "x-ratelimit-limit-tokens"), "200000");
}

#[tokio::test]
async fn clearing_the_ledger_opens_no_window() {
    let upstream = start().await;
    assert_eq!(statuses(&upstream, "rpm=1", 1).await, [200]);
    upstream.ledger().clear();
    assert_eq!(statuses(&upstream, "rpm=1", 1).await, [429]);
    reaches(&upstream, |counts| counts.limited == 1 && counts.calls == 1).await;
}
