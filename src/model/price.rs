//! What models cost.

use serde::{Deserialize, Serialize};

use super::{Amount, Currency, PriceId, ServerId};

/// What a million tokens of a model cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// Of which currency.
    pub currency: Currency,
    /// A million input tokens that were not cached.
    pub input: Amount,
    /// A million cached input tokens; none if they cost what others cost.
    #[serde(default)]
    pub cached_input: Option<Amount>,
    /// A million output tokens.
    pub output: Amount,
}

/// A price that an administrator entered. It goes before a shipped one of the same model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceView {
    /// Its id.
    pub id: PriceId,
    /// The public name of the model.
    pub model: String,
    /// At which server; none is any that has no price of its own.
    pub server_id: Option<ServerId>,
    /// Name of that server.
    pub server_name: Option<String>,
    /// What it costs.
    pub price: Price,
    /// From when on, in milliseconds since 1970 UTC, by the arrival of a request; until the next one of the same model and server.
    pub valid_from_ms: i64,
    /// When it was entered or changed, in milliseconds since 1970 UTC.
    pub changed_at_ms: i64,
}

/// What can be chosen about a price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceInput {
    /// The public name of the model: 1 to 200 visible characters.
    pub model: String,
    /// At which server; none is any that has no price of its own.
    #[serde(default)]
    pub server_id: Option<ServerId>,
    /// What it costs.
    pub price: Price,
    /// From when on, in milliseconds since 1970 UTC; none is from now on, and for a price that is changed, from when on it was
    /// valid. What was recorded before keeps its cost.
    #[serde(default)]
    pub valid_from_ms: Option<i64>,
}

/// A price that comes with Sluice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShippedPrice {
    /// Name of the vendor whose price list it is from.
    pub vendor: String,
    /// The upstream's name of the model.
    pub model: String,
    /// What it costs.
    pub price: Price,
}

/// A configured model, and what it costs now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelPrice {
    /// The public name of the model.
    pub model: String,
    /// The server.
    pub server_id: ServerId,
    /// Name of the server.
    pub server_name: String,
    /// The upstream's name of the model.
    pub upstream_model: String,
    /// What it costs; none if nobody knows: its costs are unknown then, not 0.
    pub price: Option<Price>,
    /// Where the price comes from; none if there is none.
    pub source: Option<PriceSource>,
}

/// Where a price comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PriceSource {
    /// Entered for this model at this server.
    Server,
    /// Entered for this model.
    Model,
    /// Shipped with Sluice.
    Shipped,
}

/// Everything about prices: what the dashboard's page shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceList {
    /// Every configured model with its price.
    pub models: Vec<ModelPrice>,
    /// What administrators entered, by model, newest first.
    pub entered: Vec<PriceView>,
    /// What comes with Sluice.
    pub shipped: Vec<ShippedPrice>,
    /// The day of the shipped prices, such as `2026-11-01`.
    pub shipped_date: String,
}
