//! An item, or a map within one: attributes by name.

use std::collections::BTreeMap;
use std::{collections::btree_map, fmt};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::number::Number;
use crate::value::Value;

/// An item of a table, or a map within one: attributes by name, in the order of their names.
///
/// A name is taken as it is: dots, brackets, blanks and `$` mean nothing in it. What lies deeper is reached by a
/// [`path!`](crate::path).
///
/// ```
/// use drift_sdk::prelude::*;
///
/// let mut strike = item! { "Id" => 7, "Cost Total $" => "1,250", "Wildlife.Size" => "Small" };
/// strike.rename("Wildlife.Size", "size")?;
/// if let Some(total) = strike.parsed_number("Cost Total $")? {
///     strike.set("costs", item! { "total" => total });
/// }
/// strike.remove("Cost Total $");
/// assert_eq!(strike, item! { "Id" => 7, "size" => "Small", "costs" => item! { "total" => 1250 } });
/// assert_eq!(
///     strike.number("size").unwrap_err().to_string(),
///     r#"attribute "size": expected a number (N), found the string (S) "Small""#
/// );
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Item(BTreeMap<String, Value>);

/// The attributes of a map value: the very same type, with the same methods.
pub type Map = Item;

impl Item {
    /// No attributes.
    pub fn new() -> Self {
        Self::default()
    }

    /// An item of anything that serde serializes as a map: see [`Value::of`].
    pub fn of<T: Serialize + ?Sized>(source: &T) -> Result<Self> {
        match Value::of(source)? {
            Value::M(map) => Ok(map),
            other => Err(Error::new(format_args!("an item is a map; this is {}", other.found()))),
        }
    }

    /// The item as any type that serde can deserialize: see [`Value::to`].
    pub fn to<'a, T: Deserialize<'a>>(&'a self) -> Result<T> {
        Ok(crate::de::item(self)?)
    }

