//! Requests and tokens per window.

use std::time::Duration;

use futures::future::join_all;
use serde_json::json;
use tokio::time::Instant;

use super::{body, change_server, code, limited, rows, timed, until_waiting};
use crate::harness::TestGateway;

#[tokio::test]
async fn the_request_over_the_limit_waits_for_the_window_and_is_answered() {
    let (upstream, gateway, key) =
        limited("2", &["m=fake-small"], json!({"limits": {"requests_per_minute": 10}})).await;
    let began = Instant::now();
    for count in 1..=10_u64 {
        let (answer, took) = timed(&gateway, &key, &body("m")).await;
        assert_eq!((answer.status, answer.header("x-sluice-queue-ms")), (200, "0"), "{}", answer.text());
        assert_eq!(answer.header("x-ratelimit-limit-requests"), "10");
        assert_eq!(answer.header("x-ratelimit-remaining-requests"), (10 - count).to_string());
        assert!(answer.header("x-ratelimit-reset-requests").ends_with('s'));
        assert!(took < Duration::from_secs(1));
    }
    let filled = began.elapsed();
    let (answer, _) = timed(&gateway, &key, &body("m")).await;
    let answered = began.elapsed();
    println!("RPM=10 in 2 s: filled after {filled:?}, the 11th answered after {answered:?}");
    assert_eq!((answer.status, answer.header("x-sluice-server")), (200, "fake"));
    assert!((Duration::from_secs(2)..Duration::from_secs(3)).contains(&answered), "{answered:?}");
    let waited: u64 = answer.header("x-sluice-queue-ms").parse().unwrap();
    assert!((500..2500).contains(&waited), "{waited}");
    let newest = &rows(&gateway, 11).await[0];
    assert_eq!(newest["limited_by"], "server_requests");
    assert!(newest["queue_ms"].as_u64().unwrap().abs_diff(waited) <= 5, "{newest}");
    drop(upstream);
    gateway.stop().await;
}

#[tokio::test]
async fn with_a_deadline_of_two_seconds_the_answer_comes_after_two_seconds_and_not_before() {
    let queue = json!({"limits": {"requests_per_minute": 10}, "queue": {"deadline_ms": 2000}});
    let (upstream, gateway, key) = limited("60", &["m=fake-small"], queue).await;
    for _ in 0..10 {
        assert_eq!(gateway.chat(&key, &body("m")).await.status, 200);
    }
    let (answer, took) = timed(&gateway, &key, &body("m")).await;
    println!("deadline of 2 s: answered after {took:?}");
    assert_eq!((answer.status, code(&answer)), (504, "queue_timeout".to_owned()));
    assert_eq!(answer.header("x-should-retry"), "false");
    assert!((Duration::from_secs(2)..Duration::from_millis(2500)).contains(&took), "{took:?}");
    assert_eq!(answer.header("x-ratelimit-limit-requests"), "10");
    assert_eq!(answer.header("x-ratelimit-remaining-requests"), "0");
    assert!(answer.header("x-sluice-queue-ms").parse::<u64>().unwrap() >= 2000);
    assert_eq!(upstream.ledger().calls(), 10);
    let newest = &rows(&gateway, 11).await[0];
    assert_eq!((newest["outcome"].as_str(), newest["status"].as_u64()), (Some("queue_timeout"), Some(504)));
    assert_eq!((newest["attempts"].as_u64(), newest["limited_by"].as_str()), (Some(0), Some("server_requests")));
    gateway.stop().await;
}

#[tokio::test]
async fn tokens_are_reserved_settled_and_waited_for() {
    let (upstream, gateway, key) =
        limited("3", &["m=fake-small?chunks=20"], json!({"limits": {"tokens_per_minute": 1000}})).await;
    // Reserved are about 900 and used about 20: what is not used is given back at once.
    let mut large = body("m");
    large["max_tokens"] = json!(900);
    let began = Instant::now();
    for _ in 0..5 {
        let (answer, took) = timed(&gateway, &key, &large).await;
        assert_eq!((answer.status, answer.header("x-ratelimit-limit-tokens")), (200, "1000"), "{}", answer.text());
        assert!(took < Duration::from_secs(1), "{took:?}");
    }
    assert!(began.elapsed() < Duration::from_secs(2));
    // Several at once cannot pass on what is left: their reservations count before they are sent.
    let both = join_all([timed(&gateway, &key, &large), timed(&gateway, &key, &large)]).await;
    assert!(both.iter().all(|(answer, _)| answer.status == 200));
    // An answer that is larger than was expected is charged in full, and the next one waits for the window.
    let server = gateway.get("/api/servers").await.json()["rows"][0].clone();
    let models = json!({"models": [{"name": "m", "upstream_name": "fake-small?chunks=1500"}]});
    change_server(&gateway, &server, models).await;
    let (_, took) = timed(&gateway, &key, &body("m")).await;
    assert!(took < Duration::from_secs(1), "{took:?}");
    let charged = Instant::now();
    let (answer, _) = timed(&gateway, &key, &body("m")).await;
    let waited = charged.elapsed();
    println!("TPM=1000 in 3 s: after an answer of 1500 tokens the next one waited {waited:?}");
    assert!((Duration::from_millis(2900)..Duration::from_secs(4)).contains(&waited), "{waited:?}");
    assert_eq!(answer.status, 200);
    let newest = &rows(&gateway, 9).await[0];
    assert_eq!(newest["limited_by"], "server_tokens");
    drop(upstream);
    gateway.stop().await;
}

