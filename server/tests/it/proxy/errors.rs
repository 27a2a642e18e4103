//! What goes wrong, what the client gets, and what the row says.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use sluice_fake_upstream::FakeUpstream;

use super::raw_upstream::RawUpstream;
use crate::harness::{Answer, PATIENCE, TestGateway, eventually, send};

fn code(answer: &Answer) -> (u16, String) {
    (answer.status, answer.json()["error"]["code"].as_str().unwrap_or_default().to_owned())
}

/// The newest row, once there are this many.
async fn newest_row(gateway: &TestGateway, count: usize) -> Value {
    let found = eventually(PATIENCE, || async {
        gateway.get("/api/requests?limit=200").await.json()["rows"].as_array().unwrap().len() == count
    })
    .await;
    assert!(found, "{}", gateway.get("/api/requests?limit=200").await.text());
    gateway.get("/api/requests").await.json()["rows"][0].clone()
}

#[tokio::test]
async fn errors_of_the_upstream_come_back_as_they_are() {
    let upstream = FakeUpstream::builder().start().await.unwrap();
    let gateway = TestGateway::builder().setting("SLUICE_LIMITS__PAUSE_RETRIES", "0").start().await;
    let statuses = [400, 404, 408, 409, 413, 422, 429, 500, 502, 503, 529];
    let models: Vec<String> = statuses
        .iter()
        .map(|status| format!("{status}=fake-small?status={status}&retry_after=3"))
        .chain(["html=fake-small?status=500&error_html=1".to_owned()])
        .collect();
    gateway.add_server("fake", &upstream.base_url(), &models.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let key = gateway.issue_key("k", None).await;
    let direct = reqwest::Client::builder().no_proxy().build().unwrap();
    for (count, status) in statuses.iter().enumerate() {
        let upstream_model = format!("fake-small?status={status}&retry_after=3");
        let expected = send(
            direct.post(format!("{}/chat/completions", upstream.base_url())).json(&json!({"model": upstream_model})),
        )
        .await;
        for stream in [false, true] {
            let answer = gateway.chat(&key, &json!({"model": status.to_string(), "stream": stream})).await;
            assert_eq!((answer.status, &answer.body), (*status, &expected.body));
            assert_eq!(answer.header("retry-after"), "3");
        }
        let row = newest_row(&gateway, (count + 1) * 2).await;
        assert_eq!((&row["outcome"], &row["status"]), (&json!("upstream_error"), &json!(status)));
        assert_eq!((&row["input_tokens"], &row["token_source"]), (&Value::Null, &json!("none")));
    }
    let html = gateway.chat(&key, &json!({"model": "html"})).await;
    assert!(html.status == 500 && html.header("content-type").starts_with("text/html"), "{html:?}");
    gateway.stop().await;
}

#[tokio::test]
async fn rejected_credentials_of_the_gateway_are_not_the_clients_fault() {
    let upstream = FakeUpstream::builder().api_key("sk-right-0123456789abcdef").start().await.unwrap();
    let gateway = TestGateway::builder().start().await;
    let wrong = json!({"name": "fake", "base_url": upstream.base_url(), "api_key": "sk-wrong-0123456789abcdef",
        "models": [{"name": "m", "upstream_name": "fake-small"}]});
    assert_eq!(gateway.post("/api/servers", wrong).await.status, 201);
    let key = gateway.issue_key("k", None).await;
    let answer = gateway.chat(&key, &json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]})).await;
    assert_eq!(code(&answer), (502, "upstream_auth_failed".to_owned()));
    assert_eq!(answer.header("x-should-retry"), "false");
    assert!(!answer.text().contains("sk-wrong") && !answer.text().contains("cdef"), "{}", answer.text());
    let row = newest_row(&gateway, 1).await;
    assert_eq!((&row["outcome"], &row["error_code"]), (&json!("upstream_error"), &json!("upstream_auth_failed")));
    gateway.stop().await;
}

