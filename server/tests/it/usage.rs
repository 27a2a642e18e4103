//! Usage in sums over HTTP: `GET /api/stats/usage` and `GET /v1/usage`.

use http::Method;
use serde_json::{Value, json};
use sluice_fake_upstream::FakeUpstream;

use crate::harness::{Answer, PATIENCE, TestGateway, eventually, send};

/// A gateway with requests of two keys of `shop`, one of `other`, and one of a key that is bound to nothing.
async fn used() -> (FakeUpstream, TestGateway, [String; 4]) {
    let upstream = FakeUpstream::builder().start().await.unwrap();
    let gateway = TestGateway::builder().start().await;
    gateway.add_server("fake", &upstream.base_url(), &["m=fake-small?chunks=10"]).await;
    let first = gateway.issue_key("first", Some("shop")).await;
    let apps = gateway.get("/api/apps").await.json();
    let answer = gateway.post("/api/keys", json!({"name": "second", "app_id": apps["rows"][0]["id"]})).await;
    let second = answer.json()["key"].as_str().unwrap().to_owned();
    let other = gateway.issue_key("other", Some("other")).await;
    let free = gateway.issue_key("free", None).await;
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "hello"}]});
    for key in [&first, &second, &other] {
        let request = gateway.request(Method::POST, "/v1/chat/completions").bearer_auth(key).json(&body);
        assert_eq!(send(request).await.status, 200);
    }
    assert_eq!(gateway.chat(&free, &body).await.status, 200);
    let total = || async { gateway.get("/api/stats/usage").await.json()["total"]["requests"].clone() };
    assert!(eventually(PATIENCE, || async { total().await == 4 }).await, "{}", total().await);
    (upstream, gateway, [first, second, other, free])
}

async fn own(gateway: &TestGateway, key: &str, query: &str) -> Answer {
    send(gateway.request(Method::GET, &format!("/v1/usage{query}")).bearer_auth(key)).await
}

fn code(answer: &Answer) -> (u16, String) {
    (answer.status, answer.json()["error"]["code"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn administrators_get_sums_as_json_and_as_csv() {
    let (_upstream, gateway, _) = used().await;
    let report = gateway.get("/api/stats/usage?group_by=app,model&tz=Asia/Kolkata").await.json();
    let row = &report["rows"][0];
    assert_eq!((&row["app"]["name"], &row["model"]), (&json!("shop"), &json!("m")), "{report}");
    assert_eq!((&row["requests"], &row["completed"], &row["output_tokens"]), (&json!(2), &json!(2), &json!(20)));
    assert!(row["start"].as_str().unwrap().ends_with("T00:00:00+05:30"), "{row}");
    assert!(row["duration_ms"]["p50"].as_u64().is_some() && row.get("server").is_none(), "{row}");
    assert_eq!(report["total"]["requests"], 4);

    for (query, accept) in [("&format=csv", "*/*"), ("", "text/csv")] {
        let path = format!("/api/stats/usage?group_by=app&granularity=total&bom=true{query}");
        let request = gateway.request(Method::GET, &path).bearer_auth(gateway.token()).header("accept", accept);
        let answer = send(request).await;
        assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8; header=present");
        let name = answer.header("content-disposition");
        assert!(name.starts_with("attachment; filename=\"sluice-usage_") && name.ends_with("_total_by-app.csv\""));
        let text = answer.text();
        assert!(text.starts_with("\u{feff}start,end,app_id,app,requests,"), "{text}");
        assert_eq!(text.matches("\r\n").count(), 4, "{text}");
    }
    for (query, status, problem) in [
        ("granularity=week", 400, "invalid_query"),
        ("colour=red", 400, "invalid_query"),
        ("from=yesterday", 422, "invalid"),
        ("app=nobody", 422, "invalid"),
    ] {
        let answer = gateway.get(&format!("/api/stats/usage?{query}")).await;
        assert_eq!((answer.status, answer.problem().as_str()), (status, problem), "{query}");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn callers_see_their_own_usage() {
    let (_upstream, gateway, [first, second, other, free]) = used().await;
    // Two keys of one app see the same.
    for key in [&first, &second] {
        let report = own(&gateway, key, "?granularity=total&group_by=key").await.json();
        let names: Vec<&Value> = report["rows"].as_array().unwrap().iter().map(|row| &row["key"]["name"]).collect();
        assert_eq!((names, &report["total"]["requests"]), (vec![&json!("first"), &json!("second")], &json!(2)));
    }
    for (key, requests) in [(&other, 1), (&free, 1)] {
        let answer = own(&gateway, key, "").await;
        assert_eq!((answer.status, &answer.json()["total"]["requests"]), (200, &json!(requests)));
    }
    let keys = gateway.get("/api/keys").await.json();
    let id = |name: &str| {
        let rows = keys["rows"].as_array().unwrap();
        rows.iter().find(|row| row["name"] == name).unwrap()["id"].clone()
    };
    let answer = own(&gateway, &first, &format!("?key={}", id("second"))).await;
    assert_eq!(answer.json()["total"]["requests"], 1, "{}", answer.text());
    let csv = own(&gateway, &first, "?format=csv&granularity=total&group_by=model").await;
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8; header=present");
    assert!(csv.text().starts_with("start,end,model,requests,"), "{}", csv.text());

    // What is somebody else's is answered like what does not exist.
    for (key, query, parameter) in [
        (&first, format!("?key={}", id("other")), "key"),
        (&first, format!("?key={}", id("free")), "key"),
        (&first, "?key=4711".to_owned(), "key"),
        (&free, format!("?key={}", id("first")), "key"),
        (&first, "?app=other".to_owned(), "app"),
        (&first, "?app=shop".to_owned(), "app"),
        (&free, "?server=fake".to_owned(), "server"),
        (&free, "?group_by=server".to_owned(), "group_by"),
        (&first, "?from=x".to_owned(), "from"),
    ] {
        let answer = own(&gateway, key, &query).await;
        assert_eq!(code(&answer), (400, "invalid_query".to_owned()), "{query}");
        assert_eq!(answer.json()["error"]["param"], parameter, "{query}");
    }
    assert_eq!(code(&own(&gateway, &first, "?colour=red").await), (400, "invalid_query".to_owned()));
    assert_eq!(code(&own(&gateway, "sluice-wrong", "").await), (401, "invalid_api_key".to_owned()));
    assert_eq!(code(&own(&gateway, gateway.token(), "").await), (401, "invalid_api_key".to_owned()));
    let answer = send(gateway.request(Method::GET, "/v1/usage")).await;
    assert_eq!(code(&answer), (401, "invalid_api_key".to_owned()));
    let answer = send(gateway.request(Method::POST, "/v1/usage").bearer_auth(&first)).await;
    assert_eq!((answer.status, answer.header("allow")), (405, "GET, HEAD"));
    gateway.stop().await;
}

#[tokio::test]
async fn without_a_key_nobody_knows_whose_usage_is_meant() {
    let gateway = TestGateway::builder().setting("SLUICE_ACCESS__POLICY", "open").start().await;
    let answer = send(gateway.request(Method::GET, "/v1/usage").header("app-name", "shop")).await;
    assert_eq!(code(&answer), (401, "invalid_api_key".to_owned()));
    gateway.stop().await;
}
