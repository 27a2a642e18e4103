//! Embeddings.

use serde_json::{Value, json};

use crate::client::{post, start};

async fn embeddings(more: Value) -> Value {
    let upstream = start().await;
    let mut body = json!({"model": "fake-embedding", "input": ["river", "lake"], "dimensions": 4});
    if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
        body.extend(more);
    }
    post(&upstream, "/embeddings", &body).await.unwrap().json().await.unwrap()
}

#[tokio::test]
async fn embeddings_have_openais_shape() {
    let answer = embeddings(json!({})).await;
    assert_eq!((&answer["object"], &answer["model"]), (&json!("list"), &json!("fake-embedding")));
    let data = answer["data"].as_array().unwrap();
    assert_eq!(data.len(), 2);
    for (index, item) in data.iter().enumerate() {
        assert_eq!((&item["object"], &item["index"]), (&json!("embedding"), &json!(index)));
        assert_eq!(item["embedding"].as_array().unwrap().len(), 4);
    }
    assert_ne!(data[0]["embedding"], data[1]["embedding"]);
    assert_eq!(answer["usage"], json!({"prompt_tokens": 2, "total_tokens": 2}));
    assert_eq!(embeddings(json!({})).await["data"], answer["data"]);
}

#[tokio::test]
async fn base64_holds_the_same_numbers() {
    use base64::Engine;

    let numbers = embeddings(json!({"input": "river"})).await;
    let encoded = embeddings(json!({"input": "river", "encoding_format": "base64"})).await;
    let text = encoded["data"][0]["embedding"].as_str().unwrap();
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).unwrap();
    assert_eq!(bytes.len(), 16);
    for (bytes, number) in bytes.chunks_exact(4).zip(numbers["data"][0]["embedding"].as_array().unwrap()) {
        let decoded = f32::from_le_bytes(bytes.try_into().unwrap());
        assert!((f64::from(decoded) - number.as_f64().unwrap()).abs() < 1e-6);
    }
}

#[tokio::test]
async fn dimensions_are_1536_by_default_and_bounded() {
    let answer = embeddings(json!({"dimensions": null, "input": [1, 2, 3]})).await;
    assert_eq!(answer["data"][0]["embedding"].as_array().unwrap().len(), 1536);
    let answer = embeddings(json!({"dimensions": 4097})).await;
    assert_eq!(answer["error"]["param"], "dimensions");
}
