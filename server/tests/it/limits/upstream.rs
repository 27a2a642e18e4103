//! The upstream's own word about its limits.

use std::time::Duration;

use futures::future::join_all;
use serde_json::json;

use super::{add_server, body, limited, rows, timed, until_waiting};
use crate::harness::{PATIENCE, TestGateway, send};

#[tokio::test]
async fn a_refusal_with_a_time_closes_the_server_until_then_and_the_request_goes_again() {
    let (upstream, gateway, key) =
        limited("60", &["m=fake-small?status=429&status_first=1&retry_after=2", "n=fake-small"], json!({})).await;
    let request = body("m");
    let first = tokio::spawn(send(gateway.chat_request(&key, &request)));
    until_waiting(&gateway, 1).await;
    let state = gateway.get("/api/servers/1/limits").await.json();
    assert!((1..=2000).contains(&state["paused_ms"].as_u64().unwrap()), "{state}");
    // Another model of the same server waits too, and in the queue, not in retries.
    let (other, took) = timed(&gateway, &key, &body("n")).await;
    assert_eq!(other.status, 200);
    assert!((Duration::from_millis(500)..Duration::from_secs(3)).contains(&took), "{took:?}");
    let answer = tokio::time::timeout(PATIENCE, first).await.unwrap().unwrap();
    assert_eq!((answer.status, answer.header("x-sluice-attempts")), (200, "2"));
    let waited: u64 = answer.header("x-sluice-queue-ms").parse().unwrap();
    assert!((1900..3000).contains(&waited), "{waited}");
    assert_eq!(upstream.ledger().calls(), 3);
    let rows = rows(&gateway, 2).await;
    assert!(rows.iter().all(|row| row["limited_by"] == "server_pause" && row["outcome"] == "completed"), "{rows:?}");
    gateway.stop().await;
}

#[tokio::test]
async fn a_refusal_that_waiting_does_not_help_comes_back_as_it_was() {
    let upstream = sluice_fake_upstream::FakeUpstream::builder().start().await.unwrap();
    let gateway = TestGateway::builder().setting("SLUICE_LIMITS__PAUSE_RETRIES", "1").start().await;
    let models = [
        "plain=fake-small?status=429",
        "long=fake-small?status=429&retry_after=600",
        "again=fake-small?status=429&retry_after=1",
    ];
    add_server(&gateway, "fake", &upstream, &models, json!({"queue": {"deadline_ms": 5000}})).await;
    let key = gateway.issue_key("test", None).await;
    let (plain, took) = timed(&gateway, &key, &body("plain")).await;
    assert_eq!((plain.status, plain.header("x-sluice-attempts"), plain.header("retry-after")), (429, "1", ""));
    assert!(took < Duration::from_secs(1));
    let (again, took) = timed(&gateway, &key, &body("again")).await;
    assert_eq!((again.status, again.header("x-sluice-attempts"), again.header("retry-after")), (429, "2", "1"));
    assert!((Duration::from_secs(1)..Duration::from_secs(3)).contains(&took), "{took:?}");
    // Longer than the queue's deadline: nobody waits in vain.
    let (long, _) = timed(&gateway, &key, &body("long")).await;
    assert_eq!((long.status, long.header("x-sluice-attempts"), long.header("retry-after")), (429, "1", "600"));
    let paused = gateway.get("/api/servers/1/limits").await.json()["paused_ms"].as_u64().unwrap();
    assert!((200_000..=300_000).contains(&paused), "a pause has its longest: {paused}");
    gateway.stop().await;
}

#[tokio::test]
async fn what_the_upstream_says_about_its_limits_is_shown() {
    let (upstream, gateway, key) = limited("60", &["m=fake-small?ratelimit=1"], json!({})).await;
    assert_eq!(gateway.get("/api/servers/1/limits").await.json()["upstream"], json!(null));
    let answer = gateway.chat(&key, &body("m")).await;
    // Where Sluice has no limit of its own, the upstream's headers pass.
    let limit: u64 = answer.header("x-ratelimit-limit-requests").parse().unwrap();
    let shown = gateway.get("/api/servers/1/limits").await.json()["upstream"].clone();
    assert_eq!(shown["limit_requests"], limit, "{shown}");
    assert!(shown["remaining_requests"].is_u64() && shown["seen_at_ms"].is_i64(), "{shown}");
    drop(upstream);
    gateway.stop().await;
}

