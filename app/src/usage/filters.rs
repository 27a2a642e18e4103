//! What the address of a page about usage says.
//!
//! Everything is text, as a form sends it; what is empty was not chosen. What a text means is read here where the set is
//! closed, and by the services where it is not (times, zones, names).

use std::str::FromStr;

use leptos::Params;
use leptos_router::params::Params;
use serde::{Deserialize, Serialize};
#[cfg(feature = "ssr")]
use sluice::model::{Dimension, Granularity};

use crate::filter::escaped;

/// A span of time that has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Preset {
    /// Since midnight.
    Today,
    /// The last 24 hours, in whole hours: the one that runs is the last.
    Hours24,
    /// Today and the 6 days before.
    Days7,
    /// Today and the 29 days before.
    Days30,
    /// The month that runs.
    ThisMonth,
    /// The month before.
    LastMonth,
    /// Today and the 89 days before.
    Days90,
}

impl Preset {
    /// Every one, in the order in which they are offered.
    pub(crate) const ALL: [Self; 7] =
        [Self::Today, Self::Hours24, Self::Days7, Self::Days30, Self::ThisMonth, Self::LastMonth, Self::Days90];

    /// Its name in addresses.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Today => "today",
            Self::Hours24 => "24h",
            Self::Days7 => "7d",
            Self::Days30 => "30d",
            Self::ThisMonth => "month",
            Self::LastMonth => "last-month",
            Self::Days90 => "90d",
        }
    }

    /// The periods that show it best.
    #[cfg(feature = "ssr")]
    pub(crate) const fn granularity(self) -> Granularity {
        match self {
            Self::Today | Self::Hours24 => Granularity::Hour,
            Self::Days7 | Self::Days30 | Self::ThisMonth | Self::LastMonth | Self::Days90 => Granularity::Day,
        }
    }
}

impl FromStr for Preset {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|preset| preset.as_str() == text).ok_or(())
    }
}

/// What a chart shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Measure {
    /// Requests.
    Requests,
    /// Input and output tokens together.
    #[default]
    Tokens,
    /// What they cost; a chart for each currency.
    Cost,
    /// How long answers took.
    Latency,
}

impl Measure {
    /// Every one, in the order in which they are offered.
    pub(crate) const ALL: [Self; 4] = [Self::Requests, Self::Tokens, Self::Cost, Self::Latency];

    /// Its name in addresses.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Tokens => "tokens",
            Self::Cost => "cost",
            Self::Latency => "latency",
        }
    }
}

impl FromStr for Measure {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|measure| measure.as_str() == text).ok_or(())
    }
}

/// What the address of a page about usage says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Params)]
pub struct UsageFilters {
    /// A span of time by its name; `from` and `to` go before it.
    #[serde(default)]
    pub range: Option<String>,
    /// Where the range begins: a date or a time.
    #[serde(default)]
    pub from: Option<String>,
    /// Where it ends: a time, or a date, whose day is included.
    #[serde(default)]
    pub to: Option<String>,
    /// IANA name of the time zone.
    #[serde(default)]
    pub tz: Option<String>,
    /// How long the periods are.
    #[serde(default)]
    pub granularity: Option<String>,
    /// By what the sums are split.
    #[serde(default)]
    pub by: Option<String>,
    /// What the chart shows.
    #[serde(default)]
    pub measure: Option<String>,
    /// Only this server.
    #[serde(default)]
    pub server: Option<String>,
    /// Only this app.
    #[serde(default)]
    pub app: Option<String>,
    /// Only this model.
    #[serde(default)]
    pub model: Option<String>,
    /// Which page of the table, from 1.
    #[serde(default)]
    pub page: Option<String>,
}

/// What was entered; none for what is missing or blank.
fn given(text: Option<&String>) -> Option<&str> {
    text.map(|text| text.trim()).filter(|text| !text.is_empty())
}

impl UsageFilters {
    /// The span of time by its name; none if bounds were entered, which go before it.
    pub(crate) fn preset(&self, default: Preset) -> Option<Preset> {
        if given(self.from.as_ref()).is_some() || given(self.to.as_ref()).is_some() {
            return None;
        }
        Some(given(self.range.as_ref()).and_then(|text| text.parse().ok()).unwrap_or(default))
    }

    /// Where the range begins.
    #[cfg(feature = "ssr")]
    pub(crate) fn from(&self) -> Option<String> {
        given(self.from.as_ref()).map(ToOwned::to_owned)
    }

