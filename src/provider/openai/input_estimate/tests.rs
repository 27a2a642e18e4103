use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::provider::token_estimate::tests::{SAMPLES, error_percent, true_count};
use crate::provider::token_estimate::text_tokens;

fn tokens(body: &Value) -> u64 {
    input_tokens(body.to_string().as_bytes())
}

fn chat(messages: &Value) -> u64 {
    tokens(&json!({"model": "gpt-4o", "messages": messages}))
}

/// As Python's `json.dumps` writes it: ASCII only.
fn escaped(body: &Value) -> String {
    let mut ascii = String::new();
    for character in body.to_string().chars() {
        if character.is_ascii() {
            ascii.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(ascii, "\\u{unit:04x}").unwrap();
            }
        }
    }
    ascii
}

#[test]
fn a_sample_as_a_message_is_within_a_quarter_however_it_is_written() {
    for (name, text) in SAMPLES {
        let body = json!({"model": "gpt-4o", "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": text}]},
        ]});
        let truth = true_count(name) + 3 + 2 * MESSAGE + REPLY;
        let plain = input_tokens(body.to_string().as_bytes());
        assert!(error_percent(plain, truth).abs() <= 25.0, "{name}: {plain} for {truth}");
        let pretty = serde_json::to_vec_pretty(&body).unwrap();
        assert_eq!(input_tokens(&pretty), plain, "{name}");
        assert_eq!(input_tokens(escaped(&body).as_bytes()), plain, "{name}");
        assert_eq!(plain, text_tokens(text) + text_tokens("Be brief.") + 2 * MESSAGE + REPLY, "{name}");
    }
}

#[test]
fn labels_and_other_members_do_not_count() {
    let plain = chat(&json!([{"role": "user", "content": "hello there"}]));
    assert_eq!(plain, text_tokens("hello there") + MESSAGE + REPLY);
    let labelled = json!({
        "model": "gpt-4o", "user": "somebody", "metadata": {"messages": "none", "x": ["long text"]}, "max_tokens": 5,
        "stop": ["one", "two"], "stream": true, "messages": [
            {"type": "message", "id": "msg_1", "role": "user", "refusal": null, "audio": null, "function_call": null,
             "content": "hello there", "annotations": [{"url": "https://example.com"}]},
        ],
    });
    assert_eq!(tokens(&labelled), plain);
    let renamed = r#"{"mess\u0061ges":[{"cont\u0065nt":"hello there"}]}"#;
    assert_eq!(input_tokens(renamed.as_bytes()), plain);
}

#[test]
fn each_message_has_a_frame() {
    let messages: Vec<Value> = (0..50).map(|_| json!({"role": "user", "content": "hi"})).collect();
    assert_eq!(chat(&Value::from(messages)), 50 * (MESSAGE + 1) + REPLY);
}

#[test]
fn media_count_flat() {
    let image = format!("data:image/png;base64,{}", "iVBORw0KGgo/".repeat(100_000));
    let with = |part: Value| chat(&json!([{"role": "user", "content": [part]}])) - MESSAGE - REPLY;
    assert_eq!(with(json!({"type": "image_url", "image_url": {"url": image, "detail": "high"}})), IMAGE);
    assert_eq!(with(json!({"type": "image_url", "image_url": {"url": "https://example.com/a.png"}})), IMAGE);
    assert_eq!(with(json!({"type": "input_image", "image_url": image})), IMAGE);
    assert_eq!(with(json!({"type": "image", "source": {"type": "base64", "data": image}})), IMAGE);
    assert_eq!(with(json!({"type": "input_audio", "input_audio": {"data": image, "format": "wav"}})), AUDIO);
    assert_eq!(with(json!({"type": "file", "file": {"file_data": image, "filename": "a.pdf"}})), FILE);
    assert_eq!(with(json!({"type": "novel", "novel": {"value": image}})), IMAGE);
    let list = json!([{"images": ["data:audio/wav;base64,AAAA", "data:application/pdf;base64,AAAA"], "content": ""}]);
    assert_eq!(chat(&list) - MESSAGE - REPLY, AUDIO + FILE);
    assert_eq!(tokens(&json!({"input": [{"image": image}, image]})), MESSAGE + 2 * IMAGE);
    // As text, it is what the upstream reads.
    assert!(with(json!({"type": "text", "text": image})) > 500_000);
}

#[test]
fn prompts_and_inputs_are_texts_or_token_ids() {
    for member in ["prompt", "input"] {
        assert_eq!(tokens(&json!({member: "hello there"})), 2);
        assert_eq!(tokens(&json!({member: ["hello there", "hello"]})), 3);
        assert_eq!(tokens(&json!({member: [1, 22, 333, 100_000]})), 4);
        assert_eq!(tokens(&json!({member: [[1, 2], [3]]})), 3);
        assert_eq!(tokens(&json!({member: null})), 0);
    }
    assert_eq!(input_tokens(b"{\"input\" : [ 1 , 22\n,3 ] }"), 3);
    assert_eq!(tokens(&json!({"prompt": "hello", "suffix": "there"})), 2);
    let ids: Vec<u32> = (0..10_000).collect();
    assert_eq!(tokens(&json!({"input": ids})), 10_000);
}

