//! What administrators see of limits and queues, and what they can do.

use futures::StreamExt as _;
use http::Method;
use serde_json::{Value, json};

use super::{body, change_server, code, limited, rows, until_waiting};
use crate::harness::{PATIENCE, TestGateway, send};

#[tokio::test]
async fn an_administrator_sees_who_waits_and_takes_somebody_out() {
    let (upstream, gateway, key) =
        limited("60", &["m=fake-small?latency_ms=60000"], json!({"limits": {"concurrency": 1}})).await;
    let holder = tokio::spawn(send(gateway.chat_request(&key, &body("m"))));
    assert!(upstream.ledger().wait_until(|counts| counts.active == 1, PATIENCE).await);
    let waiter = tokio::spawn(send(gateway.chat_request(&key, &body("m"))));
    until_waiting(&gateway, 1).await;
    let state = gateway.get("/api/servers/1/limits").await.json();
    assert_eq!(state["state"]["concurrency"], json!({"used": 1, "limit": 1, "frees_in_ms": null}));
    let view = state["state"]["queue"]["waiters"][0].clone();
    assert_eq!(
        (&view["app_name"], &view["model"], &view["priority"]),
        (&json!("test-app"), &json!("m"), &json!("normal"))
    );
    let path = format!("/api/servers/1/queue/{}", view["id"].as_str().unwrap());
    assert_eq!(gateway.delete(&path).await.status, 204);
    let answer = tokio::time::timeout(PATIENCE, waiter).await.unwrap().unwrap();
    assert_eq!((answer.status, code(&answer)), (503, "queue_evicted".to_owned()));
    assert_eq!((answer.header("x-should-retry"), answer.header("retry-after")), ("false", "60"));
    assert!(answer.text().contains("administrator"), "{}", answer.text());
    let again = gateway.delete(&path).await;
    assert_eq!((again.status, again.problem()), (404, "not_found".to_owned()));
    assert_eq!(gateway.delete("/api/servers/1/queue/nonsense").await.status, 404);
    assert_eq!(rows(&gateway, 1).await[0]["id"], view["id"], "the id is that of its row");
    holder.abort();
    gateway.stop().await;
}

async fn follow(gateway: &TestGateway, query: &str) -> reqwest::Response {
    let path = format!("/api/live{query}");
    gateway.request(Method::GET, &path).bearer_auth(gateway.token()).send().await.unwrap()
}

/// Reads events until one of the kind `limits` fits.
async fn limits_event(
    response: &mut (impl futures::Stream<Item = reqwest::Result<bytes::Bytes>> + Unpin),
    fits: impl Fn(&Value) -> bool,
) -> Value {
    let mut text = String::new();
    let found = async {
        loop {
            while let Some((event, rest)) = text.split_once("\n\n") {
                let data = event.strip_prefix("event: limits\ndata: ").map(|data| serde_json::from_str(data).unwrap());
                let rest = rest.to_owned();
                text = rest;
                if let Some(data) = data.filter(|data| fits(data)) {
                    return data;
                }
            }
            let piece = response.next().await.expect("the stream goes on").unwrap();
            text.push_str(std::str::from_utf8(&piece).unwrap());
        }
    };
    tokio::time::timeout(PATIENCE, found).await.expect("an event in time")
}

#[tokio::test]
async fn the_live_stream_shows_windows_and_queues_filling() {
    let (upstream, gateway, key) =
        limited("60", &["m=fake-small"], json!({"limits": {"requests_per_minute": 1}})).await;
    let mut one = follow(&gateway, "?limits=1").await.bytes_stream();
    let mut all = follow(&gateway, "?limits=all").await.bytes_stream();
    limits_event(&mut one, |data| data[0]["state"]["requests"]["used"] == 0).await;
    assert_eq!(gateway.chat(&key, &body("m")).await.status, 200);
    let waiter = tokio::spawn(send(gateway.chat_request(&key, &body("m"))));
    let shown = limits_event(&mut one, |data| data[0]["state"]["queue"]["waiting"] == 1).await;
    assert_eq!(shown[0]["state"]["requests"]["used"], 1);
    assert_eq!(shown[0]["state"]["queue"]["waiters"].as_array().unwrap().len(), 1);
    let shown = limits_event(&mut all, |data| data[0]["state"]["queue"]["waiting"] == 1).await;
    assert_eq!(shown[0]["state"]["queue"]["waiters"], json!([]));
    let server = gateway.get("/api/servers").await.json()["rows"][0].clone();
    change_server(&gateway, &server, json!({"limits": {}})).await;
    assert_eq!(waiter.await.unwrap().status, 200);
    limits_event(&mut one, |data| data[0]["state"]["queue"]["waiting"] == 0).await;

    // A page that looks at a server that is gone must not look alive.
    assert_eq!(gateway.delete("/api/servers/1").await.status, 204);
    let ended = tokio::time::timeout(PATIENCE, one.collect::<Vec<_>>()).await.expect("the stream ends");
    assert!(ended.iter().all(Result::is_ok));
    assert_eq!(follow(&gateway, "?limits=99").await.status(), 404);
    assert_eq!(follow(&gateway, "?limits=some").await.status(), 400);
    let anonymous = gateway.request(Method::GET, "/api/live?limits=all").send().await.unwrap();
    assert_eq!(anonymous.status(), 401);
    drop(upstream);
    gateway.stop().await;
}