    /// The value of an attribute.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// The value of an attribute, to be changed in place.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        self.0.get_mut(name)
    }

    /// Whether there is such an attribute. NULL counts.
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Sets an attribute; gives the value that it had.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<Value>) -> Option<Value> {
        self.0.insert(name.into(), value.into())
    }

    /// Sets an attribute if there is a value for it; else the item stays as it is.
    pub fn set_some(&mut self, name: impl Into<String>, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.set(name, value);
        }
    }

    /// Takes an attribute out; gives the value that it had.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name)
    }

    /// Gives an attribute another name. `false`: there is no attribute `from`. An error if there is one called `to`, which
    /// would be lost.
    pub fn rename(&mut self, from: &str, to: impl Into<String>) -> Result<bool> {
        let to = to.into();
        if from == to {
            return Ok(self.contains(from));
        }
        if !self.contains(from) {
            return Ok(false);
        }
        if self.contains(&to) {
            return Err(Error::new(format_args!("attribute {from:?} cannot be called {to:?}: there is one already")));
        }
        if let Some(value) = self.remove(from) {
            self.set(to, value);
        }
        Ok(true)
    }

    /// The text of an attribute that must be a string (S). The error names the attribute and what was found.
    pub fn text(&self, name: &str) -> Result<&str> {
        self.typed(name, "a string (S)", Value::as_text)
    }

    /// The number of an attribute that must be one (N). For a number in a string: [`Item::parsed_number`].
    pub fn number(&self, name: &str) -> Result<&Number> {
        self.typed(name, "a number (N)", Value::as_number)
    }

    /// The boolean of an attribute that must be one (BOOL).
    pub fn boolean(&self, name: &str) -> Result<bool> {
        self.typed(name, "a boolean (BOOL)", Value::as_bool)
    }

    /// The bytes of an attribute that must be a binary (B).
    pub fn binary(&self, name: &str) -> Result<&[u8]> {
        self.typed(name, "a binary (B)", Value::as_binary)
    }

    /// The elements of an attribute that must be a list (L).
    pub fn list(&self, name: &str) -> Result<&[Value]> {
        self.typed(name, "a list (L)", Value::as_list)
    }

    /// The attributes of an attribute that must be a map (M).
    pub fn map(&self, name: &str) -> Result<&Map> {
        self.typed(name, "a map (M)", Value::as_map)
    }

    /// As [`Item::map`], to be changed in place.
    pub fn map_mut(&mut self, name: &str) -> Result<&mut Map> {
        self.map(name)?;
        match self.get_mut(name) {
            Some(Value::M(map)) => Ok(map),
            _ => Err(missing(name)),
        }
    }

    /// The number in an attribute that is one, or is text in which people wrote one ([`Number::parse_messy`]).
    /// `None` if the attribute is missing, NULL or blank; an error that names it if it holds anything else.
    pub fn parsed_number(&self, name: &str) -> Result<Option<Number>> {
        let parsed = self.get(name).map(Value::parsed_number).transpose();
        parsed.map(Option::flatten).map_err(|error| error.within(attribute(name)))
    }

    /// An attribute as any type that serde can deserialize: see [`Value::to`]. A missing or NULL one is `None` of
    /// an `Option`.
    pub fn read<'a, T: Deserialize<'a>>(&'a self, name: &str) -> Result<T> {
        match self.get(name) {
            Some(value) => value.to().map_err(|error| error.within(attribute(name))),
            // Only an `Option` takes it.
            None => crate::de::missing().map_err(|_| missing(name)),
        }
    }

    /// The attributes of these names, those that are there: a key, say.
    pub fn pick<N: AsRef<str>>(&self, names: impl IntoIterator<Item = N>) -> Self {
        let found = names.into_iter().filter_map(|name| self.0.get_key_value(name.as_ref()));
        found.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// Names and values, in the order of the names.
    pub fn iter(&self) -> btree_map::Iter<'_, String, Value> {
        self.0.iter()
    }

    /// Names and values, the values to be changed in place.
    pub fn iter_mut(&mut self) -> btree_map::IterMut<'_, String, Value> {
        self.0.iter_mut()
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Keeps only the attributes for which this holds.
    pub fn retain(&mut self, keep: impl FnMut(&String, &mut Value) -> bool) {
        self.0.retain(keep);
    }

    /// How many attributes there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn entry(&mut self, name: &str) -> btree_map::Entry<'_, String, Value> {
        self.0.entry(name.to_owned())
    }

    fn typed<'a, T>(&'a self, name: &str, wanted: &str, as_wanted: impl Fn(&'a Value) -> Option<T>) -> Result<T> {
        let value = self.get(name).ok_or_else(|| missing(name))?;
        value.wanted(wanted, as_wanted(value)).map_err(|error| error.within(attribute(name)))
    }
}

pub(crate) fn attribute(name: &str) -> String {
    format!("attribute {name:?}")
}

fn missing(name: &str) -> Error {
    Error::new(format_args!("attribute {name:?} is missing"))
}

/// As DynamoDB JSON, for the eye.
impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(&self.0).finish()
    }
}

impl<N: Into<String>, V: Into<Value>> FromIterator<(N, V)> for Item {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(attributes: I) -> Self {
        Self(attributes.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl<N: Into<String>, V: Into<Value>> Extend<(N, V)> for Item {
    fn extend<I: IntoIterator<Item = (N, V)>>(&mut self, attributes: I) {
        self.0.extend(attributes.into_iter().map(|(name, value)| (name.into(), value.into())));
    }
}

impl<N: Into<String>, V: Into<Value>, const COUNT: usize> From<[(N, V); COUNT]> for Item {
    fn from(attributes: [(N, V); COUNT]) -> Self {
        attributes.into_iter().collect()
    }
}

impl From<BTreeMap<String, Value>> for Item {
    fn from(attributes: BTreeMap<String, Value>) -> Self {
        Self(attributes)
    }
}

impl IntoIterator for Item {
    type Item = (String, Value);
    type IntoIter = btree_map::IntoIter<String, Value>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Item {
    type Item = (&'a String, &'a Value);
    type IntoIter = btree_map::Iter<'a, String, Value>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

/// An [`Item`] of names and values: `item! { "Id" => 7, "name" => "x" }`.
#[macro_export]
macro_rules! item {
    ($($name:expr => $value:expr),* $(,)?) => {{
        #[allow(unused_mut)]
        let mut item = $crate::Item::new();
        $(item.set($name, $value);)*
        item
    }};
}
