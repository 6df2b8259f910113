//! What `--load` says: which file fills which table, and what that table's key is. Decoded once, here.

use std::fmt;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// One file to be loaded into one table.
///
/// Written `TABLE:KEY=FILE`, `TABLE:PARTITION,SORT=FILE`, or `TABLE:+KEY=FILE`, where `+` has the rows numbered from 1 and
/// their number kept in the attribute `KEY`. `TABLE:+KEY*20=FILE` reads the file twenty times over, numbering on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Load {
    table: String,
    key: LoadKey,
    file: PathBuf,
}

/// Where the keys of a loaded table come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadKey {
    /// Attributes that every row has.
    Attributes {
        /// The partition key.
        partition: String,
        /// The sort key, if there is one.
        sort: Option<String>,
    },
    /// The row's number, from 1, as a number attribute that no row may have already.
    Numbered {
        /// The attribute's name.
        attribute: String,
        /// How many times the file is read.
        times: NonZeroU32,
    },
}

/// A text that is no load.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadSpecError {
    /// No `:` or no `=`, or nothing between them.
    #[error("{missing}; write TABLE:KEY=FILE, TABLE:PARTITION,SORT=FILE or TABLE:+KEY=FILE (+ numbers the rows)")]
    Incomplete {
        /// What is not there.
        missing: &'static str,
    },
    /// DynamoDB would refuse the table's name.
    #[error("a table cannot be called {name:?}: DynamoDB takes 3 to 255 of the characters a-z, A-Z, 0-9, '_', '-' and '.'")]
    TableName {
        /// The name.
        name: String,
    },
    /// The two key attributes are one.
    #[error("{name:?} is named as partition key and as sort key; name two attributes, or one alone")]
    SameKeyTwice {
        /// The attribute.
        name: String,
    },
    /// More than two key attributes.
    #[error("a key has one attribute or two, here are more: {keys:?}")]
    TooManyKeys {
        /// As they were written.
        keys: String,
    },
    /// A numbered key together with another one.
    #[error("a numbered key stands alone: +KEY takes no second attribute, found {keys:?}")]
    NumberedWithSort {
        /// As they were written.
        keys: String,
    },
    /// `*N` with an N that is none.
    #[error("{times:?} is no number of times: +KEY*20 reads the file twenty times over, and at least once")]
    Times {
        /// As it was written.
        times: String,
    },
}

impl Load {
    /// The table to fill.
    pub fn table(&self) -> &str {
        &self.table
    }

    /// Where its keys come from.
    pub fn key(&self) -> &LoadKey {
        &self.key
    }

    /// The file to read.
    pub fn file(&self) -> &Path {
        &self.file
    }
}

impl FromStr for Load {
    type Err = LoadSpecError;

    /// The table ends at the first `:`, which no table's name can have, the key at the first `=` after it.
    fn from_str(text: &str) -> Result<Self, LoadSpecError> {
        let incomplete = |missing| LoadSpecError::Incomplete { missing };
        let (table, rest) = text.split_once(':').ok_or(incomplete("there is no ':' after the table's name"))?;
        let (keys, file) = rest.split_once('=').ok_or(incomplete("there is no '=' before the file"))?;
        if !is_table_name(table) {
            return Err(LoadSpecError::TableName { name: table.into() });
        }
        if file.is_empty() {
            return Err(incomplete("there is no file after '='"));
        }
        Ok(Self { table: table.into(), key: key(keys)?, file: file.into() })
    }
}

fn key(keys: &str) -> Result<LoadKey, LoadSpecError> {
    let incomplete = LoadSpecError::Incomplete { missing: "a key attribute has no name" };
    if let Some(numbered) = keys.strip_prefix('+') {
        if numbered.contains(',') {
            return Err(LoadSpecError::NumberedWithSort { keys: keys.into() });
        }
        let (attribute, times) = match numbered.rsplit_once('*') {
            None => (numbered, NonZeroU32::MIN),
            Some((name, times)) => (name, times.parse().map_err(|_| LoadSpecError::Times { times: times.into() })?),
        };
        if attribute.is_empty() {
            return Err(incomplete);
        }
        return Ok(LoadKey::Numbered { attribute: attribute.into(), times });
    }
    let mut names = keys.split(',');
    let (partition, sort) = (names.next().unwrap_or_default(), names.next());
    if names.next().is_some() {
        return Err(LoadSpecError::TooManyKeys { keys: keys.into() });
    }
    if partition.is_empty() || sort == Some("") {
        return Err(incomplete);
    }
    if sort == Some(partition) {
        return Err(LoadSpecError::SameKeyTwice { name: partition.into() });
    }
    Ok(LoadKey::Attributes { partition: partition.into(), sort: sort.map(str::to_owned) })
}

fn is_table_name(name: &str) -> bool {
    (3..=255).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

impl fmt::Display for Load {
    /// As it is written on the command line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.table)?;
        match &self.key {
            LoadKey::Attributes { partition, sort: None } => f.write_str(partition)?,
            LoadKey::Attributes { partition, sort: Some(sort) } => write!(f, "{partition},{sort}")?,
            LoadKey::Numbered { attribute, times } if times.get() == 1 => write!(f, "+{attribute}")?,
            LoadKey::Numbered { attribute, times } => write!(f, "+{attribute}*{times}")?,
        }
        write!(f, "={}", self.file.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Load, LoadSpecError> {
        text.parse()
    }

    #[test]
    fn every_form_is_read_and_written_back() {
        for text in ["Strikes:+Id=a.csv", "Strikes:+Id*20=a.csv", "Users:pk=b=c.json", "Users:pk,Cost: Total $=x:y.jsonl"] {
            assert_eq!(parse(text).unwrap().to_string(), text);
        }
        let load = parse("Users:pk,sk=b=c.json").unwrap();
        assert_eq!((load.table(), load.file()), ("Users", Path::new("b=c.json")));
        assert_eq!(load.key(), &LoadKey::Attributes { partition: "pk".into(), sort: Some("sk".into()) });
    }

    #[test]
    fn what_is_no_load_is_refused_with_the_reason() {
        let of = |text: &str| parse(text).unwrap_err().to_string();
        assert!(of("Strikes").starts_with("there is no ':' after the table's name; write TABLE:KEY=FILE"));
        assert!(of("Strikes:Id").starts_with("there is no '=' before the file"));
        assert!(of("Strikes:Id=").starts_with("there is no file after '='"));
        assert!(of("ab:Id=f").starts_with("a table cannot be called \"ab\""));
        assert!(of("a b c:Id=f").starts_with("a table cannot be called \"a b c\""));
        for nameless in ["Strikes:=f", "Strikes:+=f", "Strikes:+*2=f", "Strikes:a,=f", "Strikes:,b=f"] {
            assert!(of(nameless).starts_with("a key attribute has no name"), "{nameless}");
        }
        assert!(of("Strikes:a,a=f").starts_with("\"a\" is named as partition key and as sort key"));
        assert!(of("Strikes:a,b,c=f").starts_with("a key has one attribute or two"));
        assert!(of("Strikes:+a,b=f").starts_with("a numbered key stands alone"));
        for times in ["0", "-1", "x", ""] {
            assert!(of(&format!("Strikes:+a*{times}=f")).starts_with(&format!("{times:?} is no number of times")));
        }
    }
}
