//! The columns of `usage_records`.

#![expect(unreachable_pub, reason = "what is derived from an entity has to be public")]
#![expect(clippy::struct_field_names, reason = "the glossary's word for it is `model`")]

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "usage_records")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub client_request_id: Option<String>,
    pub started_at_ms: i64,
    pub app_id: Option<i64>,
    pub key_id: Option<i64>,
    pub server_id: Option<i64>,
    pub model: String,
    pub endpoint: i16,
    pub streamed: bool,
    pub outcome: i16,
    pub status: i16,
    pub error_code: Option<String>,
    pub attempts: i16,
    pub queue_ms: i64,
    pub limited_by: Option<i16>,
    pub sent_at_ms: Option<i64>,
    pub charged_tokens: Option<i64>,
    pub input_tokens: Option<i64>,
    pub cached_tokens: Option<i64>,
    pub output_tokens: Option<i64>,
    pub reasoning_tokens: Option<i64>,
    pub token_source: i16,
    pub cost_nanos: Option<i64>,
    pub currency: Option<String>,
    pub first_byte_ms: Option<i64>,
    pub duration_ms: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
