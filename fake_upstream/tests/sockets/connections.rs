//! What happens to the TCP connection, seen from a bare socket.

use std::io::ErrorKind;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::{LONG, SILENCE, chat, client, plain, raw, reaches, read_raw, send_raw, start, streamed};

#[tokio::test]
async fn reset_sends_rst_before_any_byte() {
    let upstream = start().await;
    let (answer, end) = raw(&upstream, &chat("reset=1", json!({}))).await;
    assert_eq!((answer.as_str(), end.unwrap_err().kind()), ("", ErrorKind::ConnectionReset));
    reaches(&upstream, |counts| counts.faulted == 1).await;
}

#[tokio::test]
async fn reset_after_sends_rst_within_the_stream() {
    let upstream = start().await;
    let (answer, end) = raw(&upstream, &chat("reset_after=2", json!({"stream": true}))).await;
    assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset);
    // The role event and two pieces.
    assert_eq!(answer.matches("data: ").count(), 3);
    assert_eq!(upstream.ledger().faulted(), 1);
}

#[tokio::test]
async fn close_ends_before_any_byte() {
    let upstream = start().await;
    let (answer, end) = raw(&upstream, &chat("close=1", json!({}))).await;
    assert!(answer.is_empty() && end.is_ok());
    reaches(&upstream, |counts| counts.faulted == 1).await;
}

#[tokio::test]
async fn cut_after_closes_without_rst() {
    let upstream = start().await;
    let (answer, end) = raw(&upstream, &chat("cut_after=1", json!({"stream": true}))).await;
    assert!(end.is_ok());
    assert!(answer.contains("transfer-encoding: chunked") && !answer.ends_with("0\r\n\r\n"));
}

#[tokio::test]
async fn hang_never_answers_and_notices_who_leaves() {
    let upstream = start().await;
    assert!(tokio::time::timeout(SILENCE, plain(&upstream, "hang=1")).await.is_err());
    reaches(&upstream, |counts| counts.cancelled == 1).await;
}

#[tokio::test]
async fn who_leaves_before_the_head_cancels() {
    let upstream = start().await;
    let socket = send_raw(&upstream, &chat("latency_ms=600000", json!({})), "").await;
    reaches(&upstream, |counts| counts.active == 1).await;
    drop(socket);
    reaches(&upstream, |counts| counts.active == 0 && counts.cancelled == 1).await;
}

#[tokio::test]
async fn who_leaves_within_the_request_cancels() {
    let upstream = start().await;
    let mut socket = TcpStream::connect(upstream.address()).await.unwrap();
    let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: fake\r\ncontent-length: 100\r\n\r\n{";
    socket.write_all(head.as_bytes()).await.unwrap();
    reaches(&upstream, |counts| counts.active == 1).await;
    drop(socket);
    reaches(&upstream, |counts| counts.cancelled == 1).await;
}

#[tokio::test]
async fn keep_alive_close_comes_unannounced_after_a_whole_answer() {
    let upstream = start().await;
    for stream in [false, true] {
        let socket = send_raw(&upstream, &chat("keep_alive_close=1", json!({"stream": stream})), "").await;
        let (answer, end) = read_raw(socket).await;
        assert!(end.is_ok());
        assert!(!answer.to_lowercase().contains("connection: close"));
        assert!(answer.ends_with(if stream { "0\r\n\r\n" } else { "}" }), "{answer}");
    }
    assert_eq!(upstream.ledger().completed(), 2);
    let socket = send_raw(&upstream, &chat("keep_alive_close=1&empty=1", json!({})), "").await;
    assert!(read_raw(socket).await.1.is_ok());
}

#[tokio::test]
async fn a_connection_is_kept_otherwise() {
    let upstream = start().await;
    let mut socket = send_raw(&upstream, &chat("", json!({})), "").await;
    let request = chat("", json!({})).to_string();
    let mut received = vec![0; 65_536];
    assert!(socket.read(&mut received).await.unwrap() > 0);
    let second = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: fake\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{request}",
        request.len()
    );
    socket.write_all(second.as_bytes()).await.unwrap();
    let (answer, _) = read_raw(socket).await;
    assert!(answer.contains("200 OK"));
    assert_eq!(upstream.ledger().completed(), 2);
}

#[tokio::test]
async fn shutdown_drops_connections_and_frees_the_port() {
    let upstream = start().await;
    let mut response = streamed(&upstream, "stall_after=1").await.unwrap();
    response.chunk().await.unwrap().unwrap();
    let (address, ledger) = (upstream.address(), upstream.ledger().clone());
    tokio::time::timeout(LONG, upstream.shutdown()).await.unwrap();
    upstream.shutdown().await;
    assert_eq!((ledger.active(), ledger.cancelled()), (0, 1));
    let (_, whole) = crate::client::read_all(response).await;
    assert!(!whole);
    let again = sluice_fake_upstream::FakeUpstream::builder().listen(address).start().await.unwrap();
    assert_eq!(again.address(), address);
}

#[tokio::test]
async fn dropping_it_stops_it() {
    let upstream = start().await;
    let socket = send_raw(&upstream, &chat("hang=1", json!({})), "").await;
    reaches(&upstream, |counts| counts.active == 1).await;
    drop(upstream);
    read_raw(socket).await.1.unwrap();
}

#[tokio::test]
async fn many_slow_streams_at_once() {
    // Below the usual limit of 1024 file descriptors, of which both ends of a connection take one each.
    const STREAMS: u64 = 400;
    let upstream = start().await;
    let client = client();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..STREAMS {
        let body: Value = chat("chunks=3&chunk_delay_ms=30&stall_after=3", json!({"stream": true}));
        let request = client.post(format!("{}/chat/completions", upstream.base_url())).json(&body);
        tasks.spawn(async move { request.send().await.unwrap() });
    }
    let responses = tasks.join_all().await;
    assert_eq!(upstream.ledger().active(), STREAMS);
    drop(responses);
    reaches(&upstream, |counts| counts.cancelled == STREAMS && counts.active == 0).await;
}
