//! DynamoDB's number: decimal text, exact, up to 38 significant digits. Never a float.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

/// Most significant digits that DynamoDB keeps.
const MAX_DIGITS: u32 = 38;
/// The exponents of the first significant digit that DynamoDB accepts: 1E-130 to 9.9…E+125.
const EXPONENTS: std::ops::RangeInclusive<i64> = -130..=125;

/// A number as decimal text, exact. Equality, order and hash go by value: `1`, `1.0` and `10E-1` are one number.
///
/// ```
/// use drift_sdk::Number;
///
/// let total = Number::parse("0.1")?.try_add(&Number::parse_messy("$1,234.20")?)?;
/// assert_eq!(total.as_str(), "1234.3");
/// assert_eq!(Number::parse("7.0")?.to_int::<u8>()?, 7);
/// assert!(total.to_int::<i64>().is_err(), "never rounded silently");
/// assert!(total > 1_000);
/// # Ok::<(), drift_sdk::NumberError>(())
/// ```
#[derive(Clone)]
pub struct Number(String);

/// Why something is not a number that DynamoDB can hold, or not one of the type that was wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NumberError {
    /// Not decimal digits with an optional sign, point and exponent.
    Syntax(String),
    /// More significant digits than DynamoDB keeps.
    TooPrecise(String),
    /// Outside of DynamoDB's range.
    OutOfRange(String),
    /// A fraction, or too large or small for the type of integer.
    NotAnInteger {
        /// The number.
        number: String,
        /// The integer type that was wanted.
        wanted: &'static str,
    },
    /// A float cannot hold it as it is.
    NotAFloat(String),
}

/// The number is `±magnitude · 10^exponent`. The magnitude does not end in a zero; zero is `+0 · 10^0`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Parts {
    negative: bool,
    magnitude: u128,
    exponent: i64,
}

impl Number {
    /// Reads digits with an optional sign, point and exponent; keeps the text as written. Blanks, separators and signs
    /// of currency are errors: see [`Number::parse_messy`].
    pub fn parse(text: impl Into<String>) -> Result<Self, NumberError> {
        let text = text.into();
        Parts::read(&text)?.checked(&text)?;
        Ok(Self(text))
    }

    /// Reads a number as people write them: blanks around it, `$ € £ ¥` before or after it, a comma between
    /// groups of three digits, parentheses for negative. What could mean two things (`1,5`, `1.234,50`) is an error.
    ///
    /// ```
    /// use drift_sdk::Number;
    ///
    /// for (text, number) in [(" 1,234,567.50 ", "1234567.50"), ("($12)", "-12"), ("-3 €", "-3"), ("007", "7")] {
    ///     assert_eq!(Number::parse_messy(text)?, Number::parse(number)?);
    /// }
    /// for text in ["", "None", "1,5", "1.234,50", "12 34", "$"] {
    ///     assert!(Number::parse_messy(text).is_err());
    /// }
    /// # Ok::<(), drift_sdk::NumberError>(())
    /// ```
    pub fn parse_messy(text: &str) -> Result<Self, NumberError> {
        let wrong = || NumberError::Syntax(shown(text));
        let mut rest = text.trim();
        let mut negative = false;
        if let Some(inner) = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
            (negative, rest) = (true, inner.trim());
        } else if let Some(unsigned) = rest.strip_prefix('-') {
            (negative, rest) = (true, unsigned.trim_start());
        } else if let Some(unsigned) = rest.strip_prefix('+') {
            rest = unsigned.trim_start();
        }
        let currency = ['$', '€', '£', '¥'];
        let bare = rest.strip_prefix(currency).or_else(|| rest.strip_suffix(currency)).unwrap_or(rest).trim();
        let digits = without_separators(bare).ok_or_else(wrong)?;
        let mut parts = Parts::read(&digits).map_err(|_| wrong())?;
        if bare.starts_with(['-', '+']) {
            // A sign on either side of the currency, and not on both.
            if negative || rest == bare {
                return Err(wrong());
            }
        }
        parts.negative = (parts.negative || negative) && parts.magnitude != 0;
        parts.checked(text).map(Parts::into_number)
    }

    /// Takes text that the host has checked.
    #[cfg(target_arch = "wasm32")]
    pub(crate) fn from_host(text: String) -> Self {
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

    /// As an integer of any type, if it is one and fits: `1.0` and `1E3` do, `1.5` does not.
    pub fn to_int<T: TryFrom<i128>>(&self) -> Result<T, NumberError> {
        let wanted = std::any::type_name::<T>();
        let integer = self.parts().and_then(Parts::integer).and_then(|integer| T::try_from(integer).ok());
        integer.ok_or_else(|| NumberError::NotAnInteger { number: shown(&self.0), wanted })
    }

    /// As a float, if the float's shortest text means the same number; else an error, never a rounded value.
    pub fn to_f64(&self) -> Result<f64, NumberError> {
        let float = self.to_f64_lossy();
        match Self::parse(float.to_string()) {
            Ok(back) if back == *self => Ok(float),
            _ => Err(NumberError::NotAFloat(shown(&self.0))),
        }
    }

    /// As the nearest float.
    pub fn to_f64_lossy(&self) -> f64 {
        self.0.parse().unwrap_or(f64::NAN)
    }

    /// A float's shortest text as a number: `0.1` becomes 0.1. Infinities and NaN are errors.
    pub fn from_f64(float: f64) -> Result<Self, NumberError> {
        Self::parse(float.to_string())
    }

    /// The exact sum; an error if it has more digits than DynamoDB keeps.
    pub fn try_add(&self, other: &Self) -> Result<Self, NumberError> {
        self.add_signed(other, false)
    }

    /// The exact difference; an error if it has more digits than DynamoDB keeps.
    pub fn try_sub(&self, other: &Self) -> Result<Self, NumberError> {
        self.add_signed(other, true)
    }

    /// Whether it is zero.
    pub fn is_zero(&self) -> bool {
        self.parts().is_some_and(|parts| parts.magnitude == 0)
    }

    fn add_signed(&self, other: &Self, subtract: bool) -> Result<Self, NumberError> {
        let operation = || format!("{} {} {}", shown(&self.0), if subtract { "-" } else { "+" }, shown(&other.0));
        let read = |number: &Self| number.parts().ok_or_else(|| NumberError::Syntax(shown(&number.0)));
        let (a, mut b) = (read(self)?, read(other)?);
        b.negative ^= subtract;
        let exponent = match (a.magnitude, b.magnitude) {
            (0, _) => b.exponent,
            (_, 0) => a.exponent,
            _ => a.exponent.min(b.exponent),
        };
        // An overflow means more than 38 digits between the first of one and the last of the other.
        let (x, y) = a.aligned(exponent).zip(b.aligned(exponent)).ok_or_else(|| NumberError::TooPrecise(operation()))?;
        let (negative, magnitude) = if a.negative == b.negative {
            (a.negative, x.checked_add(y).ok_or_else(|| NumberError::TooPrecise(operation()))?)
        } else {
            ((x > y) == a.negative, x.abs_diff(y))
        };
        Parts { negative, magnitude, exponent }.trimmed().checked(&operation()).map(Parts::into_number)
    }

    fn parts(&self) -> Option<Parts> {
        Parts::read(&self.0).ok()
    }
}

