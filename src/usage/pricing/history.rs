//! Prices over time, and which of them a target has.

use std::collections::HashMap;

use super::shipped::SHIPPED;
use crate::model::{Price, PriceSource, ProviderKind, ServerId};

/// A price that an administrator entered, as it is looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnteredPrice {
    /// The public name of the model.
    pub model: String,
    /// At which server; none is any.
    pub server_id: Option<ServerId>,
    /// From when on, in milliseconds since 1970 UTC.
    pub valid_from_ms: i64,
    /// What it costs.
    pub price: Price,
}

/// Prices of one model, one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Versions(Vec<(i64, Price)>);

impl Versions {
    /// The last one that had begun.
    fn at(&self, time_ms: i64) -> Option<Price> {
        let begun = self.0.partition_point(|(valid_from_ms, _)| *valid_from_ms <= time_ms);
        self.0.get(begun.checked_sub(1)?).map(|(_, price)| *price)
    }
}

/// What one target costs at any time: the price of the model at this server, else the price of the model, else the
/// shipped one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PriceHistory {
    at_server: Versions,
    of_model: Versions,
    shipped: Option<Price>,
}

impl PriceHistory {
    /// The price for a request that arrived at this time, in milliseconds since 1970 UTC, and where it comes from; none if
    /// nobody knows.
    pub fn at(&self, time_ms: i64) -> Option<(Price, PriceSource)> {
        let entered = |versions: &Versions, source| versions.at(time_ms).map(|price| (price, source));
        entered(&self.at_server, PriceSource::Server)
            .or_else(|| entered(&self.of_model, PriceSource::Model))
            .or_else(|| self.shipped.map(|price| (price, PriceSource::Shipped)))
    }
}

/// Everything that was entered, ready to be looked up.
#[derive(Debug, Default)]
pub struct PriceBook {
    entered: HashMap<(String, Option<ServerId>), Versions>,
}

impl PriceBook {
    /// Sorts what was entered.
    pub fn new(prices: Vec<EnteredPrice>) -> Self {
        let mut entered: HashMap<(String, Option<ServerId>), Versions> = HashMap::new();
        for EnteredPrice { model, server_id, valid_from_ms, price } in prices {
            entered.entry((model, server_id)).or_default().0.push((valid_from_ms, price));
        }
        for versions in entered.values_mut() {
            versions.0.sort_by_key(|(valid_from_ms, _)| *valid_from_ms);
        }
        Self { entered }
    }

    /// The prices of one target. `host` is that of the server's base URL: some vendors ask other prices elsewhere.
    pub fn history(
        &self,
        server_id: ServerId,
        model: &str,
        provider: ProviderKind,
        host: &str,
        upstream_model: &str,
    ) -> PriceHistory {
        let of = |server_id| self.entered.get(&(model.to_owned(), server_id)).cloned().unwrap_or_default();
        let shipped = match provider {
            // Every server that speaks this format may have any vendor's models.
            ProviderKind::OpenAi => SHIPPED.find(host, upstream_model).copied(),
        };
        PriceHistory { at_server: of(Some(server_id)), of_model: of(None), shipped }
    }
}
