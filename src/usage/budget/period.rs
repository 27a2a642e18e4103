//! When days and months begin.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::model::BudgetPeriod;

/// A span of time, in milliseconds since 1970 UTC: from its start until before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first millisecond.
    pub start_ms: i64,
    /// The first one of the next span.
    pub end_ms: i64,
}

impl Span {
    /// The day or the month around a time, in a time zone.
    pub fn around(period: BudgetPeriod, time_ms: i64, zone: &TimeZone) -> Self {
        // Only at the edge of the calendar, thousands of years away, is there no such day.
        Self::of_calendar(period, time_ms, zone).unwrap_or(Self { start_ms: i64::MIN, end_ms: i64::MAX })
    }

    fn of_calendar(period: BudgetPeriod, time_ms: i64, zone: &TimeZone) -> Option<Self> {
        let day = Timestamp::from_millisecond(time_ms).ok()?.to_zoned(zone.clone()).date();
        let (first, next) = match period {
            BudgetPeriod::Day => (day, day.tomorrow().ok()?),
            BudgetPeriod::Month => (day.first_of_month(), day.last_of_month().tomorrow().ok()?),
        };
        // Where clocks are put forward at midnight, the day begins an hour later.
        let begin = |day: Date| day.to_zoned(zone.clone()).ok().map(|time| time.timestamp().as_millisecond());
        Some(Self { start_ms: begin(first)?, end_ms: begin(next)? })
    }

    /// Whether a time is in it.
    pub const fn contains(&self, time_ms: i64) -> bool {
        self.start_ms <= time_ms && time_ms < self.end_ms
    }
}
