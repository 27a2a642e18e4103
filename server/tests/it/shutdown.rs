//! The end: what is in flight finishes, nothing new begins, what was recorded is written down.

use std::time::Duration;

use futures::StreamExt as _;
use http::Method;
use serde_json::json;
use sluice_fake_upstream::FakeUpstream;
use tokio::net::TcpStream;

use crate::binary::Binary;
use crate::harness::{PATIENCE, TestGateway, eventually, send};

#[tokio::test]
async fn a_stream_in_flight_finishes_and_is_recorded() {
    let upstream = FakeUpstream::builder().start().await.unwrap();
    let gateway = TestGateway::builder().start().await;
    gateway.add_server("fake", &upstream.base_url(), &["slow=fake-small?chunks=20&chunk_delay_ms=50"]).await;
    let key = gateway.issue_key("test", None).await;
    let body = json!({ "model": "slow", "stream": true, "messages": [{ "role": "user", "content": "hello" }] });
    let response = gateway.chat_request(&key, &body).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let mut stream = response.bytes_stream();
    let mut text = stream.next().await.unwrap().unwrap().to_vec();

    let address = gateway.address();
    let stopping = tokio::spawn(gateway.stop());
    let refused = eventually(PATIENCE, || async { TcpStream::connect(address).await.is_err() }).await;
    assert!(refused, "connections are still accepted");
    assert!(!stopping.is_finished(), "it did not wait for the stream");
    while let Some(piece) = stream.next().await {
        text.extend_from_slice(&piece.expect("the stream is not cut"));
    }
    assert!(String::from_utf8(text).unwrap().contains("data: [DONE]"));

    let folder = stopping.await.unwrap();
    let gateway = TestGateway::builder().start_in(folder).await;
    let rows = gateway.get("/api/requests").await.json();
    assert_eq!(rows["rows"][0]["outcome"], "completed", "{rows}");
    gateway.stop().await;
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_cut_and_recorded() {
    let upstream = FakeUpstream::builder().start().await.unwrap();
    let gateway = TestGateway::builder().setting("SLUICE_LIMITS__DRAIN_SECONDS", "0.2").start().await;
    gateway.add_server("fake", &upstream.base_url(), &["stuck=fake-small?stall_after=2"]).await;
    let key = gateway.issue_key("test", None).await;
    let body = json!({ "model": "stuck", "stream": true, "messages": [{ "role": "user", "content": "hello" }] });
    let response = gateway.chat_request(&key, &body).send().await.unwrap();
    let mut stream = response.bytes_stream();
    stream.next().await.unwrap().unwrap();
    let folder = gateway.stop().await;
    assert!(upstream.ledger().wait_until(|counts| counts.cancelled == 1, PATIENCE).await);
    let gateway = TestGateway::builder().start_in(folder).await;
    let rows = gateway.get("/api/requests").await.json();
    assert_eq!(rows["rows"].as_array().unwrap().len(), 1, "{rows}");
    gateway.stop().await;
}

#[tokio::test]
async fn idle_connections_end_at_once() {
    let gateway = TestGateway::builder().setting("SLUICE_LIMITS__DRAIN_SECONDS", "3600").start().await;
    // One that never spoke, and one that is kept alive after an answer.
    let silent = TcpStream::connect(gateway.address()).await.unwrap();
    let answer = gateway.request(Method::GET, "/health/live").send().await.unwrap();
    assert_eq!(answer.bytes().await.unwrap(), r#"{"status":"ok"}"#);
    tokio::time::timeout(Duration::from_secs(10), gateway.stop()).await.expect("it ends at once");
    drop(silent);
}

#[tokio::test]
async fn a_load_balancer_sees_the_end_coming_while_requests_are_still_served() {
    let upstream = FakeUpstream::builder().start().await.unwrap();
    // Longer than any test: it ends because it is skipped.
    let gateway = TestGateway::builder().setting("SLUICE_LIMITS__UNREADY_SECONDS", "600").start().await;
    gateway.add_server("fake", &upstream.base_url(), &["small=fake-small"]).await;
    let key = gateway.issue_key("test", None).await;
    let ready = || async { send(gateway.request(Method::GET, "/health/ready")).await.status };
    assert_eq!(ready().await, 200);

    gateway.running().shutdown();
    assert!(eventually(PATIENCE, || async { ready().await == 503 }).await, "it still calls itself ready");
    assert_eq!(send(gateway.request(Method::GET, "/health/live")).await.status, 200);
    let body = json!({ "model": "small", "messages": [{ "role": "user", "content": "hello" }] });
    let answer = gateway.chat(&key, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    // The port is open too, not only connections that were there before.
    TcpStream::connect(gateway.address()).await.unwrap();

    gateway.running().stop().drain.cancel();
    gateway.stop().await;
}

#[tokio::test]
async fn the_pause_before_the_port_closes_ends_by_itself() {
    let gateway = TestGateway::builder().setting("SLUICE_LIMITS__UNREADY_SECONDS", "1").start().await;
    let address = gateway.address();
    let started = tokio::time::Instant::now();
    gateway.running().shutdown();
    let refused = eventually(PATIENCE, || async { TcpStream::connect(address).await.is_err() }).await;
    assert!(refused, "connections are still accepted");
    assert!(started.elapsed() >= Duration::from_secs(1), "it closed at once");
    gateway.stop().await;
}

#[tokio::test]
async fn a_second_signal_skips_the_pause() {
    let binary = Binary::start(&[("SLUICE_LIMITS__UNREADY_SECONDS", "600")]).await;
    sluice::outbound::install_tls_provider();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let ready = || async { send(client.get(binary.url("/health/ready"))).await.status };
    assert_eq!(ready().await, 200);
    binary.terminate();
    assert!(eventually(PATIENCE, || async { ready().await == 503 }).await, "it still calls itself ready");
    binary.stop().await;
}
