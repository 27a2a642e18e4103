//! The ledger, from within and over HTTP.

use std::time::Instant;

use serde_json::{Value, json};
use sluice_fake_upstream::{Counts, FakeUpstream, Outcome, Tokens};

use crate::client::{chat, client, plain, post, start};

#[tokio::test]
async fn a_request_is_kept_as_it_came() {
    let upstream = start().await;
    let body = chat("chunks=2", json!({"extra": [1, 2]}));
    let request = client().post(format!("{}/chat/completions?a=b", upstream.base_url())).json(&body);
    request.header("X-Thing", "Value").bearer_auth("sk-upstream").send().await.unwrap().bytes().await.unwrap();
    let received = upstream.ledger().last_request().unwrap();
    assert_eq!(
        (received.path.as_str(), received.outcome, received.status),
        ("/v1/chat/completions", Outcome::Completed, Some(200))
    );
    assert_eq!(received.header("x-thing"), Some("Value"));
    assert_eq!(received.header("authorization"), Some("Bearer sk-upstream"));
    assert_eq!(received.json(), Some(body));
    assert_eq!(received.reported, Some(Tokens { prompt_tokens: 2, completion_tokens: 2, ..Tokens::default() }));
    assert_eq!((received.body_bytes, received.body_sha256.len()), (received.body.unwrap().len(), 64));
}

#[tokio::test]
async fn requests_have_their_moments() {
    let upstream = start().await;
    let before = Instant::now();
    for _ in 0..3 {
        plain(&upstream, "").await.unwrap();
    }
    let moments: Vec<_> = upstream.ledger().requests().iter().map(|request| request.received_at).collect();
    assert!(moments.is_sorted() && moments[0] >= before && moments[2] <= Instant::now());
}

#[tokio::test]
async fn bodies_are_not_kept_when_told_so() {
    let upstream = FakeUpstream::builder().keep_bodies(false).start().await.unwrap();
    plain(&upstream, "").await.unwrap();
    let received = upstream.ledger().last_request().unwrap();
    assert!(received.body.is_none() && received.body_bytes > 0);
}

#[tokio::test]
async fn the_ledger_over_http() {
    let upstream = start().await;
    plain(&upstream, "chunks=2").await.unwrap();
    post(&upstream, "/embeddings", &json!({"model": "m", "input": "12345678", "dimensions": 2})).await.unwrap();
    let fake = format!("http://{}/_fake", upstream.address());
    let stats: Value = client().get(format!("{fake}/stats")).send().await.unwrap().json().await.unwrap();
    let counts = json!({"calls": 2, "active": 0, "completed": 2, "cancelled": 0, "faulted": 0, "limited": 0});
    let totals = json!({"prompt_tokens": 4, "completion_tokens": 2, "cached_tokens": 0, "reasoning_tokens": 0});
    assert_eq!(stats, json!({"counts": counts, "totals": totals}));
    let requests: Value = client().get(format!("{fake}/requests")).send().await.unwrap().json().await.unwrap();
    assert_eq!(requests.as_array().unwrap().len(), 2);
    assert_eq!((&requests[1]["path"], &requests[1]["outcome"]), (&json!("/v1/embeddings"), &json!("completed")));
    assert_eq!(requests[0]["body_sha256"].as_str().unwrap().len(), 64);
    assert!(requests[0].get("body").is_none());
    assert_eq!(client().delete(&fake).send().await.unwrap().status(), 200);
    assert_eq!(upstream.ledger().counts(), Counts::default());
    assert!(upstream.ledger().requests().is_empty());
    assert_eq!(upstream.ledger().totals(), Tokens::default());
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    use tokio::io::AsyncWriteExt;

    let upstream = start().await;
    let mut socket = tokio::net::TcpStream::connect(upstream.address()).await.unwrap();
    let head = "POST /v1/embeddings HTTP/1.1\r\nhost: fake\r\ncontent-length: 67108865\r\nconnection: close\r\n\r\n";
    socket.write_all(head.as_bytes()).await.unwrap();
    let (answer, _) = crate::client::read_raw(socket).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}
