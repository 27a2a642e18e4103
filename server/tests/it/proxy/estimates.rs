//! Token counts of answers that end without any: estimated from the texts, and marked.

use futures::StreamExt as _;
use http::Method;
use serde_json::{Value, json};
use sluice_fake_upstream::FakeUpstream;

use crate::harness::{PATIENCE, TestGateway, eventually, send};

/// The words of the question, about as many tokens.
const QUESTION: &str = "Where does the river go when the lock keeper opens the upper gate of the old sluice?";

/// The newest row, once there are this many.
async fn newest_row(gateway: &TestGateway, count: usize) -> Value {
    let listed = || async { gateway.get("/api/requests?limit=200").await.json()["rows"].as_array().unwrap().clone() };
    assert!(eventually(PATIENCE, || async { listed().await.len() == count }).await, "{:?}", listed().await);
    listed().await[0].clone()
}

fn is_near(value: &Value, expected: i64) -> bool {
    value.as_i64().is_some_and(|value| (value - expected).abs() * 4 <= expected + 16)
}

#[tokio::test]
async fn what_nobody_counted_is_estimated_and_marked() {
    let upstream = FakeUpstream::builder().start().await.unwrap();
    let gateway = TestGateway::builder().start().await;
    let models = [
        "silent=fake-small?chunks=60&usage=none",
        "cut=fake-small?chunks=60&cut_after=30&usage=none",
        "refused=fake-small?status=400",
        "broken=fake-small?reset=1",
        "counted=fake-small?chunks=60",
    ];
    gateway.add_server("fake", &upstream.base_url(), &models).await;
    let key = gateway.issue_key("k", None).await;
    // Model, streamed, outcome, source, tokens of the answer.
    let cases = [
        ("counted", false, "completed", "reported", Some(60)),
        ("counted", true, "completed", "reported", Some(60)),
        ("silent", false, "completed", "estimated", Some(60)),
        ("silent", true, "completed", "estimated", Some(60)),
        ("cut", true, "upstream_cut", "estimated", Some(30)),
        ("refused", false, "upstream_error", "none", None),
        ("refused", true, "upstream_error", "none", None),
    ];
    for (count, (model, stream, outcome, source, output)) in (1..).zip(cases) {
        let body = json!({"model": model, "stream": stream, "messages": [{"role": "user", "content": QUESTION}]});
        if let Ok(response) = gateway.chat_request(&key, &body).send().await {
            // A stream that was cut ends in an error.
            drop(response.bytes().await);
        }
        let row = newest_row(&gateway, count).await;
        assert_eq!((&row["outcome"], &row["token_source"]), (&json!(outcome), &json!(source)), "{row}");
        match output {
            Some(output) => {
                assert!(is_near(&row["input_tokens"], 22) && is_near(&row["output_tokens"], output), "{row}");
            }
            None => assert_eq!((&row["input_tokens"], &row["output_tokens"]), (&Value::Null, &Value::Null), "{row}"),
        }
    }
    // The upstream may have worked before the connection broke: its input counts, and the answer is unknown.
    let body = json!({"model": "broken", "messages": [{"role": "user", "content": QUESTION}]});
    assert_eq!(send(gateway.chat_request(&key, &body)).await.status, 502);
    let row = newest_row(&gateway, cases.len() + 1).await;
    assert!(is_near(&row["input_tokens"], 22) && row["output_tokens"].is_null(), "{row}");
    gateway.stop().await;
}

#[tokio::test]
async fn of_a_client_that_leaves_what_it_saw_is_estimated() {
    let upstream = FakeUpstream::builder().start().await.unwrap();
    let gateway = TestGateway::builder().start().await;
    gateway.add_server("fake", &upstream.base_url(), &["m=fake-small?chunks=60&stall_after=40"]).await;
    let key = gateway.issue_key("k", None).await;
    let body = json!({"model": "m", "stream": true, "messages": [{"role": "user", "content": QUESTION}]});
    let mut stream = gateway.chat_request(&key, &body).send().await.unwrap().bytes_stream();
    let mut events = 0;
    while events < 40 {
        let piece = stream.next().await.unwrap().unwrap();
        events += String::from_utf8_lossy(&piece).matches("\"content\"").count();
    }
    drop(stream);
    let row = newest_row(&gateway, 1).await;
    assert_eq!((&row["outcome"], &row["token_source"]), (&json!("client_closed"), &json!("estimated")), "{row}");
    assert!(is_near(&row["input_tokens"], 22) && is_near(&row["output_tokens"], 40), "{row}");
    gateway.stop().await;
}

#[tokio::test]
async fn large_bodies_are_estimated_without_being_kept() {
    let upstream = FakeUpstream::builder().start().await.unwrap();
    let gateway = TestGateway::builder().start().await;
    gateway.add_server("fake", &upstream.base_url(), &["m=fake-small?usage=none"]).await;
    let key = gateway.issue_key("k", None).await;
    let body = json!({"model": "m", "messages": [{"role": "user", "content": format!("{QUESTION} ").repeat(5000)}]});
    assert_eq!(gateway.chat(&key, &body).await.status, 200);
    let row = newest_row(&gateway, 1).await;
    assert!(is_near(&row["input_tokens"], 18 * 5000), "{row}");
    let embed = gateway
        .request(Method::POST, "/v1/embeddings")
        .bearer_auth(&key)
        .header("app-name", "test-app")
        .json(&json!({"model": "m", "input": [QUESTION, QUESTION]}));
    assert_eq!(send(embed).await.status, 200);
    let row = newest_row(&gateway, 2).await;
    assert!(row["input_tokens"].as_i64().unwrap() > 20, "{row}");
    gateway.stop().await;
}
