//! What a stranger can do to a connection.

use std::time::Duration;

use serde_json::json;
use sluice_fake_upstream::FakeUpstream;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::{PATIENCE, TestGateway};

/// Whether the other side closes the connection in time.
async fn is_closed(stream: &mut TcpStream) -> bool {
    let mut rest = Vec::new();
    // A reset is an end as well.
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await.is_ok()
}

#[tokio::test]
async fn silence_and_half_a_head_are_not_waited_for() {
    let gateway = TestGateway::builder().setting("SLUICE_LIMITS__HEADER_READ_SECONDS", "0.3").start().await;
    for beginning in [&b""[..], b"P", b"PRI * HTTP/2.0\r\n", b"GET /health/live HTTP/1.1\r\nHost: a\r\nX-Slow: "] {
        let mut stream = TcpStream::connect(gateway.address()).await.unwrap();
        stream.write_all(beginning).await.unwrap();
        assert!(is_closed(&mut stream).await, "{beginning:?}");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut() {
    let upstream = FakeUpstream::builder().start().await.unwrap();
    let gateway = TestGateway::builder().setting("SLUICE_LIMITS__WRITE_SECONDS", "0.5").start().await;
    gateway.add_server("fake", &upstream.base_url(), &["flood=fake-small?chunks=100000&chunk_bytes=65536"]).await;
    let key = gateway.issue_key("test", None).await;
    let body =
        json!({ "model": "flood", "stream": true, "messages": [{ "role": "user", "content": "x" }] }).to_string();
    let mut stream = TcpStream::connect(gateway.address()).await.unwrap();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\nApp-Name: a\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // Nothing is read from here on.
    assert!(upstream.ledger().wait_until(|counts| counts.cancelled == 1, PATIENCE).await, "the upstream call goes on");
    gateway.stop().await;
}

#[tokio::test]
async fn connections_beyond_the_bound_wait_for_a_place() {
    let gateway = TestGateway::builder().setting("SLUICE_LIMITS__MAX_CONNECTIONS", "2").start().await;
    let first = TcpStream::connect(gateway.address()).await.unwrap();
    let second = TcpStream::connect(gateway.address()).await.unwrap();
    let mut third = TcpStream::connect(gateway.address()).await.unwrap();
    third.write_all(b"GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let early = tokio::time::timeout(Duration::from_millis(300), third.read_to_end(&mut answer)).await;
    assert!(early.is_err() && answer.is_empty(), "it was served beyond the bound");
    drop((first, second));
    tokio::time::timeout(PATIENCE, third.read_to_end(&mut answer)).await.expect("a place in time").unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200"));
    gateway.stop().await;
}

#[tokio::test]
async fn http_2_is_not_spoken() {
    let gateway = TestGateway::builder().setting("SLUICE_LIMITS__HEADER_READ_SECONDS", "3600").start().await;
    let mut stream = TcpStream::connect(gateway.address()).await.unwrap();
    // The preface and an empty SETTINGS frame, as every client of HTTP/2 without TLS begins.
    let mut beginning = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    beginning.extend_from_slice(&[0, 0, 0, 4, 0, 0, 0, 0, 0]);
    stream.write_all(&beginning).await.unwrap();
    assert!(is_closed(&mut stream).await, "the connection stays open");
    gateway.stop().await;
}

#[tokio::test]
async fn a_body_that_stops_arriving_is_not_waited_for() {
    let gateway = TestGateway::builder().start().await;
    let mut stream = TcpStream::connect(gateway.address()).await.unwrap();
    let head =
        "POST /api/session HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("an answer in time").unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("urn:sluice:problem:body_too_slow"), "{answer}");
    gateway.stop().await;
}

#[tokio::test]
async fn ambiguous_lengths_are_refused() {
    let gateway = TestGateway::builder().start().await;
    let mut stream = TcpStream::connect(gateway.address()).await.unwrap();
    stream
        .write_all(
            b"POST /api/session HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /health HTTP/1.1\r\nHost: a\r\n\r\n",
        )
        .await
        .unwrap();
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    while let Ok(Ok(count)) = tokio::time::timeout(Duration::from_millis(500), stream.read(&mut piece)).await {
        if count == 0 {
            break;
        }
        answer.extend_from_slice(&piece[..count]);
    }
    let text = String::from_utf8_lossy(&answer);
    assert!(text.matches("HTTP/1.1 200").count() == 0, "a request was smuggled: {text}");
    gateway.stop().await;
}
