//! What a user name and a password have to look like.

use crate::model::Problem;
use crate::model::bounds::{NAME_MAX, PASSWORD_MAX, PASSWORD_MIN};

/// A user name without the white space around it: 1 to 64 letters, digits, `.`, `_` and `-`, beginning with a letter or
/// a digit.
///
/// # Errors
///
/// What is wrong with it.
pub fn check_username(text: &str) -> Result<&str, Problem> {
    let name = text.trim();
    let length = u32::try_from(name.chars().count()).unwrap_or(u32::MAX);
    if name.is_empty() {
        return Err(Problem::Required);
    }
    if length > NAME_MAX {
        return Err(Problem::TooLong { max: NAME_MAX });
    }
    let mut bytes = name.bytes();
    let begins_well = bytes.next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    if begins_well && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')) {
        Ok(name)
    } else {
        Err(Problem::InvalidName)
    }
}

/// Whether a text can be a new password: long enough to be hard to guess, short enough to be hashed. What it is made of
/// is not prescribed, white space included.
///
/// # Errors
///
/// What is wrong with it.
pub fn check_password(password: &str) -> Result<(), Problem> {
    let characters = u32::try_from(password.chars().count()).unwrap_or(u32::MAX);
    if password.is_empty() {
        Err(Problem::Required)
    } else if is_too_long_to_hash(password) {
        Err(Problem::TooLong { max: PASSWORD_MAX })
    } else if characters < PASSWORD_MIN {
        Err(Problem::TooShort { min: PASSWORD_MIN })
    } else {
        Ok(())
    }
}

/// Whether a password is longer than anybody's can be, so that it is refused before the work of hashing it.
pub fn is_too_long_to_hash(password: &str) -> bool {
    u32::try_from(password.len()).unwrap_or(u32::MAX) > PASSWORD_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_ordinary_names() {
        assert_eq!(check_username(" ada.lovelace-1 "), Ok("ada.lovelace-1"));
    }

    #[test]
    fn refuses_other_names_and_says_why() {
        assert_eq!(check_username("  "), Err(Problem::Required));
        assert_eq!(check_username(&"a".repeat(65)), Err(Problem::TooLong { max: NAME_MAX }));
        for name in ["-a", "a b", "a/b", "ä", "a\n b"] {
            assert_eq!(check_username(name), Err(Problem::InvalidName), "{name}");
        }
    }

    #[test]
    fn counts_a_password_in_characters_and_bounds_it_in_bytes() {
        assert_eq!(check_password(""), Err(Problem::Required));
        assert_eq!(check_password("123456789"), Err(Problem::TooShort { min: PASSWORD_MIN }));
        assert_eq!(check_password("ääääääääää"), Ok(()));
        assert_eq!(check_password(&"x".repeat(256)), Ok(()));
        assert_eq!(check_password(&"x".repeat(257)), Err(Problem::TooLong { max: PASSWORD_MAX }));
    }
}
