//! Charts of usage: what a report says, as an option for ECharts.
//!
//! Rendered on the server only; a page carries the finished option as JSON, and `frontend/charts.js` draws it. Colours are
//! named by variables of the style sheet, so that the theme can change under a chart. Names that others chose (apps, models,
//! servers) are only ever values in that JSON, never code.

mod bars;
mod groups;
mod lines;
mod periods;

use charming::Chart;
use charming::component::Axis;
use charming::element::{AxisType, BoundaryGap, Tooltip, Trigger};
use serde::Serialize;
use sluice::model::{Granularity, UsageReport};

use self::groups::Slot;
use crate::server_fns::usage::{ChartKind, ChartView};
use crate::translations::Locale;
use crate::usage::Measure;

pub(crate) use groups::group_name;
pub(crate) use periods::period_name;

/// Charts may show so many periods in bars; more would make bars thinner than a pixel, and become areas.
const BARS_MAX: usize = 400;

/// The charts that show a measure of a report; none for costs that are not there.
pub(crate) fn draw(locale: Locale, report: &UsageReport, measure: Measure) -> Vec<ChartView> {
    match measure {
        Measure::Requests => vec![bars::requests(locale, report)],
        Measure::Tokens => vec![bars::tokens(locale, report)],
        Measure::Cost => bars::costs(locale, report),
        Measure::Latency => vec![lines::durations(locale, report), lines::first_bytes(locale, report)],
    }
}

/// A chart, and what the browser has to know besides.
#[derive(Serialize)]
struct Drawing<'a> {
    /// `count`, `milliseconds`, or a currency.
    unit: &'a str,
    /// How long the periods on the axis are.
    periods: Granularity,
    /// For ECharts.
    option: &'a Chart,
}

/// A chart over the periods of a report, without its lines or bars. Bars stand between two ticks of the axis, lines begin
/// and end with it.
fn over_time(periods: &[String], as_bars: bool) -> Chart {
    let gap = BoundaryGap::CategoryAxis(as_bars || periods.len() < 2);
    Chart::new()
        .tooltip(Tooltip::new().trigger(Trigger::Axis))
        .x_axis(Axis::new().type_(AxisType::Category).boundary_gap(gap).data(periods.to_vec()))
        .y_axis(Axis::new().type_(AxisType::Value))
}

fn finish(kind: ChartKind, unit: &str, report: &UsageReport, chart: &Chart, legend: Vec<(String, Slot)>) -> ChartView {
    let drawing = Drawing { unit, periods: report.granularity, option: chart };
    // Texts, numbers and lists always serialize.
    let drawing = serde_json::to_string(&drawing).unwrap_or_default();
    let legend = legend.into_iter().map(|(name, slot)| (name, slot.number())).collect();
    ChartView { kind, drawing, legend, left_out: 0 }
}

#[cfg(test)]
mod tests;
