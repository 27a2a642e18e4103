//! Usage: charts, and the same numbers as a table.

use leptos::server;
use leptos::server_fn::codec::GetUrl;
use serde::{Deserialize, Serialize};
use sluice::model::{AppId, Currency, Dimension, FieldProblem, Granularity, ServerId, UsageTotals};

use crate::UiError;
use crate::usage::{Measure, Preset, UsageFilters};

/// Rows on a page of the table.
#[cfg(feature = "ssr")]
const PAGE_ROWS: usize = 200;

/// What can be chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageChoices {
    /// The servers by name, in the order in which they are asked.
    pub servers: Vec<(ServerId, String)>,
    /// The apps by name.
    pub apps: Vec<(AppId, String)>,
    /// The public model names.
    pub models: Vec<String>,
    /// The reporting time zone.
    pub reporting_zone: String,
}

/// Usage in numbers, ready to be shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UsageAnswer {
    /// The span of time by its name; none for one that was entered.
    pub preset: Option<Preset>,
    /// First minute of the range, in the time zone.
    pub from: String,
    /// Its last minute.
    pub to: String,
    /// The time zone.
    pub tz: String,
    /// How long the periods are.
    pub granularity: Granularity,
    /// By what the sums are split.
    pub by: Option<Dimension>,
    /// What the charts show.
    pub measure: Measure,
    /// The charts.
    pub charts: Vec<ChartView>,
    /// A page of the rows.
    pub rows: Vec<TableRow>,
    /// All rows together.
    pub total: UsageTotals,
    /// Where the requests behind all rows are listed.
    pub total_requests_path: String,
    /// How many rows there are on all pages.
    pub row_count: usize,
    /// Which page this is, from 1.
    pub page: usize,
    /// How many there are.
    pub pages: usize,
    /// Where the same is to be had as CSV.
    pub csv_path: String,
}

/// A chart, ready to be drawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChartView {
    /// What it shows.
    pub kind: ChartKind,
    /// For `frontend/charts.js`.
    pub drawing: String,
    /// What is told apart, and the number of its colour: 1 to 8, and 0 for the rest.
    pub legend: Vec<(String, u8)>,
    /// Groups that are not in it, because they cannot be put together.
    pub left_out: usize,
}

/// What a chart shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChartKind {
    /// Requests.
    Requests,
    /// Tokens.
    Tokens,
    /// Costs in one currency.
    Cost {
        /// The currency.
        currency: Currency,
    },
    /// From arrival to the end of the answer: percentiles of everything.
    Duration,
    /// The same, one percentile of each group.
    DurationP95,
    /// From arrival to the first byte of the answer: percentiles of everything.
    FirstByte,
    /// The same, one percentile of each group.
    FirstByteP95,
}

/// One row of the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableRow {
    /// Where the period begins: RFC 3339.
    pub start: String,
    /// What the period is called.
    pub period: String,
    /// What the group is called.
    pub group: Option<String>,
    /// Where its requests are listed.
    pub requests_path: String,
    /// The sums.
    pub totals: UsageTotals,
}

/// What can be chosen.
#[server(prefix = "/api/ui", endpoint = "usage/choices", input = GetUrl)]
pub async fn get_usage_choices() -> Result<UsageChoices, UiError> {
    let context = crate::ssr::request_context()?;
    let servers = context.answer(context.services.servers.list(&context.actor).await)?;
    let apps = context.answer(context.services.apps.list(&context.actor).await)?;
    let reporting_zone = context.answer(context.services.requests.time_zone(&context.actor, None))?;
    Ok(UsageChoices {
        models: super::overview::public_models(&servers),
        servers: servers.into_iter().map(|server| (server.id, server.name)).collect(),
        apps: apps.into_iter().map(|app| (app.id, app.name)).collect(),
        reporting_zone: reporting_zone.iana_name().unwrap_or("UTC").to_owned(),
    })
}

