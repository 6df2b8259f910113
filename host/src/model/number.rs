//! DynamoDB's number: decimal text, exact, up to 38 significant digits. Never a float.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Most significant digits that DynamoDB keeps.
const MAX_DIGITS: usize = 38;
/// The exponents of the first significant digit that DynamoDB accepts: 1E-130 to 9.9…E+125.
const EXPONENTS: std::ops::RangeInclusive<i64> = -130..=125;

/// A number as decimal text. Two numbers are equal if their values are: `1`, `1.0` and `10E-1` are one number.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Number(String);

/// Why a text is not a number that DynamoDB can hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NumberError {
    /// Not decimal digits with an optional sign, point and exponent.
    #[error("{0:?} is not a decimal number (digits, with an optional sign, point and exponent)")]
    Syntax(String),
    /// More significant digits than DynamoDB keeps.
    #[error("{0:?} has more than 38 significant digits, which is what DynamoDB keeps")]
    TooPrecise(String),
    /// Outside of DynamoDB's range.
    #[error("{0:?} is outside of DynamoDB's range (1E-130 to 9.99E+125, and zero)")]
    OutOfRange(String),
}

/// Sign, significant digits without zeros at either end, and the power of ten of the first digit. Zero has no digits.
#[derive(PartialEq, Eq)]
struct Canonical {
    negative: bool,
    digits: Vec<u8>,
    exponent: i64,
}

impl Number {
    /// Checks `text` against DynamoDB's syntax, precision and range; keeps it as written.
    pub fn parse(text: impl Into<String>) -> Result<Self, NumberError> {
        let text = text.into();
        let shown = || text.chars().take(64).collect::<String>();
        let number = canonical(&text).ok_or_else(|| NumberError::Syntax(shown()))?;
        if number.digits.len() > MAX_DIGITS {
            return Err(NumberError::TooPrecise(shown()));
        }
        if !number.digits.is_empty() && !EXPONENTS.contains(&number.exponent) {
            return Err(NumberError::OutOfRange(shown()));
        }
        Ok(Self(text))
    }

    /// Takes text that DynamoDB itself returned, unchecked.
    pub(crate) fn from_dynamodb(text: String) -> Self {
        Self(text)
    }

    /// The text as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, owned.
    pub fn into_string(self) -> String {
        self.0
    }

    /// A text that is the same for equal numbers, for hashing and sorting keys.
    pub fn canonical_text(&self) -> String {
        match canonical(&self.0) {
            None => self.0.clone(),
            Some(n) if n.digits.is_empty() => "0".into(),
            Some(n) => {
                let sign = if n.negative { "-" } else { "" };
                format!("{sign}{}E{}", String::from_utf8_lossy(&n.digits), n.exponent)
            }
        }
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || matches!((canonical(&self.0), canonical(&other.0)), (Some(a), Some(b)) if a == b)
    }
}

impl Eq for Number {}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    /// By value. Text that is no number (it never comes from [`Number::parse`]) sorts after all numbers.
    fn cmp(&self, other: &Self) -> Ordering {
        match (canonical(&self.0), canonical(&other.0)) {
            (Some(a), Some(b)) => a.compare(&b),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => self.0.cmp(&other.0),
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! from_integer {
    ($($t:ty),*) => {$(
        impl From<$t> for Number {
            fn from(value: $t) -> Self {
                Self(value.to_string())
            }
        }
    )*};
}
from_integer!(i8, i16, i32, i64, u8, u16, u32, u64, usize);

impl Canonical {
    fn compare(&self, other: &Self) -> Ordering {
        let rank = |n: &Self| match (n.digits.is_empty(), n.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        rank(self).cmp(&rank(other)).then_with(|| {
            let magnitude = self.exponent.cmp(&other.exponent).then_with(|| self.digits.cmp(&other.digits));
            if self.negative { magnitude.reverse() } else { magnitude }
        })
    }
}

fn canonical(text: &str) -> Option<Canonical> {
    let (negative, rest) = match text.as_bytes().first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
        None => (rest, 0),
        Some((mantissa, exponent)) => {
            let unsigned = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            if unsigned.is_empty() || unsigned.len() > 9 || !unsigned.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            (mantissa, exponent.strip_prefix('+').unwrap_or(exponent).parse::<i64>().ok()?)
        }
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return None;
    }
    let all: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
    let leading = all.iter().take_while(|&&b| b == b'0').count();
    let trailing = all.iter().rev().take_while(|&&b| b == b'0').count();
    if leading == all.len() {
        return Some(Canonical { negative: false, digits: Vec::new(), exponent: 0 });
    }
    let digits = all.get(leading..all.len() - trailing)?.to_vec();
    let first = i64::try_from(whole.len()).ok()? - 1 - i64::try_from(leading).ok()? + exponent;
    Some(Canonical { negative, digits, exponent: first })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_dynamodb_accepts_is_accepted_as_written() {
        for text in [
            "0",
            "-0",
            "1",
            "-1.5",
            "+7",
            ".5",
            "5.",
            "1e3",
            "1E+125",
            "1e-130",
            "007",
            "1234567890123456789.0123456789012345678",
        ] {
            assert_eq!(Number::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", "-", ".", "e5", "1e", "1e+", "0x1", "1_000", " 1", "1 ", "NaN", "Infinity", "1,5", "٣", "1e9999999999"]
        {
            assert!(matches!(Number::parse(text), Err(NumberError::Syntax(_))), "{text}");
        }
        assert!(matches!(Number::parse("1".repeat(39)), Err(NumberError::TooPrecise(_))));
        assert!(matches!(Number::parse("1e126"), Err(NumberError::OutOfRange(_))));
        assert!(matches!(Number::parse("1e-131"), Err(NumberError::OutOfRange(_))));
        assert!(Number::parse(format!("1{}", "0".repeat(100))).is_ok(), "zeros at the end are not significant");
    }

    #[test]
    fn equality_and_order_are_by_value() {
        let n = |t: &str| Number::parse(t).unwrap();
        assert_eq!(n("10"), n("10.0"));
        assert_eq!(n("1e1"), n("10"));
        assert_eq!(n("-0"), n("0.000"));
        assert_ne!(n("10"), n("-10"));
        let mut all = [n("3"), n("-20"), n("0"), n("0.5"), n("100"), n("-3"), n("29")];
        all.sort();
        assert_eq!(all.map(Number::into_string), ["-20", "-3", "0", "0.5", "3", "29", "100"]);
        assert_eq!(n("10.0").canonical_text(), n("1E1").canonical_text());
    }
}
