//! What pages are made of: pure pieces, properties in and markup out, no server calls.

mod badge;
mod budget_fields;
mod code;
mod confirm;
mod empty;
mod error_note;
mod field;
mod gauge;
mod icon;
mod limit_fields;
mod live_badge;
mod logo;
mod page_header;
mod problems;
mod request_table;
mod select;
mod time;

pub(crate) use badge::{Badge, Tone, key_tone, outcome_tone, server_tone};
pub(crate) use budget_fields::{BudgetBars, BudgetFields, budget_labels};
pub(crate) use code::{CodeBlock, CopyButton, ReadyCalls};
pub(crate) use confirm::Confirm;
pub(crate) use empty::Empty;
pub(crate) use error_note::{ErrorNote, Loading};
pub(crate) use field::{AreaField, CheckField, TextField};
pub(crate) use gauge::{FillBar, Gauge, Level, Measure, level, tightest};
pub(crate) use icon::{Glyph, Icon};
pub(crate) use limit_fields::{LimitFields, limit_labels};
pub(crate) use live_badge::{LiveBadge, Notice, StaleNote};
pub(crate) use logo::Logo;
pub(crate) use page_header::PageHeader;
pub(crate) use problems::{FormProblems, ProblemSummary};
pub(crate) use request_table::{RequestTable, or_dash, row_link_id};
pub(crate) use select::SelectField;
pub(crate) use time::UtcTime;
