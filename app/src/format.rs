//! How numbers and times are written: the same on the server and in the browser, in UTC, without the locale of either.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use sluice::model::{Money, Problem};

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

/// A time in UTC as a field for date and time takes it: `2026-11-21T14:20:00`.
pub(crate) fn utc_moment(milliseconds: i64) -> String {
    let pattern = if milliseconds.rem_euclid(1000) == 0 { "%Y-%m-%dT%H:%M:%S" } else { "%Y-%m-%dT%H:%M:%S%.3f" };
    Timestamp::from_millisecond(milliseconds).map_or_else(|_| String::new(), |time| time.strftime(pattern).to_string())
}

/// A time in UTC, from what a field for date and time sends; `None` for an empty one.
///
/// # Errors
/// The text is not a time.
pub(crate) fn parse_utc_moment(text: &str) -> Result<Option<i64>, Problem> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let time: DateTime = text.parse().map_err(|_| Problem::TimeInvalid)?;
    let time = time.to_zoned(TimeZone::UTC).map_err(|_| Problem::TimeInvalid)?;
    Ok(Some(time.timestamp().as_millisecond()))
}

/// A duration: `840 ms` below one second, `2.35 s` below a minute, `75.3 s` above.
pub(crate) fn duration_text(milliseconds: u32) -> String {
    if milliseconds < 1000 {
        return format!("{milliseconds} ms");
    }
    let (seconds, rest) = (milliseconds / 1000, milliseconds % 1000);
    if milliseconds < 60_000 { format!("{seconds}.{:02} s", rest / 10) } else { format!("{seconds}.{} s", rest / 100) }
}

/// A span of time in whole units, for what ticks: `0 s`, `59 s`, `1 min 5 s`, `2 h 3 min`. Rounded down.
pub(crate) fn span_text(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    let pair = |whole: u64, unit: &str, part: u64, part_unit: &str| {
        if part == 0 { format!("{whole} {unit}") } else { format!("{whole} {unit} {part} {part_unit}") }
    };
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => pair(seconds / 60, "min", seconds % 60, "s"),
        _ => pair(seconds / 3600, "h", seconds % 3600 / 60, "min"),
    }
}

/// What is left of a time, rounded up: it says `1 s` until it is over.
pub(crate) fn countdown_text(milliseconds: u64) -> String {
    span_text(milliseconds.div_ceil(1000).saturating_mul(1000))
}

/// A count in few characters and without rounding: `50k`, `1.5M`, but `1,234`.
pub(crate) fn compact_text(number: u32) -> String {
    for (unit, suffix) in [(1_000_000, "M"), (1_000, "k")] {
        if number >= unit && number.is_multiple_of(unit / 10) {
            let (whole, tenths) = (number / unit, number % unit / (unit / 10));
            return if tenths == 0 { format!("{whole}{suffix}") } else { format!("{whole}.{tenths}{suffix}") };
        }
    }
    number_text(i64::from(number))
}

/// A whole number that is never negative, with a comma between thousands.
pub(crate) fn count_text(number: u64) -> String {
    number_text(i64::try_from(number).unwrap_or(i64::MAX))
}