/// Usage as it was asked for, or what is wrong with what was entered, so that it can be mended.
#[server(prefix = "/api/ui", endpoint = "usage/get", input = GetUrl)]
pub async fn get_usage(
    #[server(default)] filters: UsageFilters,
) -> Result<Result<UsageAnswer, Vec<FieldProblem>>, UiError> {
    use sluice::services::ServiceError;

    let context = crate::ssr::request_context()?;
    let zone = match context.services.requests.time_zone(&context.actor, filters.tz().as_deref()) {
        Err(ServiceError::Invalid(problems)) => return Ok(Err(problems)),
        zone => context.answer(zone)?,
    };
    let asked = match ssr::Asked::read(&filters, zone) {
        Ok(asked) => asked,
        Err(problem) => return Ok(Err(vec![problem])),
    };
    match context.services.stats.usage(&context.actor, asked.query.clone()).await {
        Err(ServiceError::Invalid(problems)) => Ok(Err(problems)),
        report => Ok(Ok(asked.show(context.answer(report)?, &filters))),
    }
}

#[cfg(feature = "ssr")]
mod ssr {
    //! From what was chosen to a query, and from a report to a page.

    use jiff::Timestamp;
    use jiff::tz::TimeZone;
    use sluice::model::{FieldProblem, Granularity, Problem, UsageGroup, UsageQuery, UsageReport, UsageRow};

    use super::{PAGE_ROWS, TableRow, UsageAnswer};
    use crate::charts;
    use crate::translations::Locale;
    use crate::usage::{Preset, Span, UsageFilters, address};

    /// What a person meant.
    pub(super) struct Asked {
        preset: Option<Preset>,
        pub(super) query: UsageQuery,
    }

    impl Asked {
        /// Reads what was chosen; what was not is the last 7 days.
        pub(super) fn read(filters: &UsageFilters, zone: TimeZone) -> Result<Self, FieldProblem> {
            let preset = filters.preset(Preset::Days7);
            let (from, to) = match preset {
                Some(preset) => {
                    let now = Timestamp::now().to_zoned(zone);
                    let span = Span::in_whole_periods(preset, &now)
                        .map_err(|_| FieldProblem::new("range", Problem::TimeInvalid))?;
                    let (from, to) = span.bounds();
                    (Some(from), Some(to))
                }
                None => (filters.from(), filters.to()),
            };
            let granularity = filters
                .granularity()
                .or(preset.map(Preset::granularity))
                .unwrap_or_else(|| fitting(from.as_deref(), to.as_deref()));
            let query = UsageQuery {
                from,
                to,
                granularity: Some(granularity),
                group_by: filters.by().map(|by| by.as_str().to_owned()),
                tz: filters.tz(),
                server: filters.server(),
                app: filters.app(),
                model: filters.model(),
                ..UsageQuery::default()
            };
            Ok(Self { preset, query })
        }

        pub(super) fn show(self, report: UsageReport, filters: &UsageFilters) -> UsageAnswer {
            let locale = crate::ssr::preferences().language.locale();
            let measure = filters.measure();
            let row_count = report.rows.len();
            let pages = row_count.div_ceil(PAGE_ROWS).max(1);
            let page = filters.page().min(pages);
            let zone = TimeZone::get(&report.tz).unwrap_or(TimeZone::UTC);
            let rows = report.rows.iter().skip(PAGE_ROWS.saturating_mul(page - 1)).take(PAGE_ROWS);
            UsageAnswer {
                preset: self.preset,
                from: minute(report.from_ms, &zone),
                to: minute(report.to_ms.saturating_sub(1), &zone),
                granularity: report.granularity,
                by: report.group_by.first().copied(),
                measure,
                charts: if report.rows.is_empty() { Vec::new() } else { charts::draw(locale, &report, measure) },
                rows: rows.map(|row| table_row(locale, report.granularity, row, &self.query)).collect(),
                total_requests_path: requests_path(report.from_ms, report.to_ms, &self.query, None),
                row_count,
                page,
                pages,
                csv_path: csv_path(&self.query),
                tz: report.tz,
                total: report.total,
            }
        }
    }

