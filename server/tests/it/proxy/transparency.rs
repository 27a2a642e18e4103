//! What the client sent is what the upstream receives, and the other way round, to the byte.

use std::fmt::Write as _;

use bytes::Bytes;
use http::Method;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use sha2::{Digest as _, Sha256};
use sluice_fake_upstream::FakeUpstream;

use super::raw_upstream::RawUpstream;
use crate::harness::{TestGateway, send};

const BODIES: usize = 1000;

/// A member that Sluice has no opinion on: unknown names, odd white space, escapes, numbers beyond 64 bits, duplicates
/// below the top level.
fn member(index: usize) -> impl Strategy<Value = String> {
    let value = prop_oneof![
        Just("null".to_owned()),
        Just("123456789012345678901234567890".to_owned()),
        Just("-0.10e+5".to_owned()),
        Just("1.0000000000000000000000001".to_owned()),
        Just(r#""\ud83e\udd80 \u6c34 \/ \b""#.to_owned()),
        Just(r#""\ud800 lone""#.to_owned()),
        Just("\"水🦀é\"".to_owned()),
        Just(r#"{"a":1,"a":2,"model":"x","stream":true}"#.to_owned()),
        Just("[ 1 ,\t2,\r\n[ ] , { } ]".to_owned()),
        "[a-zA-Z0-9 ]{0,40}".prop_map(|text| format!("\"{text}\"")),
    ];
    let space = "[ \t\r\n]{0,3}";
    (value, space, space, space).prop_map(move |(value, a, b, c)| format!("{a}\"x_{index}\"{b}:{c}{value}"))
}

#[derive(Clone, Debug)]
struct GeneratedBody {
    text: String,
    stream: bool,
    asks_usage: bool,
}

fn body(model: &'static str) -> impl Strategy<Value = GeneratedBody> {
    let members = (0..6_usize).map(member).collect::<Vec<_>>();
    (members, any::<prop::sample::Index>(), any::<bool>(), any::<bool>(), 0_u32..40).prop_map(
        move |(mut members, place, stream, asks_usage, size)| {
            let mut image = String::new();
            if size == 0 {
                // A large image now and then.
                write!(
                    image,
                    ",{{\"type\":\"image_url\",\"image_url\":{{\"url\":\"data:image/png;base64,{}\"}}}}",
                    "iVBOR".repeat(120_000)
                )
                .unwrap();
            }
            let at = place.index(members.len() + 1);
            members.insert(at, format!("\"model\": \"{model}\""));
            members.push(format!(
                "\"messages\":[{{\"role\":\"user\",\"content\":[{{\"type\":\"text\",\"text\":\"hi\"}}{image}]}}]"
            ));
            if stream {
                members.push("\"stream\" :true".to_owned());
                if asks_usage {
                    members.push("\"stream_options\":{\"include_usage\":true}".to_owned());
                }
            }
            GeneratedBody { text: format!(" {{{}}}\n", members.join(",")), stream, asks_usage }
        },
    )
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_generated_bodies_arrive_as_they_were_sent() {
    let upstream = FakeUpstream::builder().keep_bodies(false).start().await.unwrap();
    let gateway = TestGateway::builder().start().await;
    gateway.add_server("fake", &upstream.base_url(), &["same", "renamed=other/\"name\""]).await;
    let key = gateway.issue_key("test", None).await;
    let mut runner = TestRunner::deterministic();
    let mut spliced = 0;
    for index in 0..BODIES {
        let model = if index % 3 == 0 { "renamed" } else { "same" };
        let body = body(model).new_tree(&mut runner).unwrap().current();
        // What must arrive, made by text replacement and not by the code under test.
        let mut expected = body.text.replace("\"model\": \"renamed\"", r#""model": "other/\"name\"""#);
        if body.stream && !body.asks_usage {
            expected = expected.replacen('{', r#"{"stream_options":{"include_usage":true},"#, 1);
        }
        spliced += usize::from(expected != body.text);
        let request = gateway
            .request(Method::POST, "/v1/chat/completions")
            .bearer_auth(&key)
            .header("app-name", "generated")
            .header("content-type", "application/json")
            .body(body.text.clone());
        // The upstream may not like every body; what matters is that it got it.
        let answer = send(request).await;
        assert_eq!(answer.header("x-sluice-server"), "fake", "{}: {}", body.text, answer.text());
        let received = upstream.ledger().last_request().unwrap();
        assert_eq!(received.body_sha256, sha256(expected.as_bytes()), "body {index}: {}", body.text);
    }
    assert!(spliced > BODIES / 4 && spliced < BODIES, "{spliced} of {BODIES} needed a change");
    println!("{BODIES} bodies arrived with the expected SHA-256, {} of them unchanged", BODIES - spliced);
    gateway.stop().await;
}

const STREAM: &str = concat!(
    ": hello\n\n",
    "data: {\"id\":\"1\",\"choices\":[{\"delta\":{\"content\":\"水🦀\"},\"finish_reason\":null}],\"usage\":null}\n\n",
    "event: message\r\ndata:{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":null}\r\n\r\n",
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4,\"total_tokens\":7}}\n\n",
    "data: [DONE]\n\n",
);
const WITHOUT_USAGE: &str = concat!(
    ": hello\n\n",
    "data: {\"id\":\"1\",\"choices\":[{\"delta\":{\"content\":\"水🦀\"},\"finish_reason\":null}]}\n\n",
    "event: message\r\ndata:{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\r\n\r\n",
    "data: [DONE]\n\n",
);

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_cut_at_every_byte_passes_as_it_came() {
    let gateway = TestGateway::builder().start().await;
    let key = gateway.issue_key("test", None).await;
    let server = gateway.add_server("raw", "http://127.0.0.1:1/v1", &["m"]).await;
    let path = format!("/api/servers/{}", server["id"]);
    for cut in 0..=STREAM.len() {
        let (head, tail) = STREAM.as_bytes().split_at(cut);
        let pieces = vec![Bytes::copy_from_slice(head), Bytes::copy_from_slice(tail)];
        let upstream = RawUpstream::start("text/event-stream", pieces, true).await;
        let changed = gateway
            .put(&path, serde_json::json!({"name": "raw", "base_url": upstream.base_url(), "models": [{"name": "m", "upstream_name": "m"}]}))
            .await;
        assert_eq!(changed.status, 200, "{}", changed.text());
        for (options, expected) in [(r#","stream_options":{"include_usage":true}"#, STREAM), ("", WITHOUT_USAGE)] {
            let request = gateway
                .request(Method::POST, "/v1/chat/completions")
                .bearer_auth(&key)
                .header("app-name", "cutter")
                .body(format!(r#"{{"model":"m","stream":true{options}}}"#));
            let answer = send(request).await;
            assert_eq!(answer.text(), expected, "cut at {cut}");
            assert_eq!(answer.header("content-type"), "text/event-stream");
            assert_eq!(answer.header("set-cookie"), "");
        }
    }
    gateway.stop().await;
}

#[tokio::test]
async fn compressed_bodies_are_understood_and_bounded() {
    use std::io::Write as _;
    let upstream = FakeUpstream::builder().start().await.unwrap();
    let gateway = TestGateway::builder().setting("SLUICE_LIMITS__MAX_BODY_BYTES", "4096").start().await;
    gateway.add_server("fake", &upstream.base_url(), &["fake-small"]).await;
    let key = gateway.issue_key("test", Some("zip")).await;
    let compress = |text: &str| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let post = |body: Vec<u8>, encoding: &'static str| {
        send(
            gateway
                .request(Method::POST, "/v1/chat/completions")
                .bearer_auth(&key)
                .header("content-encoding", encoding)
                .body(body),
        )
    };
    let plain = r#"{"model":"fake-small","messages":[{"role":"user","content":"hi"}]}"#;
    assert_eq!(post(compress(plain), "gzip").await.status, 200);
    assert_eq!(upstream.ledger().last_request().unwrap().body.unwrap(), plain.as_bytes());
    assert_eq!(post(plain.into(), "identity").await.status, 200);
    let bomb = format!(r#"{{"model":"fake-small","x":"{}"}}"#, "y".repeat(1 << 20));
    let answer = post(compress(&bomb), "gzip").await;
    assert_eq!((answer.status, answer.json()["error"]["code"].clone()), (413, "request_too_large".into()));
    for (body, encoding) in [(plain.into(), "gzip"), (plain.into(), "unknown"), (compress(plain), "gzip, gzip")] {
        let answer = post(body, encoding).await;
        assert_eq!((answer.status, answer.json()["error"]["code"].clone()), (400, "invalid_json".into()), "{encoding}");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn only_known_headers_pass_in_both_directions() {
    let upstream = FakeUpstream::builder().api_key("sk-upstream-secret").start().await.unwrap();
    let gateway = TestGateway::builder().start().await;
    let body = serde_json::json!({"name": "fake", "base_url": upstream.base_url(), "api_key": "sk-upstream-secret",
        "models": [{"name": "m", "upstream_name": "fake-small?set_cookie=1&ratelimit=1"}]});
    assert_eq!(gateway.post("/api/servers", body).await.status, 201);
    let key = gateway.issue_key("test", Some("headers")).await;
    let answer = send(
        gateway
            .request(Method::POST, "/v1/chat/completions")
            .header("x-api-key", &key)
            .header("cookie", "session=client-cookie")
            .header("connection", "x-evil")
            .header("x-evil", "1")
            .header("openai-organization", "org-of-the-client")
            .header("traceparent", "00-abc")
            .header("x-request-id", "my-id-1")
            .body(r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#),
    )
    .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let received = upstream.ledger().last_request().unwrap();
    assert_eq!(received.header("authorization"), Some("Bearer sk-upstream-secret"));
    assert_eq!(received.header("traceparent"), Some("00-abc"));
    for name in ["cookie", "x-api-key", "x-evil", "openai-organization", "app-name"] {
        assert_eq!(received.header(name), None, "{name}");
    }
    assert!(!format!("{:?}", received.headers).contains(&key));
    assert_eq!((answer.header("set-cookie"), answer.header("x-request-id")), ("", "my-id-1"));
    assert_eq!(answer.header("x-sluice-server"), "fake");
    assert_eq!(answer.header("x-sluice-attempts"), "1");
    assert!(answer.headers.keys().any(|name| name.as_str().starts_with("x-ratelimit-")));
    gateway.stop().await;
}

#[tokio::test]
async fn lengths_agree_with_bodies() {
    let upstream = FakeUpstream::builder().start().await.unwrap();
    let gateway = TestGateway::builder().start().await;
    gateway
        .add_server("fake", &upstream.base_url(), &["small=fake-small", "bad=fake-small?status=429&retry_after=7"])
        .await;
    let key = gateway.issue_key("test", None).await;
    let whole = gateway
        .chat(&key, &serde_json::json!({"model": "small", "messages": [{"role": "user", "content": "hi"}]}))
        .await;
    assert_eq!(whole.header("content-length"), whole.body.len().to_string());
    let refused =
        gateway.chat(&key, &serde_json::json!({"model": "bad", "messages": [{"role": "user", "content": "hi"}]})).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, "7"));
    assert_eq!(refused.header("content-length"), refused.body.len().to_string());
    let stream = gateway
        .chat(
            &key,
            &serde_json::json!({"model": "small", "stream": true, "messages": [{"role": "user", "content": "hi"}]}),
        )
        .await;
    assert_eq!(stream.header("content-length"), "");
    assert!(stream.text().ends_with("data: [DONE]\n\n") && !stream.text().contains("usage"));
    gateway.stop().await;
}
