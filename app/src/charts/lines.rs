//! Lines over time: how long answers took. Percentiles of groups cannot be put together, so there is no line for the rest.

use charming::datatype::CompositeValue;
use charming::element::{Color, Emphasis, ItemStyle, LineStyle, Symbol};
use charming::series::Line;
use sluice::model::{Percentiles, UsageReport, UsageTotals};

use super::groups::{Groups, Slot};
use super::periods::Periods;
use super::{finish, over_time};
use crate::server_fns::usage::{ChartKind, ChartView};
use crate::translations::Locale;

/// Which percentiles of a row.
type Of = fn(&UsageTotals) -> Option<Percentiles>;

/// From arrival to the end of the answer.
pub(super) fn durations(locale: Locale, report: &UsageReport) -> ChartView {
    let kind = if report.group_by.is_empty() { ChartKind::Duration } else { ChartKind::DurationP95 };
    lines(locale, report, kind, |totals| totals.duration_ms)
}

/// From arrival to the first byte of the answer.
pub(super) fn first_bytes(locale: Locale, report: &UsageReport) -> ChartView {
    let kind = if report.group_by.is_empty() { ChartKind::FirstByte } else { ChartKind::FirstByteP95 };
    lines(locale, report, kind, |totals| totals.first_byte_ms)
}

/// Four percentiles of everything or, of a report that is split, one of each group.
fn lines(locale: Locale, report: &UsageReport, kind: ChartKind, of: Of) -> ChartView {
    let periods = Periods::of(report);
    let groups = Groups::of(locale, report, &periods, |row| i64::try_from(row.totals.requests).unwrap_or(i64::MAX));
    let is_rest = |slot: Slot| groups.rest > 0 && slot == Slot::Other;
    let mut chart = over_time(&periods.names, false);
    let mut legend = Vec::new();
    let mut add = |name: String, slot: Slot, values: Vec<Option<u32>>| {
        let colour = || Color::Value(slot.variable());
        // Requests that were refused have no answer, and a model of theirs no line.
        if values.iter().all(Option::is_none) {
            return;
        }
        // A point between two periods without answers would be no line, and unseen.
        let alone = values.iter().flatten().count() < 2 || periods.names.len() <= 48;
        let line = Line::new()
            .name(name.as_str())
            .symbol(if alone { Symbol::Circle } else { Symbol::None })
            .symbol_size(5)
            .connect_nulls(true)
            .line_style(LineStyle::new().width(2).color(colour()))
            .item_style(ItemStyle::new().color(colour()))
            .emphasis(Emphasis::new().disabled(true))
            .data(values.into_iter().map(|value| CompositeValue::from(value.map(i64::from))).collect());
        chart = std::mem::take(&mut chart).series(line);
        legend.push((name, slot));
    };
    let last_group = groups.shown.iter().position(|group| is_rest(group.slot)).unwrap_or(groups.shown.len());
    for group in groups.shown.iter().take(last_group) {
        let values = |pick: fn(Percentiles) -> u32| {
            let first =
                |rows: &Vec<_>| rows.first().and_then(|row: &&sluice::model::UsageRow| of(&row.totals)).map(pick);
            group.rows.iter().map(first).collect::<Vec<_>>()
        };
        if report.group_by.is_empty() {
            add("p50".to_owned(), Slot::Numbered(4), values(|percentiles| percentiles.p50));
            add("p90".to_owned(), Slot::Numbered(1), values(|percentiles| percentiles.p90));
            add("p95".to_owned(), Slot::Numbered(2), values(|percentiles| percentiles.p95));
            add("p99".to_owned(), Slot::Numbered(5), values(|percentiles| percentiles.p99));
        } else {
            add(group.name.clone(), group.slot, values(|percentiles| percentiles.p95));
        }
    }
    ChartView { left_out: groups.rest, ..finish(kind, "milliseconds", report, &chart, legend) }
}
