//! Streams that break.

use serde_json::{Value, json};
use sluice_fake_upstream::{Counts, Outcome};

use crate::client::{SILENCE, chunks, events, post, reaches, read_all, start, streamed, text};

#[tokio::test]
async fn cut_after_ends_within_the_framing() {
    let upstream = start().await;
    for (after, words) in [(0, 0), (1, 1), (8, 8)] {
        let response = streamed(&upstream, &format!("cut_after={after}")).await.unwrap();
        let (body, whole) = read_all(response).await;
        assert!(!whole);
        assert_eq!(text(&chunks(&body)).split_whitespace().count(), words);
        assert!(!body.contains("[DONE]"));
    }
    assert_eq!(upstream.ledger().faulted(), 3);
    let (body, whole) = read_all(streamed(&upstream, "cut_after=9").await.unwrap()).await;
    assert!(whole && body.contains("[DONE]"));
}

#[tokio::test]
async fn cut_after_sends_all_that_comes_before() {
    let upstream = start().await;
    let (body, whole) = read_all(streamed(&upstream, "chunks=40&chunk_bytes=100000&cut_after=30").await.unwrap()).await;
    assert!(!whole);
    assert_eq!(text(&chunks(&body)).len(), 3_000_000);
}

#[tokio::test]
async fn clean_cut_after_ends_the_body_without_an_end() {
    let upstream = start().await;
    let (body, whole) = read_all(streamed(&upstream, "clean_cut_after=2").await.unwrap()).await;
    assert!(whole);
    let chunks = chunks(&body);
    assert_eq!(chunks.len(), 3);
    assert!(chunks.iter().all(|chunk| chunk["choices"][0]["finish_reason"].is_null()));
    assert!(!body.contains("[DONE]"));
    reaches(&upstream, |counts| counts.faulted == 1).await;
}

#[tokio::test]
async fn stall_after_leaves_the_connection_open() {
    let upstream = start().await;
    let mut response = streamed(&upstream, "stall_after=2&chunks=3").await.unwrap();
    let mut body = Vec::new();
    // The role event and two pieces.
    while String::from_utf8_lossy(&body).matches("\n\n").count() < 3 {
        body.extend(response.chunk().await.unwrap().unwrap());
    }
    assert!(tokio::time::timeout(SILENCE, response.chunk()).await.is_err());
    assert_eq!(upstream.ledger().active(), 1);
    drop(response);
    reaches(&upstream, |counts| counts.cancelled == 1).await;
}

#[tokio::test]
async fn error_event_after_is_the_end() {
    let upstream = start().await;
    let (body, whole) = read_all(streamed(&upstream, "error_event_after=1").await.unwrap()).await;
    assert!(whole);
    let last: Value = serde_json::from_str(events(&body).last().unwrap()).unwrap();
    assert_eq!(last["error"]["type"], "server_error");
    assert_eq!(upstream.ledger().last_request().unwrap().outcome, Outcome::Faulted);
}

#[tokio::test]
async fn a_malformed_event_is_the_first() {
    let upstream = start().await;
    let (body, _) = read_all(streamed(&upstream, "malformed=1").await.unwrap()).await;
    let broken: Vec<bool> = events(&body).iter().map(|event| serde_json::from_str::<Value>(event).is_err()).collect();
    // [DONE] is no JSON either (a list with a bare word).
    assert_eq!(broken.iter().filter(|broken| **broken).count(), 2);
    assert!(broken[0]);
}

#[tokio::test]
async fn truncated_json_ends_within_an_event() {
    let upstream = start().await;
    let (body, whole) = read_all(streamed(&upstream, "truncated_json=1").await.unwrap()).await;
    assert!(whole);
    let events = events(&body);
    assert_eq!(events.len(), 2);
    assert!(serde_json::from_str::<Value>(&events[1]).is_err());
}

#[tokio::test]
async fn an_empty_stream() {
    let upstream = start().await;
    let response = streamed(&upstream, "empty=1").await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream; charset=utf-8");
    assert_eq!(read_all(response).await, (String::new(), true));
    assert_eq!(upstream.ledger().completed(), 1);
}

#[tokio::test]
async fn the_head_comes_before_the_first_byte() {
    let upstream = start().await;
    let mut response = streamed(&upstream, "first_byte_ms=600000").await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(tokio::time::timeout(SILENCE, response.chunk()).await.is_err());
}

#[tokio::test]
async fn a_reader_who_leaves_cancels() {
    let upstream = start().await;
    let mut response = streamed(&upstream, "chunks=100000&chunk_delay_ms=5").await.unwrap();
    response.chunk().await.unwrap().unwrap();
    assert_eq!(upstream.ledger().counts(), Counts { calls: 1, active: 1, ..Counts::default() });
    drop(response);
    reaches(&upstream, |counts| *counts == Counts { calls: 1, cancelled: 1, ..Counts::default() }).await;
}

#[tokio::test]
async fn usage_that_was_never_sent_is_not_counted() {
    let upstream = start().await;
    let body = crate::client::chat("usage=final&cut_after=8", json!({"stream": true}));
    read_all(post(&upstream, "/chat/completions", &body).await.unwrap()).await;
    assert_eq!(upstream.ledger().totals().completion_tokens, 0);
    let body = crate::client::chat("usage=twice", json!({"stream": true}));
    read_all(post(&upstream, "/chat/completions", &body).await.unwrap()).await;
    assert_eq!(upstream.ledger().totals().completion_tokens, 8);
}