#[tokio::test]
async fn an_upstream_with_a_smaller_limit_slows_everybody_down_and_fails_nobody() {
    let upstream = sluice_fake_upstream::FakeUpstream::builder().start().await.unwrap();
    let gateway = TestGateway::builder().setting("SLUICE_LIMITS__PAUSE_RETRIES", "20").start().await;
    let queue = json!({"queue": {"deadline_ms": 30_000}});
    add_server(&gateway, "fake", &upstream, &["m=fake-small?rpm=8&window_ms=1500"], queue).await;
    let key = gateway.issue_key("test", None).await;
    let request = body("m");
    let answers = join_all((0..20).map(|_| gateway.chat(&key, &request))).await;
    let good = answers.iter().filter(|answer| answer.status == 200).count();
    println!("an upstream that grants 8 in 1.5 s: {good} of 20 answered after {} calls", upstream.ledger().calls());
    assert_eq!(good, 20);
    gateway.stop().await;
}

#[tokio::test]
async fn a_refused_request_goes_to_another_server_with_room_or_waits_where_it_was_refused() {
    let (first, gateway, key) =
        limited("60", &["m=fake-small?status=429&status_first=1&retry_after=20"], json!({})).await;
    let second = sluice_fake_upstream::FakeUpstream::builder().start().await.unwrap();
    add_server(&gateway, "second", &second, &["m=fake-small?status=429&status_first=2&retry_after=1"], json!({})).await;
    // Refused at the first, refused at the second, and then sent where it was refused for the shorter time.
    let (answer, took) = timed(&gateway, &key, &body("m")).await;
    assert_eq!((answer.status, answer.header("x-sluice-server")), (200, "second"), "{}", answer.text());
    assert_eq!((first.ledger().calls(), second.ledger().calls()), (1, 3));
    assert!((Duration::from_secs(2)..Duration::from_secs(10)).contains(&took), "{took:?}");
    gateway.stop().await;
}

#[tokio::test]
async fn an_upstream_that_refuses_and_says_at_once_is_not_stormed() {
    let (upstream, gateway, key) =
        limited("60", &["m=fake-small?status=429&retry_after=0"], json!({"queue": {"deadline_ms": 1800}})).await;
    let (answer, _) = timed(&gateway, &key, &body("m")).await;
    assert_eq!(answer.status, 429);
    assert!((2..=4).contains(&upstream.ledger().calls()), "{} calls", upstream.ledger().calls());
    gateway.stop().await;
}

#[tokio::test]
async fn tokens_stay_charged_where_the_upstream_worked_and_are_given_back_where_it_did_not() {
    let models = [
        "event=fake-small?error_event_after=3&usage=none",
        "cut=fake-small?cut_after=3",
        "refused=fake-small?status=429&retry_after=1",
        "error=fake-small?status=500",
        "done=fake-small?usage=none",
    ];
    let (upstream, gateway, _) = limited("60", &models, json!({"queue": {"deadline_ms": 1500}})).await;
    let app = gateway.post("/api/apps", json!({"name": "app", "limits": {"tokens_per_minute": 100_000}})).await.json();
    let key = gateway.post("/api/keys", json!({"name": "k", "app_id": app["id"]})).await.json();
    let secret = key["key"].as_str().unwrap();
    let path = format!("/api/apps/{}/limits", app["id"]);
    let mut used = 0;
    for (model, stays) in [("event", true), ("cut", true), ("refused", false), ("error", false), ("done", true)] {
        let request = json!({"model": model, "stream": true, "max_tokens": 1000,
            "messages": [{"role": "user", "content": "hello"}]});
        let call = gateway.request(http::Method::POST, "/v1/chat/completions").bearer_auth(secret).json(&request);
        if let Ok(response) = call.send().await {
            // A stream that was cut ends in an error.
            drop(response.bytes().await);
        }
        let expected = if stays { used + 1000..used + 1100 } else { used..used + 1 };
        let settled = crate::harness::eventually(PATIENCE, || async {
            let state = gateway.get(&path).await.json();
            state["concurrency"]["used"] == 0 && expected.contains(&state["tokens"]["used"].as_u64().unwrap())
        });
        assert!(settled.await, "{model}: {} and not {expected:?}", gateway.get(&path).await.text());
        used = gateway.get(&path).await.json()["tokens"]["used"].as_u64().unwrap();
    }
    drop(upstream);
    gateway.stop().await;
}
