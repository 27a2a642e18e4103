//! What goes around an export in an answer over HTTP: whether one is wanted, and what a report's file is called.

use http::HeaderMap;
use http::header::ACCEPT;
use jiff::tz::TimeZone;

use super::FileName;
use crate::model::{Dimension, ExportFormat, UsageQuery, UsageReport};

/// The type of CSV.
pub const CSV_TYPE: &str = "text/csv; charset=utf-8; header=present";

/// Whether the answer shall be CSV: what the query says counts, else what the caller accepts.
pub fn wants_csv(format: Option<ExportFormat>, headers: &HeaderMap) -> bool {
    let accepts = || headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    match format {
        Some(format) => format == ExportFormat::Csv,
        None => accepts().split([',', ';']).any(|kind| kind.trim().eq_ignore_ascii_case("text/csv")),
    }
}

/// The name of a report's file: its range, its periods, by what it is split, and its filters as they were written.
pub fn report_name(query: &UsageQuery, report: &UsageReport) -> FileName {
    let zone = TimeZone::get(&report.tz).unwrap_or(TimeZone::UTC);
    let group_by: Vec<&str> = report.group_by.iter().copied().map(Dimension::as_str).collect();
    let name = FileName::new("sluice-usage")
        .range(Some(report.from_ms), Some(report.to_ms), &zone)
        .part(report.granularity.as_str());
    let name = if group_by.is_empty() { name } else { name.part(&format!("by-{}", group_by.join("-"))) };
    name.filter("server", query.server.as_deref())
        .filter("app", query.app.as_deref())
        .filter("key", query.key.as_deref())
        .filter("model", query.model.as_deref())
        .filter("outcome", query.outcome.as_deref())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::model::{Granularity, UsageTotals};

    #[test]
    fn the_query_counts_before_the_header() {
        let mut headers = HeaderMap::new();
        assert!(!wants_csv(None, &headers));
        assert!(wants_csv(Some(ExportFormat::Csv), &headers));
        headers.insert(ACCEPT, HeaderValue::from_static("text/html, Text/CSV;q=0.9"));
        assert!(wants_csv(None, &headers));
        assert!(!wants_csv(Some(ExportFormat::Json), &headers));
    }

    #[test]
    fn the_name_says_what_is_in_the_file() {
        let query = UsageQuery { server: Some("openai".to_owned()), ..UsageQuery::default() };
        let report = UsageReport {
            from_ms: 1_793_491_200_000,
            to_ms: 1_794_096_000_000,
            tz: "UTC".to_owned(),
            granularity: Granularity::Day,
            group_by: vec![Dimension::App, Dimension::Model],
            rows: Vec::new(),
            total: UsageTotals::default(),
        };
        assert_eq!(
            report_name(&query, &report).content_disposition(),
            "attachment; filename=\"sluice-usage_2026-11-01_2026-11-07_day_by-app-model_server-openai.csv\""
        );
    }
}