#[tokio::test]
async fn a_request_that_never_fits_is_refused_at_once() {
    let (upstream, gateway, key) =
        limited("60", &["m=fake-small"], json!({"limits": {"tokens_per_minute": 100}})).await;
    let mut large = body("m");
    large["max_tokens"] = json!(5000);
    let (answer, took) = timed(&gateway, &key, &large).await;
    assert_eq!((answer.status, code(&answer)), (400, "tokens_exceed_limit".to_owned()));
    assert!(answer.text().contains("100 tokens"), "{}", answer.text());
    assert!(took < Duration::from_secs(1));
    // What is only a guess does not refuse anybody.
    assert_eq!(gateway.chat(&key, &body("m")).await.status, 200);
    assert_eq!(upstream.ledger().calls(), 1);
    assert_eq!(rows(&gateway, 2).await[1]["outcome"], "rejected");
    gateway.stop().await;
}

#[tokio::test]
async fn of_sixty_at_once_ten_go_and_the_others_wait() {
    let (upstream, gateway, key) = limited(
        "60",
        &["m=fake-small"],
        json!({"limits": {"requests_per_minute": 10}, "queue": {"deadline_ms": 1500}}),
    )
    .await;
    let request = body("m");
    let answers = join_all((0..60).map(|_| gateway.chat(&key, &request))).await;
    let with = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((with(200), with(504)), (10, 50));
    assert_eq!(upstream.ledger().calls(), 10);
    gateway.stop().await;
}

#[tokio::test]
async fn when_the_window_frees_those_who_fit_are_sent_at_once() {
    let (upstream, gateway, key) =
        limited("3", &["m=fake-small"], json!({"limits": {"requests_per_minute": 40}})).await;
    let request = body("m");
    let began = Instant::now();
    for _ in 0..40 {
        assert_eq!(gateway.chat(&key, &request).await.status, 200);
    }
    let first = upstream.ledger().requests()[0].received_at;
    let answers = join_all((0..40).map(|_| gateway.chat(&key, &request))).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    let requests = upstream.ledger().requests();
    // Each one could go a window after the one whose place it took.
    let mut late: Vec<Duration> = (40..80)
        .map(|index| {
            let due = requests[index - 40].received_at + Duration::from_secs(3);
            requests[index].received_at.saturating_duration_since(due)
        })
        .collect();
    late.sort_unstable();
    let (median, high, most) = (late[20], late[38], late[39]);
    println!("after the window frees: sent {median:?} later in the median, {high:?} at 95 %, {most:?} at most");
    assert!(high < Duration::from_secs(1), "{late:?}");
    for index in 40..80 {
        let apart = requests[index].received_at.duration_since(requests[index - 40].received_at);
        assert!(apart >= Duration::from_secs(3), "{index}: more than the limit in {apart:?}");
    }
    assert!(first.elapsed() >= Duration::from_secs(3) && began.elapsed() < Duration::from_secs(8));
    gateway.stop().await;
}

/// The upstream keeps its own exact window and would refuse with 429.
#[tokio::test]
async fn an_upstream_with_the_same_limit_never_has_to_refuse() {
    let (upstream, gateway, key) = limited(
        "1",
        &["m=fake-small?rpm=20&window_ms=1000&chunk_delay_ms=5"],
        json!({"limits": {"requests_per_minute": 20}}),
    )
    .await;
    let request = body("m");
    let answers = join_all((0..90).map(|_| gateway.chat(&key, &request))).await;
    let refused = answers.iter().filter(|answer| answer.status != 200).count();
    assert_eq!((refused, upstream.ledger().calls()), (0, 90));
    assert!(answers.iter().all(|answer| answer.header("x-sluice-attempts") == "1"));
    gateway.stop().await;
}

#[tokio::test]
async fn a_raised_limit_lets_those_who_wait_go_at_once() {
    let (upstream, gateway, key) =
        limited("60", &["m=fake-small"], json!({"limits": {"requests_per_minute": 1}})).await;
    assert_eq!(gateway.chat(&key, &body("m")).await.status, 200);
    let server = gateway.get("/api/servers").await.json()["rows"][0].clone();
    let request = body("m");
    let sending = async { join_all((0..3).map(|_| timed(&gateway, &key, &request))).await };
    let raising = async {
        until_waiting(&gateway, 3).await;
        change_server(&gateway, &server, json!({"limits": {"requests_per_minute": 4}})).await;
        Instant::now()
    };
    let (answers, lifted_at) = tokio::join!(sending, raising);
    assert!(answers.iter().all(|(answer, _)| answer.status == 200));
    assert!(lifted_at.elapsed() < Duration::from_secs(2));
    drop(upstream);
    gateway.stop().await;
}

#[tokio::test]
async fn a_restart_does_not_reopen_the_window() {
    let settings = json!({"limits": {"requests_per_minute": 3}, "queue": {"deadline_ms": 500}});
    let (upstream, gateway, key) = limited("60", &["m=fake-small"], settings).await;
    for _ in 0..3 {
        assert_eq!(gateway.chat(&key, &body("m")).await.status, 200);
    }
    let folder = gateway.stop().await;
    let gateway = TestGateway::builder().start_in(folder).await;
    assert_eq!(gateway.chat(&key, &body("m")).await.status, 504);
    assert_eq!(gateway.get("/api/limits").await.json()["rows"][0]["state"]["requests"]["used"], 3);
    assert_eq!(upstream.ledger().calls(), 3);
    gateway.stop().await;
}
