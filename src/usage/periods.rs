//! The periods of a report: hours, days and months of a time zone, whatever its clocks do.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::slots::{QUARTER, ceil, floor};
use crate::model::Granularity;

/// A stretch of time that begins and ends on a quarter of an hour, in seconds since 1970 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Period {
    /// Where it begins.
    pub(crate) start: i64,
    /// Where it ends; not included.
    pub(crate) end: i64,
}

/// Cuts a range, in milliseconds since 1970 UTC, into periods. The range is widened to quarters of an hour; the first and
/// the last period are as long as the range leaves them. None if there were more than `max` periods.
pub(crate) fn periods(
    from_ms: i64,
    to_ms: i64,
    granularity: Granularity,
    zone: &TimeZone,
    max: usize,
) -> Option<Vec<Period>> {
    let start = floor(from_ms.div_euclid(1000), QUARTER);
    let end = ceil(to_ms.div_euclid(1000).saturating_add(i64::from(to_ms.rem_euclid(1000) > 0)), QUARTER);
    if start >= end {
        return Some(Vec::new());
    }
    let shortest = match granularity {
        Granularity::Total => i64::MAX,
        Granularity::Hour => 3600,
        Granularity::Day => 23 * 3600,
        Granularity::Month => 28 * 86_400,
    };
    // Looked at before anything is counted out.
    if end.saturating_sub(start) / shortest > i64::try_from(max).unwrap_or(i64::MAX) {
        return None;
    }
    let boundaries = match granularity {
        Granularity::Total => Vec::new(),
        Granularity::Hour => hours(start, end, zone),
        Granularity::Day => dates(start, end, zone, |date| date.tomorrow().ok()),
        Granularity::Month => dates(start, end, zone, |date| date.first_of_month().checked_add(1.month()).ok()),
    };
    let mut periods = Vec::with_capacity(boundaries.len().saturating_add(1));
    let mut begin = start;
    for boundary in boundaries.into_iter().chain([end]) {
        if boundary > begin {
            periods.push(Period { start: begin, end: boundary });
            begin = boundary;
        }
    }
    (periods.len() <= max).then_some(periods)
}

/// Where days or months begin after `start` and before `end`. A day whose midnight is skipped begins when its clocks do; one
/// that is skipped whole has no length.
fn dates(start: i64, end: i64, zone: &TimeZone, next: impl Fn(Date) -> Option<Date>) -> Vec<i64> {
    let mut found = Vec::new();
    let Ok(first) = Timestamp::from_second(start) else { return found };
    let mut date = zone.to_datetime(first).date();
    while let Some(following) = next(date) {
        date = following;
        let Ok(midnight) = zone.to_ambiguous_timestamp(date.at(0, 0, 0, 0)).compatible() else { break };
        let boundary = floor(midnight.as_second(), QUARTER);
        if boundary >= end {
            break;
        }
        if boundary > start {
            found.push(boundary);
        }
    }
    found
}

