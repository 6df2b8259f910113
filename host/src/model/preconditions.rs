//! What must hold of a table before a migration looks at its first item, in the migration's own words: names of its description's `extra`
//! that begin with `needs-`. They travel with the component and count in its digest, as a file beside it would not.
//!
//! | name | value | holds if |
//! | --- | --- | --- |
//! | `needs-table` | names, or patterns with `*`: `Strikes, *-Strikes` | the table is called so, by one of them |
//! | `needs-key` | the key's attributes, partition key first, each with its type if that matters: `pk:S, sk` | the key is exactly that |
//! | `needs-index` | names: `by-status, by-date` | the table has all these indexes, global or local |
//!
//! The prefix is taken: a name with it that is not known here is an error, for a precondition that nobody checks is none.

use super::description::Description;
use super::key::{KeySchema, KeyType};
use super::pattern::matches_any;

/// The prefix of their names.
const PREFIX: &str = "needs-";

/// The preconditions of a migration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preconditions {
    tables: Vec<String>,
    key: Vec<(String, Option<KeyType>)>,
    indexes: Vec<String>,
}

impl Preconditions {
    /// As a migration says them; the error says what of it is not understood.
    pub fn of(description: &Description) -> Result<Self, String> {
        let mut all = Self::default();
        for (name, value) in description.extra.iter().filter(|(name, _)| name.starts_with(PREFIX)) {
            let parts: Vec<String> = value.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect();
            let wrong = |why: &str| Err(format!("{name} = {value:?}: {why}"));
            if parts.is_empty() {
                return wrong("it names nothing");
            }
            match name.as_str() {
                "needs-table" => all.tables = parts,
                "needs-index" => all.indexes = parts,
                "needs-key" if parts.len() > 2 => return wrong("a key has one or two attributes"),
                "needs-key" => match parts.iter().map(|part| key_attribute(part)).collect() {
                    Some(key) => all.key = key,
                    None => return wrong("an attribute is its name, or with its type: pk:S, n:N, b:B"),
                },
                _ => return wrong("this host knows needs-table, needs-key and needs-index"),
            }
        }
        Ok(all)
    }

    /// What does not hold of a table, a sentence each.
    pub fn missing(&self, table: &str, key: &KeySchema, indexes: &[String]) -> Vec<String> {
        let mut missing = Vec::new();
        if !self.tables.is_empty() && !self.tables.iter().any(|pattern| matches_any(pattern, table)) {
            missing.push(format!("the table must be called {}", self.tables.join(" or ")));
        }
        if !self.key.is_empty() && !self.is_key(key) {
            let wanted = self.key.iter().map(|(name, kind)| shown(name, *kind));
            let has = key.attributes().map(|attribute| shown(&attribute.name, Some(attribute.kind)));
            let list = |names: Vec<String>| names.join(", ");
            missing.push(format!("its key must be {}, and is {}", list(wanted.collect()), list(has.collect())));
        }
        let absent: Vec<&str> = self.indexes.iter().filter(|name| !indexes.contains(name)).map(String::as_str).collect();
        if !absent.is_empty() {
            missing.push(format!("it must have the index {}", absent.join(" and ")));
        }
        missing
    }

    fn is_key(&self, key: &KeySchema) -> bool {
        key.attributes().count() == self.key.len()
            && key
                .attributes()
                .zip(&self.key)
                .all(|(has, (name, kind))| has.name == *name && kind.is_none_or(|kind| kind == has.kind))
    }
}

fn key_attribute(text: &str) -> Option<(String, Option<KeyType>)> {
    let Some((name, kind)) = text.rsplit_once(':') else { return Some((text.to_owned(), None)) };
    let kind = match kind.trim() {
        "S" => KeyType::S,
        "N" => KeyType::N,
        "B" => KeyType::B,
        _ => return None,
    };
    Some((name.trim().to_owned(), Some(kind)))
}

fn shown(name: &str, kind: Option<KeyType>) -> String {
    kind.map_or_else(|| name.to_owned(), |kind| format!("{name}:{kind:?}"))
}

#[cfg(test)]
mod tests {
    use super::super::key::KeyAttribute;
    use super::*;

    fn missing(extra: &[(&str, &str)]) -> Result<Vec<String>, String> {
        let mut description = Description::new(1, "one");
        description.extra = extra.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let attribute = |name: &str, kind| KeyAttribute { name: name.to_owned(), kind };
        let key = KeySchema { partition: attribute("pk", KeyType::S), sort: Some(attribute("sk", KeyType::N)) };
        let indexes = ["by-date".to_owned(), "by-status".to_owned()];
        Ok(Preconditions::of(&description)?.missing("prod-Strikes", &key, &indexes))
    }

    #[test]
    fn what_a_migration_needs_is_held_against_the_table() {
        for holds in [
            &[][..],
            &[("owner", "data team"), ("undo", "none")],
            &[("needs-table", "Strikes, *-Strikes")],
            &[("needs-key", "pk, sk")],
            &[("needs-key", "pk:S,sk:N"), ("needs-index", "by-status, by-date")],
        ] {
            assert_eq!(missing(holds), Ok(vec![]), "{holds:?}");
        }
        for (extra, words) in [
            (("needs-table", "Strikes"), "the table must be called Strikes"),
            (("needs-key", "pk"), "its key must be pk, and is pk:S, sk:N"),
            (("needs-key", "sk, pk"), "its key must be sk, pk, and is pk:S, sk:N"),
            (("needs-key", "pk:S, sk:S"), "its key must be pk:S, sk:S, and is pk:S, sk:N"),
            (("needs-index", "by-date, by-name"), "it must have the index by-name"),
        ] {
            assert_eq!(missing(&[extra]), Ok(vec![words.to_owned()]));
        }
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        for extra in [("needs-key", "a, b, c"), ("needs-key", "a:X"), ("needs-index", " "), ("needs-colour", "red")] {
            assert!(missing(&[extra]).is_err_and(|words| words.starts_with(extra.0)), "{extra:?}");
        }
    }
}
