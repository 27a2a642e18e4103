//! How long a session lives.

use std::time::Duration;

/// How long sessions live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionSettings {
    /// A session that is not used for this long ends.
    pub idle: Duration,
    /// A session ends after this long, used or not.
    pub absolute: Duration,
    /// How often at most the use of a session is written down, so that not every click is a write.
    pub touch_interval: Duration,
}

impl Default for SessionSettings {
    /// 12 hours idle, 7 days in all, written down once a minute.
    fn default() -> Self {
        Self {
            idle: Duration::from_hours(12),
            absolute: Duration::from_hours(7 * 24),
            touch_interval: Duration::from_mins(1),
        }
    }
}

/// When a session began and was last used, in milliseconds since 1970 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionTimes {
    /// When it began.
    pub created_at_ms: i64,
    /// When its use was last written down.
    pub last_seen_at_ms: i64,
}

impl SessionTimes {
    /// Whether it is still good.
    pub fn is_alive(self, settings: &SessionSettings, now_ms: i64) -> bool {
        now_ms.saturating_sub(self.created_at_ms) < milliseconds(settings.absolute)
            && now_ms.saturating_sub(self.last_seen_at_ms) < milliseconds(settings.idle)
    }

    /// Whether its use should be written down again.
    pub fn is_touch_due(self, settings: &SessionSettings, now_ms: i64) -> bool {
        now_ms.saturating_sub(self.last_seen_at_ms) >= milliseconds(settings.touch_interval)
    }
}

impl SessionSettings {
    /// What a session that still lives at `now_ms` has at least: created after the first, seen after the second.
    pub fn oldest_alive(&self, now_ms: i64) -> SessionTimes {
        SessionTimes {
            created_at_ms: now_ms.saturating_sub(milliseconds(self.absolute)),
            last_seen_at_ms: now_ms.saturating_sub(milliseconds(self.idle)),
        }
    }
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i64 = 3_600_000;

    fn alive(created_at_ms: i64, last_seen_at_ms: i64, now_ms: i64) -> bool {
        SessionTimes { created_at_ms, last_seen_at_ms }.is_alive(&SessionSettings::default(), now_ms)
    }

    #[test]
    fn ends_when_it_is_not_used() {
        assert!(alive(0, 0, 12 * HOUR_MS - 1));
        assert!(!alive(0, 0, 12 * HOUR_MS));
    }

    #[test]
    fn ends_after_a_week_of_use() {
        let week = 7 * 24 * HOUR_MS;
        assert!(alive(0, week - 2, week - 1));
        assert!(!alive(0, week - 1, week));
    }

    #[test]
    fn is_written_down_once_a_minute() {
        let times = SessionTimes { created_at_ms: 0, last_seen_at_ms: 0 };
        assert!(!times.is_touch_due(&SessionSettings::default(), 59_999));
        assert!(times.is_touch_due(&SessionSettings::default(), 60_000));
    }
}
