//! Values masked: a fixture made of a real item shows the shape of its data and none of the data.
//!
//! Letters become letters of the same case, digits digits, binaries random bytes of the same length; blanks, punctuation,
//! booleans and names of attributes stay. Equal values become equal ones within one recording, so that items that refer to
//! each other still do. A text of digits and separators that could be a date stays one that can be read: each of its digits
//! becomes a digit that is not above it.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use crate::model::{Attributes, Item, Number, Value};

/// One recording's way of masking; another recording masks otherwise.
#[derive(Clone, Copy, Debug)]
pub struct Mask {
    secret: u64,
}

impl Mask {
    /// With a secret of its own.
    pub fn new() -> Self {
        Self { secret: fastrand::u64(..) }
    }

    /// The item with every value masked.
    pub fn item(&self, item: &Item) -> Item {
        item.iter().map(|(name, value)| (name, self.value(value))).collect()
    }

    /// The value masked.
    pub(crate) fn value(&self, value: &Value) -> Value {
        match value {
            Value::S(text) => Value::S(self.text(text)),
            Value::N(number) => Value::N(self.number(number)),
            Value::B(bytes) => Value::B(self.bytes(bytes)),
            Value::Bool(_) | Value::Null => value.clone(),
            Value::Ss(set) => Value::Ss(distinct(set, |text| self.text(text))),
            Value::Ns(set) => Value::Ns(distinct(set, |number| self.number(number))),
            Value::Bs(set) => Value::Bs(distinct(set, |bytes| self.bytes(bytes))),
            Value::L(list) => Value::L(list.iter().map(|child| self.value(child)).collect()),
            Value::M(map) => Value::M(map.iter().map(|(name, child)| (name, self.value(child))).collect::<Attributes>()),
        }
    }

    fn dice(&self, original: &(impl Hash + ?Sized)) -> fastrand::Rng {
        let mut hasher = DefaultHasher::new();
        (self.secret, original).hash(&mut hasher);
        fastrand::Rng::with_seed(hasher.finish())
    }

    fn text(&self, text: &str) -> String {
        let mut dice = self.dice(text);
        let date = could_be_a_date(text);
        let masked = text.chars().map(|c| match c {
            '0'..='9' if date => lower_digit(c, &mut dice),
            '0'..='9' => dice.char('0'..='9'),
            c if c.is_uppercase() => dice.char('A'..='Z'),
            c if c.is_alphabetic() => dice.char('a'..='z'),
            c => c,
        });
        masked.collect()
    }

    /// A number with as many digits: the first of them stays none if it was none, so that its text stays as it was written.
    fn number(&self, number: &Number) -> Number {
        let mut dice = self.dice(&number.canonical_text());
        let (digits, exponent) = match number.as_str().find(['e', 'E']) {
            Some(at) => number.as_str().split_at(at),
            None => (number.as_str(), ""),
        };
        let masked: String = digits
            .chars()
            .map(|c| if matches!(c, '1'..='9') { dice.char('1'..='9') } else { c })
            .chain(exponent.chars())
            .collect();
        // Digits of the same number at the same places are in DynamoDB's range too.
        Number::parse(masked).unwrap_or_else(|_| number.clone())
    }

    fn bytes(&self, bytes: &[u8]) -> Vec<u8> {
        let mut dice = self.dice(bytes);
        bytes.iter().map(|_| dice.u8(..)).collect()
    }
}

impl Default for Mask {
    fn default() -> Self {
        Self::new()
    }
}

/// The masked elements of a set; one that came out as another did is left out, as a set holds nothing twice.
fn distinct<T: PartialEq>(set: &[T], mask: impl Fn(&T) -> T) -> Vec<T> {
    let mut masked = Vec::with_capacity(set.len());
    for element in set.iter().map(mask) {
        if !masked.contains(&element) {
            masked.push(element);
        }
    }
    masked
}

/// `2015-03-07T10:00:00Z`, `3/7/2015 0:00`, `7.3.2015`: two separators at least between digits, and little else.
fn could_be_a_date(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let separators = text.bytes().filter(|byte| matches!(byte, b'-' | b'/' | b'.' | b':')).count();
    let rest =
        text.bytes().filter(|byte| !byte.is_ascii_digit() && !matches!(byte, b'-' | b'/' | b'.' | b':' | b' ' | b'+')).count();
    (4..=24).contains(&digits) && (2..=8).contains(&separators) && rest <= 3
}

/// 1 to `c`; 0 of 0: a month stays a month, and a day a day.
fn lower_digit(c: char, dice: &mut fastrand::Rng) -> char {
    if c == '0' { '0' } else { dice.char('1'..=c) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shape_stays_and_the_data_goes() {
        let mask = Mask { secret: 7 };
        let text = mask.text("Jane DOE, 12 Elm St. #4 – Zürich");
        assert_eq!(text.chars().count(), "Jane DOE, 12 Elm St. #4 – Zürich".chars().count());
        let punctuation = |text: &str| text.match_indices(|c| " ,.#–".contains(c)).map(|(_, c)| c.to_owned()).collect::<Vec<_>>();
        assert_eq!(punctuation(&text), punctuation("Jane DOE, 12 Elm St. #4 – Zürich"));
        assert_ne!(text, "Jane DOE, 12 Elm St. #4 – Zürich");
        assert_eq!(text, mask.text("Jane DOE, 12 Elm St. #4 – Zürich"), "equal values stay equal");
        assert_ne!(text, Mask { secret: 8 }.text("Jane DOE, 12 Elm St. #4 – Zürich"));
    }

    #[test]
    fn a_date_stays_one() {
        for secret in 0..200 {
            let masked = Mask { secret }.text("2015-12-31T23:59:59Z");
            let parts: Vec<u32> = masked.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok()).collect();
            assert!(matches!(parts[..], [_, 1..=12, 1..=31, 0..=23, 0..=59, 0..=59]), "{masked}");
        }
    }

    #[test]
    fn a_number_keeps_its_digits_count_and_place() {
        for (secret, text) in (0u64..).zip(["-120.50", "9.99E+125", "0", "12345678901234567890123456789012345678"]) {
            let masked = Mask { secret }.number(&Number::parse(text).unwrap());
            assert_eq!(masked.as_str().len(), text.len());
            assert_eq!(masked.as_str().find('.'), text.find('.'));
        }
    }

    #[test]
    fn sets_stay_sets() {
        let set: Vec<String> = (0..10).map(|n| n.to_string()).collect();
        let Value::Ss(masked) = Mask { secret: 1 }.value(&Value::Ss(set)) else { panic!("no set") };
        let mut once = masked.clone();
        once.sort();
        once.dedup();
        assert!(!masked.is_empty() && once.len() == masked.len());
    }
}
