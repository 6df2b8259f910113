//! What lies deeper in an item, step by step.

use std::fmt;

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::item::{Item, Map};
use crate::value::Value;

/// One step down: into a map by name, or into a list by position (from 0).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// An attribute of an item or a map. The name is taken as it is.
    Name(&'a str),
    /// An element of a list.
    Position(usize),
}

impl<'a> From<&'a str> for Step<'a> {
    fn from(name: &'a str) -> Self {
        Self::Name(name)
    }
}

impl<'a> From<&'a String> for Step<'a> {
    fn from(name: &'a String) -> Self {
        Self::Name(name)
    }
}

impl From<usize> for Step<'_> {
    fn from(position: usize) -> Self {
        Self::Position(position)
    }
}

/// A path into an item: names and positions, one step each, so that a name may hold dots and brackets.
///
/// ```
/// use drift_sdk::prelude::*;
///
/// let mut order = item! { "legs" => vec![item! { "from.airport" => "MSY" }.into()] };
/// assert_eq!(order.get_at(path!["legs", 0, "from.airport"]), Some(&"MSY".into()));
/// order.set_at(path!["totals", "usd"], 12)?;
/// assert_eq!(order.read_at::<u32>(path!["totals", "usd"])?, 12);
/// assert_eq!(order.remove_at(path!["totals", "usd"]), Some(12.into()));
/// assert_eq!(
///     order.read_at::<u32>(path!["legs", 0, "from.airport"]).unwrap_err().to_string(),
///     r#"at "legs", 0, "from.airport": expected a number (N), found the string (S) "MSY""#
/// );
/// # Ok::<(), Error>(())
/// ```
#[macro_export]
macro_rules! path {
    ($($step:expr),+ $(,)?) => { [$($crate::Step::from($step)),+] };
}

impl Item {
    /// The value at the end of a path.
    pub fn get_at<'p>(&self, path: impl AsRef<[Step<'p>]>) -> Option<&Value> {
        let (first, rest) = path.as_ref().split_first()?;
        let Step::Name(name) = first else { return None };
        rest.iter().try_fold(self.get(name)?, Value::step)
    }

    /// The value at the end of a path, to be changed in place.
    pub fn get_at_mut<'p>(&mut self, path: impl AsRef<[Step<'p>]>) -> Option<&mut Value> {
        let (first, rest) = path.as_ref().split_first()?;
        let Step::Name(name) = first else { return None };
        rest.iter().try_fold(self.get_mut(name)?, Value::step_mut)
    }

    /// The value at the end of a path as any type that serde can deserialize: see [`Value::to`]. Missing or NULL
    /// is `None` of an `Option`.
    pub fn read_at<'a, 'p, T: Deserialize<'a>>(&'a self, path: impl AsRef<[Step<'p>]>) -> Result<T> {
        let path = path.as_ref();
        match self.get_at(path) {
            Some(value) => value.to().map_err(|error| error.within(format_args!("at {}", Shown(path)))),
            None => crate::de::missing().map_err(|_| Error::new(format_args!("at {}: there is nothing", Shown(path)))),
        }
    }

    /// Sets the value at the end of a path; maps that are missing on the way are made. An element of a list can be
    /// replaced, or added just after the last one. An error if the way leads through anything else.
    pub fn set_at<'p>(&mut self, path: impl AsRef<[Step<'p>]>, value: impl Into<Value>) -> Result<()> {
        let path = path.as_ref();
        let wrong = |what: &str| Error::new(format_args!("at {}: {what}", Shown(path)));
        let Some((Step::Name(first), rest)) = path.split_first() else {
            return Err(wrong("a path begins with a name"));
        };
        if rest.is_empty() {
            self.set(*first, value);
            return Ok(());
        }
        if !self.contains(first) {
            self.set(*first, Map::new());
        }
        let mut at = self.get_mut(first).ok_or_else(|| wrong("there is nothing"))?;
        for step in rest {
            at = match (at, step) {
                (Value::M(map), Step::Name(name)) => map.entry_or_map(name),
                (Value::L(list), Step::Position(position)) => {
                    if list.len() == *position {
                        list.push(Value::M(Map::new()));
                    }
                    list.get_mut(*position).ok_or_else(|| wrong("the list is shorter"))?
                }
                (found, Step::Name(_)) => return Err(wrong(&format!("expected a map (M), found {}", found.found()))),
                (found, Step::Position(_)) => return Err(wrong(&format!("expected a list (L), found {}", found.found()))),
            };
        }
        *at = value.into();
        Ok(())
    }

    /// Takes out the value at the end of a path, and gives it; what it stood in stays, even if it is empty now.
    pub fn remove_at<'p>(&mut self, path: impl AsRef<[Step<'p>]>) -> Option<Value> {
        let (last, above) = path.as_ref().split_last()?;
        if above.is_empty() {
            let Step::Name(name) = last else { return None };
            return self.remove(name);
        }
        match (self.get_at_mut(above)?, last) {
            (Value::M(map), Step::Name(name)) => map.remove(name),
            (Value::L(list), Step::Position(position)) if *position < list.len() => Some(list.remove(*position)),
            _ => None,
        }
    }

    fn entry_or_map(&mut self, name: &str) -> &mut Value {
        self.entry(name).or_insert_with(|| Value::M(Map::new()))
    }
}

impl Value {
    fn step<'a>(&'a self, step: &Step<'_>) -> Option<&'a Value> {
        match (self, step) {
            (Self::M(map), Step::Name(name)) => map.get(name),
            (Self::L(list), Step::Position(position)) => list.get(*position),
            _ => None,
        }
    }

    fn step_mut<'a>(&'a mut self, step: &Step<'_>) -> Option<&'a mut Value> {
        match (self, step) {
            (Self::M(map), Step::Name(name)) => map.get_mut(name),
            (Self::L(list), Step::Position(position)) => list.get_mut(*position),
            _ => None,
        }
    }
}

/// A path for a message: its steps as they are written.
struct Shown<'a>(&'a [Step<'a>]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            f.write_str(if at == 0 { "" } else { ", " })?;
            match step {
                Step::Name(name) => write!(f, "{name:?}")?,
                Step::Position(position) => write!(f, "{position}")?,
            }
        }
        Ok(())
    }
}