/// A size: `840 B`, `1.5 KiB`, `12.3 GiB`. Rounded down.
pub(crate) fn bytes_text(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let mut unit = None;
    let mut tenths = bytes.saturating_mul(10);
    for name in UNITS {
        if tenths < 10_240 {
            break;
        }
        tenths /= 1024;
        unit = Some(name);
    }
    match unit {
        None => format!("{bytes} B"),
        Some(unit) => format!("{}.{} {unit}", count_text(tenths / 10), tenths % 10),
    }
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

/// An amount of money with its currency, as people read it: two digits behind the point, of less than one unit the first four
/// that say something. The exact amount belongs beside it.
pub(crate) fn money_text(money: Money) -> String {
    const UNIT: u64 = 1_000_000_000;
    const CENT: u64 = 10_000_000;
    let nanos = money.amount.nanos.unsigned_abs();
    // What is kept of it, in billionths.
    let step =
        if nanos >= UNIT { CENT } else { 10_u64.pow(nanos.checked_ilog10().unwrap_or(0).saturating_sub(3)).min(CENT) };
    let rounded = nanos.saturating_add(step / 2) / step * step;
    let digits = format!("{:09}", rounded % UNIT);
    let digits = digits.trim_end_matches('0');
    let sign = if money.amount.nanos < 0 { "-" } else { "" };
    format!("{sign}{}.{digits:0<2} {}", count_text(rounded / UNIT), money.currency)
}

/// A share of a whole in percent, with one digit behind the point: `0%`, `0.3%`, `12.5%`, `100%`. A share that is not zero never
/// looks like it.
pub(crate) fn percent_text(part: u64, whole: u64) -> String {
    if part == 0 || whole == 0 {
        return "0%".to_owned();
    }
    let tenths = u128::from(part) * 1000 / u128::from(whole);
    match (tenths / 10, tenths % 10) {
        (0, 0) => "<0.1%".to_owned(),
        (percent, 0) => format!("{percent}%"),
        (percent, tenth) => format!("{percent}.{tenth}%"),
    }
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

/// A count as a person writes it: `50000`, `50,000`, `50 000`; none for an empty text.
///
/// # Errors
/// The text is no whole number. A comma or a space that does not stand between thousands is none, so that `1,5` does not
/// become fifteen.
pub(crate) fn parse_count(text: &str) -> Result<Option<u32>, Problem> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    // What does not fit is out of range too; the service names the range.
    parse_long_count(text).map(|count| Some(u32::try_from(count).unwrap_or(u32::MAX)))
}

/// A count that may be large, as a person writes it, as [`parse_count`] reads it.
///
/// # Errors
/// The text is no whole number, or empty.
pub(crate) fn parse_long_count(text: &str) -> Result<u64, Problem> {
    let groups: Vec<&str> = text.trim().split([',', ' ', '_', '\'', '\u{a0}', '\u{202f}']).collect();
    let is_number = |group: &&str| !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_digit());
    let well_grouped = match groups.as_slice() {
        [_] => true,
        [first, rest @ ..] => first.len() <= 3 && rest.iter().all(|group| group.len() == 3),
        [] => false,
    };
    if !well_grouped || !groups.iter().all(is_number) {
        return Err(Problem::NotANumber);
    }
    Ok(groups.concat().parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use sluice::model::{Amount, Currency};

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
    fn moments_are_read_as_they_are_written() {
        assert_eq!(utc_moment(1_795_270_800_000), "2026-11-21T14:20:00");
        for moment in [0, 1_795_270_800_123, -1] {
            assert_eq!(parse_utc_moment(&utc_moment(moment)), Ok(Some(moment)));
        }
        assert_eq!(parse_utc_moment("2026-11-21T14:20"), Ok(Some(1_795_270_800_000)));
        assert_eq!(parse_utc_moment(" "), Ok(None));
        assert_eq!(parse_utc_moment("2026-11-21T25:00"), Err(Problem::TimeInvalid));
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
    fn writes_money_for_people() {
        let texts: Vec<String> =
            [0, 1, 45_678, 1_234_567, 150_000_000, 999_960_000, 1_005_000_000, 1_234_567_895_000_000, -2_500_000_000]
                .into_iter()
                .map(|nanos| money_text(Money { amount: Amount::from_nanos(nanos), currency: Currency::USD }))
                .collect();
        let expected = [
            "0.00 USD",
            "0.000000001 USD",
            "0.00004568 USD",
            "0.001235 USD",
            "0.15 USD",
            "1.00 USD",
            "1.01 USD",
            "1,234,567.90 USD",
            "-2.50 USD",
        ];
        assert_eq!(texts, expected);
    }

    #[test]
    fn a_share_that_is_not_zero_does_not_look_like_it() {
        let texts: Vec<String> = [(0, 9), (1, 100_000), (3, 1000), (1, 8), (1, 4), (9, 9), (0, 0)]
            .into_iter()
            .map(|(part, whole)| percent_text(part, whole))
            .collect();
        assert_eq!(texts, ["0%", "<0.1%", "0.3%", "12.5%", "25%", "100%", "0%"]);
    }

    #[test]
    fn writes_spans_in_whole_units() {
        let texts: Vec<String> =
            [0, 999, 59_999, 60_000, 65_000, 3_600_000, 7_380_000].into_iter().map(span_text).collect();
        assert_eq!(texts, ["0 s", "0 s", "59 s", "1 min", "1 min 5 s", "1 h", "2 h 3 min"]);
        let texts: Vec<String> = [0, 1, 1000, 11_200, 59_001].into_iter().map(countdown_text).collect();
        assert_eq!(texts, ["0 s", "1 s", "1 s", "12 s", "1 min"]);
    }

    #[test]
    fn writes_sizes_in_binary_units() {
        let sizes = [0, 840, 1023, 1024, 1536, 1_048_575, 1 << 20, 13_207_024_436, 1 << 50];
        let texts: Vec<String> = sizes.into_iter().map(bytes_text).collect();
        let expected =
            ["0 B", "840 B", "1023 B", "1.0 KiB", "1.5 KiB", "1,023.9 KiB", "1.0 MiB", "12.3 GiB", "1,024.0 TiB"];
        assert_eq!(texts, expected);
    }

    #[test]
    fn shortens_counts_only_where_nothing_is_lost() {
        let numbers = [0, 10, 999, 1000, 1234, 12_500, 50_000, 999_950, 1_500_000, 1_000_000_000, u32::MAX];
        let texts: Vec<String> = numbers.into_iter().map(compact_text).collect();
        let expected = ["0", "10", "999", "1k", "1,234", "12.5k", "50k", "999,950", "1.5M", "1000M", "4,294,967,295"];
        assert_eq!(texts, expected);
    }

    #[test]
    fn reads_counts_as_people_write_them() {
        assert_eq!(parse_count("  "), Ok(None));
        for text in ["50000", " 50,000 ", "50 000", "50_000", "50\u{202f}000"] {
            assert_eq!(parse_count(text), Ok(Some(50_000)), "{text}");
        }
        assert_eq!(parse_count("0"), Ok(Some(0)));
        assert_eq!(parse_count("99999999999999999999"), Ok(Some(u32::MAX)));
        for text in ["-1", "1.5", "1,5", "1e3", "many", ",", "1,", "1234,567", "５"] {
            assert_eq!(parse_count(text), Err(Problem::NotANumber), "{text}");
        }
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
