//! Which requests a page lists, as its address says it.
//!
//! The names are those of `GET /api/requests`, so that an address of the dashboard, the export and a program's call say the
//! same. Built the same way on the server and in the browser.

use std::fmt::Write as _;

use leptos_router::params::ParamsMap;
use sluice::model::RequestQuery;

/// The parameter that names the request whose drawer is open.
pub(crate) const OPEN: &str = "request";

/// What a list of requests can be filtered by, in the order of the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Filter {
    /// When it arrived at the earliest.
    From,
    /// When it arrived at the latest.
    To,
    /// The server.
    Server,
    /// The app.
    App,
    /// The key.
    Key,
    /// The model.
    Model,
    /// How it ended.
    Outcome,
    /// The id.
    Id,
}

impl Filter {
    /// All of them.
    pub(crate) const ALL: [Self; 8] =
        [Self::From, Self::To, Self::Server, Self::App, Self::Key, Self::Model, Self::Outcome, Self::Id];

    /// Its name in addresses and forms.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::From => "from",
            Self::To => "to",
            Self::Server => "server",
            Self::App => "app",
            Self::Key => "key",
            Self::Model => "model",
            Self::Outcome => "outcome",
            Self::Id => "id",
        }
    }

    /// What a query says about it; none if it is left open.
    pub(crate) fn of(self, query: &RequestQuery) -> Option<&str> {
        match self {
            Self::From => query.from.as_deref(),
            Self::To => query.to.as_deref(),
            Self::Server => query.server.as_deref(),
            Self::App => query.app.as_deref(),
            Self::Key => query.key.as_deref(),
            Self::Model => query.model.as_deref(),
            Self::Outcome => query.outcome.as_deref(),
            Self::Id => query.id.as_deref(),
        }
    }

    /// Sets it, or leaves it open.
    pub(crate) fn set(self, query: &mut RequestQuery, value: Option<String>) {
        let field = match self {
            Self::From => &mut query.from,
            Self::To => &mut query.to,
            Self::Server => &mut query.server,
            Self::App => &mut query.app,
            Self::Key => &mut query.key,
            Self::Model => &mut query.model,
            Self::Outcome => &mut query.outcome,
            Self::Id => &mut query.id,
        };
        *field = value;
    }

    /// The query without it, from the newest request on.
    pub(crate) fn without(self, query: &RequestQuery) -> RequestQuery {
        let mut query = RequestQuery { cursor: None, ..query.clone() };
        self.set(&mut query, None);
        query
    }
}

/// What the address says.
pub(crate) fn read(parameters: &ParamsMap) -> RequestQuery {
    let mut query = RequestQuery {
        cursor: given(parameters.get("cursor")),
        tz: given(parameters.get("tz")),
        ..RequestQuery::default()
    };
    for filter in Filter::ALL {
        filter.set(&mut query, given(parameters.get(filter.name())));
    }
    query
}

/// What was entered, without white space around it; forms send empty texts for what was left out.
pub(crate) fn given(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// Whether anything is filtered out.
pub(crate) fn is_filtered(query: &RequestQuery) -> bool {
    Filter::ALL.into_iter().any(|filter| filter.of(query).is_some())
}

/// The page of a query, with the drawer of a request if one is open.
pub(crate) fn page_path(query: &RequestQuery, open: Option<&str>) -> String {
    let cursor = query.cursor.as_deref().map(|cursor| ("cursor", cursor));
    address("/requests", parameters(query).chain(cursor).chain(open.map(|id| (OPEN, id))))
}

/// The page of one request.
pub(crate) fn detail_path(id: &str) -> String {
    address(&format!("/requests/{}", escaped(id)), std::iter::empty())
}

/// Everything that a query lists, as a file for spreadsheets.
pub(crate) fn export_path(query: &RequestQuery) -> String {
    address("/api/requests", parameters(query).chain([("format", "csv"), ("bom", "true")]))
}

fn parameters(query: &RequestQuery) -> impl Iterator<Item = (&'static str, &str)> {
    let filters = Filter::ALL.into_iter().filter_map(|filter| Some((filter.name(), filter.of(query)?)));
    filters.chain(query.tz.as_deref().map(|tz| ("tz", tz)))
}

fn address<'query>(path: &str, parameters: impl Iterator<Item = (&'static str, &'query str)>) -> String {
    let mut text = path.to_owned();
    let mut sign = '?';
    for (name, value) in parameters {
        text.push(sign);
        text.push_str(name);
        text.push('=');
        text.push_str(&escaped(value));
        sign = '&';
    }
    text
}

/// A text as a part of an address.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~,/:".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing to a text never fails.
            _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

/// A time of a query as the field for it takes it, or none if it is written in another way. The end of a date is the
/// beginning of the next.
pub(crate) fn field_time(filter: Filter, text: &str) -> Option<String> {
    if let Ok(day) = text.parse::<jiff::civil::Date>()
        && text.len() == 10
    {
        let day = if filter == Filter::To { day.tomorrow().ok()? } else { day };
        return Some(format!("{day}T00:00"));
    }
    let is_local = text.len() == 16 || text.len() == 19;
    (is_local && text.parse::<jiff::civil::DateTime>().is_ok() && text.get(10..11) == Some("T"))
        .then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_say_what_is_filtered_and_nothing_else() {
        let query = RequestQuery {
            cursor: Some("c".to_owned()),
            app: Some("a&b=c d".to_owned()),
            model: Some("vendor/人".to_owned()),
            ..RequestQuery::default()
        };
        assert_eq!(page_path(&query, None), "/requests?app=a%26b%3Dc%20d&model=vendor/%E4%BA%BA&cursor=c");
        assert_eq!(page_path(&RequestQuery::default(), Some("x")), "/requests?request=x");
        assert_eq!(export_path(&query), "/api/requests?app=a%26b%3Dc%20d&model=vendor/%E4%BA%BA&format=csv&bom=true");
        assert_eq!(page_path(&Filter::App.without(&query), None), "/requests?model=vendor/%E4%BA%BA");
        assert!(is_filtered(&query) && !is_filtered(&RequestQuery { tz: query.app, ..RequestQuery::default() }));
    }

    #[test]
    fn every_filter_is_set_and_read() {
        let mut query = RequestQuery::default();
        for filter in Filter::ALL {
            filter.set(&mut query, Some(filter.name().to_owned()));
        }
        for filter in Filter::ALL {
            assert_eq!(filter.of(&query), Some(filter.name()));
            assert_eq!(filter.of(&filter.without(&query)), None);
        }
        assert_eq!(given(Some("  ".to_owned())), None);
    }

    #[test]
    fn times_fit_into_their_field_or_are_left_as_they_are() {
        assert_eq!(field_time(Filter::From, "2026-11-01").as_deref(), Some("2026-11-01T00:00"));
        assert_eq!(field_time(Filter::To, "2026-11-30").as_deref(), Some("2026-12-01T00:00"));
        assert_eq!(field_time(Filter::To, "2026-11-30T08:15").as_deref(), Some("2026-11-30T08:15"));
        for other in ["2026-11-30T08:15:00Z", "yesterday", "", "2026-11-30 08:15"] {
            assert_eq!(field_time(Filter::From, other), None, "{other}");
        }
    }
}