#[tokio::test]
async fn upstreams_that_cannot_be_used_are_told_apart() {
    let upstream = FakeUpstream::builder().start().await.unwrap();
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let not_http = RawUpstream::start_with(b"SSH-2.0-OpenSSH_9.2\r\n\r\n".to_vec()).await;
    let gateway = TestGateway::builder().start().await;
    let key = gateway.issue_key("k", None).await;
    let timeouts = json!({"connect_ms": 2000, "first_byte_ms": 300, "idle_ms": 300, "total_ms": 600});
    for (name, base_url, upstream_model, expected) in [
        ("nobody", format!("http://{nobody}/v1"), "m", (502, "upstream_unreachable")),
        ("reset", upstream.base_url(), "fake-small?reset=1", (502, "upstream_unreachable")),
        ("close", upstream.base_url(), "fake-small?close=1", (502, "upstream_unreachable")),
        ("hang", upstream.base_url(), "fake-small?hang=1", (504, "upstream_timeout")),
        ("late-body", upstream.base_url(), "fake-small?first_byte_ms=60000", (504, "upstream_timeout")),
        ("redirect", upstream.base_url(), "fake-small?redirect=1", (502, "upstream_invalid_response")),
        ("ssh", not_http.base_url().to_owned(), "m", (502, "upstream_invalid_response")),
    ] {
        let server = json!({"name": name, "base_url": base_url, "timeouts": timeouts,
            "models": [{"name": name, "upstream_name": upstream_model}]});
        assert_eq!(gateway.post("/api/servers", server).await.status, 201, "{name}");
        for stream in [false, true] {
            let answer = gateway
                .chat(&key, &json!({"model": name, "messages": [{"role": "user", "content": "hi"}], "stream": stream}))
                .await;
            assert_eq!(code(&answer), (expected.0, expected.1.to_owned()), "{name} {}", answer.text());
            assert_eq!(answer.header("x-sluice-server"), name);
        }
    }
    // One attempt each: nothing that may have been executed is sent twice.
    assert_eq!(upstream.ledger().calls(), 10);
    gateway.stop().await;
}

#[tokio::test]
async fn a_pooled_connection_that_died_is_replaced_without_notice() {
    let upstream = FakeUpstream::builder().start().await.unwrap();
    let gateway = TestGateway::builder().start().await;
    gateway.add_server("fake", &upstream.base_url(), &["m=fake-small?keep_alive_close=1"]).await;
    let key = gateway.issue_key("k", None).await;
    for index in 0..50 {
        let answer = gateway.chat(&key, &json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]})).await;
        assert_eq!(answer.status, 200, "call {index}: {}", answer.text());
    }
    assert_eq!(upstream.ledger().calls(), 50, "each was executed once");
    gateway.stop().await;
}