/// Where hours begin after `start` and before `end`: whenever the clock shows a full hour, and when it jumps into another.
/// Between two changes of the clocks that is every 3600 s.
fn hours(start: i64, end: i64, zone: &TimeZone) -> Vec<i64> {
    let mut found = Vec::new();
    let offset_at =
        |second: i64| Timestamp::from_second(second).map_or(0, |instant| i64::from(zone.to_offset(instant).seconds()));
    let mut changes: Vec<i64> = Timestamp::from_second(start)
        .map(|first| {
            let changes = zone.following(first).map(|change| change.timestamp().as_second());
            changes.take_while(|second| *second < end).collect()
        })
        .unwrap_or_default();
    changes.push(end);
    let mut begin = start;
    for change in changes {
        let offset = offset_at(begin);
        let mut hour = ceil(begin.saturating_add(offset), 3600).saturating_sub(offset);
        if begin > start {
            let before = begin.saturating_add(offset_at(begin.saturating_sub(1))).saturating_sub(1);
            if floor(before, 3600) != floor(begin.saturating_add(offset), 3600) {
                found.push(floor(begin, QUARTER));
            }
        }
        while hour < change {
            if hour > start {
                found.push(floor(hour, QUARTER));
            }
            hour = hour.saturating_add(3600);
        }
        begin = change;
    }
    found
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::usage::slots::cut;

    const ZONES: [&str; 11] = [
        "UTC",
        "Asia/Shanghai",
        "Asia/Kolkata",
        "Asia/Kathmandu",
        "America/New_York",
        "Europe/London",
        "America/Havana",
        "America/Sao_Paulo",
        "Australia/Lord_Howe",
        "Pacific/Chatham",
        "Pacific/Apia",
    ];

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    fn second(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_second()
    }

    /// Local beginnings and lengths in minutes.
    fn shown(from: &str, to: &str, granularity: Granularity, name: &str) -> Vec<(String, i64)> {
        let zone = zone(name);
        let found = periods(second(from) * 1000, second(to) * 1000, granularity, &zone, 100).unwrap();
        let local = |period: &Period| {
            let instant = Timestamp::from_second(period.start).unwrap();
            zone.to_datetime(instant).strftime("%d %H:%M").to_string()
        };
        found.iter().map(|period| (local(period), (period.end - period.start) / 60)).collect()
    }

    fn expected(list: &[(&str, i64)]) -> Vec<(String, i64)> {
        list.iter().map(|(start, minutes)| ((*start).to_owned(), *minutes)).collect()
    }

    #[test]
    fn days_are_as_long_as_their_clocks_make_them() {
        let days = shown("2026-10-31T04:00:00Z", "2026-11-03T05:00:00Z", Granularity::Day, "America/New_York");
        assert_eq!(days, expected(&[("31 00:00", 1440), ("01 00:00", 1500), ("02 00:00", 1440)]));
        let days = shown("2026-03-08T05:00:00Z", "2026-03-09T10:00:00Z", Granularity::Day, "America/New_York");
        assert_eq!(days, expected(&[("08 00:00", 1380), ("09 00:00", 360)]));
        let days = shown("2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z", Granularity::Day, "Asia/Kolkata");
        assert_eq!(days, expected(&[("01 05:30", 1110), ("02 00:00", 330)]));
        // The clocks go on at midnight: the day begins at one.
        let days = shown("2018-11-04T02:00:00Z", "2018-11-05T02:00:00Z", Granularity::Day, "America/Sao_Paulo");
        assert_eq!(days, expected(&[("03 23:00", 60), ("04 01:00", 1380)]));
        // A day that never was: the 30th.
        let days = shown("2011-12-29T10:00:00Z", "2012-01-01T10:00:00Z", Granularity::Day, "Pacific/Apia");
        assert_eq!(days, expected(&[("29 00:00", 1440), ("31 00:00", 1440), ("01 00:00", 1440)]));
    }

    #[test]
    fn hours_begin_when_the_clock_shows_them() {
        let hours = shown("2026-11-01T05:00:00Z", "2026-11-01T08:00:00Z", Granularity::Hour, "America/New_York");
        assert_eq!(hours, expected(&[("01 01:00", 60), ("01 01:00", 60), ("01 02:00", 60)]));
        let hours = shown("2026-03-08T06:00:00Z", "2026-03-08T08:00:00Z", Granularity::Hour, "America/New_York");
        assert_eq!(hours, expected(&[("08 01:00", 60), ("08 03:00", 60)]));
        let hours = shown("2026-11-01T00:00:00Z", "2026-11-01T02:00:00Z", Granularity::Hour, "Asia/Kolkata");
        assert_eq!(hours, expected(&[("01 05:30", 30), ("01 06:00", 60), ("01 07:00", 30)]));
        // Half an hour: at two the clock shows half past two, and half a year later half past one.
        let hours = shown("2026-10-03T14:30:00Z", "2026-10-03T17:00:00Z", Granularity::Hour, "Australia/Lord_Howe");
        assert_eq!(hours, expected(&[("04 01:00", 60), ("04 02:30", 30), ("04 03:00", 60)]));
        let hours = shown("2026-04-04T14:00:00Z", "2026-04-04T16:30:00Z", Granularity::Hour, "Australia/Lord_Howe");
        assert_eq!(hours, expected(&[("05 01:00", 90), ("05 02:00", 60)]));
    }

    #[test]
    fn months_and_the_total() {
        let months = shown("2026-10-15T00:00:00Z", "2026-12-01T00:00:00Z", Granularity::Month, "Asia/Shanghai");
        assert_eq!(months, expected(&[("15 08:00", 17 * 1440 - 480), ("01 00:00", 43_200), ("01 00:00", 480)]));
        let total = shown("2026-10-15T00:07:00Z", "2026-10-15T00:16:01Z", Granularity::Total, "UTC");
        assert_eq!(total, expected(&[("15 00:00", 30)]));
        assert_eq!(shown("2026-10-15T00:00:00Z", "2026-10-15T00:00:00Z", Granularity::Day, "UTC"), expected(&[]));
    }

    #[test]
    fn too_many_periods_are_not_counted_out() {
        let end = 200_000_000_000_000;
        assert_eq!(periods(0, end, Granularity::Hour, &TimeZone::UTC, 50_000), None);
        assert_eq!(periods(0, end, Granularity::Day, &TimeZone::UTC, 50_000), None);
        assert_eq!(periods(0, 3 * 86_400_000, Granularity::Day, &TimeZone::UTC, 2), None);
    }

    proptest! {
        #[test]
        fn all_granularities_cover_the_range_once(
            zone_index in 0..ZONES.len(), from in 1_300_000_000_i64..1_900_000_000, length in 0_i64..(500 * 86_400),
        ) {
            let zone = zone(ZONES[zone_index]);
            let bounds = (floor(from, QUARTER), ceil(from + length, QUARTER));
            for granularity in Granularity::ALL {
                let found = periods(from * 1000, (from + length) * 1000, *granularity, &zone, 100_000).unwrap();
                let mut at = bounds.0;
                for period in &found {
                    prop_assert_eq!(period.start, at);
                    prop_assert!(period.end > period.start);
                    // Slots are disjoint and cover the period: so do those of all periods.
                    let runs = cut(period.start, period.end);
                    prop_assert_eq!(runs.iter().map(|run| run.end - run.start).sum::<i64>(), period.end - period.start);
                    at = period.end;
                }
                prop_assert!(found.is_empty() && length == 0 || at == bounds.1);
                if *granularity == Granularity::Hour {
                    prop_assert!(found.iter().all(|period| period.end - period.start <= 5400));
                }
            }
        }
    }
}
