//! Ranges of time as people name them: dates and times in a time zone.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::error::Problems;
use crate::model::Problem;

/// Nothing was recorded before 1970, and every zone that would have to be counted by the second was gone soon after.
const EARLIEST: Timestamp = Timestamp::UNIX_EPOCH;
/// Where a range ends at the latest: the year 9000, in milliseconds since 1970 UTC.
const LATEST_MS: i64 = 221_845_392_000_000;
/// Length of a date such as `2026-11-01`.
const DATE_LENGTH: usize = 10;
/// How many days a range begins before the one in which it ends, where no beginning is named.
const DEFAULT_DAYS: i32 = 6;

/// Where a range begins and ends, as far as that is named, and the time zone of its days.
#[derive(Clone, Debug)]
pub(super) struct NamedRange {
    /// In milliseconds since 1970 UTC, 0 or more.
    pub(super) from_ms: Option<i64>,
    /// In milliseconds since 1970 UTC; not included.
    pub(super) to_ms: Option<i64>,
    /// The zone.
    pub(super) zone: TimeZone,
}

/// A range that begins and ends.
#[derive(Clone, Debug)]
pub(super) struct Range {
    /// In milliseconds since 1970 UTC, 0 or more.
    pub(super) from_ms: i64,
    /// In milliseconds since 1970 UTC; not included, and not before the beginning.
    pub(super) to_ms: i64,
    /// The zone.
    pub(super) zone: TimeZone,
}

impl NamedRange {
    /// Reads `from`, `to` and `tz`; empty texts count as not given. What is wrong is noted under these names.
    pub(super) fn read(
        from: Option<&str>,
        to: Option<&str>,
        tz: Option<&str>,
        default_zone: &TimeZone,
        problems: &mut Problems,
    ) -> Self {
        let zone = match given(tz) {
            Some(name) => problems.take("tz", time_zone(name)).unwrap_or(TimeZone::UTC),
            None => default_zone.clone(),
        };
        let mut instant =
            |field, text, side| given(text).and_then(|text| problems.take(field, read_time(text, &zone, side)));
        let from_ms = instant("from", from, Side::Beginning);
        let to_ms = instant("to", to, Side::End);
        if from_ms.zip(to_ms).is_some_and(|(from, to)| to < from) {
            problems.add("to", Problem::RangeReversed);
        }
        Self { from_ms, to_ms, zone }
    }

