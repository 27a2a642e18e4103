//! Changing a few bytes of a JSON text and nothing else.

use std::ops::Range;

use bytes::{Bytes, BytesMut};

use super::peek::{IncludeUsage, RequestFacts};

/// One replacement: the bytes of `span` become `text`. An empty span is an insertion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Edit {
    /// What is replaced.
    pub(super) span: Range<usize>,
    /// What stands there afterwards.
    pub(super) text: Vec<u8>,
}

/// The edits that turn a client's body into the one for a target: the model's upstream name, and the wish for token
/// counts where `request_usage` says so. Empty if the body can go out as it came.
pub(super) fn edits_for(facts: &RequestFacts, upstream_model: &str, request_usage: bool) -> Vec<Edit> {
    let mut edits = Vec::new();
    if facts.model != upstream_model {
        let text = serde_json::Value::from(upstream_model).to_string().into_bytes();
        edits.push(Edit { span: facts.model_span.clone(), text });
    }
    if request_usage && facts.stream {
        edits.extend(usage_edit(&facts.include_usage));
    }
    edits.sort_by_key(|edit| edit.span.start);
    edits
}

fn usage_edit(include_usage: &IncludeUsage) -> Option<Edit> {
    Some(match include_usage {
        IncludeUsage::Asked | IncludeUsage::Malformed => return None,
        IncludeUsage::Refused { span } => Edit { span: span.clone(), text: b"true".to_vec() },
        IncludeUsage::Unsaid { insert_at, options_empty } => {
            let text: &[u8] = if *options_empty { b"\"include_usage\":true" } else { b"\"include_usage\":true," };
            Edit { span: *insert_at..*insert_at, text: text.to_vec() }
        }
        IncludeUsage::OptionsNull { span } => Edit { span: span.clone(), text: b"{\"include_usage\":true}".to_vec() },
        IncludeUsage::OptionsAbsent { insert_at } => {
            Edit { span: *insert_at..*insert_at, text: b"\"stream_options\":{\"include_usage\":true},".to_vec() }
        }
    })
}

/// The text with the edits made. `edits` are sorted and do not overlap. Without edits nothing is copied.
pub(super) fn splice(text: &Bytes, edits: &[Edit]) -> Bytes {
    if edits.is_empty() {
        return text.clone();
    }
    let added: usize = edits.iter().map(|edit| edit.text.len()).sum();
    let mut spliced = BytesMut::with_capacity(text.len() + added);
    let mut copied = 0;
    for edit in edits {
        spliced.extend_from_slice(text.get(copied..edit.span.start).unwrap_or_default());
        spliced.extend_from_slice(&edit.text);
        copied = edit.span.end;
    }
    spliced.extend_from_slice(text.get(copied..).unwrap_or_default());
    spliced.freeze()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::proxy::peek::peek;

    fn prepared(body: &str, model: &str, request_usage: bool) -> String {
        let facts = peek(body.as_bytes(), 128).unwrap();
        let edits = edits_for(&facts, model, request_usage);
        String::from_utf8(splice(&Bytes::copy_from_slice(body.as_bytes()), &edits).to_vec()).unwrap()
    }

    #[test]
    fn leaves_a_body_alone_that_needs_nothing() {
        let body = r#"{ "model":"a","stream":true,"stream_options":{"include_usage":true},"x":1.10e+2}"#;
        assert_eq!(prepared(body, "a", true), body);
        let plain = r#"{"model":"a","stream":false}"#;
        assert_eq!(prepared(plain, "a", true), plain);
    }

    #[test]
    fn renames_and_asks_for_usage() {
        for (body, expected) in [
            (
                r#"{"model":"a","stream":true}"#,
                r#"{"stream_options":{"include_usage":true},"model":"b/\"c","stream":true}"#,
            ),
            (
                r#"{"stream_options":{},"stream":true,"model":"a"}"#,
                r#"{"stream_options":{"include_usage":true},"stream":true,"model":"b/\"c"}"#,
            ),
            (
                r#"{"stream_options":{"x":1},"stream":true,"model":"a"}"#,
                r#"{"stream_options":{"include_usage":true,"x":1},"stream":true,"model":"b/\"c"}"#,
            ),
            (
                r#"{"stream_options": null,"stream":true,"model":"a"}"#,
                r#"{"stream_options": {"include_usage":true},"stream":true,"model":"b/\"c"}"#,
            ),
            (
                r#"{"model":"a","stream":true,"stream_options":{"include_usage" : false}}"#,
                r#"{"model":"b/\"c","stream":true,"stream_options":{"include_usage" : true}}"#,
            ),
        ] {
            assert_eq!(prepared(body, "b/\"c", true), expected);
        }
    }

    #[test]
    fn does_not_ask_where_the_server_must_not_be_asked() {
        let body = r#"{"model":"a","stream":true}"#;
        assert_eq!(prepared(body, "a", false), body);
    }

    proptest! {
        #[test]
        fn an_edited_body_means_the_same_apart_from_the_edit(
            model in "[a-z水]{1,8}", upstream in "[a-z/\"\\\\水]{1,8}", number in proptest::num::i64::ANY,
            text in "\\PC{0,20}", stream in proptest::bool::ANY, space in "[ \t\n\r]{0,3}",
        ) {
            let extra = serde_json::json!({"text": text, "number": number});
            let body = format!(
                "{space}{{{space}\"x\":{extra}{space},\"model\"{space}:{space}{},\"stream\":{stream}{space}}}{space}",
                serde_json::Value::from(model.as_str())
            );
            let edited: serde_json::Value = serde_json::from_str(&prepared(&body, &upstream, true)).unwrap();
            let mut expected: serde_json::Value = serde_json::from_str(&body).unwrap();
            let members = expected.as_object_mut().unwrap();
            members.insert("model".to_owned(), upstream.into());
            if stream {
                members.insert("stream_options".to_owned(), serde_json::json!({"include_usage": true}));
            }
            prop_assert_eq!(edited, expected);
        }
    }
}
