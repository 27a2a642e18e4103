//! What charts say, as far as a person would notice.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use serde_json::{Value, json};
use sluice::model::{
    Amount, Currency, Dimension, Granularity, Money, Outcome, Percentiles, UsageGroup, UsageReport, UsageRow,
    UsageTotals,
};

use super::draw;
use crate::server_fns::usage::ChartKind;
use crate::translations::Locale;
use crate::usage::Measure;

const DAY_MS: i64 = 86_400_000;

fn usd(nanos: i64) -> Money {
    Money { amount: Amount::from_nanos(nanos), currency: Currency::USD }
}

fn percentiles(p50: u32) -> Percentiles {
    Percentiles { p50, p90: p50 + 1, p95: p50 + 2, p99: p50 + 3 }
}

fn totals(requests: u64) -> UsageTotals {
    UsageTotals {
        requests,
        input_tokens: requests * 10,
        cached_tokens: requests * 4,
        output_tokens: requests,
        total_tokens: requests * 11,
        costs: vec![usd(i64::try_from(requests).unwrap() * 500_000_000)],
        duration_ms: Some(percentiles(u32::try_from(requests).unwrap())),
        ..UsageTotals::default()
    }
}

/// A report of three days from 1970-01-01, with these rows: day, model, requests.
fn report(rows: &[(i64, &str, u64)], split: bool) -> UsageReport {
    let rows: Vec<UsageRow> = rows
        .iter()
        .map(|(day, model, requests)| UsageRow {
            start_ms: day * DAY_MS,
            start: String::new(),
            end_ms: (day + 1) * DAY_MS,
            group: UsageGroup { model: split.then(|| (*model).to_owned()), ..UsageGroup::default() },
            totals: totals(*requests),
        })
        .collect();
    UsageReport {
        from_ms: 0,
        to_ms: 3 * DAY_MS,
        tz: "UTC".to_owned(),
        granularity: Granularity::Day,
        group_by: if split { vec![Dimension::Model] } else { Vec::new() },
        total: totals(rows.iter().map(|row| row.totals.requests).sum()),
        rows,
    }
}

fn drawing(report: &UsageReport, measure: Measure) -> Value {
    serde_json::from_str(&draw(Locale::en, report, measure)[0].drawing).unwrap()
}

#[test]
fn every_day_has_its_place_also_where_nothing_happened() {
    let drawing = drawing(&report(&[(0, "a", 3), (2, "b", 2), (2, "a", 1)], true), Measure::Requests);
    let series = |name: &str, colour: &str, data: Value| {
        json!({
            "type": "bar",
            "name": name,
            "stack": "all",
            "itemStyle": { "color": colour },
            "emphasis": { "disabled": true },
            "data": data,
        })
    };
    let expected = json!({
        "unit": "count",
        "periods": "day",
        "option": {
            "tooltip": { "trigger": "axis" },
            "xAxis": { "type": "category", "boundaryGap": true, "data": ["1970-01-01", "1970-01-02", "1970-01-03"] },
            "yAxis": { "type": "value" },
            "series": [
                series("a", "--chart-1", json!([3, 0, 1])),
                series("b", "--chart-2", json!([0, 0, 2])),
            ],
        },
    });
    assert_eq!(drawing, expected);
}

#[test]
fn tokens_of_everything_are_told_apart_by_kind() {
    let drawing = drawing(&report(&[(1, "", 2)], false), Measure::Tokens);
    let series: Vec<(&str, &Value)> = drawing["option"]["series"]
        .as_array()
        .unwrap()
        .iter()
        .map(|series| (series["name"].as_str().unwrap(), &series["data"][1]))
        .collect();
    assert_eq!(series, [("Uncached input", &12.into()), ("Cached input", &8.into()), ("Output", &2.into())]);
}

#[test]
fn the_smallest_groups_become_the_rest_and_nothing_is_lost() {
    let models: Vec<String> = (0..12).map(|number| format!("m{number:02}")).collect();
    let rows: Vec<(i64, &str, u64)> =
        models.iter().zip(1..).map(|(model, requests)| (0, model.as_str(), requests)).collect();
    let report = report(&rows, true);
    let view = &draw(Locale::en, &report, Measure::Requests)[0];
    let names: Vec<&str> = view.legend.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["m11", "m10", "m09", "m08", "m07", "m06", "m05", "Other"]);
    let drawing: Value = serde_json::from_str(&view.drawing).unwrap();
    let sum: i64 =
        drawing["option"]["series"].as_array().unwrap().iter().map(|series| series["data"][0].as_i64().unwrap()).sum();
    assert_eq!(sum, 78);
    // Percentiles cannot be added up: what is left out is said instead.
    let view = &draw(Locale::en, &report, Measure::Latency)[0];
    assert_eq!((view.legend.len(), view.left_out), (7, 5));
}

#[test]
fn each_currency_has_a_chart_of_its_own() {
    let mut report = report(&[(0, "a", 3)], true);
    let yuan = Money { amount: Amount::from_nanos(7_000_000_000), currency: "CNY".parse().unwrap() };
    report.rows[0].totals.costs.insert(0, yuan);
    report.total.costs.insert(0, yuan);
    let charts = draw(Locale::en, &report, Measure::Cost);
    assert_eq!(charts.len(), 2);
    assert_eq!(charts[1].kind, ChartKind::Cost { currency: Currency::USD });
    let values: Vec<Value> = charts
        .iter()
        .map(|chart| serde_json::from_str::<Value>(&chart.drawing).unwrap()["option"]["series"][0]["data"][0].clone())
        .collect();
    assert_eq!(values, [Value::from(7.0), Value::from(1.5)]);
}

#[test]
fn days_without_answers_have_no_latency_instead_of_none_at_all() {
    let drawing = drawing(&report(&[(0, "", 5), (2, "", 9)], false), Measure::Latency);
    assert_eq!(drawing["unit"], "milliseconds");
    assert_eq!(drawing["option"]["series"][2]["data"], json!([7, null, 11]));
}

#[test]
fn an_outcome_keeps_its_colour_whatever_its_rank() {
    let mut report = report(&[(0, "", 1), (0, "", 9)], false);
    report.group_by = vec![Dimension::Outcome];
    report.rows[0].group.outcome = Some(Outcome::Completed);
    report.rows[1].group.outcome = Some(Outcome::UpstreamError);
    let legend = &draw(Locale::en, &report, Measure::Requests)[0].legend;
    assert_eq!(legend.as_slice(), [("Upstream error".to_owned(), 5), ("Completed".to_owned(), 4)]);
}

#[test]
fn names_are_values_and_never_code() {
    let evil = "-->begin function(){alert(1)}<--end</script>";
    let drawing = drawing(&report(&[(0, evil, 1)], true), Measure::Requests);
    assert_eq!(drawing["option"]["series"][0]["name"], evil);
}

#[test]
fn hours_of_a_quarter_become_areas() {
    let mut report = report(&[(0, "", 1)], false);
    report.granularity = Granularity::Hour;
    report.to_ms = 90 * DAY_MS;
    let drawing = drawing(&report, Measure::Requests);
    assert_eq!(drawing["option"]["xAxis"]["data"].as_array().unwrap().len(), 90 * 24);
    assert_eq!(drawing["option"]["series"][0]["type"], "line");
    assert_eq!(drawing["option"]["xAxis"]["boundaryGap"], false);
}
