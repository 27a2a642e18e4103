//! Times as exports write them.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// RFC 3339 to the second, with the offset of the zone; empty for what no calendar knows.
pub(super) fn seconds_text(milliseconds: i64, zone: &TimeZone) -> String {
    text(milliseconds, zone, "%Y-%m-%dT%H:%M:%S%:z")
}

/// RFC 3339 to the millisecond, with the offset of the zone; empty for what no calendar knows.
pub(super) fn milliseconds_text(milliseconds: i64, zone: &TimeZone) -> String {
    text(milliseconds, zone, "%Y-%m-%dT%H:%M:%S.%3f%:z")
}

fn text(milliseconds: i64, zone: &TimeZone, format: &str) -> String {
    Timestamp::from_millisecond(milliseconds)
        .map_or_else(|_| String::new(), |at| at.to_zoned(zone.clone()).strftime(format).to_string())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn carries_the_offset_of_the_zone() {
        let zone = TimeZone::get("Asia/Kolkata").unwrap();
        assert_eq!(seconds_text(1_795_218_576_123, &zone), "2026-11-21T05:19:36+05:30");
        assert_eq!(milliseconds_text(1_795_218_576_003, &TimeZone::UTC), "2026-11-20T23:49:36.003+00:00");
        assert_eq!(seconds_text(i64::MAX, &zone), "");
    }
}
