//! An error with all its causes on one line, for the log.

use std::error::Error;
use std::fmt;

/// Writes an error and every cause behind it, with colons between. For the log only: causes are internals.
#[derive(Clone, Copy, Debug)]
pub struct ErrorChain<'a>(pub &'a (dyn Error + 'static));

impl fmt::Display for ErrorChain<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(formatter, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] std::fmt::Error);

    #[test]
    fn names_every_cause() {
        let expected = format!("outer: {}", std::fmt::Error);
        assert_eq!(ErrorChain(&Outer(std::fmt::Error)).to_string(), expected);
    }
}
