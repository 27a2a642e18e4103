//! Good plain answers, models, and requests that are wrong.

use serde_json::{Value, json};
use sluice_fake_upstream::FakeUpstream;

use crate::client::{chat, client, plain, post, start};

async fn json_of(response: reqwest::Response) -> (u16, Value) {
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test]
async fn a_chat_completion_has_openais_shape() {
    let upstream = start().await;
    let (status, answer) = json_of(plain(&upstream, "chunks=3").await.unwrap()).await;
    assert_eq!(status, 200);
    assert!(answer["id"].as_str().unwrap().starts_with("chatcmpl-"));
    assert_eq!(answer["object"], "chat.completion");
    assert!(answer["created"].as_u64().unwrap() > 1_700_000_000);
    assert_eq!(answer["model"], "fake-small?chunks=3");
    let choice = &answer["choices"][0];
    assert_eq!(choice["message"]["role"], "assistant");
    assert_eq!(choice["message"]["content"].as_str().unwrap().split(' ').count(), 3);
    assert_eq!(choice["finish_reason"], "stop");
    // "Hello river" has 11 bytes.
    let usage = &answer["usage"];
    assert_eq!(
        (&usage["prompt_tokens"], &usage["completion_tokens"], &usage["total_tokens"]),
        (&json!(2), &json!(3), &json!(5))
    );
    assert_eq!(usage["prompt_tokens_details"]["cached_tokens"], 0);
    assert_eq!(usage["completion_tokens_details"]["reasoning_tokens"], 0);
}

#[tokio::test]
async fn a_completion_has_openais_shape() {
    let upstream = start().await;
    let body = json!({"model": "fake-small?chunks=2", "prompt": ["ab", "cdef"], "max_tokens": 1});
    let (_, answer) = json_of(post(&upstream, "/completions", &body).await.unwrap()).await;
    assert!(answer["id"].as_str().unwrap().starts_with("cmpl-"));
    assert_eq!(answer["object"], "text_completion");
    assert!(answer["choices"][0]["text"].is_string());
    assert_eq!(answer["choices"][0]["finish_reason"], "length");
    assert_eq!((&answer["usage"]["prompt_tokens"], &answer["usage"]["completion_tokens"]), (&json!(1), &json!(1)));
}

#[tokio::test]
async fn token_limits_cut() {
    let upstream = start().await;
    for (limit, reason, tokens) in
        [(json!({"max_tokens": 3}), "length", 3), (json!({"max_completion_tokens": 8}), "stop", 8)]
    {
        let (_, answer) = json_of(post(&upstream, "/chat/completions", &chat("", limit)).await.unwrap()).await;
        assert_eq!(answer["choices"][0]["finish_reason"], reason);
        assert_eq!(answer["usage"]["completion_tokens"], tokens);
    }
}

#[tokio::test]
async fn the_answer_is_in_the_language_of_the_last_user_message() {
    let upstream = start().await;
    let messages =
        json!([{"role": "user", "content": "river"}, {"role": "user", "content": [{"type": "text", "text": "你好"}]}]);
    let (_, answer) =
        json_of(post(&upstream, "/chat/completions", &chat("", json!({"messages": messages}))).await.unwrap()).await;
    assert!(answer["choices"][0]["message"]["content"].as_str().unwrap().ends_with('。'));
}