#[test]
fn tools_and_calls_count() {
    let tool = json!({"type": "function", "function": {
        "name": "get_current_weather",
        "description": "Get the current weather in a given location",
        "parameters": {
            "type": "object",
            "properties": {
                "location": {"type": "string", "description": "The city and state, e.g. San Francisco, CA"},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
            },
            "required": ["location"],
        },
    }});
    // By OpenAI's cookbook it is 63; written as JSON it is 76, and 97 with a space behind each comma and colon.
    let with_tool = tokens(&json!({"tools": [tool]}));
    assert!((63..=97).contains(&with_tool), "{with_tool}");
    assert_eq!(tokens(&json!({"functions": [tool]})), with_tool);
    assert!(tokens(&json!({"response_format": {"type": "json_schema", "json_schema": {"schema": tool}}})) > with_tool);

    let arguments = r#"{"location":"Boston, MA","unit":"celsius"}"#;
    let call = chat(&json!([{"role": "assistant", "content": null, "tool_calls": [
        {"id": "call_abc", "type": "function", "function": {"name": "get_weather", "arguments": arguments}},
    ]}]));
    assert_eq!(call, MESSAGE + REPLY + CALL + text_tokens("get_weather") + text_tokens(arguments));
}

#[test]
fn long_texts_are_told_from_a_part_of_them() {
    let text = SAMPLES.iter().map(|(_, text)| *text).collect::<String>().repeat(100);
    let truth = 100 * SAMPLES.iter().map(|(name, _)| true_count(name)).sum::<u64>();
    let one = chat(&json!([{"role": "user", "content": text}]));
    assert!(error_percent(one, truth).abs() <= 25.0, "{one} for {truth}");

    let messages: Vec<Value> =
        (0..100).flat_map(|_| SAMPLES).map(|(_, text)| json!({"role": "user", "content": text})).collect();
    let many = chat(&Value::from(messages));
    assert!(error_percent(many, truth).abs() <= 25.0, "{many} for {truth}");
}

#[test]
fn hostile_bodies_do_no_harm() {
    for depth in [100, 1000, 5_000_000] {
        for (open, close) in [("[", "]"), ("{\"content\":", "}")] {
            let body = format!("{{\"messages\":{}\"text\"{}}}", open.repeat(depth), close.repeat(depth));
            input_tokens(body.as_bytes());
        }
    }
    let deep = format!("{{\"messages\":{}\"text\"{}}}", "[".repeat(1000), "]".repeat(1000));
    assert_eq!(input_tokens(deep.as_bytes()), REPLY + 1);
    for text in
        [r"\ud83d", r"\ude00", r"\ud83d\ud83d", r"\ud83dx", r"\ud83d\n", r"\ud83d\u", r"\u12", r"\", r"\ud83d\ude"]
    {
        let body = format!(r#"{{"prompt":"{text}"}}"#);
        assert!(input_tokens(body.as_bytes()) <= 10, "{body}");
    }
    let surrogates = format!(r#"{{"prompt":"{}"}}"#, r"\ud83d".repeat(2_000_000));
    assert!(input_tokens(surrogates.as_bytes()) <= 12_000_000);
    let huge = format!(r#"{{"prompt":"{}","input":{}}}"#, "a".repeat(20_000_000), "9".repeat(5_000_000));
    assert!(input_tokens(huge.as_bytes()) <= 20_000_000);
    let named = format!(r#"{{"{}":"x","{}":["x"]}}"#, "messages".repeat(1_000_000), r"\u006d".repeat(1_000_000));
    assert_eq!(input_tokens(named.as_bytes()), 0);
    for body in ["", "[", "]", "}}}}", "\"", "{\"messages", "null", "[[\"x\"]]", "{,}", "-", "{\"prompt\":-"] {
        assert!(input_tokens(body.as_bytes()) <= REPLY + 1, "{body}");
    }
}

proptest! {
    #[test]
    fn any_bytes_do_no_harm(bytes: Vec<u8>) {
        input_tokens(&bytes);
    }

    #[test]
    fn broken_json_does_no_harm(pieces in proptest::collection::vec(
        prop::sample::select(vec![
            "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u", "d83d", "\"messages\"", "\"content\":", "\"tools\"", "12",
            "null", "\"image_url\":", "data:image/png;base64,", "你好", " ",
        ]), 0..60)) {
        input_tokens(pieces.concat().as_bytes());
        input_tokens(format!("{{\"messages\":[{{{}", pieces.concat()).as_bytes());
    }

    #[test]
    fn escapes_do_not_matter(text: String) {
        let body = json!({"messages": [{"content": text}]});
        prop_assert_eq!(input_tokens(escaped(&body).as_bytes()), input_tokens(body.to_string().as_bytes()));
        prop_assert!(tokens(&body) <= MESSAGE + REPLY + u64::try_from(text.len()).unwrap());
    }
}
