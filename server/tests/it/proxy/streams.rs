//! Streams that end badly, and many at once.

use bytes::Bytes;
use serde_json::json;
use sluice_fake_upstream::FakeUpstream;

use super::raw_upstream::RawUpstream;
use crate::harness::{PATIENCE, TestGateway, eventually};

/// Reads a body that must not end properly, and returns what came.
pub(super) async fn read_until_broken(mut response: reqwest::Response) -> String {
    let mut bytes = Vec::new();
    loop {
        match tokio::time::timeout(PATIENCE, response.chunk()).await.expect("an end in time") {
            Ok(Some(piece)) => bytes.extend_from_slice(&piece),
            Ok(None) => panic!("a cut stream ended properly: {}", String::from_utf8_lossy(&bytes)),
            Err(_) => return String::from_utf8(bytes).unwrap(),
        }
    }
}

#[tokio::test]
async fn a_cut_stream_ends_with_an_error_event_and_without_a_proper_end() {
    let upstream = FakeUpstream::builder().start().await.unwrap();
    let gateway = TestGateway::builder().start().await;
    let scripts = ["cut_after=2", "clean_cut_after=2", "reset_after=2", "truncated_json=1"];
    let models: Vec<String> = scripts.iter().map(|script| format!("{script}=fake-small?{script}")).collect();
    // The model's name has an equals sign, so the list is given as JSON.
    let models: Vec<_> = models.iter().zip(scripts).map(|(_, script)| json!({"name": script.replace('=', "-"), "upstream_name": format!("fake-small?chunk_delay_ms=5&{script}")})).collect();
    let body = json!({"name": "fake", "base_url": upstream.base_url(), "models": models});
    assert_eq!(gateway.post("/api/servers", body).await.status, 201);
    let key = gateway.issue_key("k", None).await;
    for (count, script) in scripts.iter().enumerate() {
        let request =
            gateway.chat_request(&key, &json!({"model": script.replace('=', "-"), "stream": true, "messages": [{"role": "user", "content": "hi"}]}));
        let text = read_until_broken(request.send().await.unwrap()).await;
        let events: Vec<&str> = text.split("\n\n").filter(|event| !event.is_empty()).collect();
        for event in &events {
            let data = event.strip_prefix("data: ").unwrap();
            assert!(serde_json::from_str::<serde_json::Value>(data).is_ok(), "{script}: half an event: {event}");
        }
        let last: serde_json::Value =
            serde_json::from_str(events.last().unwrap().strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(last["error"]["code"], "upstream_cut", "{script}: {text}");
        assert!(!text.contains("[DONE]"));
        let recorded = eventually(PATIENCE, || async {
            gateway.get("/api/requests").await.text().matches("\"upstream_cut\"").count() == count + 1
        })
        .await;
        assert!(recorded, "{script}: {}", gateway.get("/api/requests").await.text());
    }
    gateway.stop().await;
}

#[tokio::test]
async fn a_plain_answer_that_is_cut_is_not_whole_for_the_client() {
    let upstream = FakeUpstream::builder().start().await.unwrap();
    let gateway = TestGateway::builder().start().await;
    gateway.add_server("fake", &upstream.base_url(), &["m=fake-small?cut_after=40"]).await;
    let key = gateway.issue_key("k", None).await;
    let response = gateway
        .chat_request(&key, &json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]}))
        .send()
        .await;
    if let Ok(response) = response {
        assert!(response.status() == 502 || response.bytes().await.is_err());
    }
    gateway.stop().await;
}

#[tokio::test]
async fn odd_streams_of_the_family_pass() {
    let upstream = FakeUpstream::builder().start().await.unwrap();
    let gateway = TestGateway::builder().start().await;
    let scripts = [
        "crlf=1",
        "comments=1",
        "no_space=1",
        "usage=every",
        "usage=twice",
        "usage=finish",
        "usage=none",
        "piece=1",
        "no_done=1",
        "content=utf8",
        "chunk_bytes=4194304&chunks=2",
        "tool=1",
    ];
    let models: Vec<_> = scripts
        .iter()
        .enumerate()
        .map(|(index, script)| json!({"name": index.to_string(), "upstream_name": format!("fake-small?{script}")}))
        .collect();
    assert_eq!(
        gateway
            .post("/api/servers", json!({"name": "fake", "base_url": upstream.base_url(), "models": models}))
            .await
            .status,
        201
    );
    let key = gateway.issue_key("k", None).await;
    for (index, script) in scripts.iter().enumerate() {
        for asks in [false, true] {
            let mut body = json!({"model": index.to_string(), "stream": true, "messages": [{"role": "user", "content": "hi"}], "tools": [{"type": "function", "function": {"name": "f"}}]});
            if asks {
                body["stream_options"] = json!({"include_usage": true});
            }
            let answer = gateway.chat(&key, &body).await;
            let text = answer.text();
            assert_eq!(answer.status, 200, "{script}");
            assert!(!text.contains('\u{fffd}'), "{script}: a character was broken");
            assert_eq!(text.matches("[DONE]").count(), usize::from(*script != "no_done=1"), "{script}");
            assert!(!text.contains("\"error\""), "{script}: {text}");
            if !asks {
                assert!(!text.contains("\"usage\""), "{script}: usage that was not asked for: {text}");
            }
        }
    }
    let count = scripts.len() * 2;
    assert!(
        eventually(PATIENCE, || async {
            gateway.get("/api/requests?limit=200").await.json()["rows"].as_array().unwrap().len() == count
        })
        .await
    );
    let rows = gateway.get("/api/requests?limit=200").await.json()["rows"].clone();
    for row in rows.as_array().unwrap() {
        let expected = if row["model"] == "6" { "estimated" } else { "reported" };
        assert_eq!((&row["outcome"], &row["token_source"]), (&json!("completed"), &json!(expected)), "{row}");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn a_plain_answer_in_a_stream_and_an_empty_one_are_not_mistaken_for_success() {
    let gateway = TestGateway::builder().start().await;
    let key = gateway.issue_key("k", None).await;
    let empty = RawUpstream::start("text/event-stream", Vec::new(), true).await;
    let plain = RawUpstream::start(
        "text/event-stream",
        vec![Bytes::from_static(br#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}"#)],
        true,
    )
    .await;
    gateway.add_server("empty", empty.base_url(), &["empty"]).await;
    gateway.add_server("plain", plain.base_url(), &["plain"]).await;
    let ask = |model: &str| {
        gateway.chat_request(
            &key,
            &json!({"model": model, "stream": true, "messages": [{"role": "user", "content": "hi"}]}),
        )
    };
    let text = read_until_broken(ask("empty").send().await.unwrap()).await;
    assert!(text.contains("upstream_cut"), "{text}");
    let answer = crate::harness::send(ask("plain")).await;
    assert!(answer.text().starts_with("{\"choices\""));
    gateway.stop().await;
}
