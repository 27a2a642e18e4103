//! Filters of `GET /api/requests`, and one request with everything.

use serde_json::{Value, json};

use super::{Explored, add_rows, database};
use crate::harness::TestGateway;

#[tokio::test]
async fn filters_say_which_requests_are_listed() {
    let explored = Explored::start().await;
    for (query, models) in [
        ("app=shop", vec!["@evil", "large", "small"]),
        ("app=desk&model=small", vec!["small"]),
        ("app=shop,desk&model=large", vec!["large", "large"]),
        ("server=main", vec!["large", "small", "large", "small"]),
        ("server=1", vec!["large", "small", "large", "small"]),
        ("server=none", vec!["@evil", "no-such-model"]),
        ("model=none", vec!["@evil", "no-such-model"]),
        ("model=none,small", vec!["@evil", "no-such-model", "small", "small"]),
        ("outcome=rejected", vec!["@evil", "no-such-model"]),
        ("outcome=completed&app=2", vec!["large", "small"]),
        ("key=1", vec!["@evil", "large", "small"]),
        ("key=none", vec![]),
        ("id=second", vec!["large", "large"]),
        ("id=second&app=desk", vec!["large"]),
        ("id=%20fourth%20", vec!["no-such-model"]),
        ("id=nobody", vec![]),
        ("from=2000-01-01&to=2000-12-31", vec![]),
        ("from=2000-01-01&tz=Asia/Kolkata&model=small", vec!["small", "small"]),
        // A form sends what was left empty.
        ("app=&server=&id=&from=&to=&tz=&model=small&key=&outcome=&cursor=", vec!["small", "small"]),
    ] {
        assert_eq!(explored.models(query).await, models, "{query}");
    }
    let own = explored.rows("id=first").await[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(explored.models(&format!("id={own}")).await, ["small"]);
    assert!(explored.models(&format!("id={own}&app=desk")).await.is_empty());
    explored.gateway.stop().await;
}

#[tokio::test]
async fn says_what_is_wrong_with_a_filter() {
    let gateway = TestGateway::builder().start().await;
    for (query, field, code) in [
        ("from=yesterday", "from", "time_invalid"),
        ("to=2026-13-01", "to", "time_invalid"),
        ("from=2026-11-02&to=2026-10-01", "to", "range_reversed"),
        ("tz=Mars", "tz", "time_zone_invalid"),
        ("app=nobody", "app", "unknown"),
        ("server=9", "server", "unknown"),
        ("outcome=lost", "outcome", "unknown"),
        ("cursor=x", "cursor", "unknown"),
        ("limit=201", "limit", "out_of_range"),
    ] {
        for format in ["json", "csv"] {
            if (field, format) == ("limit", "csv") {
                continue;
            }
            let answer = gateway.get(&format!("/api/requests?{query}&format={format}")).await;
            assert_eq!((answer.status, answer.problem().as_str()), (422, "invalid"), "{query}");
            let fields = answer.json()["fields"].clone();
            assert_eq!((&fields[0]["field"], &fields[0]["code"]), (&json!(field), &json!(code)), "{query}: {fields}");
        }
    }
    let long = gateway.get(&format!("/api/requests?id={}", "x".repeat(129))).await;
    assert_eq!(long.json()["fields"][0]["code"], "too_long");
    gateway.stop().await;
}

#[tokio::test]
async fn one_request_has_everything() {
    let explored = Explored::start().await;
    let row = explored.rows("id=first").await.remove(0);
    let id = row["id"].as_str().unwrap();
    let detail = explored.gateway.get(&format!("/api/requests/{id}")).await.json();
    for (name, value) in row.as_object().unwrap() {
        assert_eq!(&detail[name], value, "{name}");
    }
    let started_at_ms = row["started_at_ms"].as_i64().unwrap();
    assert!(detail["sent_at_ms"].as_i64().unwrap() >= started_at_ms);
    assert!(detail["charged_tokens"].is_i64() || detail["charged_tokens"] == Value::Null);
    for missing in ["019a0000-0000-7000-8000-000000000000", "1", "first", "%20"] {
        let answer = explored.gateway.get(&format!("/api/requests/{missing}")).await;
        assert_eq!((answer.status, answer.problem().as_str()), (404, "not_found"), "{missing}");
    }
    explored.gateway.stop().await;
}

#[tokio::test]
async fn pages_of_a_filter_hold_every_row_once() {
    let gateway = TestGateway::builder().start().await;
    let database = database(&gateway).await;
    add_rows(&database, 1000).await;
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let query = format!("model=vendor/model-3,vendor/model-4&outcome=completed&limit=50&cursor={cursor}");
        let page = gateway.get(&format!("/api/requests?{query}")).await.json();
        for row in page["rows"].as_array().unwrap() {
            seen.push(row["client_request_id"].as_str().unwrap()["client-".len()..].parse::<u32>().unwrap());
        }
        assert_eq!(page.get("searched_to_ms"), None, "the page is full or the last one");
        match page["next"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => break,
        }
    }
    let expected: Vec<u32> = (1..=1000).rev().filter(|n| [3, 4].contains(&(n % 11)) && n % 13 != 0).collect();
    assert_eq!(seen, expected);
    gateway.stop().await;
}
