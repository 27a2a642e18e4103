//! The name under which a browser stores an export: it says what is in the file.

use jiff::Timestamp;
use jiff::civil::Time;
use jiff::tz::TimeZone;

/// Longest part, in characters.
const PART_MAX: usize = 40;
/// Longest name without its ending, in characters: file systems take 255 bytes, and mail programs put things in front.
const NAME_MAX: usize = 160;

/// A file's name such as `sluice-usage_2026-11-01_2026-11-08_day_by-app_server-openai.csv`: letters, digits, `.`, `-` and
/// `_` of ASCII only, whatever it is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileName(String);

impl FileName {
    /// A name that begins like this.
    pub fn new(subject: &str) -> Self {
        Self(sanitised(subject))
    }

    /// Adds another part; one of which nothing is left is left out.
    #[must_use]
    pub fn part(mut self, text: &str) -> Self {
        let part = sanitised(text);
        if !part.is_empty() && self.0.len() + part.len() < NAME_MAX {
            self.0.push('_');
            self.0.push_str(&part);
        }
        self
    }

    /// Adds a filter as `name-values`, where there is one.
    #[must_use]
    pub fn filter(self, name: &str, values: Option<&str>) -> Self {
        match values.map(str::trim) {
            Some(values) if !values.is_empty() => self.part(&format!("{name}-{values}")),
            _ => self,
        }
    }

    /// Adds the range, `to_ms` excluded, in milliseconds since 1970 UTC. Days are written as days, and the last one is the
    /// last that is in the file; other times to the minute. `start` and `now` stand for an open end.
    #[must_use]
    pub fn range(self, from_ms: Option<i64>, to_ms: Option<i64>, zone: &TimeZone) -> Self {
        let from = from_ms.map_or_else(|| "start".to_owned(), |at| moment(at, at, zone));
        let to = to_ms.map_or_else(|| "now".to_owned(), |at| moment(at, at.saturating_sub(1), zone));
        self.part(&from).part(&to)
    }

    /// The value of the header `Content-Disposition` with which a browser stores the answer under this name.
    pub fn content_disposition(&self) -> String {
        format!("attachment; filename=\"{}.csv\"", self.0)
    }
}

/// The day of `day_ms` if `at_ms` is a midnight, else `at_ms` to the minute.
fn moment(at_ms: i64, day_ms: i64, zone: &TimeZone) -> String {
    let zoned = |milliseconds| Timestamp::from_millisecond(milliseconds).ok().map(|at| at.to_zoned(zone.clone()));
    let Some((at, day)) = zoned(at_ms).zip(zoned(day_ms)) else { return String::new() };
    // Where clocks jump at midnight, a day begins later.
    let begins_day = at.time() == Time::midnight() || at.start_of_day().is_ok_and(|start| start == at);
    if begins_day { day.strftime("%Y-%m-%d").to_string() } else { at.strftime("%Y-%m-%dT%H%M").to_string() }
}

fn sanitised(text: &str) -> String {
    let mut part = String::new();
    for sign in text.chars() {
        let plain = if sign.is_ascii_alphanumeric() || sign == '.' || sign == '_' { sign } else { '-' };
        if !(plain == '-' && (part.is_empty() || part.ends_with('-'))) {
            part.push(plain);
        }
        if part.len() >= PART_MAX {
            break;
        }
    }
    part.trim_matches(['-', '.', '_']).to_owned()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn milliseconds(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    #[test]
    fn says_range_and_filter() {
        let zone = TimeZone::get("Asia/Kolkata").unwrap();
        let name = FileName::new("sluice-usage")
            .range(Some(milliseconds("2026-10-31T18:30:00Z")), Some(milliseconds("2026-11-08T18:30:00Z")), &zone)
            .part("day")
            .part("by-app,model")
            .filter("server", Some("openai main"))
            .filter("app", None)
            .filter("model", Some("  "));
        assert_eq!(
            name.content_disposition(),
            "attachment; filename=\"sluice-usage_2026-11-01_2026-11-08_day_by-app-model_server-openai-main.csv\""
        );
    }

    #[test]
    fn times_within_a_day_are_written_out() {
        let name = FileName::new("x").range(Some(milliseconds("2026-11-01T08:30:00Z")), None, &TimeZone::UTC);
        assert_eq!(name, FileName("x_2026-11-01T0830_now".to_owned()));
        let name = FileName::new("x").range(None, Some(milliseconds("2026-11-01T08:30:00Z")), &TimeZone::UTC);
        assert_eq!(name, FileName("x_start_2026-11-01T0830".to_owned()));
    }

    #[test]
    fn a_day_that_begins_at_one_is_a_day() {
        // Clocks in Cairo jumped from 0:00 to 1:00 on this day.
        let zone = TimeZone::get("Africa/Cairo").unwrap();
        let start = milliseconds("2026-04-23T22:00:00Z");
        assert_eq!(FileName::new("x").range(Some(start), None, &zone), FileName("x_2026-04-24_now".to_owned()));
    }

    #[test]
    fn nothing_in_a_filter_escapes_the_header() {
        let name = FileName::new("x").filter("model", Some("../a\"; filename=b\r\nSet-Cookie: 人=1"));
        assert_eq!(name.content_disposition(), "attachment; filename=\"x_model-..-a-filename-b-Set-Cookie-1.csv\"");
    }

    proptest! {
        #[test]
        fn names_are_short_and_plain(parts in prop::collection::vec("\\PC{0,80}", 0..12)) {
            let name = parts.iter().fold(FileName::new("x"), |name, part| name.part(part)).0;
            prop_assert!(name.len() <= NAME_MAX);
            prop_assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)));
        }
    }
}
