//! `POST /v1/embeddings`: vectors that are the same for the same input, of length one.
//!
//! Invariant: an answer has at most [`MAX_NUMBERS`] numbers.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::answer::Answer;
use crate::failure::Failure;
use crate::ledger::Tokens;
use crate::request::{ParsedRequest, text_bytes};
use crate::usage::{Usage, prompt_tokens};
use crate::wire::{Embedding, List, Vector, json};

const DEFAULT_DIMENSIONS: usize = 1536;
const MAX_DIMENSIONS: usize = 4096;
const MAX_INPUTS: usize = 2048;
const MAX_NUMBERS: usize = 2 * 1024 * 1024;

/// Answers a request.
pub(crate) fn answer(request: &ParsedRequest) -> Result<Answer, Failure> {
    let input = request.required("input")?;
    let inputs = inputs(input)?;
    let dimensions = request.positive("dimensions")?.unwrap_or(DEFAULT_DIMENSIONS);
    if dimensions > MAX_DIMENSIONS || inputs.len().saturating_mul(dimensions) > MAX_NUMBERS {
        return Err(Failure::invalid(Some("dimensions"), "Too many dimensions for so many inputs."));
    }
    let base64 = match request.field("encoding_format").map(Value::as_str) {
        None | Some(Some("float")) => false,
        Some(Some("base64")) => true,
        Some(_) => return Err(Failure::wrong_type("encoding_format", "'float' or 'base64'")),
    };
    let embedding = |(index, text): (usize, Vec<u8>)| {
        let numbers = vector(&text, dimensions);
        let vector = if base64 { Vector::Base64(encoded(&numbers)) } else { Vector::Numbers(numbers) };
        Embedding { object: "embedding", index, vector }
    };
    let data = inputs.into_iter().enumerate().map(embedding).collect();
    let tokens = tokens(request)?;
    let has_usage = Usage::in_plain(&request.script);
    let usage = has_usage.then(|| Usage::embedded(tokens.prompt_tokens, &request.script));
    let body = json(&List { object: "list", data, model: Some(&request.model), usage }).into();
    Ok(Answer::json(body, has_usage.then(|| Usage::reported(tokens, &request.script)).flatten()))
}

/// The tokens of a request.
pub(crate) fn tokens(request: &ParsedRequest) -> Result<Tokens, Failure> {
    Ok(Tokens { prompt_tokens: prompt_tokens(text_bytes(request.required("input")?)), ..Tokens::default() })
}

/// The bytes of each input: text, or the JSON of tokens.
fn inputs(input: &Value) -> Result<Vec<Vec<u8>>, Failure> {
    let wrong = || Failure::wrong_type("input", "a string, strings, tokens or lists of tokens, none of them empty");
    let one = |value: &Value| match value {
        Value::String(text) if !text.is_empty() => Ok(text.clone().into_bytes()),
        Value::Array(tokens) if !tokens.is_empty() && tokens.iter().all(Value::is_u64) => Ok(json(tokens)),
        _ => Err(wrong()),
    };
    match input {
        Value::Array(items) if items.is_empty() => Err(wrong()),
        Value::Array(items) if !items.iter().all(Value::is_u64) => {
            if items.len() > MAX_INPUTS {
                return Err(Failure::invalid(Some("input"), format!("At most {MAX_INPUTS} inputs.")));
            }
            items.iter().map(one).collect()
        }
        value => Ok(vec![one(value)?]),
    }
}

/// Numbers drawn from a xorshift generator that is seeded with the hash of the input.
fn vector(text: &[u8], dimensions: usize) -> Vec<f32> {
    let digest = Sha256::digest(text);
    // Never 0, where xorshift would stay.
    let mut state = digest.iter().take(8).fold(0_u64, |state, byte| (state << 8) | u64::from(*byte)) | 1;
    let mut draw = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let [high, low, ..] = state.to_be_bytes();
        f32::from(i16::from_be_bytes([high, low]))
    };
    let numbers: Vec<f32> = (0..dimensions).map(|_| draw()).collect();
    let length = numbers.iter().map(|number| number * number).sum::<f32>().sqrt();
    // Of few dimensions, all could be 0.
    if length > 0.0 { numbers.into_iter().map(|number| number / length).collect() } else { vec![1.0; dimensions] }
}

fn encoded(numbers: &[f32]) -> String {
    let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    STANDARD.encode(bytes)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn vectors_are_deterministic_and_of_length_one() {
        let first = vector(b"river", 256);
        assert_eq!(first, vector(b"river", 256));
        assert_ne!(first, vector(b"lake", 256));
        assert!((first.iter().map(|number| number * number).sum::<f32>() - 1.0).abs() < 1e-3);
        assert_eq!(vector(b"river", 1).len(), 1);
    }

    #[test]
    fn inputs_come_in_four_forms() {
        let count = |value: Value| inputs(&value).map(|inputs| inputs.len()).ok();
        assert_eq!(count(json!("a")), Some(1));
        assert_eq!(count(json!(["a", "b"])), Some(2));
        assert_eq!(count(json!([1, 2, 3])), Some(1));
        assert_eq!(count(json!([[1, 2], [3]])), Some(2));
        for wrong in [json!(""), json!([]), json!([[]]), json!([1, "a"]), json!({}), json!(7)] {
            assert_eq!(count(wrong), None);
        }
    }

    #[test]
    fn base64_is_little_endian() {
        assert_eq!(encoded(&[1.0]), "AACAPw==");
        assert_eq!(STANDARD.decode(encoded(&[0.5, -0.5])).unwrap().len(), 8);
    }
}
