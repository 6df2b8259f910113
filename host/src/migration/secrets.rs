//! Secret arguments: values that a migration is given and nobody keeps.
//!
//! A run keeps where each value comes from ([`SecretArgument`]). The values themselves ([`Secrets`]) are read anew by each
//! process, cannot be serialized, show as their names, and are masked in whatever the migration says: as they stand, as Rust's
//! `{:?}` writes them, and each longer line of one that has several. An answer that would write one is refused, for it would
//! stand in the journal. What is not caught: a migration that encodes or cuts a value. It is trusted with it.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::model::{Action, Attributes, Target, Value};

/// What stands in the place of a value.
const MASK: &str = "*****";
/// Lines of a value that are masked by themselves have so many bytes at least: shorter ones say little, and stand everywhere.
const LINE: usize = 8;

/// An argument whose value stands in an environment variable. As text: `name=env:VARIABLE`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretArgument {
    /// What the migration asks for.
    pub name: String,
    /// The environment variable of this process.
    pub variable: String,
}

/// A secret argument cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the secret argument {name} is read from the environment variable {variable}, which {problem}. Set it, and start again")]
pub struct SecretError {
    name: String,
    variable: String,
    problem: &'static str,
}

impl FromStr for SecretArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // Whoever forgets `env:` has written the value itself, which must not be said again.
        let wrong = || "the form is NAME=env:VARIABLE: token=env:API_TOKEN, say".to_owned();
        let (name, variable) = text.split_once("=env:").ok_or_else(wrong)?;
        match name.is_empty() || name.contains('=') || variable.is_empty() || variable.contains(['=', '\0']) {
            true => Err(wrong()),
            false => Ok(Self { name: name.to_owned(), variable: variable.to_owned() }),
        }
    }
}

impl fmt::Display for SecretArgument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=env:{}", self.name, self.variable)
    }
}

/// The values of secret arguments.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secrets(Vec<Secret>);

#[derive(Clone, PartialEq, Eq)]
struct Secret {
    name: String,
    value: String,
    /// The texts that give it away, longest first.
    forms: Vec<String>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().map(|secret| (&secret.name, MASK))).finish()
    }
}

impl Secrets {
    /// Reads the values from this process's environment; the error names the variable that is missing, empty or no text.
    pub fn read(arguments: &[SecretArgument]) -> Result<Self, SecretError> {
        let each = arguments.iter().map(|SecretArgument { name, variable }| {
            let error = |problem| SecretError { name: name.clone(), variable: variable.clone(), problem };
            match std::env::var(variable) {
                Ok(value) if value.is_empty() => Err(error("is empty")),
                Ok(value) => Ok(Secret::new(name.clone(), value)),
                Err(std::env::VarError::NotPresent) => Err(error("is not set")),
                Err(std::env::VarError::NotUnicode(_)) => Err(error("is no UTF-8 text")),
            }
        });
        each.collect::<Result<_, _>>().map(Self)
    }

    /// The value of an argument.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|secret| secret.name == name).map(|secret| secret.value.as_str())
    }

    /// Bytes of the longest text that gives a value away; 0 without secret arguments.
    pub fn longest(&self) -> usize {
        self.0.iter().flat_map(|secret| &secret.forms).map(String::len).max().unwrap_or(0)
    }

    /// The text without any of the values.
    pub fn mask<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut masked = Cow::Borrowed(text);
        for form in self.0.iter().flat_map(|secret| &secret.forms) {
            if masked.contains(form.as_str()) {
                masked = Cow::Owned(masked.replace(form.as_str(), MASK));
            }
        }
        masked
    }

    /// The name of the argument whose value would be written by these actions, if one would.
    pub fn written_by(&self, actions: &[Action]) -> Option<&str> {
        let written = |secret: &&Secret| actions.iter().any(|action| secret.is_in_action(action));
        self.0.iter().find(written).map(|secret| secret.name.as_str())
    }
}

impl Secret {
    fn new(name: String, value: String) -> Self {
        let debug = value.escape_debug().to_string();
        let lines = value.lines().filter(|line| line.len() >= LINE).map(str::to_owned);
        let mut forms: Vec<String> = lines.chain([value.clone(), debug]).collect();
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        forms.dedup();
        Self { name, value, forms }
    }

    fn is_in(&self, text: &str) -> bool {
        self.forms.iter().any(|form| text.contains(form.as_str()))
    }