#[tokio::test]
async fn bodies_that_cannot_be_taken_are_refused_in_plain_words() {
    let upstream = FakeUpstream::builder().start().await.unwrap();
    let gateway = TestGateway::builder().setting("SLUICE_LIMITS__MAX_BODY_BYTES", "1024").start().await;
    gateway.add_server("fake", &upstream.base_url(), &["fake-small"]).await;
    let key = gateway.issue_key("k", None).await;
    let large = format!(r#"{{"model":"fake-small","x":"{}"}}"#, "y".repeat(5_000_000));
    let deep = format!(r#"{{"model":"fake-small","x":{}{}}}"#, "[".repeat(200), "]".repeat(200));
    for (body, expected) in [
        ("{", (400, "invalid_json")),
        ("[]", (400, "invalid_json")),
        ("{}", (400, "missing_model")),
        (r#"{"model":"a","model":"fake-small"}"#, (400, "invalid_json")),
        (&deep, (400, "invalid_json")),
        (&large, (413, "request_too_large")),
    ] {
        let request = gateway.request(Method::POST, "/v1/chat/completions").bearer_auth(&key).header("app-name", "a");
        let answer = send(request.body(body.to_owned())).await;
        assert_eq!(code(&answer), (expected.0, expected.1.to_owned()), "{}", answer.text());
        let error = &answer.json()["error"];
        assert!(error["message"].as_str().unwrap().len() > 20 && error["type"] == "invalid_request_error");
        assert!(error.as_object().unwrap().contains_key("param"));
    }
    assert_eq!(upstream.ledger().calls(), 0);
    let row = newest_row(&gateway, 6).await;
    assert_eq!((&row["outcome"], &row["error_code"]), (&json!("rejected"), &json!("request_too_large")));
    gateway.stop().await;
}

#[tokio::test]
async fn unknown_paths_and_methods_answer_in_the_same_dialect() {
    let gateway = TestGateway::builder().start().await;
    let unknown = send(gateway.request(Method::POST, "/v1/nonsense")).await;
    assert_eq!(code(&unknown), (404, "unknown_endpoint".to_owned()));
    let wrong = send(gateway.request(Method::GET, "/v1/chat/completions")).await;
    assert_eq!((code(&wrong), wrong.header("allow")), ((405, "method_not_allowed".to_owned()), "POST"));
    assert!(!wrong.header("x-request-id").is_empty());
    gateway.stop().await;
}

#[tokio::test]
async fn a_body_that_dawdles_is_given_up() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let upstream = FakeUpstream::builder().start().await.unwrap();
    let gateway = TestGateway::builder().setting("SLUICE_LIMITS__BODY_READ_SECONDS", "0.3").start().await;
    gateway.add_server("fake", &upstream.base_url(), &["fake-small"]).await;
    let key = gateway.issue_key("k", Some("slow")).await;
    let mut stream = tokio::net::TcpStream::connect(gateway.address()).await.unwrap();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\nContent-Length: 100\r\n\r\n{{"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("an answer in time").unwrap();
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("request_timeout"), "{answer}");
    gateway.stop().await;
}

#[tokio::test]
async fn malformed_usage_neither_breaks_the_answer_nor_the_books() {
    let upstream = FakeUpstream::builder().start().await.unwrap();
    let gateway = TestGateway::builder().start().await;
    gateway.add_server("fake", &upstream.base_url(), &["m=fake-small?big_usage=1", "good=fake-small?chunks=5"]).await;
    let key = gateway.issue_key("k", None).await;
    for (count, stream) in [false, true].into_iter().enumerate() {
        let answer = gateway
            .chat(&key, &json!({"model": "m", "stream": stream, "messages": [{"role": "user", "content": "hi"}]}))
            .await;
        assert_eq!(answer.status, 200);
        let row = newest_row(&gateway, count + 1).await;
        assert_eq!((&row["outcome"], &row["token_source"]), (&json!("completed"), &json!("estimated")), "{row}");
    }
    for (count, stream) in [false, true].into_iter().enumerate() {
        gateway
            .chat(&key, &json!({"model": "good", "stream": stream, "messages": [{"role": "user", "content": "hi"}]}))
            .await;
        let row = newest_row(&gateway, count + 3).await;
        assert_eq!((&row["output_tokens"], &row["token_source"]), (&json!(5), &json!("reported")), "{row}");
        assert_eq!(
            (&row["app_name"], &row["key_name"], &row["server_name"]),
            (&json!("test-app"), &json!("k"), &json!("fake"))
        );
        assert!(row["first_byte_ms"].is_number() && row["streamed"] == stream);
    }
    let totals = upstream.ledger().totals();
    assert_eq!(totals.completion_tokens, 10);
    gateway.stop().await;
}

#[tokio::test]
async fn silent_upstreams_and_total_time_are_bounded() {
    let upstream = FakeUpstream::builder().start().await.unwrap();
    let gateway = TestGateway::builder().start().await;
    let key = gateway.issue_key("k", None).await;
    let stalls = json!({"name": "stalls", "base_url": upstream.base_url(), "timeouts": {"connect_ms": 1000, "first_byte_ms": 5000, "idle_ms": 200, "total_ms": 60000},
        "models": [{"name": "stalls", "upstream_name": "fake-small?stall_after=2"}]});
    let drips = json!({"name": "drips", "base_url": upstream.base_url(), "timeouts": {"connect_ms": 1000, "first_byte_ms": 5000, "idle_ms": 5000, "total_ms": 500},
        "models": [{"name": "drips", "upstream_name": "fake-small?chunks=1000&chunk_delay_ms=20"}]});
    for (count, server) in [stalls, drips].into_iter().enumerate() {
        let name = server["name"].as_str().unwrap().to_owned();
        assert_eq!(gateway.post("/api/servers", server).await.status, 201);
        let response = gateway
            .chat_request(
                &key,
                &json!({"model": name, "stream": true, "messages": [{"role": "user", "content": "hi"}]}),
            )
            .send()
            .await
            .unwrap();
        let started = tokio::time::Instant::now();
        let text = super::streams::read_until_broken(response).await;
        assert!(started.elapsed() < Duration::from_secs(10));
        assert!(
            text.ends_with("}\n\n") && text.contains(r#""code":"upstream_timeout""#) && !text.contains("[DONE]"),
            "{text}"
        );
        let row = newest_row(&gateway, count + 1).await;
        assert_eq!((&row["outcome"], &row["error_code"]), (&json!("upstream_cut"), &json!("upstream_timeout")));
    }
    assert!(upstream.ledger().wait_until(|counts| counts.active == 0, PATIENCE).await, "an upstream call goes on");
    gateway.stop().await;
}

#[tokio::test]
async fn a_request_that_was_waited_for_is_not_sent_twice() {
    let upstream = FakeUpstream::builder().start().await.unwrap();
    let gateway = TestGateway::builder().start().await;
    let late = "late=fake-small?latency_ms=1200&close=1";
    gateway.add_server("fake", &upstream.base_url(), &["m=fake-small", late]).await;
    let key = gateway.issue_key("k", None).await;
    let ask = |model: &str| {
        gateway.chat_request(&key, &json!({"model": model, "messages": [{"role": "user", "content": "hi"}]}))
    };
    // The second call goes out on the connection that the first one left.
    assert_eq!(send(ask("m")).await.status, 200);
    let answer = send(ask("late")).await;
    assert_eq!(code(&answer), (502, "upstream_unreachable".to_owned()));
    assert_eq!(upstream.ledger().calls(), 2);
    gateway.stop().await;
}

#[tokio::test]
async fn answers_without_a_body_are_booked_as_what_they_are() {
    let gateway = TestGateway::builder().start().await;
    let key = gateway.issue_key("k", None).await;
    for (count, (status, outcome)) in
        [(503, "upstream_error"), (200, "completed"), (204, "completed")].into_iter().enumerate()
    {
        let length = if status == 204 { "" } else { "content-length: 0\r\n" };
        let upstream = RawUpstream::start_with(format!("HTTP/1.1 {status} X\r\n{length}\r\n").into_bytes()).await;
        let name = format!("empty-{status}");
        gateway.add_server(&name, upstream.base_url(), &[&name]).await;
        let answer = gateway.chat(&key, &json!({"model": name})).await;
        assert_eq!((answer.status, answer.body.len()), (status, 0));
        let row = newest_row(&gateway, count + 1).await;
        assert_eq!((&row["outcome"], &row["status"]), (&json!(outcome), &json!(status)));
    }
    gateway.stop().await;
}

#[tokio::test]
async fn half_a_json_that_ends_with_the_connection_is_no_whole_answer() {
    let gateway = TestGateway::builder().start().await;
    let key = gateway.issue_key("k", None).await;
    let half = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{\"id\":\"1\",\"choices\":[".to_vec();
    let upstream = RawUpstream::start_with(half).await;
    gateway.add_server("half", upstream.base_url(), &["half"]).await;
    let response = gateway.chat_request(&key, &json!({"model": "half"})).send().await.unwrap();
    super::streams::read_until_broken(response).await;
    assert_eq!(newest_row(&gateway, 1).await["outcome"], "upstream_cut");
    let text = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 9\r\n\r\nan odd \"{".to_vec();
    let upstream = RawUpstream::start_with(text).await;
    gateway.add_server("text", upstream.base_url(), &["text"]).await;
    assert_eq!(gateway.chat(&key, &json!({"model": "text"})).await.text(), "an odd \"{");
    assert_eq!(newest_row(&gateway, 2).await["outcome"], "completed");
    gateway.stop().await;
}

#[tokio::test]
async fn an_error_that_the_upstream_told_of_itself_is_told_once() {
    let gateway = TestGateway::builder().start().await;
    let key = gateway.issue_key("k", None).await;
    let event = bytes::Bytes::from_static(b"data: {\"error\":{\"message\":\"overloaded\"}}\n\n");
    let upstream = RawUpstream::start("text/event-stream", vec![event.clone()], false).await;
    gateway.add_server("raw", upstream.base_url(), &["m"]).await;
    let response = gateway.chat_request(&key, &json!({"model": "m", "stream": true})).send().await.unwrap();
    assert_eq!(super::streams::read_until_broken(response).await.as_bytes(), event);
    assert_eq!(newest_row(&gateway, 1).await["outcome"], "upstream_error");
    gateway.stop().await;
}

#[tokio::test]
async fn leaving_while_sending_is_no_bad_request() {
    use tokio::io::AsyncWriteExt as _;
    let gateway = TestGateway::builder().start().await;
    let key = gateway.issue_key("k", Some("leaver")).await;
    let mut stream = tokio::net::TcpStream::connect(gateway.address()).await.unwrap();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\nContent-Length: 100\r\n\r\n{{"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    drop(stream);
    let row = newest_row(&gateway, 1).await;
    assert_eq!(
        (&row["outcome"], &row["status"], &row["app_name"]),
        (&json!("client_closed"), &json!(499), &json!("leaver"))
    );
    gateway.stop().await;
}