    /// Fills in what is not named: until now, and from the midnight six days before the day in which it ends.
    pub(super) fn with_defaults(self, now_ms: i64, problems: &mut Problems) -> Range {
        let to_ms = self.to_ms.unwrap_or(now_ms);
        let from_ms = self.from_ms.unwrap_or_else(|| days_before(to_ms, &self.zone));
        if self.to_ms.is_none() && to_ms < from_ms {
            problems.add("from", Problem::RangeReversed);
        }
        Range { from_ms, to_ms: to_ms.max(from_ms), zone: self.zone }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Beginning,
    End,
}

/// What was entered, without white space around it; forms send empty texts for what was left out.
fn given(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

fn time_zone(name: &str) -> Result<TimeZone, Problem> {
    let zone = TimeZone::get(name).map_err(|_| Problem::TimeZoneInvalid)?;
    // One without a name stands for an unknown zone.
    if zone.iana_name().is_some() { Ok(zone) } else { Err(Problem::TimeZoneInvalid) }
}

/// A date, a time with its offset, or a time in the zone.
fn read_time(text: &str, zone: &TimeZone, side: Side) -> Result<i64, Problem> {
    let instant = if text.len() == DATE_LENGTH {
        let date: Date = text.parse().map_err(|_| Problem::TimeInvalid)?;
        let date = match side {
            Side::Beginning => date,
            Side::End => date.tomorrow().map_err(|_| Problem::TimeInvalid)?,
        };
        in_zone(date.at(0, 0, 0, 0), zone)?
    } else if let Ok(instant) = text.parse::<Timestamp>() {
        instant
    } else if text.len() > DATE_LENGTH {
        in_zone(text.parse().map_err(|_| Problem::TimeInvalid)?, zone)?
    } else {
        return Err(Problem::TimeInvalid);
    };
    Ok(instant.max(EARLIEST).as_millisecond().min(LATEST_MS))
}

/// A time that a change of clocks skips is the first one after; of one that comes twice it is the first.
fn in_zone(time: DateTime, zone: &TimeZone) -> Result<Timestamp, Problem> {
    zone.to_ambiguous_timestamp(time).compatible().map_err(|_| Problem::TimeInvalid)
}

fn days_before(end_ms: i64, zone: &TimeZone) -> i64 {
    // The end itself is not in the range: a range that ends at midnight ends with the day before.
    let last = Timestamp::from_millisecond(end_ms.saturating_sub(1)).unwrap_or(EARLIEST);
    let begins = zone.to_datetime(last).date().checked_sub(DEFAULT_DAYS.days());
    let begins = begins.ok().and_then(|date| in_zone(date.at(0, 0, 0, 0), zone).ok());
    begins.unwrap_or(EARLIEST).max(EARLIEST).as_millisecond()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;
    use crate::services::ServiceError;

    fn read(from: &str, to: &str, tz: &str) -> Result<NamedRange, ServiceError> {
        let mut problems = Problems::default();
        let range = NamedRange::read(Some(from), Some(to), Some(tz), &TimeZone::UTC, &mut problems);
        problems.refuse().map(|()| range)
    }

    fn ms(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    #[test]
    fn a_date_is_a_day_of_the_zone_and_the_last_one_is_included() {
        for (tz, from, to) in [
            ("", "2026-11-01T00:00:00Z", "2026-11-03T00:00:00Z"),
            ("Asia/Shanghai", "2026-10-31T16:00:00Z", "2026-11-02T16:00:00Z"),
            ("Asia/Kolkata", "2026-10-31T18:30:00Z", "2026-11-02T18:30:00Z"),
            // The clocks go back on the first of these days: it has 25 hours.
            ("America/New_York", "2026-11-01T04:00:00Z", "2026-11-03T05:00:00Z"),
        ] {
            let range = read("2026-11-01", "2026-11-02", tz).unwrap();
            assert_eq!((range.from_ms, range.to_ms), (Some(ms(from)), Some(ms(to))), "{tz}");
        }
    }

    #[test]
    fn times_name_an_instant_or_one_of_the_zone() {
        let range = read("2026-11-01T08:00:00+08:00", "2026-11-01T08:15", "Asia/Shanghai").unwrap();
        assert_eq!(range.from_ms, Some(ms("2026-11-01T00:00:00Z")));
        assert_eq!(range.to_ms, Some(ms("2026-11-01T00:15:00Z")));
        let range = read("0001-01-01", "9998-12-31", "").unwrap();
        assert_eq!((range.from_ms, range.to_ms), (Some(0), Some(LATEST_MS)));
        assert_eq!(LATEST_MS, ms("9000-01-01T00:00:00Z"));
    }

    #[test]
    fn says_what_is_wrong_with_each_field() {
        for (from, to, tz, field, problem) in [
            ("yesterday", "", "", "from", Problem::TimeInvalid),
            ("2026-13-01", "", "", "from", Problem::TimeInvalid),
            ("", "2026-1-1", "", "to", Problem::TimeInvalid),
            ("", "2026-11-01 later", "", "to", Problem::TimeInvalid),
            ("", "", "Mars/Olympus", "tz", Problem::TimeZoneInvalid),
            ("", "", "Etc/Unknown", "tz", Problem::TimeZoneInvalid),
            ("2026-11-02", "2026-11-01T00:00:00Z", "", "to", Problem::RangeReversed),
        ] {
            let ServiceError::Invalid(found) = read(from, to, tz).unwrap_err() else { unreachable!() };
            assert_eq!((found[0].field.as_str(), &found[0].problem), (field, &problem), "{from} {to} {tz}");
        }
    }

    #[test]
    fn the_default_is_this_day_and_six_before() {
        let now_ms = ms("2026-11-08T03:10:00Z");
        let mut problems = Problems::default();
        let range = read("", " ", "America/New_York").unwrap().with_defaults(now_ms, &mut problems);
        // Over there it is still the 7th.
        assert_eq!((range.from_ms, range.to_ms), (ms("2026-11-01T04:00:00Z"), now_ms));
        let range = read("", "2026-11-08", "").unwrap().with_defaults(now_ms, &mut problems);
        assert_eq!((range.from_ms, range.to_ms), (ms("2026-11-02T00:00:00Z"), ms("2026-11-09T00:00:00Z")));
        problems.refuse().unwrap();
        let mut problems = Problems::default();
        read("2026-11-09", "", "").unwrap().with_defaults(now_ms, &mut problems);
        assert!(problems.refuse().is_err());
    }
}
