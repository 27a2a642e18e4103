//! Sums as rows of CSV.
//!
//! A report may hold costs in several currencies. Each has a column of its own, `cost_usd`, at the end of the row: a column
//! can be summed up, and no row stands twice, so every other column can be summed up as well.

use std::io;

use jiff::tz::TimeZone;

use super::CsvWriter;
use super::time::seconds_text;
use crate::model::{Currency, Dimension, Percentiles, Reference, UsageReport, UsageRow};

/// The columns of the sums, in front of the costs.
const SUMS: [&str; 20] = [
    "requests",
    "completed",
    "errors",
    "estimated",
    "unpriced",
    "input_tokens",
    "cached_tokens",
    "output_tokens",
    "reasoning_tokens",
    "total_tokens",
    "queued",
    "queue_ms",
    "first_byte_p50_ms",
    "first_byte_p90_ms",
    "first_byte_p95_ms",
    "first_byte_p99_ms",
    "duration_p50_ms",
    "duration_p90_ms",
    "duration_p95_ms",
    "duration_p99_ms",
];

/// The rows of a report. Its columns are `start` and `end` of the period in the report's time zone, then what the report is
/// split by (an id and a name, or a name), the sums, and a column of costs for each currency that occurs. A group of requests
/// that have no such thing has empty cells; so has what is unknown. The total is not in it: a spreadsheet adds up by itself.
///
/// # Errors
///
/// None is known: memory takes everything.
pub fn report_csv(report: &UsageReport, bom: bool) -> io::Result<Vec<u8>> {
    let zone = TimeZone::get(&report.tz).unwrap_or(TimeZone::UTC);
    let mut currencies: Vec<Currency> =
        report.rows.iter().flat_map(|row| row.totals.costs.iter().map(|cost| cost.currency)).collect();
    currencies.sort_unstable();
    currencies.dedup();
    let costs: Vec<String> =
        currencies.iter().map(|currency| format!("cost_{}", currency.as_str().to_ascii_lowercase())).collect();
    let columns = ["start", "end"]
        .into_iter()
        .chain(report.group_by.iter().flat_map(|dimension| group_columns(*dimension).iter().copied()))
        .chain(SUMS)
        .chain(costs.iter().map(String::as_str));
    let mut writer = CsvWriter::begin(bom, columns)?;
    for row in &report.rows {
        writer.row(cells(row, &report.group_by, &currencies, &zone))?;
    }
    writer.finish()
}

const fn group_columns(dimension: Dimension) -> &'static [&'static str] {
    match dimension {
        Dimension::Server => &["server_id", "server"],
        Dimension::App => &["app_id", "app"],
        Dimension::Key => &["key_id", "key"],
        Dimension::Model => &["model"],
        Dimension::Outcome => &["outcome"],
    }
}

fn cells(row: &UsageRow, group_by: &[Dimension], currencies: &[Currency], zone: &TimeZone) -> Vec<String> {
    let mut cells = vec![row.start.clone(), seconds_text(row.end_ms, zone)];
    for dimension in group_by {
        match dimension {
            Dimension::Server => cells.extend(reference(row.group.server.as_ref())),
            Dimension::App => cells.extend(reference(row.group.app.as_ref())),
            Dimension::Key => cells.extend(reference(row.group.key.as_ref())),
            Dimension::Model => cells.push(row.group.model.clone().unwrap_or_default()),
            Dimension::Outcome => cells.push(row.group.outcome.map(|outcome| outcome.to_string()).unwrap_or_default()),
        }
    }
    let totals = &row.totals;
    let sums = [
        totals.requests,
        totals.completed,
        totals.errors,
        totals.estimated,
        totals.unpriced,
        totals.input_tokens,
        totals.cached_tokens,
        totals.output_tokens,
        totals.reasoning_tokens,
        totals.total_tokens,
        totals.queued,
        totals.queue_ms,
    ];
    cells.extend(sums.iter().map(ToString::to_string));
    cells.extend(percentiles(totals.first_byte_ms));
    cells.extend(percentiles(totals.duration_ms));
    cells.extend(currencies.iter().map(|currency| {
        let cost = totals.costs.iter().find(|cost| cost.currency == *currency);
        cost.map(|cost| cost.amount.to_string()).unwrap_or_default()
    }));
    cells
}