    fn is_in_bytes(&self, bytes: &[u8]) -> bool {
        self.forms.iter().any(|form| bytes.windows(form.len()).any(|window| window == form.as_bytes()))
    }

    fn is_in_action(&self, action: &Action) -> bool {
        let target = |target: &Target| match target {
            Target::This => false,
            Target::Other(address) => self.is_in_attributes(address.key.attributes()),
        };
        match action {
            Action::Patch(patch) => self.is_in_attributes(&patch.set) || patch.remove.iter().any(|name| self.is_in(name)),
            Action::Insert(insert) | Action::Withdraw(insert) => self.is_in_attributes(&insert.item),
            Action::Update(update) => {
                let texts = std::iter::once(&update.expression).chain(&update.condition);
                let names = update.names.iter().map(|(_, attribute)| attribute);
                texts.chain(names).any(|text| self.is_in(text)) || self.is_in_attributes(&update.values) || target(&update.target)
            }
            Action::Delete(deleted) => target(deleted),
        }
    }

    fn is_in_attributes(&self, attributes: &Attributes) -> bool {
        attributes.iter().any(|(name, value)| self.is_in(name) || self.is_in_value(value))
    }

    fn is_in_value(&self, value: &Value) -> bool {
        match value {
            Value::S(text) => self.is_in(text),
            // A short number stands in many; the value itself is meant.
            Value::N(number) => number.as_str() == self.value,
            Value::Ns(set) => set.iter().any(|number| number.as_str() == self.value),
            Value::B(bytes) => self.is_in_bytes(bytes),
            Value::Ss(set) => set.iter().any(|text| self.is_in(text)),
            Value::Bs(set) => set.iter().any(|bytes| self.is_in_bytes(bytes)),
            Value::L(list) => list.iter().any(|value| self.is_in_value(value)),
            Value::M(map) => self.is_in_attributes(map),
            Value::Bool(_) | Value::Null => false,
        }
    }
}

#[cfg(test)]
impl Secrets {
    /// One argument `token` with this value.
    pub(crate) fn of(value: &str) -> Self {
        Self(vec![Secret::new("token".into(), value.into())])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Patch;

    #[test]
    fn a_reference_names_a_variable_and_a_wrong_one_is_not_said_again() {
        let read: SecretArgument = "token=env:API_TOKEN".parse().unwrap();
        assert_eq!((read.name.as_str(), read.variable.as_str()), ("token", "API_TOKEN"));
        assert_eq!(read.to_string(), "token=env:API_TOKEN");
        for wrong in ["token=hunter2", "=env:X", "token=env:", "token", "a=b=env:X"] {
            let error = wrong.parse::<SecretArgument>().unwrap_err();
            assert!(error.contains("NAME=env:VARIABLE") && !error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_value_is_masked_as_it_stands_as_debug_writes_it_and_line_by_line() {
        let secrets = Secrets::of("open \"sesame\"\nsecond line");
        for told in ["{} is it", "{:?}", "open \"sesame\"", "a second line of it"] {
            let text =
                told.replace("{:?}", "\"open \\\"sesame\\\"\\nsecond line\"").replace("{}", "open \"sesame\"\nsecond line");
            let masked = secrets.mask(&text);
            assert!(masked.contains(MASK) && !masked.contains("sesame") && !masked.contains("second line"), "{masked}");
        }
        assert_eq!(secrets.mask("nothing of it"), "nothing of it");
        assert!(!format!("{secrets:?}").contains("sesame"));
    }

    #[test]
    fn a_value_is_found_wherever_an_action_would_write_it() {
        let secrets = Secrets::of("hunter2");
        let patch =
            |name: &str, value: Value| vec![Action::Patch(Patch { set: [(name, value)].into_iter().collect(), remove: vec![] })];
        let nested = Value::L(vec![Value::M([("a", Value::B(b"xhunter2x".to_vec()))].into_iter().collect())]);
        for value in ["hunter2".into(), "it is hunter2!".into(), Value::Ss(vec!["hunter2".into()]), nested] {
            assert_eq!(secrets.written_by(&patch("a", value)), Some("token"));
        }
        assert_eq!(secrets.written_by(&patch("hunter2", Value::Null)), Some("token"));
        assert_eq!(secrets.written_by(&patch("a", "hunter".into())), None);
    }
}
