//! The table of outcomes (how a request ended, what is recorded, and what becomes of its tokens), every row of it, plain and
//! streamed: the row, and the sums that it is in.

use std::collections::BTreeMap;

use futures::StreamExt as _;
use http::Method;
use serde_json::{Value, json};
use sluice_fake_upstream::FakeUpstream;

use crate::binary::Binary;
use crate::harness::{PATIENCE, TestGateway, eventually, send};

/// About 22 tokens.
const QUESTION: &str = "Where does the river go when the lock keeper opens the upper gate of the old sluice?";
const INPUT: i64 = 22;
const USERNAME: &str = "admin";
const PASSWORD: &str = "correct horse battery";

fn body(model: &str, stream: bool) -> Value {
    json!({"model": model, "stream": stream, "messages": [{"role": "user", "content": QUESTION}]})
}

/// The newest row, once there are this many.
async fn newest(gateway: &TestGateway, count: usize) -> Value {
    let listed = || async { gateway.get("/api/requests?limit=200").await.json()["rows"].as_array().unwrap().clone() };
    assert!(eventually(PATIENCE, || async { listed().await.len() == count }).await, "{:?}", listed().await);
    listed().await[0].clone()
}

/// What a row of the table says.
#[derive(Clone, Copy, Debug)]
struct Ending {
    outcome: &'static str,
    status: u16,
    code: Option<&'static str>,
    /// Where the counts come from.
    source: &'static str,
    /// About how many tokens the answer had; none if nobody knows.
    output: Option<i64>,
}

fn is_near(value: &Value, expected: i64) -> bool {
    value.as_i64().is_some_and(|value| (value - expected).abs() * 4 <= expected + 16)
}

fn assert_ending(row: &Value, expected: Ending, stream: bool) {
    assert_eq!(row["outcome"], expected.outcome, "{row}");
    assert_eq!((&row["status"], &row["error_code"]), (&json!(expected.status), &json!(expected.code)), "{row}");
    assert_eq!((&row["token_source"], &row["streamed"]), (&json!(expected.source), &json!(stream)), "{row}");
    if expected.source == "none" {
        assert_eq!((&row["input_tokens"], &row["output_tokens"]), (&Value::Null, &Value::Null), "{row}");
        return;
    }
    assert!(is_near(&row["input_tokens"], INPUT), "{row}");
    match expected.output {
        Some(output) => assert!(is_near(&row["output_tokens"], output), "{row}"),
        None => assert!(row["output_tokens"].as_i64().unwrap_or(0) == 0, "{row}"),
    }
}

/// Sums by app, server, model, outcome: requests, errors, estimated, input, output, queued.
type Sums = BTreeMap<[String; 4], [i64; 6]>;

