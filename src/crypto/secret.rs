//! A text that must not be seen.

use std::fmt;

use zeroize::Zeroize;

/// A secret text: `Debug` prints `[redacted]`, there is no `Display` and no `Serialize`, and its memory is wiped when it
/// is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself. Each caller of this is a place where a secret can leak, so there are few.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The last four characters, for people to tell secrets apart; nothing of one that is shorter than twelve.
    pub fn hint(&self) -> String {
        let count = self.0.chars().count();
        if count < 12 { String::new() } else { self.0.chars().skip(count.saturating_sub(4)).collect() }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[redacted]")
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_does_not_show_it() {
        assert_eq!(format!("{:?}", Secret::new("sk-1234567890".to_owned())), "[redacted]");
    }

    #[test]
    fn hint_is_the_end_of_a_long_secret_and_nothing_of_a_short_one() {
        assert_eq!(Secret::new("sk-1234567890".to_owned()).hint(), "7890");
        assert_eq!(Secret::new("short".to_owned()).hint(), "");
    }
}
