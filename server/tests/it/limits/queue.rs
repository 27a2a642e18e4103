//! Waiting, and the ways out of it.

use std::time::Duration;

use futures::future::join_all;
use serde_json::json;
use tokio::time::Instant;

use super::{add_server, body, change_server, code, limited, rows, timed, until_waiting, waiting};
use crate::harness::{PATIENCE, TestGateway, send};

#[tokio::test]
async fn of_a_hundred_and_fifty_the_oldest_make_way_and_everybody_gets_an_answer() {
    let (upstream, gateway, key) = limited(
        "60",
        &["m=fake-small"],
        json!({"limits": {"requests_per_minute": 10}, "queue": {"length": 100, "deadline_ms": 4000}}),
    )
    .await;
    for _ in 0..10 {
        assert_eq!(gateway.chat(&key, &body("m")).await.status, 200);
    }
    // One after the other, so that it is known who is the oldest.
    let mut calls = Vec::new();
    for index in 0..140_u64 {
        let request = gateway.chat_request(&key, &body("m"));
        calls.push(tokio::spawn(send(request)));
        until_waiting(&gateway, (index + 1).min(100)).await;
        if index >= 100 {
            let evicted = &mut calls[usize::try_from(index - 100).unwrap()];
            let answer = tokio::time::timeout(PATIENCE, evicted).await.expect("the oldest is evicted").unwrap();
            assert_eq!((answer.status, code(&answer)), (503, "queue_evicted".to_owned()));
            assert!((1..=61).contains(&answer.header("retry-after").parse::<u64>().unwrap()));
        }
    }
    let late = join_all(calls.into_iter().skip(40)).await;
    let timed_out = late.iter().filter(|answer| answer.as_ref().unwrap().status == 504).count();
    println!("150 requests, a limit of 10 and a queue of 100: 10 answered, 40 evicted, {timed_out} timed out");
    assert_eq!(timed_out, 100);
    let rows = rows(&gateway, 150).await;
    let with = |outcome: &str| rows.iter().filter(|row| row["outcome"] == outcome).count();
    assert_eq!((with("completed"), with("queue_evicted"), with("queue_timeout")), (10, 40, 100));
    assert_eq!(upstream.ledger().calls(), 10);
    gateway.stop().await;
}

#[tokio::test]
async fn the_newest_is_refused_where_that_is_the_rule_and_nobody_waits_where_there_is_no_queue() {
    let limits = json!({"concurrency": 1});
    let full = json!({"limits": limits, "queue": {"length": 1, "overflow": "reject_newest"}});
    let (upstream, gateway, key) = limited("60", &["m=fake-small?latency_ms=60000"], full).await;
    let first = tokio::spawn(send(gateway.chat_request(&key, &body("m"))));
    assert!(upstream.ledger().wait_until(|counts| counts.active == 1, PATIENCE).await);
    let second = tokio::spawn(send(gateway.chat_request(&key, &body("m"))));
    until_waiting(&gateway, 1).await;
    let (answer, took) = timed(&gateway, &key, &body("m")).await;
    assert_eq!((answer.status, code(&answer)), (503, "queue_evicted".to_owned()));
    assert!(took < Duration::from_secs(1) && !answer.header("retry-after").is_empty());
    assert_eq!(waiting(&gateway).await, 1);

    let server = gateway.get("/api/servers").await.json()["rows"][0].clone();
    change_server(&gateway, &server, json!({"queue": {"length": 0}})).await;
    let evicted = tokio::time::timeout(PATIENCE, second).await.unwrap().unwrap();
    assert_eq!((evicted.status, code(&evicted)), (503, "queue_evicted".to_owned()));
    let answer = gateway.chat(&key, &body("m")).await;
    assert_eq!((answer.status, code(&answer)), (429, "rate_limit_exceeded".to_owned()));
    assert_eq!(answer.json()["error"]["type"], "rate_limit_error");
    assert!(!answer.header("retry-after").is_empty());
    first.abort();
    gateway.stop().await;
}

#[tokio::test]
async fn who_leaves_frees_its_place_at_once_and_never_goes_upstream() {
    let (upstream, gateway, key) =
        limited("60", &["m=fake-small?latency_ms=60000", "n=fake-small"], json!({"limits": {"concurrency": 1}})).await;
    let holder = tokio::spawn(send(gateway.chat_request(&key, &body("m"))));
    assert!(upstream.ledger().wait_until(|counts| counts.active == 1, PATIENCE).await);
    let leaver = tokio::spawn(send(gateway.chat_request(&key, &body("m"))));
    until_waiting(&gateway, 1).await;
    let began = Instant::now();
    leaver.abort();
    until_waiting(&gateway, 0).await;
    println!("who leaves the queue is out after {:?}", began.elapsed());
    // The place of the one that leaves in the middle of its call goes to the next.
    let next = tokio::spawn(send(gateway.chat_request(&key, &body("n"))));
    until_waiting(&gateway, 1).await;
    holder.abort();
    assert_eq!(tokio::time::timeout(PATIENCE, next).await.unwrap().unwrap().status, 200);
    assert_eq!(upstream.ledger().calls(), 2);
    let rows = rows(&gateway, 3).await;
    let left: Vec<_> = rows.iter().filter(|row| row["outcome"] == "client_closed").collect();
    assert_eq!(left.len(), 2);
    let waited = left.iter().find(|row| row["attempts"] == 0).unwrap();
    assert_eq!((&waited["server_id"], &waited["limited_by"]), (&json!(null), &json!("server_concurrency")));
    gateway.stop().await;
}

