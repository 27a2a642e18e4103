//! `/metrics`: who may read it, and whether its numbers are right.

use http::Method;
use serde_json::json;
use sluice_fake_upstream::FakeUpstream;

use crate::harness::{Answer, PATIENCE, TestGateway, eventually, send};

/// The value of a series; the name is everything in front of the value.
fn value(text: &str, series: &str) -> Option<f64> {
    let line = text.lines().find(|line| line.rsplit_once(' ').is_some_and(|(name, _)| name == series))?;
    line.rsplit(' ').next()?.parse().ok()
}

async fn metrics(gateway: &TestGateway) -> Answer {
    gateway.get("/metrics").await
}

#[tokio::test]
async fn counts_requests_by_outcome_and_tokens_by_kind() {
    let upstream = FakeUpstream::builder().start().await.unwrap();
    let gateway = TestGateway::builder().start().await;
    gateway.add_server("fake", &upstream.base_url(), &["good=fake-small", "bad=fake-small?status=500"]).await;
    let key = gateway.issue_key("test", None).await;
    let before = metrics(&gateway).await;
    assert_eq!((before.status, before.header("cache-control")), (200, "no-store"));
    assert!(before.header("content-type").starts_with("text/plain; version=0.0.4"));
    let before = before.text();
    // Every series is there from the start, at 0.
    for outcome in ["completed", "upstream_error", "client_closed", "rejected", "interrupted"] {
        let series = format!("sluice_requests_total{{outcome=\"{outcome}\"}}");
        assert_eq!(value(&before, &series), Some(0.0), "{before}");
    }
    for (model, status) in [("good", 200), ("good", 200), ("bad", 500), ("nonsense", 404)] {
        let body = json!({ "model": model, "messages": [{ "role": "user", "content": "hello" }] });
        assert_eq!(gateway.chat(&key, &body).await.status, status);
    }
    let unknown = json!({ "model": "good", "messages": [] });
    assert_eq!(gateway.chat("sk-sluice-wrong", &unknown).await.status, 401);

    let is_written =
        || async { value(&metrics(&gateway).await.text(), "sluice_usage_rows_written_total") == Some(4.0) };
    assert!(eventually(PATIENCE, is_written).await, "{}", metrics(&gateway).await.text());
    let text = metrics(&gateway).await.text();
    let totals = upstream.ledger().totals();
    let float = |number: u64| f64::from(u32::try_from(number).unwrap());
    for (series, expected) in [
        ("sluice_requests_total{outcome=\"completed\"}", 2.0),
        ("sluice_requests_total{outcome=\"upstream_error\"}", 1.0),
        ("sluice_requests_total{outcome=\"rejected\"}", 1.0),
        ("sluice_requests_unidentified_total", 1.0),
        ("sluice_tokens_total{kind=\"input\"}", float(totals.prompt_tokens)),
        ("sluice_tokens_total{kind=\"output\"}", float(totals.completion_tokens)),
        ("sluice_usage_records_lost_total", 0.0),
        ("sluice_usage_records_waiting", 0.0),
        ("sluice_usage_rows_expired_total", 0.0),
        ("sluice_database_up", 1.0),
        ("sluice_journal_up", 1.0),
        ("sluice_journal_records_waiting", 0.0),
        ("sluice_queue_requests_waiting", 0.0),
    ] {
        assert_eq!(value(&text, series), Some(expected), "{series}: {text}");
    }
    assert!(value(&text, "sluice_usage_write_seconds_count").is_some_and(|count| count >= 1.0), "{text}");
    assert!(text.contains("sluice_usage_write_seconds_bucket{le=\"0.01\"}"), "{text}");
    // Two gateways in one process do not share their numbers, and nothing of a caller's is in them.
    assert!(!text.contains("nonsense") && !text.contains("test-app"), "{text}");
    let other = TestGateway::builder().start().await;
    assert_eq!(value(&metrics(&other).await.text(), "sluice_usage_rows_written_total"), Some(0.0));
    other.stop().await;
    gateway.stop().await;
}

#[tokio::test]
async fn is_shown_to_administrators_alone_unless_the_settings_say_otherwise() {
    let gateway = TestGateway::builder().start().await;
    let answer = send(gateway.request(Method::GET, "/metrics")).await;
    assert_eq!((answer.status, answer.problem().as_str()), (401, "sign_in_required"));
    let answer = send(gateway.request(Method::GET, "/metrics").bearer_auth("sluice-admin-wrong")).await;
    assert_eq!((answer.status, answer.problem().as_str()), (401, "invalid_token"));
    let key = gateway.issue_key("test", None).await;
    assert_eq!(send(gateway.request(Method::GET, "/metrics").bearer_auth(key)).await.status, 401);
    let cookie = gateway.sign_in().await;
    assert_eq!(send(gateway.request(Method::GET, "/metrics").header("cookie", cookie)).await.status, 200);
    assert_eq!(gateway.get("/metrics").await.status, 200);
    assert_eq!(gateway.post("/metrics", json!({})).await.status, 405);
    gateway.stop().await;

    let gateway = TestGateway::builder().setting("SLUICE_METRICS__PUBLIC", "true").start().await;
    let answer = send(gateway.request(Method::GET, "/metrics")).await;
    assert_eq!(answer.status, 200);
    assert!(answer.text().contains("sluice_build_info{version="), "{}", answer.text());
    gateway.stop().await;
}
