//! A value with DynamoDB's own type descriptors, and attributes as a list sorted by name.

use serde::{Deserialize, Serialize};

use super::number::Number;

/// A DynamoDB value. The variants carry DynamoDB's type descriptors as names.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Value {
    /// String.
    S(String),
    /// Number, exact.
    N(Number),
    /// Binary.
    B(Vec<u8>),
    /// Boolean.
    Bool(bool),
    /// Null.
    Null,
    /// Set of strings.
    Ss(Vec<String>),
    /// Set of numbers.
    Ns(Vec<Number>),
    /// Set of binaries.
    Bs(Vec<Vec<u8>>),
    /// List.
    L(Vec<Value>),
    /// Map.
    M(Attributes),
}

impl Value {
    /// DynamoDB's descriptor of the value's type: `S`, `N`, `BOOL`, …
    pub fn descriptor(&self) -> &'static str {
        match self {
            Self::S(_) => "S",
            Self::N(_) => "N",
            Self::B(_) => "B",
            Self::Bool(_) => "BOOL",
            Self::Null => "NULL",
            Self::Ss(_) => "SS",
            Self::Ns(_) => "NS",
            Self::Bs(_) => "BS",
            Self::L(_) => "L",
            Self::M(_) => "M",
        }
    }

    /// The text of a string value.
    pub fn as_s(&self) -> Option<&str> {
        match self {
            Self::S(text) => Some(text),
            _ => None,
        }
    }

    /// The number of a number value.
    pub fn as_n(&self) -> Option<&Number> {
        match self {
            Self::N(number) => Some(number),
            _ => None,
        }
    }

    /// The flag of a boolean value.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(flag) => Some(*flag),
            _ => None,
        }
    }
}

impl PartialEq for Value {
    /// DynamoDB's equality: by type and value; numbers by value; sets whatever their order.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::S(a), Self::S(b)) => a == b,
            (Self::N(a), Self::N(b)) => a == b,
            (Self::B(a), Self::B(b)) => a == b,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Null, Self::Null) => true,
            (Self::Ss(a), Self::Ss(b)) => same_set(a, b),
            (Self::Ns(a), Self::Ns(b)) => same_set(a, b),
            (Self::Bs(a), Self::Bs(b)) => same_set(a, b),
            (Self::L(a), Self::L(b)) => a == b,
            (Self::M(a), Self::M(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Value {}

fn same_set<T: Ord>(a: &[T], b: &[T]) -> bool {
    let sorted = |set: &[T]| {
        let mut order: Vec<usize> = (0..set.len()).collect();
        order.sort_by(|&x, &y| set.get(x).cmp(&set.get(y)));
        order
    };
    a.len() == b.len() && sorted(a).into_iter().zip(sorted(b)).all(|(x, y)| a.get(x) == b.get(y))
}

/// Attributes by name, in the order of their names, each name once. An item, or the content of a map.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Attributes(Vec<(String, Value)>);

/// A whole item.
pub type Item = Attributes;

impl Attributes {
    /// No attributes.
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of an attribute.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.position(name).ok().and_then(|at| self.0.get(at)).map(|(_, value)| value)
    }

    /// Whether there is such an attribute.
    pub fn contains(&self, name: &str) -> bool {
        self.position(name).is_ok()
    }

    /// Sets an attribute; returns the value it had.
    pub fn insert(&mut self, name: impl Into<String>, value: Value) -> Option<Value> {
        let name = name.into();
        match self.position(&name) {
            Ok(at) => self.0.get_mut(at).map(|(_, old)| std::mem::replace(old, value)),
            Err(at) => {
                self.0.insert(at, (name, value));
                None
            }
        }
    }

    /// Takes an attribute out.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        self.position(name).ok().map(|at| self.0.remove(at).1)
    }

    /// Names and values, in the order of the names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> + Clone {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The names, in order.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> + Clone {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// How many attributes there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Makes attributes of pairs; the first name that occurs twice is the error.
    pub fn from_unique(mut pairs: Vec<(String, Value)>) -> Result<Self, String> {
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
        match pairs.windows(2).find_map(|w| matches!(w, [a, b] if a.0 == b.0).then(|| w.first().map(|p| p.0.clone()))) {
            Some(name) => Err(name.unwrap_or_default()),
            None => Ok(Self(pairs)),
        }
    }

    fn position(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(have, _)| have.as_str().cmp(name))
    }
}

impl<N: Into<String>> FromIterator<(N, Value)> for Attributes {
    /// Of a name that occurs twice, the last value counts.
    fn from_iter<I: IntoIterator<Item = (N, Value)>>(pairs: I) -> Self {
        let mut pairs: Vec<(String, Value)> = pairs.into_iter().map(|(name, value)| (name.into(), value)).collect();
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
        pairs.dedup_by(|later, earlier| {
            let same = later.0 == earlier.0;
            if same {
                std::mem::swap(later, earlier);
            }
            same
        });
        Self(pairs)
    }
}

impl IntoIterator for Attributes {
    type Item = (String, Value);
    type IntoIter = std::vec::IntoIter<(String, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Attributes {
    type Item = (&'a str, &'a Value);
    type IntoIter = std::iter::Map<std::slice::Iter<'a, (String, Value)>, fn(&'a (String, Value)) -> (&'a str, &'a Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }
}

macro_rules! into_value {
    ($($from:ty => $variant:ident),* $(,)?) => {$(
        impl From<$from> for Value {
            fn from(value: $from) -> Self {
                Self::$variant(value.into())
            }
        }
    )*};
}
into_value!(&str => S, String => S, Number => N, i32 => N, i64 => N, u32 => N, u64 => N, usize => N, bool => Bool, Vec<Value> => L, Attributes => M);

#[cfg(test)]
mod tests {
    use super::*;

    fn n(text: &str) -> Number {
        Number::parse(text).unwrap()
    }

    #[test]
    fn equality_is_dynamodbs() {
        assert_eq!(Value::N(n("10")), Value::N(n("10.0")));
        assert_eq!(Value::Ss(vec!["a".into(), "b".into()]), Value::Ss(vec!["b".into(), "a".into()]));
        assert_eq!(Value::Ns(vec![n("1"), n("2.0")]), Value::Ns(vec![n("2"), n("1.0")]));
        assert_ne!(Value::Ss(vec!["a".into()]), Value::Ss(vec!["a".into(), "b".into()]));
        assert_ne!(Value::L(vec![1.into(), 2.into()]), Value::L(vec![2.into(), 1.into()]), "lists keep their order");
        assert_ne!(Value::S("1".into()), Value::N(n("1")));
        assert_ne!(Value::Null, Value::Bool(false));
    }

    #[test]
    fn attributes_are_sorted_and_unique() {
        let mut item: Item = [("b", 1.into()), ("a", 2.into()), ("b", Value::from(3))].into_iter().collect();
        assert_eq!(item.names().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(item.get("b"), Some(&3.into()), "the last one counts");
        assert_eq!(item.insert("aa", "x".into()), None);
        assert_eq!(item.insert("a", "y".into()), Some(2.into()));
        assert_eq!(item.remove("zz"), None);
        assert_eq!(item.names().collect::<Vec<_>>(), ["a", "aa", "b"]);
        let twice = vec![("k".to_string(), Value::Null), ("j".to_string(), Value::Null), ("k".to_string(), Value::Null)];
        assert_eq!(Attributes::from_unique(twice), Err("k".into()));
    }
}