impl Parts {
    fn read(text: &str) -> Result<Self, NumberError> {
        let wrong = || NumberError::Syntax(shown(text));
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            None => (unsigned, 0),
            Some((mantissa, exponent)) => {
                let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
                if digits.is_empty() || digits.len() > 9 || !digits.bytes().all(|b| b.is_ascii_digit()) {
                    return Err(wrong());
                }
                (mantissa, exponent.parse::<i64>().map_err(|_| wrong())?)
            }
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if whole.is_empty() && fraction.is_empty() {
            return Err(wrong());
        }
        let (mut magnitude, mut digits, mut zeros) = (0u128, 0u32, 0u32);
        for byte in whole.bytes().chain(fraction.bytes()) {
            match byte {
                b'0' if magnitude == 0 => {}
                b'0' => zeros += 1,
                b'1'..=b'9' => {
                    digits += zeros + 1;
                    if digits > MAX_DIGITS {
                        return Err(NumberError::TooPrecise(shown(text)));
                    }
                    magnitude = magnitude * 10u128.pow(zeros + 1) + u128::from(byte - b'0');
                    zeros = 0;
                }
                _ => return Err(wrong()),
            }
        }
        if magnitude == 0 {
            return Ok(Self { negative: false, magnitude: 0, exponent: 0 });
        }
        let fraction = i64::try_from(fraction.len()).map_err(|_| wrong())?;
        Ok(Self { negative: text.starts_with('-'), magnitude, exponent: exponent - fraction + i64::from(zeros) })
    }

    fn of(integer: i64) -> Self {
        Self { negative: integer < 0, magnitude: integer.unsigned_abs().into(), exponent: 0 }.trimmed()
    }

    /// Within DynamoDB's precision and range. `text` is for the message.
    fn checked(self, text: &str) -> Result<Self, NumberError> {
        if self.digits() > MAX_DIGITS {
            return Err(NumberError::TooPrecise(shown(text)));
        }
        if self.magnitude != 0 && !EXPONENTS.contains(&self.first_exponent()) {
            return Err(NumberError::OutOfRange(shown(text)));
        }
        Ok(self)
    }

    fn trimmed(mut self) -> Self {
        if self.magnitude == 0 {
            return Self { negative: false, magnitude: 0, exponent: 0 };
        }
        while self.magnitude % 10 == 0 {
            self.magnitude /= 10;
            self.exponent += 1;
        }
        self
    }