#[tokio::test]
async fn those_who_wait_for_a_server_that_goes_away_move_to_the_next_or_are_told() {
    let slow = &["m=fake-small?latency_ms=60000"];
    let (upstream, gateway, key) = limited("60", slow, json!({"limits": {"concurrency": 1}})).await;
    let holder = tokio::spawn(send(gateway.chat_request(&key, &body("m"))));
    assert!(upstream.ledger().wait_until(|counts| counts.active == 1, PATIENCE).await);
    let told = tokio::spawn(send(gateway.chat_request(&key, &body("m"))));
    until_waiting(&gateway, 1).await;
    let disabled = gateway.patch("/api/servers/1", json!({"enabled": false})).await;
    assert_eq!(disabled.status, 200);
    let answer = tokio::time::timeout(PATIENCE, told).await.unwrap().unwrap();
    assert_eq!((answer.status, code(&answer)), (503, "no_server_available".to_owned()));

    assert_eq!(gateway.patch("/api/servers/1", json!({"enabled": true})).await.status, 200);
    let other = sluice_fake_upstream::FakeUpstream::builder().start().await.unwrap();
    let models = &["m=fake-small", "slow=fake-small?latency_ms=60000"];
    add_server(&gateway, "other", &other, models, json!({"limits": {"concurrency": 1}})).await;
    let second_holder = tokio::spawn(send(gateway.chat_request(&key, &body("slow"))));
    assert!(other.ledger().wait_until(|counts| counts.active == 1, PATIENCE).await);
    let moved = tokio::spawn(send(gateway.chat_request(&key, &body("m"))));
    until_waiting(&gateway, 1).await;
    assert_eq!(gateway.delete("/api/servers/1").await.status, 204);
    // Now it waits at the other one.
    until_waiting(&gateway, 1).await;
    second_holder.abort();
    let answer = tokio::time::timeout(PATIENCE, moved).await.unwrap().unwrap();
    assert_eq!((answer.status, answer.header("x-sluice-server")), (200, "other"), "{}", answer.text());
    holder.abort();
    gateway.stop().await;
}

#[tokio::test]
async fn a_stop_sends_who_still_fits_and_tells_the_others() {
    let upstream = sluice_fake_upstream::FakeUpstream::builder().start().await.unwrap();
    let gateway = TestGateway::builder().setting("SLUICE_LIMITS__DRAIN_SECONDS", "2").start().await;
    add_server(
        &gateway,
        "fake",
        &upstream,
        &["m=fake-small?latency_ms=600"],
        json!({"limits": {"concurrency": 1, "requests_per_minute": 2}}),
    )
    .await;
    let key = gateway.issue_key("test", None).await;
    let holder = tokio::spawn(send(gateway.chat_request(&key, &body("m"))));
    assert!(upstream.ledger().wait_until(|counts| counts.active == 1, PATIENCE).await);
    let fits = tokio::spawn(send(gateway.chat_request(&key, &body("m"))));
    until_waiting(&gateway, 1).await;
    let told = tokio::spawn(send(gateway.chat_request(&key, &body("m"))));
    until_waiting(&gateway, 2).await;
    let folder = gateway.stop().await;
    assert_eq!(holder.await.unwrap().status, 200);
    assert_eq!(fits.await.unwrap().status, 200);
    let told = told.await.unwrap();
    assert_eq!((told.status, code(&told)), (503, "shutting_down".to_owned()));
    assert!(!told.header("retry-after").is_empty());
    drop(folder);
}

#[tokio::test]
async fn a_saturated_server_delays_no_other_model() {
    let (upstream, gateway, key) =
        limited("60", &["m=fake-small?latency_ms=60000"], json!({"limits": {"concurrency": 1}})).await;
    gateway.add_server("other", &upstream.base_url(), &["n=fake-small"]).await;
    let calls: Vec<_> = (0..20).map(|_| tokio::spawn(send(gateway.chat_request(&key, &body("m"))))).collect();
    until_waiting(&gateway, 19).await;
    let (answer, took) = timed(&gateway, &key, &body("n")).await;
    assert_eq!(answer.status, 200);
    assert!(took < Duration::from_secs(1), "{took:?}");
    calls.iter().for_each(tokio::task::JoinHandle::abort);
    gateway.stop().await;
}
