//! Prices and budgets of a running gateway, seen from its clients and its administrators.

mod budgets;
mod command_line;
mod prices;

use serde_json::{Value, json};

use crate::harness::{PATIENCE, TestGateway, eventually};

fn body(model: &str, max_tokens: u64) -> Value {
    json!({"model": model, "max_tokens": max_tokens, "messages": [{"role": "user", "content": "hello"}]})
}

/// The rows, once there are this many, newest first.
async fn rows(gateway: &TestGateway, count: usize) -> Vec<Value> {
    let listed = || async { gateway.get("/api/requests?limit=200").await.json()["rows"].as_array().unwrap().clone() };
    assert!(eventually(PATIENCE, || async { listed().await.len() == count }).await, "{:?}", listed().await.len());
    listed().await
}