#[tokio::test]
async fn text_of_long_characters() {
    let upstream = start().await;
    let (_, answer) = json_of(plain(&upstream, "content=utf8").await.unwrap()).await;
    let content = answer["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(content.chars().all(|character| character.len_utf8() >= 3));
    assert!(content.chars().any(|character| character.len_utf8() == 4));
}

#[tokio::test]
async fn pieces_of_a_given_size() {
    let upstream = start().await;
    let (_, answer) = json_of(plain(&upstream, "chunks=3&chunk_bytes=1000").await.unwrap()).await;
    assert_eq!(answer["choices"][0]["message"]["content"].as_str().unwrap().len(), 3000);
    let (status, answer) = json_of(plain(&upstream, "chunks=100000&chunk_bytes=8388608").await.unwrap()).await;
    assert_eq!((status, &answer["error"]["type"]), (400, &json!("invalid_request_error")));
}

#[tokio::test]
async fn a_tool_call_if_there_are_tools() {
    let upstream = start().await;
    let tools = json!({"tools": [{"type": "function", "function": {"name": "get_level", "parameters": {}}}]});
    let (_, answer) = json_of(post(&upstream, "/chat/completions", &chat("tool=1", tools)).await.unwrap()).await;
    let choice = &answer["choices"][0];
    assert_eq!((&choice["finish_reason"], &choice["message"]["content"]), (&json!("tool_calls"), &Value::Null));
    let call = &choice["message"]["tool_calls"][0];
    assert_eq!((&call["type"], &call["function"]["name"]), (&json!("function"), &json!("get_level")));
    let arguments: Value = serde_json::from_str(call["function"]["arguments"].as_str().unwrap()).unwrap();
    assert!(arguments["text"].is_string());
    let (_, answer) = json_of(plain(&upstream, "tool=1").await.unwrap()).await;
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
}

#[tokio::test]
async fn usage_can_be_missing_or_malformed() {
    let upstream = start().await;
    let (_, answer) = json_of(plain(&upstream, "usage=none").await.unwrap()).await;
    assert!(answer.get("usage").is_none());
    let (_, answer) = json_of(plain(&upstream, "big_usage=1").await.unwrap()).await;
    let usage = &answer["usage"];
    assert!(usage["prompt_tokens"].is_string() && usage["completion_tokens"].as_i64() < Some(0));
    assert_eq!(usage["total_tokens"], 1e300);
    assert_eq!(upstream.ledger().totals(), sluice_fake_upstream::Tokens::default());
}

#[tokio::test]
async fn models_are_listed() {
    let upstream = FakeUpstream::builder().models(["one", "org/two"]).start().await.unwrap();
    let get = |path: &'static str| client().get(format!("{}{path}", upstream.base_url())).send();
    let (_, list) = json_of(get("/models").await.unwrap()).await;
    assert_eq!(
        (&list["object"], &list["data"][0]["id"], &list["data"][0]["object"]),
        (&json!("list"), &json!("one"), &json!("model"))
    );
    let (status, model) = json_of(get("/models/org%2Ftwo").await.unwrap()).await;
    assert_eq!((status, &model["id"]), (200, &json!("org/two")));
    let (status, answer) = json_of(get("/models/three").await.unwrap()).await;
    assert_eq!((status, &answer["error"]["code"]), (404, &json!("model_not_found")));
    assert_eq!(upstream.ledger().calls(), 0);
}

#[tokio::test]
async fn the_models_by_default() {
    let upstream = start().await;
    let (_, list) = json_of(client().get(format!("{}/models", upstream.base_url())).send().await.unwrap()).await;
    let ids: Vec<_> = list["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["fake-small", "fake-large", "fake-embedding"]);
}

#[tokio::test]
async fn a_wrong_key_is_refused_and_quoted_in_part() {
    let upstream = FakeUpstream::builder().api_key("sk-right").start().await.unwrap();
    let request = || client().post(format!("{}/chat/completions", upstream.base_url())).json(&chat("", json!({})));
    let (status, answer) = json_of(request().bearer_auth("sk-proj-secretsecret-tail").send().await.unwrap()).await;
    assert_eq!((status, &answer["error"]["code"]), (401, &json!("invalid_api_key")));
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(message.starts_with("Incorrect API key provided: sk-proj-*************tail."), "{message}");
    let (status, answer) = json_of(request().send().await.unwrap()).await;
    assert_eq!((status, &answer["error"]["code"]), (401, &Value::Null));
    assert_eq!(request().bearer_auth("sk-right").send().await.unwrap().status(), 200);
    let models = client().get(format!("{}/models", upstream.base_url())).send().await.unwrap();
    assert_eq!(models.status(), 401);
}

#[tokio::test]
async fn wrong_requests_are_refused() {
    let upstream = start().await;
    let chat_path = "/chat/completions";
    let wrong = [
        (chat_path, json!({"messages": []}), "'model'"),
        (chat_path, json!({"model": "m"}), "'messages'"),
        (chat_path, json!({"model": "m", "messages": "hi"}), "'messages'"),
        (chat_path, chat("", json!({"stream": "yes"})), "'stream'"),
        (chat_path, chat("", json!({"max_tokens": 0})), "'max_tokens'"),
        (chat_path, chat("", json!({"stream_options": {"include_usage": true}})), "'stream_options'"),
        (chat_path, chat("nonsense=1", json!({})), "'nonsense'"),
        (chat_path, chat("chunks=100001", json!({})), "'chunks'"),
        ("/embeddings", json!({"model": "m"}), "'input'"),
        (chat_path, json!("text"), "JSON"),
    ];
    for (path, body, named) in wrong {
        let (status, answer) = json_of(post(&upstream, path, &body).await.unwrap()).await;
        assert_eq!((status, &answer["error"]["type"]), (400, &json!("invalid_request_error")), "{body}");
        assert!(answer["error"]["message"].as_str().unwrap().contains(named), "{answer}");
    }
    let request = client().post(format!("{}{chat_path}", upstream.base_url())).body("{\"model\":");
    assert_eq!(request.send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn unknown_paths_and_methods_are_refused() {
    let upstream = start().await;
    let (status, answer) = json_of(post(&upstream, "/responses", &json!({})).await.unwrap()).await;
    assert_eq!((status, &answer["error"]["message"]), (404, &json!("Invalid URL (POST /v1/responses)")));
    let get = client().get(format!("{}/chat/completions", upstream.base_url())).send().await.unwrap();
    assert_eq!(get.status(), 405);
    let fake = client().get(format!("http://{}/_fake/nothing", upstream.address())).send().await.unwrap();
    assert_eq!(fake.status(), 404);
}

#[tokio::test]
async fn a_script_may_stand_in_a_header() {
    let upstream = start().await;
    let request =
        client().post(format!("{}/chat/completions", upstream.base_url())).json(&chat("status=500", json!({})));
    let answer = request.header("x-fake-script", "status=503").send().await.unwrap();
    assert_eq!(answer.status(), 503);
    let models = client().get(format!("{}/models", upstream.base_url())).header("x-fake-script", "status=429");
    assert_eq!(models.send().await.unwrap().status(), 429);
}
