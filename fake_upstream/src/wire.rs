//! The JSON shapes of OpenAI's answers, with their fields in OpenAI's order.
//!
//! They borrow what they can. They decide nothing: what is in them comes from the endpoints.

use serde::{Serialize, Serializer};

use crate::usage::Usage;

/// JSON of one of our own shapes. None of them can fail: they have string keys, and writing to memory does not fail.
pub(crate) fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

/// A field that clients tell apart in three states.
#[derive(Debug, Default, Clone)]
pub(crate) enum Field<T> {
    /// Left out.
    #[default]
    Absent,
    /// There, but null.
    Null,
    /// There.
    Value(T),
}

impl<T> Field<T> {
    fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }
}

impl<T: Serialize> Serialize for Field<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Absent | Self::Null => serializer.serialize_none(),
            Self::Value(value) => value.serialize(serializer),
        }
    }
}

/// An answer or a chunk of one, for all kinds of choices.
#[derive(Serialize)]
pub(crate) struct Envelope<'a, Choice> {
    pub(crate) id: &'a str,
    pub(crate) object: &'static str,
    pub(crate) created: u64,
    pub(crate) model: &'a str,
    pub(crate) service_tier: &'static str,
    pub(crate) system_fingerprint: &'static str,
    pub(crate) choices: &'a [Choice],
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub(crate) usage: Field<Usage>,
}

/// A choice of a plain chat completion.
#[derive(Serialize)]
pub(crate) struct ChatChoice<'a> {
    pub(crate) index: u32,
    pub(crate) message: Message<'a>,
    pub(crate) logprobs: Option<()>,
    pub(crate) finish_reason: &'static str,
}

/// The message of a plain chat completion.
#[derive(Serialize)]
pub(crate) struct Message<'a> {
    pub(crate) role: &'static str,
    pub(crate) content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tool_calls: Option<[ToolCall<'a>; 1]>,
    pub(crate) refusal: Option<()>,
    pub(crate) annotations: [(); 0],
}

/// A choice of a chat chunk.
#[derive(Serialize)]
pub(crate) struct ChatChunkChoice<'a> {
    pub(crate) index: u32,
    pub(crate) delta: Delta<'a>,
    pub(crate) logprobs: Option<()>,
    pub(crate) finish_reason: Option<&'static str>,
}

/// What a chat chunk adds.
#[derive(Default, Serialize)]
pub(crate) struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) role: Option<&'static str>,
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub(crate) content: Field<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tool_calls: Option<[ToolCall<'a>; 1]>,
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub(crate) refusal: Field<()>,
}

/// A tool call, or what a chunk adds to one.
#[derive(Serialize)]
pub(crate) struct ToolCall<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) index: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) r#type: Option<&'static str>,
    pub(crate) function: Function<'a>,
}

/// The function of a tool call.
#[derive(Serialize)]
pub(crate) struct Function<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<&'a str>,
    pub(crate) arguments: &'a str,
}

/// A choice of a completion, plain or as a chunk.
#[derive(Serialize)]
pub(crate) struct TextChoice<'a> {
    pub(crate) text: &'a str,
    pub(crate) index: u32,
    pub(crate) logprobs: Option<()>,
    pub(crate) finish_reason: Option<&'static str>,
}

/// A list, as of models or embeddings.
#[derive(Serialize)]
pub(crate) struct List<'a, Item> {
    pub(crate) object: &'static str,
    pub(crate) data: Vec<Item>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) model: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) usage: Option<Usage>,
}

/// A model in the list of models.
#[derive(Serialize)]
pub(crate) struct Model<'a> {
    pub(crate) id: &'a str,
    pub(crate) object: &'static str,
    pub(crate) created: u64,
    pub(crate) owned_by: &'static str,
}

/// One embedding.
#[derive(Serialize)]
pub(crate) struct Embedding {
    pub(crate) object: &'static str,
    pub(crate) index: usize,
    #[serde(rename = "embedding")]
    pub(crate) vector: Vector,
}

/// The vector of an embedding, as numbers or as base64 of little-endian `f32`.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Vector {
    /// Numbers.
    Numbers(Vec<f32>),
    /// Base64.
    Base64(String),
}