fn reference<Id: ToString>(reference: Option<&Reference<Id>>) -> [String; 2] {
    reference.map_or_else(Default::default, |reference| {
        let id = reference.id.as_ref().map(ToString::to_string);
        [id.unwrap_or_default(), reference.name.clone().unwrap_or_default()]
    })
}

fn percentiles(percentiles: Option<Percentiles>) -> [String; 4] {
    percentiles.map_or_else(Default::default, |Percentiles { p50, p90, p95, p99 }| {
        [p50, p90, p95, p99].map(|milliseconds| milliseconds.to_string())
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;
    use crate::model::{Amount, AppId, Granularity, Money, Outcome, UsageGroup, UsageTotals};
    use crate::usage::export::csv_writer::tests::read;

    fn report() -> UsageReport {
        let cost =
            |nanos, currency: &str| Money { amount: Amount::from_nanos(nanos), currency: currency.parse().unwrap() };
        let row = |app: Reference<AppId>, outcome, totals| UsageRow {
            start_ms: 1_793_491_200_000,
            start: "2026-11-01T08:00:00+08:00".to_owned(),
            end_ms: 1_793_494_800_000,
            group: UsageGroup { app: Some(app), outcome: Some(outcome), ..UsageGroup::default() },
            totals,
        };
        UsageReport {
            from_ms: 1_793_491_200_000,
            to_ms: 1_793_494_800_000,
            tz: "Asia/Shanghai".to_owned(),
            granularity: Granularity::Hour,
            group_by: vec![Dimension::App, Dimension::Outcome],
            rows: vec![
                row(
                    Reference { id: Some(AppId(3)), name: Some("=shop".to_owned()) },
                    Outcome::Completed,
                    UsageTotals {
                        requests: 5,
                        costs: vec![cost(1_250_000_000, "USD")],
                        duration_ms: Some(Percentiles { p50: 1, p90: 2, p95: 3, p99: 4 }),
                        ..UsageTotals::default()
                    },
                ),
                row(
                    Reference { id: None, name: None },
                    Outcome::Rejected,
                    UsageTotals { requests: 1, costs: vec![cost(3_000_000_000, "CNY")], ..UsageTotals::default() },
                ),
            ],
            total: UsageTotals::default(),
        }
    }

    #[test]
    fn a_currency_is_a_column() {
        let rows = read(&report_csv(&report(), true).unwrap());
        let mut columns = vec!["start", "end", "app_id", "app", "outcome"];
        columns.extend(SUMS);
        columns.extend(["cost_cny", "cost_usd"]);
        assert_eq!(rows[0], columns);
        let first: Vec<&str> = rows[1].iter().map(String::as_str).collect();
        assert_eq!(
            first[..6],
            ["2026-11-01T08:00:00+08:00", "2026-11-01T09:00:00+08:00", "3", "'=shop", "completed", "5"]
        );
        assert_eq!(first[17..], ["", "", "", "", "1", "2", "3", "4", "", "1.25"]);
        let second: Vec<&str> = rows[2].iter().map(String::as_str).collect();
        assert_eq!(second[2..6], ["", "", "rejected", "1"]);
        assert_eq!(second[25..], ["3", ""]);
    }

    #[test]
    fn a_report_without_rows_is_its_header() {
        let report = UsageReport { rows: Vec::new(), group_by: Vec::new(), ..report() };
        let text = String::from_utf8(report_csv(&report, false).unwrap()).unwrap();
        assert_eq!(text, format!("start,end,{}\r\n", SUMS.join(",")));
    }
}