    /// The periods that show a range best that was entered: hours of up to two days, months of more than a hundred, days
    /// otherwise.
    fn fitting(from: Option<&str>, to: Option<&str>) -> Granularity {
        const DAY: i64 = 86_400;
        // A date stands for its beginning, and where a range ends for its end; the zone does not matter here.
        let seconds = |text: &str, after: i64| {
            let day = |date: jiff::civil::Date| {
                date.to_zoned(TimeZone::UTC).ok().map(|time| time.timestamp().as_second() + after)
            };
            text.parse().ok().map(Timestamp::as_second).or_else(|| text.get(..10)?.parse().ok().and_then(day))
        };
        let from = from.and_then(|from| seconds(from, 0));
        let to = to.map_or_else(|| Some(Timestamp::now().as_second()), |to| seconds(to, DAY));
        match from.zip(to).map(|(from, to)| to.saturating_sub(from)) {
            Some(length) if length <= 2 * DAY => Granularity::Hour,
            Some(length) if length > 100 * DAY => Granularity::Month,
            _ => Granularity::Day,
        }
    }

    fn minute(milliseconds: i64, zone: &TimeZone) -> String {
        Timestamp::from_millisecond(milliseconds)
            .map_or_else(|_| String::new(), |time| zone.to_datetime(time).strftime("%Y-%m-%d %H:%M").to_string())
    }

    fn table_row(locale: Locale, granularity: Granularity, row: &UsageRow, query: &UsageQuery) -> TableRow {
        let group = charts::group_name(locale, &row.group);
        TableRow {
            start: row.start.clone(),
            period: charts::period_name(granularity, &row.start),
            group: (!group.is_empty()).then_some(group),
            requests_path: requests_path(row.start_ms, row.end_ms, query, Some(&row.group)),
            totals: row.totals.clone(),
        }
    }

    /// Where the requests behind a row are listed; of all rows without one.
    fn requests_path(from_ms: i64, to_ms: i64, query: &UsageQuery, group: Option<&UsageGroup>) -> String {
        let time = |milliseconds| Timestamp::from_millisecond(milliseconds).map(|time| time.to_string()).ok();
        // What the sums are split by is narrower than what they were limited to.
        let id = |id: Option<String>| id.unwrap_or_else(|| "none".to_owned());
        let server = group.and_then(|group| group.server.as_ref()).map(|server| id(server.id.map(|id| id.to_string())));
        let app = group.and_then(|group| group.app.as_ref()).map(|app| id(app.id.map(|id| id.to_string())));
        let key = group.and_then(|group| group.key.as_ref()).map(|key| id(key.id.map(|id| id.to_string())));
        let model = group
            .and_then(|group| group.model.as_ref())
            .map(|model| if model.is_empty() { "none".to_owned() } else { model.clone() });
        let outcome = group.and_then(|group| group.outcome).map(|outcome| outcome.as_str().to_owned());
        address(
            "/requests",
            &[
                ("from", time(from_ms).as_deref()),
                ("to", time(to_ms).as_deref()),
                ("tz", query.tz.as_deref()),
                ("server", server.or_else(|| query.server.clone()).as_deref()),
                ("app", app.or_else(|| query.app.clone()).as_deref()),
                ("key", key.or_else(|| query.key.clone()).as_deref()),
                ("model", model.or_else(|| query.model.clone()).as_deref()),
                ("outcome", outcome.or_else(|| query.outcome.clone()).as_deref()),
            ],
        )
    }

    /// Where the same is to be had as CSV, for spreadsheets.
    fn csv_path(query: &UsageQuery) -> String {
        address(
            "/api/stats/usage",
            &[
                ("from", query.from.as_deref()),
                ("to", query.to.as_deref()),
                ("granularity", query.granularity.map(Granularity::as_str)),
                ("group_by", query.group_by.as_deref()),
                ("tz", query.tz.as_deref()),
                ("server", query.server.as_deref()),
                ("app", query.app.as_deref()),
                ("model", query.model.as_deref()),
                ("format", Some("csv")),
                ("bom", Some("true")),
            ],
        )
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_range_that_was_entered_is_shown_in_periods_that_fit() {
            let fit = |from, to| fitting(Some(from), Some(to));
            assert_eq!(fit("2026-11-01", "2026-11-02"), Granularity::Hour);
            assert_eq!(fit("2026-11-01T08:00:00+08:00", "2026-11-02T08:00:00+08:00"), Granularity::Hour);
            assert_eq!(fit("2026-11-01", "2026-11-03"), Granularity::Day);
            assert_eq!(fit("2026-01-01", "2026-11-03"), Granularity::Month);
            assert_eq!(fitting(None, Some("2026-11-03")), Granularity::Day);
            assert_eq!(fit("nonsense", "2026-11-03"), Granularity::Day);
        }
    }
}