fn name(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// What rows add up to. Names of models that do not exist are not told apart.
fn sums_of_rows(rows: &[Value]) -> Sums {
    let mut sums = Sums::new();
    for row in rows {
        let exists = row["error_code"] != "model_not_found";
        let model = if exists { name(&row["model"]) } else { String::new() };
        let key = [name(&row["app_name"]), name(&row["server_name"]), model, name(&row["outcome"])];
        let is_error = !["completed", "client_closed"].contains(&row["outcome"].as_str().unwrap());
        let found = [
            1,
            i64::from(is_error),
            i64::from(row["token_source"] == "estimated"),
            row["input_tokens"].as_i64().unwrap_or(0),
            row["output_tokens"].as_i64().unwrap_or(0),
            i64::from(row["queue_ms"].as_i64().unwrap() > 0),
        ];
        for (sum, add) in sums.entry(key).or_default().iter_mut().zip(found) {
            *sum += add;
        }
    }
    sums
}

fn sums_of_report(report: &Value) -> Sums {
    let key = |row: &Value| {
        [name(&row["app"]["name"]), name(&row["server"]["name"]), name(&row["model"]), name(&row["outcome"])]
    };
    let counts = ["requests", "errors", "estimated", "input_tokens", "output_tokens", "queued"];
    report["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (key(row), counts.map(|count| row[count].as_i64().unwrap())))
        .collect()
}

/// The sums that are kept are those of the rows.
async fn assert_sums(gateway: &TestGateway) {
    let rows = gateway.get("/api/requests?limit=200").await.json()["rows"].as_array().unwrap().clone();
    let report = gateway.get("/api/stats/usage?granularity=total&group_by=app,server,model,outcome").await.json();
    assert_eq!(sums_of_report(&report), sums_of_rows(&rows), "{report}");
}

#[tokio::test]
async fn answers_errors_and_refusals() {
    let upstream = FakeUpstream::builder().start().await.unwrap();
    let gateway = TestGateway::builder().start().await;
    let models = [
        "counted=fake-small?chunks=60",
        "silent=fake-small?chunks=60&usage=none",
        "refused=fake-small?status=400",
        "cut=fake-small?chunks=60&cut_after=30&usage=none",
        "late=fake-small?first_byte_ms=60000",
        "slow=fake-small?chunks=60&stall_after=40&usage=none",
    ];
    gateway.add_server("fake", &upstream.base_url(), &models).await;
    let key = gateway.issue_key("k", None).await;
    let completed = |source| Ending { outcome: "completed", status: 200, code: None, source, output: Some(60) };
    let error = Ending { outcome: "upstream_error", status: 400, code: None, source: "none", output: None };
    let unknown =
        Ending { outcome: "rejected", status: 404, code: Some("model_not_found"), source: "none", output: None };
    let mut count = 0;
    for stream in [false, true] {
        for (model, expected) in [
            ("counted", completed("reported")),
            ("silent", completed("estimated")),
            ("refused", error),
            ("nothing-like-it", unknown),
        ] {
            drop(gateway.chat(&key, &body(model, stream)).await);
            count += 1;
            assert_ending(&newest(&gateway, count).await, expected, stream);
            assert_sums(&gateway).await;
        }
        // The upstream breaks off. Of a plain answer the client may have got nothing yet.
        if let Ok(response) = gateway.chat_request(&key, &body("cut", stream)).send().await {
            drop(response.bytes().await);
        }
        count += 1;
        let row = newest(&gateway, count).await;
        assert_eq!((&row["outcome"], &row["token_source"]), (&json!("upstream_cut"), &json!("estimated")), "{row}");
        assert!(is_near(&row["input_tokens"], INPUT), "{row}");
        assert!(!stream || is_near(&row["output_tokens"], 30), "{row}");
        assert_sums(&gateway).await;
    }
    // The client leaves in mid-answer: a plain one before its first byte, a stream after 40 tokens.
    let leaving = tokio::spawn(gateway.chat_request(&key, &body("late", false)).send());
    assert!(upstream.ledger().wait_until(|counts| counts.active == 1, PATIENCE).await);
    leaving.abort();
    count += 1;
    let row = newest(&gateway, count).await;
    assert_eq!((&row["outcome"], &row["token_source"]), (&json!("client_closed"), &json!("estimated")), "{row}");
    assert!(is_near(&row["input_tokens"], INPUT) && row["output_tokens"].as_i64().unwrap_or(0) == 0, "{row}");
    let mut stream = gateway.chat_request(&key, &body("slow", true)).send().await.unwrap().bytes_stream();
    let mut events = 0;
    while events < 40 {
        events += String::from_utf8_lossy(&stream.next().await.unwrap().unwrap()).matches("\"content\"").count();
    }
    drop(stream);
    count += 1;
    let row = newest(&gateway, count).await;
    assert_eq!((&row["outcome"], &row["token_source"]), (&json!("client_closed"), &json!("estimated")), "{row}");
    assert!(is_near(&row["input_tokens"], INPUT) && is_near(&row["output_tokens"], 40), "{row}");
    assert_sums(&gateway).await;
    // Models that exist and cannot be had stand under their public names, in rows and in sums, whatever clients call them.
    let off = gateway.add_server("off", &upstream.base_url(), &["elsewhere=fake-small"]).await;
    let answer = gateway.patch(&format!("/api/servers/{}", off["id"]), json!({"enabled": false})).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let narrow = gateway.post("/api/keys", json!({"name": "narrow", "models": ["silent"]})).await.json();
    let narrow = narrow["key"].as_str().unwrap();
    for (key, said, model, status, code) in [
        (key.as_str(), "elsewhere", "elsewhere", 503, "no_server_available"),
        (&key, "off/elsewhere", "elsewhere", 503, "no_server_available"),
        (narrow, "fake/counted", "counted", 403, "model_not_allowed"),
    ] {
        assert_eq!(gateway.chat(key, &body(said, false)).await.status, status);
        count += 1;
        let row = newest(&gateway, count).await;
        assert_ending(&row, Ending { outcome: "rejected", status, code: Some(code), ..unknown }, false);
        assert_eq!(row["model"], model, "{row}");
        assert_sums(&gateway).await;
    }
    // A stranger is counted, and leaves no row and no sum.
    for stream in [false, true] {
        assert_eq!(gateway.chat("sluice-wrong", &body("counted", stream)).await.status, 401);
    }
    newest(&gateway, count).await;
    assert_sums(&gateway).await;
    gateway.stop().await;
}

#[tokio::test]
async fn queues() {
    let upstream = FakeUpstream::builder().start().await.unwrap();
    let gateway = TestGateway::builder().start().await;
    for (server, model, deadline_ms) in [("patient", "patient", 60_000), ("hasty", "hasty", 200)] {
        let model = json!([{"name": model, "upstream_name": "fake-small?latency_ms=60000"}]);
        let input = json!({"name": server, "base_url": upstream.base_url(), "models": model,
            "limits": {"concurrency": 1}, "queue": {"length": 1, "deadline_ms": deadline_ms}});
        let answer = gateway.post("/api/servers", input).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
    }
    let key = gateway.issue_key("k", None).await;
    let call = |model: &str, stream| tokio::spawn(send(gateway.chat_request(&key, &body(model, stream))));
    let waiting = || async {
        let limits = gateway.get("/api/limits").await.json();
        let rows = limits["rows"].as_array().unwrap().clone();
        rows.iter().map(|row| row["state"]["queue"]["waiting"].as_u64().unwrap()).sum::<u64>()
    };
    // Each server has a request that goes on until the end.
    let busy = [call("patient", false), call("hasty", false)];
    assert!(upstream.ledger().wait_until(|counts| counts.active == 2, PATIENCE).await);
    let none = |outcome, status, code| Ending { outcome, status, code, source: "none", output: None };
    let mut count = 0;
    for stream in [false, true] {
        let evicted = call("patient", stream);
        assert!(eventually(PATIENCE, || async { waiting().await == 1 }).await);
        let leaver = call("patient", stream);
        assert_eq!(evicted.await.unwrap().status, 503);
        count += 1;
        let expected = none("queue_evicted", 503, Some("queue_evicted"));
        assert_ending(&newest(&gateway, count).await, expected, stream);
        assert!(eventually(PATIENCE, || async { waiting().await == 1 }).await);
        leaver.abort();
        count += 1;
        assert_ending(&newest(&gateway, count).await, none("client_closed", 499, None), stream);
        assert_eq!(call("hasty", stream).await.unwrap().status, 504);
        count += 1;
        let expected = none("queue_timeout", 504, Some("queue_timeout"));
        assert_ending(&newest(&gateway, count).await, expected, stream);
        assert_sums(&gateway).await;
    }
    for busy in busy {
        busy.abort();
    }
    newest(&gateway, count + 2).await;
    assert_sums(&gateway).await;
    gateway.stop().await;
}

#[tokio::test]
async fn the_gateway_dies() {
    let upstream = FakeUpstream::builder().start().await.unwrap();
    let environment = [("SLUICE_ADMIN_USERNAME", USERNAME), ("SLUICE_ADMIN_PASSWORD", PASSWORD)];
    sluice::outbound::install_tls_provider();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let sign_in = async |binary: &Binary| {
        let body = json!({ "username": USERNAME, "password": PASSWORD });
        send(client.post(binary.url("/api/session")).json(&body)).await.cookie().unwrap()
    };
    let binary = Binary::start(&environment).await;
    let cookie = sign_in(&binary).await;
    let post = |path: &str, body: Value| {
        send(client.request(Method::POST, binary.url(path)).header("cookie", &cookie).json(&body))
    };
    let models = json!([{"name": "m", "upstream_name": "fake-small?latency_ms=60000"}]);
    post("/api/servers", json!({"name": "fake", "base_url": upstream.base_url(), "models": models})).await;
    let key = post("/api/keys", json!({"name": "k"})).await.json()["key"].as_str().unwrap().to_owned();
    let calls: Vec<_> = [false, true]
        .into_iter()
        .map(|stream| {
            let call = client.post(binary.url("/v1/chat/completions")).bearer_auth(&key).header("app-name", "app");
            tokio::spawn(call.json(&body("m", stream)).send())
        })
        .collect();
    assert!(upstream.ledger().wait_until(|counts| counts.active == 2, PATIENCE).await);
    let folder = binary.kill();
    for call in calls {
        assert!(call.await.unwrap().is_err());
    }
    let binary = Binary::start_in(folder, &environment).await;
    let cookie = sign_in(&binary).await;
    let get = |path: &str| send(client.get(binary.url(path)).header("cookie", &cookie));
    let rows = get("/api/requests").await.json()["rows"].as_array().unwrap().clone();
    assert_eq!(rows.len(), 2);
    for row in &rows {
        let expected = Ending { outcome: "interrupted", status: 0, code: None, source: "estimated", output: None };
        assert_ending(row, expected, row["streamed"].as_bool().unwrap());
    }
    assert_ne!(rows[0]["streamed"], rows[1]["streamed"]);
    let report = get("/api/stats/usage?granularity=total&group_by=app,server,model,outcome").await.json();
    assert_eq!(sums_of_report(&report), sums_of_rows(&rows), "{report}");
    binary.stop().await;
}