    /// Where the range ends.
    #[cfg(feature = "ssr")]
    pub(crate) fn to(&self) -> Option<String> {
        given(self.to.as_ref()).map(ToOwned::to_owned)
    }

    /// The time zone.
    #[cfg(feature = "ssr")]
    pub(crate) fn tz(&self) -> Option<String> {
        given(self.tz.as_ref()).map(ToOwned::to_owned)
    }

    /// The periods, if they were chosen.
    #[cfg(feature = "ssr")]
    pub(crate) fn granularity(&self) -> Option<Granularity> {
        let chosen = given(self.granularity.as_ref())?;
        Granularity::ALL.iter().find(|known| known.as_str() == chosen).copied()
    }

    /// By what the sums are split.
    #[cfg(feature = "ssr")]
    pub(crate) fn by(&self) -> Option<Dimension> {
        let chosen = given(self.by.as_ref())?;
        Dimension::ALL.iter().find(|known| known.as_str() == chosen).copied()
    }

    /// What the chart shows.
    pub(crate) fn measure(&self) -> Measure {
        given(self.measure.as_ref()).and_then(|text| text.parse().ok()).unwrap_or_default()
    }

    /// Only this server.
    #[cfg(feature = "ssr")]
    pub(crate) fn server(&self) -> Option<String> {
        given(self.server.as_ref()).map(ToOwned::to_owned)
    }

    /// Only this app.
    #[cfg(feature = "ssr")]
    pub(crate) fn app(&self) -> Option<String> {
        given(self.app.as_ref()).map(ToOwned::to_owned)
    }

    /// Only this model.
    #[cfg(feature = "ssr")]
    pub(crate) fn model(&self) -> Option<String> {
        given(self.model.as_ref()).map(ToOwned::to_owned)
    }

    /// Which page of the table, from 1.
    #[cfg(feature = "ssr")]
    pub(crate) fn page(&self) -> usize {
        given(self.page.as_ref()).and_then(|text| text.parse().ok()).unwrap_or(1).max(1)
    }

    /// The same at another span of time, from the first page.
    #[must_use]
    pub(crate) fn in_range(&self, preset: Preset) -> Self {
        let range = Some(preset.as_str().to_owned());
        Self { range, from: None, to: None, granularity: None, page: None, ..self.clone() }
    }

    /// The same with another measure.
    #[must_use]
    pub(crate) fn measuring(&self, measure: Measure) -> Self {
        Self { measure: Some(measure.as_str().to_owned()), ..self.clone() }
    }

    /// The same on another page of the table.
    #[must_use]
    pub(crate) fn on_page(&self, page: usize) -> Self {
        Self { page: (page > 1).then(|| page.to_string()), ..self.clone() }
    }

    /// Its address on this page of the dashboard, without what was not chosen.
    pub(crate) fn address(&self, path: &str) -> String {
        address(
            path,
            &[
                ("range", self.range.as_deref()),
                ("from", self.from.as_deref()),
                ("to", self.to.as_deref()),
                ("tz", self.tz.as_deref()),
                ("granularity", self.granularity.as_deref()),
                ("by", self.by.as_deref()),
                ("measure", self.measure.as_deref()),
                ("server", self.server.as_deref()),
                ("app", self.app.as_deref()),
                ("model", self.model.as_deref()),
                ("page", self.page.as_deref()),
            ],
        )
    }
}

/// A path with a query, without what is missing or blank.
pub(crate) fn address(path: &str, query: &[(&str, Option<&str>)]) -> String {
    let mut address = path.to_owned();
    for (name, value) in query {
        let Some(value) = value.map(str::trim).filter(|value| !value.is_empty()) else { continue };
        address.push(if address.len() == path.len() { '?' } else { '&' });
        address.push_str(name);
        address.push('=');
        address.push_str(&escaped(value));
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filters(range: &str, from: &str) -> UsageFilters {
        UsageFilters { range: Some(range.to_owned()), from: Some(from.to_owned()), ..UsageFilters::default() }
    }

    #[test]
    fn entered_bounds_go_before_a_name() {
        assert_eq!(filters("30d", "").preset(Preset::Days7), Some(Preset::Days30));
        assert_eq!(filters("30d", "2026-11-01").preset(Preset::Days7), None);
        assert_eq!(filters("century", " ").preset(Preset::Days7), Some(Preset::Days7));
    }

    #[test]
    fn names_lead_back_to_themselves() {
        for preset in Preset::ALL {
            assert_eq!(preset.as_str().parse(), Ok(preset));
        }
        for measure in Measure::ALL {
            assert_eq!(measure.as_str().parse(), Ok(measure));
        }
    }
}
