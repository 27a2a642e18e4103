//! Bars over time, those of the groups on top of each other: requests, tokens, costs.

use charming::datatype::CompositeValue;
use charming::element::{AreaStyle, Color, Emphasis, ItemStyle, LineStyle, Symbol};
use charming::series::{Bar, Line};
use sluice::model::{Amount, Currency, UsageReport, UsageRow};

use super::groups::{Group, Groups, Slot};
use super::periods::Periods;
use super::{BARS_MAX, finish, over_time};
use crate::server_fns::usage::{ChartKind, ChartView};
use crate::translations::{Locale, td_string};

/// What is put on top of each other.
const STACK: &str = "all";

/// Requests.
pub(super) fn requests(locale: Locale, report: &UsageReport) -> ChartView {
    let name = td_string!(locale, usage_page.measure_requests);
    stacked(locale, report, ChartKind::Requests, "count", name, |row| whole(row.totals.requests), CompositeValue::from)
}

/// Input and output tokens together; apart where the report is not split by anything else.
pub(super) fn tokens(locale: Locale, report: &UsageReport) -> ChartView {
    if !report.group_by.is_empty() {
        let name = td_string!(locale, usage_page.measure_tokens);
        let size = |row: &UsageRow| whole(row.totals.total_tokens);
        return stacked(locale, report, ChartKind::Tokens, "count", name, size, CompositeValue::from);
    }
    let periods = Periods::of(report);
    let sums = |size: fn(&UsageRow) -> i64| {
        let mut sums = vec![0_i64; periods.names.len()];
        for row in &report.rows {
            if let Some(sum) = sums.get_mut(periods.index_of(row.start_ms)) {
                *sum = sum.saturating_add(size(row));
            }
        }
        sums.into_iter().map(CompositeValue::from).collect::<Vec<_>>()
    };
    let series = vec![
        (
            td_string!(locale, usage_page.tokens_input).to_owned(),
            Slot::Numbered(1),
            sums(|row| whole(row.totals.input_tokens.saturating_sub(row.totals.cached_tokens))),
        ),
        (
            td_string!(locale, usage_page.tokens_cached).to_owned(),
            Slot::Numbered(6),
            sums(|row| whole(row.totals.cached_tokens)),
        ),
        (
            td_string!(locale, usage_page.tokens_output).to_owned(),
            Slot::Numbered(2),
            sums(|row| whole(row.totals.output_tokens)),
        ),
    ];
    chart(report, ChartKind::Tokens, "count", &periods, series)
}

/// Costs, a chart for each currency.
pub(super) fn costs(locale: Locale, report: &UsageReport) -> Vec<ChartView> {
    let name = td_string!(locale, usage_page.measure_cost);
    let of_currency = |currency: Currency| {
        let size = move |row: &UsageRow| cost_nanos(row, currency);
        let value = |nanos| CompositeValue::from(Amount::from_nanos(nanos).approximately());
        stacked(locale, report, ChartKind::Cost { currency }, currency.as_str(), name, size, value)
    };
    report.total.costs.iter().map(|cost| of_currency(cost.currency)).collect()
}

fn cost_nanos(row: &UsageRow, currency: Currency) -> i64 {
    row.totals.costs.iter().find(|cost| cost.currency == currency).map_or(0, |cost| cost.amount.nanos)
}

fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn stacked(
    locale: Locale,
    report: &UsageReport,
    kind: ChartKind,
    unit: &str,
    name: &str,
    size: impl Fn(&UsageRow) -> i64,
    value: impl Fn(i64) -> CompositeValue,
) -> ChartView {
    let periods = Periods::of(report);
    let groups = Groups::of(locale, report, &periods, &size);
    let sum = |rows: &Vec<&UsageRow>| rows.iter().fold(0_i64, |sum, row| sum.saturating_add(size(row)));
    let series = groups
        .shown
        .iter()
        .map(|Group { name: group, slot, rows }| {
            // A report that is not split has one group without a name.
            let name = if group.is_empty() { name.to_owned() } else { group.clone() };
            (name, *slot, rows.iter().map(|rows| value(sum(rows))).collect())
        })
        .collect();
    chart(report, kind, unit, &periods, series)
}

fn chart(
    report: &UsageReport,
    kind: ChartKind,
    unit: &str,
    periods: &Periods,
    series: Vec<(String, Slot, Vec<CompositeValue>)>,
) -> ChartView {
    let as_bars = periods.names.len() <= BARS_MAX;
    let mut chart = over_time(&periods.names, as_bars);
    let mut legend = Vec::with_capacity(series.len());
    for (name, slot, values) in series {
        let colour = || Color::Value(slot.variable());
        chart = if as_bars {
            chart.series(
                Bar::new()
                    .name(name.as_str())
                    .stack(STACK)
                    .item_style(ItemStyle::new().color(colour()))
                    .emphasis(Emphasis::new().disabled(true))
                    .data(values),
            )
        } else {
            chart.series(
                Line::new()
                    .name(name.as_str())
                    .stack(STACK)
                    .symbol(Symbol::None)
                    .line_style(LineStyle::new().width(0))
                    .area_style(AreaStyle::new().color(colour()).opacity(1))
                    .item_style(ItemStyle::new().color(colour()))
                    .emphasis(Emphasis::new().disabled(true))
                    .data(values),
            )
        };
        legend.push((name, slot));
    }
    finish(kind, unit, report, &chart, legend)
}
