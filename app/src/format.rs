//! How numbers and times are written: the same on the server and in the browser, in UTC, without the locale of either.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use sluice::model::Problem;

/// A time as `2026-11-20 23:49:36`, in UTC.
pub(crate) fn utc_text(milliseconds: i64) -> String {
    Timestamp::from_millisecond(milliseconds)
        .map_or_else(|_| "?".to_owned(), |time| time.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

/// A time as the `datetime` attribute takes it, in UTC.
pub(crate) fn utc_attribute(milliseconds: i64) -> String {
    Timestamp::from_millisecond(milliseconds)
        .map_or_else(|_| String::new(), |time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// The day of a time in UTC, as a date field takes it.
pub(crate) fn utc_day(milliseconds: i64) -> String {
    Timestamp::from_millisecond(milliseconds)
        .map_or_else(|_| String::new(), |time| time.strftime("%Y-%m-%d").to_string())
}

/// The last millisecond of a day in UTC, from what a date field sends; `None` for an empty one.
///
/// # Errors
/// The text is not a date.
pub(crate) fn parse_last_moment_of_day(text: &str) -> Result<Option<i64>, Problem> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let day: Date = text.parse().map_err(|_| Problem::DateInvalid)?;
    let next = day.tomorrow().and_then(|day| day.to_zoned(TimeZone::UTC)).map_err(|_| Problem::DateInvalid)?;
    Ok(Some(next.timestamp().as_millisecond().saturating_sub(1)))
}

/// A duration: `840 ms` below one second, `2.35 s` below a minute, `75.3 s` above.
pub(crate) fn duration_text(milliseconds: u32) -> String {
    if milliseconds < 1000 {
        return format!("{milliseconds} ms");
    }
    let (seconds, rest) = (milliseconds / 1000, milliseconds % 1000);
    if milliseconds < 60_000 { format!("{seconds}.{:02} s", rest / 10) } else { format!("{seconds}.{} s", rest / 100) }
}

/// A whole number with a comma between thousands.
pub(crate) fn number_text(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if number < 0 {
        text.push('-');
    }
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Seconds as a form shows them: `10`, `0.25`.
pub(crate) fn seconds_text(milliseconds: u32) -> String {
    let (seconds, rest) = (milliseconds / 1000, milliseconds % 1000);
    if rest == 0 {
        return seconds.to_string();
    }
    format!("{seconds}.{rest:03}").trim_end_matches('0').to_owned()
}

/// Milliseconds from seconds as a person writes them: `10`, `0.25`, `2,5`.
///
/// # Errors
/// The text is empty, no number, or a number that no timeout can have.
pub(crate) fn parse_seconds(text: &str) -> Result<u32, Problem> {
    let text = text.trim().trim_end_matches(['s', 'S']).trim_end().replace(',', ".");
    if text.is_empty() {
        return Err(Problem::Required);
    }
    let (seconds, fraction) = text.split_once('.').unwrap_or((&text, ""));
    if !(seconds.chars().all(|c| c.is_ascii_digit()) && fraction.chars().all(|c| c.is_ascii_digit()))
        || (seconds.is_empty() && fraction.is_empty())
    {
        return Err(Problem::NotANumber);
    }
    // What does not fit is out of range too; the service names the range.
    let whole: u32 = if seconds.is_empty() { 0 } else { seconds.parse().unwrap_or(u32::MAX) };
    let thousandths: u32 = format!("{fraction:0<3.3}").parse().unwrap_or(0);
    Ok(whole.saturating_mul(1000).saturating_add(thousandths))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_times_in_utc() {
        assert_eq!(utc_text(1_795_218_576_123), "2026-11-20 23:49:36");
        assert_eq!(utc_attribute(1_795_218_576_123), "2026-11-20T23:49:36Z");
        assert_eq!(utc_day(1_795_218_576_123), "2026-11-20");
        assert_eq!(utc_text(i64::MAX), "?");
    }

    #[test]
    fn a_day_ends_with_its_last_millisecond() {
        assert_eq!(parse_last_moment_of_day(" "), Ok(None));
        assert_eq!(parse_last_moment_of_day("1970-01-01"), Ok(Some(86_399_999)));
        assert_eq!(parse_last_moment_of_day("1970-02-30"), Err(Problem::DateInvalid));
        assert_eq!(parse_last_moment_of_day("9999-12-31"), Err(Problem::DateInvalid));
        let last = parse_last_moment_of_day("2026-11-20").ok().flatten().unwrap_or_default();
        assert_eq!(utc_day(last), "2026-11-20");
    }

    #[test]
    fn writes_durations_for_people() {
        let texts: Vec<String> = [0, 999, 1000, 2359, 59_999, 75_380].into_iter().map(duration_text).collect();
        assert_eq!(texts, ["0 ms", "999 ms", "1.00 s", "2.35 s", "59.99 s", "75.3 s"]);
    }

    #[test]
    fn groups_thousands() {
        let texts: Vec<String> = [0, 999, 1000, -1_234_567, i64::MIN].into_iter().map(number_text).collect();
        assert_eq!(texts, ["0", "999", "1,000", "-1,234,567", "-9,223,372,036,854,775,808"]);
    }

    #[test]
    fn reads_seconds_as_people_write_them() {
        assert_eq!(parse_seconds("10"), Ok(10_000));
        assert_eq!(parse_seconds(" 0.25 s"), Ok(250));
        assert_eq!(parse_seconds("2,5"), Ok(2_500));
        assert_eq!(parse_seconds(".5"), Ok(500));
        assert_eq!(parse_seconds("1.0009"), Ok(1_000));
        assert_eq!(parse_seconds("99999999999"), Ok(u32::MAX));
        assert_eq!(parse_seconds(" "), Err(Problem::Required));
        for text in ["-1", "1e3", "ten", ".", "1.2.3", "１"] {
            assert_eq!(parse_seconds(text), Err(Problem::NotANumber), "{text}");
        }
    }

    #[test]
    fn writes_seconds_the_way_it_reads_them() {
        for milliseconds in [0, 10, 250, 1000, 1500, 300_000, 86_400_000] {
            assert_eq!(parse_seconds(&seconds_text(milliseconds)), Ok(milliseconds));
        }
        assert_eq!(seconds_text(1500), "1.5");
    }
}