    fn digits(self) -> u32 {
        self.magnitude.checked_ilog10().map_or(0, |log| log + 1)
    }

    /// The power of ten of the first digit.
    fn first_exponent(self) -> i64 {
        self.exponent + i64::from(self.digits()) - 1
    }

    /// The magnitude in units of `10^exponent`, which is at most the number's own.
    fn aligned(self, exponent: i64) -> Option<u128> {
        if self.magnitude == 0 {
            return Some(0);
        }
        let shift = u32::try_from(self.exponent - exponent).ok()?;
        10u128.checked_pow(shift)?.checked_mul(self.magnitude)
    }

    fn integer(self) -> Option<i128> {
        let magnitude = i128::try_from(self.aligned(0)?).ok()?;
        Some(if self.negative { -magnitude } else { magnitude })
    }

    fn compare(self, other: Self) -> Ordering {
        let rank = |n: Self| match (n.magnitude, n.negative) {
            (0, _) => 0,
            (_, true) => -1,
            (_, false) => 1,
        };
        rank(self).cmp(&rank(other)).then_with(|| {
            let magnitude = self.first_exponent().cmp(&other.first_exponent()).then_with(|| {
                // Equal first digits' powers: aligned, both have at most 38 digits.
                let exponent = self.exponent.min(other.exponent);
                self.aligned(exponent).cmp(&other.aligned(exponent))
            });
            if self.negative { magnitude.reverse() } else { magnitude }
        })
    }

    /// Written out, unless that takes more zeros than a person would count.
    fn into_number(self) -> Number {
        let sign = if self.negative { "-" } else { "" };
        let (digits, exponent) = (self.magnitude.to_string(), self.exponent);
        let point = i64::try_from(digits.len()).unwrap_or(0) + exponent;
        Number(match usize::try_from(point) {
            _ if !(-20..=40).contains(&point) => format!("{sign}{digits}E{exponent}"),
            Ok(point) if point >= digits.len() => format!("{sign}{digits:0<point$}"),
            Ok(point) if point > 0 => {
                let (whole, fraction) = digits.split_at(point);
                format!("{sign}{whole}.{fraction}")
            }
            _ => {
                let zeros = usize::try_from(-point).unwrap_or(0);
                format!("{sign}0.{:0<zeros$}{digits}", "")
            }
        })
    }
}

/// `1,234.5` without its commas; `None` if they do not stand between groups of three digits.
fn without_separators(text: &str) -> Option<String> {
    let (whole, rest) = text.find(['.', 'e', 'E']).map_or((text, ""), |at| text.split_at(at));
    if rest.contains(',') {
        return None;
    }
    let mut groups = whole.split(',');
    let first = groups.next()?;
    let mut joined = first.to_owned();
    for group in groups {
        let lead = first.trim_start_matches(['-', '+']);
        if !(1..=3).contains(&lead.len()) || group.len() != 3 || lead.starts_with('0') {
            return None;
        }
        joined.push_str(group);
    }
    Some(joined + rest)
}

fn shown(text: &str) -> String {
    text.chars().take(64).collect()
}

impl fmt::Display for NumberError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(text) => write!(f, "{text:?} is not a decimal number"),
            Self::TooPrecise(text) => write!(f, "{text} has more than 38 significant digits, which is what DynamoDB keeps"),
            Self::OutOfRange(text) => write!(f, "{text} is outside of DynamoDB's range (1E-130 to 9.99E+125, and zero)"),
            Self::NotAnInteger { number, wanted } => write!(f, "{number} is not an integer that fits {wanted}"),
            Self::NotAFloat(number) => write!(f, "{number} is more exact than a float; read it as a Number"),
        }
    }
}

impl std::error::Error for NumberError {}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Number {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, NumberError> {
        Self::parse(text)
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Number {}

impl Hash for Number {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self.parts() {
            Some(parts) => parts.hash(state),
            None => self.0.hash(state),
        }
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.parts(), other.parts()) {
            (Some(a), Some(b)) => a.compare(b),
            (a, b) => b.is_some().cmp(&a.is_some()).then_with(|| self.0.cmp(&other.0)),
        }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

macro_rules! integers {
    ($($int:ty),*) => {$(
        impl From<$int> for Number {
            fn from(value: $int) -> Self {
                Self(value.to_string())
            }
        }
    )*};
}
integers!(i8, i16, i32, i64, isize, u8, u16, u32, u64, usize);

impl PartialEq<i64> for Number {
    fn eq(&self, other: &i64) -> bool {
        self.parts() == Some(Parts::of(*other))
    }
}

impl PartialOrd<i64> for Number {
    fn partial_cmp(&self, other: &i64) -> Option<Ordering> {
        self.parts().map(|parts| parts.compare(Parts::of(*other)))
    }
}

#[cfg(test)]
mod tests;
