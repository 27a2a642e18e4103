//! Which span of time a name stands for, and which one it is compared with.
//!
//! Pure: the clock comes from the caller. Days and months are those of a time zone.

use jiff::civil::Time;
use jiff::{Span as Length, Unit, Zoned};

use super::Preset;

/// A span of time; the end is not included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// Where it begins.
    pub(crate) from: Zoned,
    /// Where it ends.
    pub(crate) to: Zoned,
}

impl Span {
    /// The span that a name stands for at this moment, which is also its end unless it is over.
    ///
    /// # Errors
    /// It lies outside of what the calendar knows.
    pub(crate) fn until_now(preset: Preset, now: &Zoned) -> Result<Self, jiff::Error> {
        let midnight = now.start_of_day()?;
        let month = now.first_of_month()?.start_of_day()?;
        let from = match preset {
            Preset::Today => midnight,
            Preset::Hours24 => now.checked_sub(Length::new().hours(24))?,
            Preset::Days7 => midnight.checked_sub(Length::new().days(6))?,
            Preset::Days30 => midnight.checked_sub(Length::new().days(29))?,
            Preset::Days90 => midnight.checked_sub(Length::new().days(89))?,
            Preset::ThisMonth => month,
            Preset::LastMonth => {
                return Ok(Self { from: month.checked_sub(Length::new().months(1))?, to: month });
            }
        };
        Ok(Self { from, to: now.clone() })
    }

    /// The same in whole periods, so that a chart does not begin or end in the middle of one: to the end of the hour or the
    /// day that runs.
    ///
    /// # Errors
    /// It lies outside of what the calendar knows.
    pub(crate) fn in_whole_periods(preset: Preset, now: &Zoned) -> Result<Self, jiff::Error> {
        let span = Self::until_now(preset, now)?;
        Ok(match preset {
            Preset::Hours24 => {
                let hour = now.round(jiff::ZonedRound::new().smallest(Unit::Hour).mode(jiff::RoundMode::Trunc))?;
                let hours = |number| hour.checked_add(Length::new().hours(number));
                Self { from: hours(-23)?, to: hours(1)? }
            }
            Preset::LastMonth => span,
            Preset::Today | Preset::Days7 | Preset::Days30 | Preset::ThisMonth | Preset::Days90 => {
                Self { from: span.from, to: now.date().tomorrow()?.to_zoned(now.time_zone().clone())? }
            }
        })
    }

    /// The span before that it is fair to compare this one with: as long, and at the same time of the day, the week or the
    /// month. A day that the month before does not have becomes its last.
    ///
    /// # Errors
    /// It lies outside of what the calendar knows.
    pub(crate) fn before(&self, preset: Preset) -> Result<Self, jiff::Error> {
        let length = match preset {
            Preset::Today => Length::new().days(1),
            Preset::Hours24 => Length::new().hours(24),
            Preset::Days7 => Length::new().days(7),
            Preset::Days30 => Length::new().days(30),
            Preset::Days90 => Length::new().days(90),
            Preset::ThisMonth | Preset::LastMonth => Length::new().months(1),
        };
        Ok(Self { from: self.from.checked_sub(length)?, to: self.to.checked_sub(length)? })
    }

    /// Where it begins and ends as a query says it: dates where days are whole, times otherwise.
    pub(crate) fn bounds(&self) -> (String, String) {
        let is_midnight = |time: &Zoned| time.time() == Time::midnight();
        match self.to.date().yesterday() {
            Ok(last) if is_midnight(&self.from) && is_midnight(&self.to) => {
                (self.from.date().to_string(), last.to_string())
            }
            _ => (time_text(&self.from), time_text(&self.to)),
        }
    }
}

/// A time in RFC 3339 with its offset.
pub(crate) fn time_text(time: &Zoned) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn span(preset: Preset, now: &str) -> (String, String) {
        Span::in_whole_periods(preset, &now.parse().unwrap()).unwrap().bounds()
    }

    fn before(preset: Preset, now: &str) -> (String, String) {
        Span::until_now(preset, &now.parse().unwrap()).unwrap().before(preset).unwrap().bounds()
    }

    fn texts(from: &str, to: &str) -> (String, String) {
        (from.to_owned(), to.to_owned())
    }

    const NOW: &str = "2026-11-20T14:35:10+08:00[Asia/Shanghai]";

    #[test]
    fn names_stand_for_days_of_the_time_zone() {
        assert_eq!(span(Preset::Today, NOW), texts("2026-11-20", "2026-11-20"));
        assert_eq!(span(Preset::Days7, NOW), texts("2026-11-14", "2026-11-20"));
        assert_eq!(span(Preset::ThisMonth, NOW), texts("2026-11-01", "2026-11-20"));
        assert_eq!(span(Preset::LastMonth, NOW), texts("2026-10-01", "2026-10-31"));
        assert_eq!(span(Preset::Hours24, NOW), texts("2026-11-19T15:00:00+08:00", "2026-11-20T15:00:00+08:00"));
    }

    #[test]
    fn the_time_before_is_as_long() {
        assert_eq!(before(Preset::Today, NOW), texts("2026-11-19T00:00:00+08:00", "2026-11-19T14:35:10+08:00"));
        assert_eq!(before(Preset::Days7, NOW), texts("2026-11-07T00:00:00+08:00", "2026-11-13T14:35:10+08:00"));
        assert_eq!(before(Preset::ThisMonth, NOW), texts("2026-10-01T00:00:00+08:00", "2026-10-20T14:35:10+08:00"));
        assert_eq!(before(Preset::LastMonth, NOW), texts("2026-09-01", "2026-09-30"));
    }

    #[test]
    fn days_with_a_change_of_the_clock_begin_at_midnight() {
        let now = "2026-11-02T09:00:00-05:00[America/New_York]";
        assert_eq!(span(Preset::Days7, now), texts("2026-10-27", "2026-11-02"));
        // 24 hours are 24 hours, whatever the clock says.
        assert_eq!(
            span(Preset::Hours24, "2026-11-01T09:00:00-05:00[America/New_York]"),
            texts("2026-10-31T11:00:00-04:00", "2026-11-01T10:00:00-05:00")
        );
    }

    #[test]
    fn the_last_day_of_a_long_month_is_compared_with_that_of_a_short_one() {
        assert_eq!(
            before(Preset::ThisMonth, "2026-03-31T12:00:00+00:00[UTC]"),
            texts("2026-02-01T00:00:00+00:00", "2026-02-28T12:00:00+00:00")
        );
    }
}
