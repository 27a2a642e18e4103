//! The periods of a report in its time zone, also those in which nothing happened.

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan as _, Unit, Zoned};
use sluice::model::{Granularity, UsageReport};

/// More periods than any report has: 50,000 rows at most, and no range is longer than its rows can tell.
const PERIODS_MAX: usize = 50_000;

/// The periods of a report, one after the other.
pub(super) struct Periods {
    /// What they are called.
    pub(super) names: Vec<String>,
    starts_ms: Vec<i64>,
}

impl Periods {
    /// All periods between the begin and the end of the report.
    pub(super) fn of(report: &UsageReport) -> Self {
        let mut periods = Self { names: Vec::new(), starts_ms: Vec::new() };
        if report.granularity == Granularity::Total {
            periods.push(report.from_ms, String::new());
            return periods;
        }
        // A zone that the engine knows, this side knows too: it is the same table.
        let zone = TimeZone::get(&report.tz).unwrap_or(TimeZone::UTC);
        let Ok(from) = Timestamp::from_millisecond(report.from_ms) else { return periods };
        let mut next = begin(report.granularity, &from.to_zoned(zone));
        while let Ok(start) = next {
            let start_ms = start.timestamp().as_millisecond();
            if start_ms >= report.to_ms || periods.names.len() >= PERIODS_MAX {
                break;
            }
            periods.push(start_ms, period_name(report.granularity, &text(&start)));
            next = following(report.granularity, &start);
        }
        periods
    }

    fn push(&mut self, start_ms: i64, name: String) {
        self.starts_ms.push(start_ms);
        self.names.push(name);
    }

    /// The period that a moment belongs to; the first for one that lies before all of them.
    pub(super) fn index_of(&self, moment_ms: i64) -> usize {
        self.starts_ms.partition_point(|start_ms| *start_ms <= moment_ms).saturating_sub(1)
    }
}

/// Where the period begins that a moment belongs to.
fn begin(granularity: Granularity, moment: &Zoned) -> Result<Zoned, jiff::Error> {
    match granularity {
        Granularity::Hour => moment.round(jiff::ZonedRound::new().smallest(Unit::Hour).mode(jiff::RoundMode::Trunc)),
        Granularity::Day => moment.start_of_day(),
        Granularity::Month => moment.first_of_month()?.start_of_day(),
        Granularity::Total => Ok(moment.clone()),
    }
}

/// Where the next one begins.
fn following(granularity: Granularity, start: &Zoned) -> Result<Zoned, jiff::Error> {
    let length: Span = match granularity {
        Granularity::Hour => 1.hour(),
        Granularity::Day => 1.day(),
        Granularity::Month | Granularity::Total => 1.month(),
    };
    let next = start.checked_add(length)?;
    // A day that begins at one o'clock because of the clock's change does not make the next ones late.
    begin(granularity, &next)
}

/// A time as reports write it.
fn text(time: &Zoned) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// What a period is called that begins at this time (RFC 3339, in the zone of the report).
pub(crate) fn period_name(granularity: Granularity, start: &str) -> String {
    let part = |end: usize| start.get(..end).unwrap_or(start);
    match granularity {
        Granularity::Hour => part(16).replace('T', " "),
        Granularity::Day | Granularity::Total => part(10).to_owned(),
        Granularity::Month => part(7).to_owned(),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn periods(granularity: Granularity, from: &str, to: &str) -> Periods {
        let (from, to): (Zoned, Zoned) = (from.parse().unwrap(), to.parse().unwrap());
        Periods::of(&UsageReport {
            from_ms: from.timestamp().as_millisecond(),
            to_ms: to.timestamp().as_millisecond(),
            tz: from.time_zone().iana_name().unwrap().to_owned(),
            granularity,
            group_by: Vec::new(),
            rows: Vec::new(),
            total: sluice::model::UsageTotals::default(),
        })
    }

    #[test]
    fn days_follow_the_calendar_across_changes_of_the_clock() {
        let days = periods(
            Granularity::Day,
            "2026-10-31T00:00:00-04:00[America/New_York]",
            "2026-11-03T00:00:00-05:00[America/New_York]",
        );
        assert_eq!(days.names, ["2026-10-31", "2026-11-01", "2026-11-02"]);
        let last_hour_of_the_long_day: Timestamp = "2026-11-02T04:59:59Z".parse().unwrap();
        assert_eq!(days.index_of(last_hour_of_the_long_day.as_millisecond()), 1);
        assert_eq!(days.index_of(0), 0);
    }

    #[test]
    fn the_hour_that_comes_twice_is_there_twice() {
        let hours = periods(
            Granularity::Hour,
            "2026-11-01T00:00:00-04:00[America/New_York]",
            "2026-11-01T03:00:00-05:00[America/New_York]",
        );
        let names: Vec<&str> = hours.names.iter().map(|name| name.get(11..).unwrap()).collect();
        assert_eq!(names, ["00:00", "01:00", "01:00", "02:00"]);
    }

    #[test]
    fn hours_are_local_ones_in_zones_of_half_an_hour() {
        let hours = periods(
            Granularity::Hour,
            "2026-11-20T09:15:00+05:30[Asia/Kolkata]",
            "2026-11-20T11:00:00+05:30[Asia/Kolkata]",
        );
        assert_eq!(hours.names, ["2026-11-20 09:00", "2026-11-20 10:00"]);
    }

    #[test]
    fn months_and_long_ranges_are_whole() {
        let months = periods(Granularity::Month, "2026-01-31T12:00:00+00:00[UTC]", "2026-04-01T00:00:00+00:00[UTC]");
        assert_eq!(months.names, ["2026-01", "2026-02", "2026-03"]);
        let hours = periods(Granularity::Hour, "2026-08-01T00:00:00+00:00[UTC]", "2026-10-30T00:00:00+00:00[UTC]");
        assert_eq!(hours.names.len(), 90 * 24);
    }
}
