//! The prices that come with Sluice: vendors' list prices of one day, as data.
//!
//! A model is known by its upstream's name, also with a date behind it (`gpt-4o-2024-08-06` costs what `gpt-4o` costs,
//! unless the table says otherwise). Only prices that are the same for every length of a prompt are in it, and of those
//! that rise for very long prompts the regular one.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::model::{Amount, Currency, Price, ShippedPrice};

const TEXT: &str = include_str!("shipped.json");

/// The table that comes with this version.
pub static SHIPPED: LazyLock<ShippedTable> = LazyLock::new(|| {
    // A test reads the table: it is never unreadable in a version that was built. Without it, prices would be unknown.
    serde_json::from_str(TEXT).map_or_else(
        |error| {
            tracing::error!(%error, "the shipped prices cannot be read");
            ShippedTable::default()
        },
        ShippedTable::new,
    )
});

/// The file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) date: String,
    pub(super) prices: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    vendor: String,
    model: String,
    currency: Currency,
    input: Amount,
    #[serde(default)]
    cached_input: Option<Amount>,
    output: Amount,
    /// Only for servers at these hosts; empty means anywhere.
    #[serde(default)]
    hosts: Vec<String>,
    /// Not for servers at these hosts.
    #[serde(default)]
    except_hosts: Vec<String>,
    /// Dated names that cost something else.
    #[serde(default)]
    except: Vec<String>,
}

/// Prices of one day.
#[derive(Debug, Default)]
pub struct ShippedTable {
    date: String,
    prices: Vec<ShippedPrice>,
    by_model: HashMap<String, Vec<Known>>,
}

#[derive(Debug)]
struct Known {
    price: Price,
    hosts: Vec<String>,
    except_hosts: Vec<String>,
    except: Vec<String>,
}

impl ShippedTable {
    pub(super) fn new(file: File) -> Self {
        let mut table = Self { date: file.date, ..Self::default() };
        for entry in file.prices {
            let Entry { vendor, model, currency, input, cached_input, output, hosts, except_hosts, except } = entry;
            let price = Price { currency, input, cached_input, output };
            let known = Known { price, hosts, except_hosts, except };
            table.by_model.entry(model.clone()).or_default().push(known);
            table.prices.push(ShippedPrice { vendor, model, price });
        }
        table
    }

    /// The day of the prices, such as `2026-11-01`.
    pub fn date(&self) -> &str {
        &self.date
    }

    /// Every price, in the order of the file.
    pub fn prices(&self) -> &[ShippedPrice] {
        &self.prices
    }

    /// The price of an upstream's model at a host.
    pub fn find(&self, host: &str, model: &str) -> Option<&Price> {
        self.known(host, model, |_| true).or_else(|| {
            let base = without_date(model)?;
            self.known(host, base, |known| known.except.iter().all(|other| other != model))
        })
    }

    fn known(&self, host: &str, model: &str, fits: impl Fn(&Known) -> bool) -> Option<&Price> {
        let is_there = |hosts: &[String]| hosts.iter().any(|other| other.eq_ignore_ascii_case(host));
        let known = self.by_model.get(model)?;
        let own = known.iter().find(|known| is_there(&known.hosts));
        let found =
            own.or_else(|| known.iter().find(|known| known.hosts.is_empty() && !is_there(&known.except_hosts)))?;
        fits(found).then_some(&found.price)
    }
}

/// The name in front of `-2024-08-06` or `-20240806`.
pub(super) fn without_date(model: &str) -> Option<&str> {
    ["-dddd-dd-dd", "-dddddddd"].into_iter().find_map(|pattern| {
        let (base, end) = model.split_at_checked(model.len().checked_sub(pattern.len())?)?;
        let fits = end.bytes().zip(pattern.bytes()).all(|(byte, kind)| match kind {
            b'd' => byte.is_ascii_digit(),
            kind => byte == kind,
        });
        (fits && !base.is_empty()).then_some(base)
    })
}
