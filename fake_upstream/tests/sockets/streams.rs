//! Good streams, where usage is in them, and how their lines are written.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{chat, chunks, events, post, raw, read_all, start, streamed, text};

async fn stream_of(script: &str, more: Value) -> String {
    let upstream = start().await;
    let mut body = chat(script, more);
    body["stream"] = json!(true);
    let response = post(&upstream, "/chat/completions", &body).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream; charset=utf-8");
    let (body, whole) = read_all(response).await;
    assert!(whole);
    body
}

fn with_usage() -> Value {
    json!({"stream_options": {"include_usage": true}})
}

/// For each event with JSON: whether usage is left out, null, or how many completion tokens it has.
fn usages(body: &str) -> Vec<String> {
    let usage = |chunk: &Value| match chunk.get("usage") {
        None => "-".to_owned(),
        Some(Value::Null) => "null".to_owned(),
        Some(usage) => usage["completion_tokens"].to_string(),
    };
    chunks(body).iter().map(usage).collect()
}

#[tokio::test]
async fn a_stream_has_openais_shape() {
    let body = stream_of("chunks=3", json!({})).await;
    assert_eq!(events(&body).last().unwrap(), "[DONE]");
    let chunks = chunks(&body);
    assert_eq!(chunks.len(), 5);
    for chunk in &chunks {
        assert_eq!((&chunk["object"], &chunk["id"]), (&json!("chat.completion.chunk"), &chunks[0]["id"]));
        assert_eq!((&chunk["model"], &chunk["created"]), (&json!("fake-small?chunks=3"), &chunks[0]["created"]));
    }
    assert_eq!(chunks[0]["choices"][0]["delta"], json!({"role": "assistant", "content": "", "refusal": null}));
    assert_eq!(chunks[3]["choices"][0]["finish_reason"], Value::Null);
    assert_eq!(
        (&chunks[4]["choices"][0]["delta"], &chunks[4]["choices"][0]["finish_reason"]),
        (&json!({}), &json!("stop"))
    );
    assert_eq!(text(&chunks).split(' ').count(), 3);
}

#[tokio::test]
async fn a_stream_says_what_a_plain_answer_says() {
    let upstream = start().await;
    let answer: Value = crate::client::plain(&upstream, "").await.unwrap().json().await.unwrap();
    let (body, _) = read_all(streamed(&upstream, "").await.unwrap()).await;
    assert_eq!(text(&chunks(&body)), answer["choices"][0]["message"]["content"].as_str().unwrap());
}

#[tokio::test]
async fn a_completion_stream_has_openais_shape() {
    let upstream = start().await;
    let body =
        json!({"model": "m?chunks=2", "prompt": "river", "stream": true, "stream_options": {"include_usage": true}});
    let (body, _) = read_all(post(&upstream, "/completions", &body).await.unwrap()).await;
    let chunks = chunks(&body);
    assert!(chunks.iter().all(|chunk| chunk["object"] == "text_completion"));
    assert!(chunks[0]["choices"][0]["text"].is_string());
    assert_eq!(chunks[2]["choices"][0]["finish_reason"], "stop");
    assert_eq!((&chunks[3]["choices"], &chunks[3]["usage"]["total_tokens"]), (&json!([]), &json!(3)));
    assert_eq!(events(&body).len(), 5);
}

#[tokio::test]
async fn a_tool_call_is_streamed_in_pieces() {
    let tools = json!({"tools": [{"type": "function", "function": {"name": "get_level"}}]});
    let chunks = chunks(&stream_of("tool=1&chunks=3", tools).await);
    let calls: Vec<&Value> = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"].get("tool_calls")).collect();
    assert_eq!(calls.len(), 4);
    assert_eq!((&calls[0][0]["function"]["name"], &calls[0][0]["type"]), (&json!("get_level"), &json!("function")));
    assert!(calls[0][0]["id"].as_str().unwrap().starts_with("call_"));
    assert!(calls.iter().all(|call| call[0]["index"] == 0));
    assert!(calls[1][0].get("id").is_none());
    let arguments: String = calls.iter().map(|call| call[0]["function"]["arguments"].as_str().unwrap()).collect();
    assert!(serde_json::from_str::<Value>(&arguments).unwrap()["text"].is_string());
    assert_eq!(chunks.last().unwrap()["choices"][0]["finish_reason"], "tool_calls");
}

#[tokio::test]
async fn usage_is_where_openai_has_it() {
    assert_eq!(usages(&stream_of("chunks=2", json!({})).await), ["-", "-", "-", "-"]);
    let body = stream_of("chunks=2", with_usage()).await;
    assert_eq!(usages(&body), ["null", "null", "null", "null", "2"]);
    assert_eq!(chunks(&body)[4]["choices"], json!([]));
}

