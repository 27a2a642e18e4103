//! A client that leaves takes everything with it that was done for it.

use std::time::Duration;

use serde_json::json;
use sluice_fake_upstream::FakeUpstream;
use tokio::time::Instant;

use crate::harness::{PATIENCE, TestGateway, eventually};

/// How soon the upstream has to notice.
const SOON: Duration = Duration::from_secs(1);

#[tokio::test]
async fn leaving_ends_the_upstream_call_before_the_first_byte_in_mid_stream_and_in_a_plain_request() {
    let upstream = FakeUpstream::builder().start().await.unwrap();
    let gateway = TestGateway::builder().start().await;
    gateway
        .add_server(
            "fake",
            &upstream.base_url(),
            &[
                "late=fake-small?latency_ms=60000",
                "late-body=fake-small?first_byte_ms=60000",
                "slow=fake-small?stall_after=1",
            ],
        )
        .await;
    let key = gateway.issue_key("k", None).await;
    let cases = [("late", true), ("late", false), ("late-body", true), ("late-body", false), ("slow", true)];
    for (count, (model, stream)) in (1..).zip(cases) {
        let request = gateway.chat_request(
            &key,
            &json!({"model": model, "stream": stream, "messages": [{"role": "user", "content": "hi"}]}),
        );
        let call = tokio::spawn(async move {
            let mut response = request.send().await.unwrap();
            let first = response.chunk().await.unwrap();
            assert!(first.is_some());
            // Keeps the connection until it is told to go.
            std::future::pending::<()>().await;
        });
        assert!(upstream.ledger().wait_until(|counts| counts.active == 1, PATIENCE).await);
        if model == "slow" {
            // The first chunk is through once the gateway has noted it; the call goes on reading in its own time.
            assert!(upstream.ledger().wait_until(|counts| counts.calls == count, PATIENCE).await);
        }
        let left = Instant::now();
        call.abort();
        assert!(
            upstream.ledger().wait_until(|counts| counts.cancelled == count, SOON).await,
            "{model}, stream {stream}: the upstream call goes on"
        );
        println!("client left ({model}, stream {stream}): upstream noticed after {:?}", left.elapsed());
    }
    let recorded = eventually(PATIENCE, || async {
        let rows = gateway.get("/api/requests").await.json()["rows"].as_array().unwrap().clone();
        rows.len() == cases.len()
            && rows.iter().all(|row| row["outcome"] == "client_closed" && row["status"].is_number())
    })
    .await;
    assert!(recorded, "{}", gateway.get("/api/requests").await.text());
    gateway.stop().await;
}

#[tokio::test]
async fn leaving_after_the_end_was_said_is_no_early_end() {
    let upstream = FakeUpstream::builder().start().await.unwrap();
    let gateway = TestGateway::builder().start().await;
    gateway.add_server("fake", &upstream.base_url(), &["m=fake-small?chunks=3"]).await;
    let key = gateway.issue_key("k", None).await;
    let body = json!({"model": "m", "stream": true, "stream_options": {"include_usage": true}, "messages": [{"role": "user", "content": "hi"}]});
    let mut response = gateway.chat_request(&key, &body).send().await.unwrap();
    let mut text = String::new();
    while !text.contains("[DONE]") {
        text.push_str(std::str::from_utf8(&response.chunk().await.unwrap().unwrap()).unwrap());
    }
    drop(response);
    let recorded = eventually(PATIENCE, || async {
        let page = gateway.get("/api/requests").await.json();
        page["rows"][0]["outcome"] == "completed" && page["rows"][0]["output_tokens"] == 3
    })
    .await;
    assert!(recorded, "{}", gateway.get("/api/requests").await.text());
    gateway.stop().await;
}
