//! Limits and queues of a running gateway, seen from its clients, its upstreams and its administrators.

mod administration;
mod callers;
mod queue;
mod upstream;
mod windows;

use std::time::Duration;

use serde_json::{Value, json};
use sluice_fake_upstream::FakeUpstream;
use tokio::time::Instant;

use crate::harness::{Answer, PATIENCE, TestGateway, eventually};

/// A gateway whose windows are this long, with one server that has these limits and this queue, and a key.
async fn limited(window_seconds: &str, models: &[&str], server: Value) -> (FakeUpstream, TestGateway, String) {
    let upstream = FakeUpstream::builder().start().await.unwrap();
    let gateway = TestGateway::builder().setting("SLUICE_LIMITS__WINDOW_SECONDS", window_seconds).start().await;
    add_server(&gateway, "fake", &upstream, models, server).await;
    let key = gateway.issue_key("test", None).await;
    (upstream, gateway, key)
}

/// Adds a server with what `more` says about limits and queue.
async fn add_server(gateway: &TestGateway, name: &str, upstream: &FakeUpstream, models: &[&str], more: Value) -> Value {
    let added = gateway.add_server(name, &upstream.base_url(), models).await;
    change_server(gateway, &added, more).await
}

/// Changes limits and queue of a server.
async fn change_server(gateway: &TestGateway, server: &Value, more: Value) -> Value {
    let mut input = json!({"name": server["name"], "base_url": server["base_url"], "models": server["models"],
        "limits": server["limits"], "queue": server["queue"]});
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let answer = gateway.put(&format!("/api/servers/{}", server["id"]), input).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn body(model: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": "hello"}]})
}

/// Sends a request and notes how long its answer took.
async fn timed(gateway: &TestGateway, key: &str, body: &Value) -> (Answer, Duration) {
    let began = Instant::now();
    let answer = gateway.chat(key, body).await;
    (answer, began.elapsed())
}

fn code(answer: &Answer) -> String {
    answer.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
}

/// Waits until so many requests wait in front of the first server.
async fn until_waiting(gateway: &TestGateway, count: u64) {
    let found = eventually(PATIENCE, || async { waiting(gateway).await == count }).await;
    assert!(found, "{} wait and not {count}", waiting(gateway).await);
}

async fn waiting(gateway: &TestGateway) -> u64 {
    gateway.get("/api/limits").await.json()["rows"][0]["state"]["queue"]["waiting"].as_u64().unwrap()
}

/// The rows, once there are this many, newest first.
async fn rows(gateway: &TestGateway, count: usize) -> Vec<Value> {
    let listed = || async { gateway.get("/api/requests?limit=200").await.json()["rows"].as_array().unwrap().clone() };
    assert!(eventually(PATIENCE, || async { listed().await.len() == count }).await, "{:?}", listed().await.len());
    listed().await
}