#[tokio::test]
async fn usage_is_where_the_script_wants_it() {
    for (script, expected) in [
        ("usage=final&chunks=1", vec!["-", "-", "-", "1"]),
        ("usage=every&chunks=2", vec!["0", "1", "2", "2"]),
        ("usage=twice&chunks=1", vec!["-", "-", "1", "1"]),
        ("usage=finish&chunks=1", vec!["-", "-", "1"]),
        ("usage=none&chunks=1", vec!["-", "-", "-"]),
        ("big_usage=1&usage=finish&chunks=1", vec!["-", "-", "-5"]),
    ] {
        assert_eq!(usages(&stream_of(script, json!({})).await), expected, "{script}");
    }
    for (script, expected) in [
        ("usage=none&chunks=1", vec!["-", "-", "-"]),
        ("usage=every&chunks=1", vec!["0", "1", "1", "1"]),
        ("usage=finish&chunks=1", vec!["null", "null", "1"]),
    ] {
        assert_eq!(usages(&stream_of(script, with_usage()).await), expected, "{script}");
    }
}

#[tokio::test]
async fn a_stream_is_cut_by_the_token_limit() {
    let chunks = chunks(&stream_of("", json!({"max_tokens": 2})).await);
    assert_eq!(chunks.last().unwrap()["choices"][0]["finish_reason"], "length");
    assert_eq!(chunks.len(), 4);
}

#[tokio::test]
async fn a_stream_without_done() {
    assert!(!stream_of("no_done=1", json!({})).await.contains("[DONE]"));
}

#[tokio::test]
async fn lines_end_in_crlf() {
    let body = stream_of("crlf=1", json!({})).await;
    assert!(body.ends_with("data: [DONE]\r\n\r\n"));
    assert_eq!(body.matches('\n').count(), body.matches("\r\n").count());
}

#[tokio::test]
async fn comments_are_between_events() {
    let body = stream_of("comments=1&chunks=1", json!({})).await;
    assert!(body.starts_with("data: {"));
    assert_eq!(body.matches("\n\n: keep-alive\n\ndata: ").count(), 3);
}

#[tokio::test]
async fn data_without_a_space() {
    let body = stream_of("no_space=1", json!({})).await;
    assert!(body.starts_with("data:{") && body.ends_with("data:[DONE]\n\n"));
}

#[tokio::test]
async fn long_lines() {
    let body = stream_of("chunks=1&chunk_bytes=8388608", json!({})).await;
    assert_eq!(text(&chunks(&body)).len(), 8 * 1024 * 1024);
}

#[tokio::test]
async fn streams_of_long_characters() {
    let body = stream_of("content=utf8&piece=1", json!({})).await;
    assert!(text(&chunks(&body)).chars().all(|character| character.len_utf8() >= 3));
}

/// The lengths of the HTTP chunks of an answer.
async fn http_chunks(script: &str) -> Vec<usize> {
    let upstream = start().await;
    let (answer, _) = raw(&upstream, &chat(script, json!({"stream": true}))).await;
    let mut rest = answer.split_once("\r\n\r\n").unwrap().1;
    let mut lengths = Vec::new();
    loop {
        let (length, tail) = rest.split_once("\r\n").unwrap();
        let length = usize::from_str_radix(length, 16).unwrap();
        if length == 0 {
            return lengths;
        }
        lengths.push(length);
        rest = &tail[length + 2..];
    }
}

#[tokio::test]
async fn the_body_is_cut_into_pieces() {
    let lengths = http_chunks("chunks=1&piece=7").await;
    assert!(lengths.len() > 30);
    assert!(lengths.iter().all(|length| *length <= 7));
}

#[tokio::test]
async fn the_body_is_split_at_a_byte() {
    let whole = http_chunks("chunks=1").await;
    let split = http_chunks("chunks=1&split_at=10").await;
    assert_eq!(split.len(), whole.len() + 1);
    // The three events with JSON echo the longer model name.
    assert_eq!((split[0], split.iter().sum::<usize>()), (10, whole.iter().sum::<usize>() + 3 * "&split_at=10".len()));
}

#[tokio::test]
async fn delays_are_kept() {
    let upstream = start().await;
    let started = Instant::now();
    streamed(&upstream, "latency_ms=40").await.unwrap();
    assert!(started.elapsed() >= Duration::from_millis(40));
    let started = Instant::now();
    read_all(streamed(&upstream, "first_byte_ms=40&chunks=3&chunk_delay_ms=20").await.unwrap()).await;
    assert!(started.elapsed() >= Duration::from_millis(80));
}
