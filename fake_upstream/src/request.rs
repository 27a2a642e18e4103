//! Reads what a request asks for: model, script, and the fields that the endpoints look at.
//!
//! Does not answer. Invariant: a field of the wrong type is refused and names the field; `null` is as good as absent.

use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;
use serde_json::{Map, Value};

use crate::failure::Failure;
use crate::script::Script;

/// The header that may carry a script.
const SCRIPT_HEADER: &str = "x-fake-script";

/// A request with its script taken out.
#[derive(Debug, Default)]
pub(crate) struct ParsedRequest {
    /// The model as requested, script and all; empty for a GET.
    pub(crate) model: String,
    pub(crate) script: Script,
    fields: Map<String, Value>,
}

impl ParsedRequest {
    /// Reads a GET: only the header can carry a script.
    pub(crate) fn from_headers(headers: &HeaderMap) -> Result<Self, Failure> {
        let mut request = Self::default();
        request.apply_header(headers)?;
        Ok(request)
    }

    /// Reads a POST.
    pub(crate) fn from_body(body: &[u8], headers: &HeaderMap) -> Result<Self, Failure> {
        let Ok(Value::Object(fields)) = serde_json::from_slice(body) else { return Err(Failure::not_json()) };
        let model = match fields.get("model") {
            None | Some(Value::Null) => return Err(Failure::missing("model")),
            Some(Value::String(model)) if !model.is_empty() => model.clone(),
            Some(_) => return Err(Failure::wrong_type("model", "a string that is not empty")),
        };
        let mut script = Script::default();
        if let Some((_, text)) = model.split_once('?') {
            script.apply(text)?;
        }
        let mut request = Self { model, script, fields };
        request.apply_header(headers)?;
        Ok(request)
    }

    fn apply_header(&mut self, headers: &HeaderMap) -> Result<(), Failure> {
        let Some(text) = headers.get(SCRIPT_HEADER) else { return Ok(()) };
        let text = text.to_str().map_err(|_| Failure::invalid(None, "x-fake-script is not plain ASCII."))?;
        Ok(self.script.apply(text)?)
    }

    /// A field, unless it is absent or null.
    pub(crate) fn field(&self, name: &str) -> Option<&Value> {
        self.fields.get(name).filter(|value| !value.is_null())
    }

    /// A field that must be there.
    pub(crate) fn required(&self, name: &'static str) -> Result<&Value, Failure> {
        self.field(name).ok_or_else(|| Failure::missing(name))
    }

    /// A boolean, false if absent.
    pub(crate) fn flag(&self, name: &'static str) -> Result<bool, Failure> {
        match self.field(name) {
            None => Ok(false),
            Some(value) => value.as_bool().ok_or_else(|| Failure::wrong_type(name, "a boolean")),
        }
    }

    /// A number of 1 or more.
    pub(crate) fn positive(&self, name: &'static str) -> Result<Option<usize>, Failure> {
        let Some(value) = self.field(name) else { return Ok(None) };
        let number = value.as_u64().and_then(|number| usize::try_from(number).ok()).filter(|number| *number > 0);
        number.map(Some).ok_or_else(|| Failure::wrong_type(name, "an integer of 1 or more"))
    }
}

/// The bearer key of a request.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

/// How many bytes of text are in a prompt or a message's content: a string, a list of strings or of text parts, or
/// tokens, which count four bytes each.
pub(crate) fn text_bytes(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Number(_) => 4,
        Value::Array(items) => items.iter().map(text_bytes).sum(),
        Value::Object(part) => part.get("text").or_else(|| part.get("content")).map_or(0, text_bytes),
        Value::Null | Value::Bool(_) => 0,
    }
}

/// The same text itself.
pub(crate) fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text_of).collect(),
        Value::Object(part) => part.get("text").or_else(|| part.get("content")).map(text_of).unwrap_or_default(),
        Value::Null | Value::Bool(_) | Value::Number(_) => String::new(),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_header_is_applied_on_top_of_the_model() {
        let mut headers = HeaderMap::new();
        headers.insert(SCRIPT_HEADER, "chunks=4".parse().unwrap());
        let body = br#"{"model":"fake-small?chunks=2&latency_ms=7"}"#;
        let request = ParsedRequest::from_body(body, &headers).unwrap();
        assert_eq!((request.script.chunks, request.script.latency.as_millis()), (4, 7));
        assert_eq!(request.model, "fake-small?chunks=2&latency_ms=7");
    }

    #[test]
    fn text_is_counted_in_all_forms_of_a_prompt() {
        assert_eq!(text_bytes(&json!("four")), 4);
        assert_eq!(text_bytes(&json!(["ab", "c"])), 3);
        assert_eq!(text_bytes(&json!([1, 2, 3])), 12);
        let message = json!({"role": "user", "content": [{"type": "text", "text": "abc"}, {"type": "image_url"}]});
        assert_eq!((text_bytes(&message), text_of(&message)), (3, "abc".to_owned()));
    }

    #[test]
    fn a_bearer_key_is_found_whatever_the_case_of_its_scheme() {
        let mut headers = HeaderMap::new();
        assert_eq!(bearer(&headers), None);
        headers.insert(AUTHORIZATION, "bEARER sk-1".parse().unwrap());
        assert_eq!(bearer(&headers), Some("sk-1"));
        headers.insert(AUTHORIZATION, "Basic sk-1".parse().unwrap());
        assert_eq!(bearer(&headers), None);
    }
}
