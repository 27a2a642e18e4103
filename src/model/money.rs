//! Amounts of money: exact, in billionths of a currency's unit, never as floating point.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::Problem;

/// Billionths in one unit.
const UNIT: i64 = 1_000_000_000;
/// Digits behind the point.
const DIGITS: usize = 9;

/// An amount in billionths of a currency's unit: 0.15 is 150 000 000. In JSON it is a text such as `"0.15"`, because
/// programs read numbers with a point as floating point; numbers are accepted all the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount {
    /// The billionths.
    pub nanos: i64,
}

impl Amount {
    /// So many billionths.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self { nanos }
    }

    /// For where an estimate is enough: charts and bars.
    #[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "that is what it is for")]
    pub fn approximately(self) -> f64 {
        self.nanos as f64 / 1e9
    }
}

impl fmt::Display for Amount {
    /// Without zeros at the end, but with no fewer digits than asked for: `{:.2}` prints 1.5 as `1.50` and 0.0001 as
    /// `0.0001`. Nothing is ever rounded.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.nanos < 0 { "-" } else { "" };
        let whole = self.nanos.unsigned_abs() / UNIT.unsigned_abs();
        let rest = self.nanos.unsigned_abs() % UNIT.unsigned_abs();
        let all = format!("{rest:0DIGITS$}");
        let fewest = formatter.precision().unwrap_or(0).min(DIGITS);
        let needed = all.trim_end_matches('0').len().max(fewest);
        match all.get(..needed) {
            Some("") | None => write!(formatter, "{sign}{whole}"),
            Some(digits) => write!(formatter, "{sign}{whole}.{digits}"),
        }
    }
}

impl FromStr for Amount {
    type Err = Problem;

    /// Reads `12`, `0.15` or `.5`; at most nine digits behind the point, none of them lost.
    fn from_str(text: &str) -> Result<Self, Problem> {
        let text = text.trim();
        let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
        let (whole, rest) = digits.split_once('.').unwrap_or((digits, ""));
        let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if (whole.is_empty() && rest.is_empty()) || !is_number(whole) || !is_number(rest) {
            return Err(Problem::NotANumber);
        }
        let rest = rest.trim_end_matches('0');
        if rest.len() > DIGITS {
            return Err(Problem::TooPrecise);
        }
        let parse = |part: &str| if part.is_empty() { Ok(0) } else { part.parse::<i64>() };
        let nanos = parse(whole)
            .ok()
            .zip(parse(&format!("{rest:0<DIGITS$}")).ok())
            .and_then(|(whole, rest)| whole.checked_mul(UNIT)?.checked_add(rest)?.checked_mul(sign));
        nanos.map(Self::from_nanos).ok_or(Problem::TooLarge)
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Amount;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an amount such as \"0.15\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Amount, E> {
                text.parse().map_err(|problem| E::custom(format_args!("`{text}` {problem}")))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Amount, E> {
                self.visit_str(&number.to_string())
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Amount, E> {
                self.visit_str(&number.to_string())
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Amount, E> {
                // The shortest text that means this number is what was written.
                self.visit_str(&number.to_string())
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

/// A currency by its code of three capital letters (ISO 4217), such as `USD` or `CNY`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// US dollar.
    pub const USD: Self = Self(*b"USD");

    /// Its code.
    pub fn as_str(&self) -> &str {
        // Only letters are ever stored.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for Currency {
    type Err = Problem;

    /// Reads a code, also in small letters.
    fn from_str(text: &str) -> Result<Self, Problem> {
        let code = <[u8; 3]>::try_from(text.trim().as_bytes()).map_err(|_| Problem::CurrencyInvalid)?;
        if code.iter().all(u8::is_ascii_alphabetic) {
            Ok(Self(code.map(|letter| letter.to_ascii_uppercase())))
        } else {
            Err(Problem::CurrencyInvalid)
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|problem| de::Error::custom(format_args!("`{text}` {problem}")))
    }
}

/// An amount and its currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// How much.
    pub amount: Amount,
    /// Of what.
    pub currency: Currency,
}

impl fmt::Display for Money {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:.2} {}", self.amount, self.currency)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_are_exact_texts() {
        for (text, nanos) in
            [("0.15", 150_000_000), ("12", 12_000_000_000), (".5", 500_000_000), ("-1.000000001", -1_000_000_001)]
        {
            assert_eq!(text.parse::<Amount>().unwrap().nanos, nanos, "{text}");
        }
        for text in ["", ".", "1e3", "0x1", "1,5", "１", "0.0000000001", "9223372037"] {
            assert!(text.parse::<Amount>().is_err(), "{text}");
        }
        assert_eq!(format!("{:.2}", Amount::from_nanos(1_500_000_000)), "1.50");
        assert_eq!(format!("{:.2}", Amount::from_nanos(100_000)), "0.0001");
        assert_eq!(Amount::default().to_string(), "0");
    }

    #[test]
    fn json_takes_texts_and_numbers() {
        let amounts: Vec<Amount> = serde_json::from_str(r#"["0.15", 0.15, 2, -2]"#).unwrap();
        assert_eq!(
            amounts.iter().map(|amount| amount.nanos).collect::<Vec<_>>(),
            [150_000_000, 150_000_000, 2_000_000_000, -2_000_000_000]
        );
        assert_eq!(serde_json::to_string(&Amount::from_nanos(150_000_000)).unwrap(), r#""0.15""#);
    }

    #[test]
    fn currencies_are_three_letters() {
        assert_eq!("usd".parse::<Currency>().unwrap(), Currency::USD);
        assert!(["US", "USDT", "U$D", "人"].iter().all(|text| text.parse::<Currency>().is_err()));
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_again(nanos in -i64::MAX..=i64::MAX) {
            let amount = Amount::from_nanos(nanos);
            prop_assert_eq!(amount.to_string().parse::<Amount>().unwrap(), amount);
        }
    }
}
