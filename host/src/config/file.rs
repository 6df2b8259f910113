//! The file as it is written: read, and checked.

use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};
use toml::de::{DeTable, DeValue};

use crate::model::Rate;

/// When a command of the operator's runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Moment {
    /// Before the scan, or before a run is gone on with.
    Start,
    /// The plan stands, and nothing of it is written.
    Planned,
    /// It ended with another exit code than 0.
    Failed,
    /// It ended with exit code 0.
    Done,
}

impl Moment {
    /// All of them, in their order.
    pub const ALL: [Self; 4] = [Self::Start, Self::Planned, Self::Failed, Self::Done];

    /// As people write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Planned => "planned",
            Self::Failed => "failed",
            Self::Done => "done",
        }
    }
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|moment| moment.as_str() == text);
        found.ok_or_else(|| format!("{text:?} is none of start, planned, failed, done"))
    }
}

/// The whole file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) default: Option<String>,
    #[serde(default)]
    pub(super) env: BTreeMap<String, Settings>,
}

/// One environment.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Settings {
    pub(super) account: Option<Account>,
    pub(super) region: Option<String>,
    pub(super) profile: Option<String>,
    pub(super) endpoint_url: Option<String>,
    pub(super) tables: Option<Vec<String>>,
    pub(super) runs_dir: Option<String>,
    pub(super) meta_table: Option<String>,
    pub(super) policy: Option<String>,
    pub(super) max_read_units: Option<Units>,
    pub(super) max_write_units: Option<Units>,
    pub(super) hook_timeout: Option<Span>,
    #[serde(default)]
    pub(super) hooks: BTreeMap<Moment, Commands>,
}

/// An account's number: twelve digits, as text, for it may begin with a zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Account(pub(super) String);

impl<'de> Deserialize<'de> for Account {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) {
            true => Ok(Self(text)),
            false => Err(de::Error::custom(format!("{text:?} is no AWS account: its form is \"123456789012\""))),
        }
    }
}

/// A rate, as a number of units or as text with a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Units(pub(super) Rate);

impl<'de> Deserialize<'de> for Units {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl Visitor<'_> for Either {
            type Value = Units;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("units a second (500) or a share of the table's (\"50%\")")
            }

            fn visit_i64<E: de::Error>(self, units: i64) -> Result<Units, E> {
                self.visit_str(&units.to_string())
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Units, E> {
                text.parse().map(Units).map_err(E::custom)
            }
        }

        deserializer.deserialize_any(Either)
    }
}

/// A span of time, as on the command line: `60s`, `2h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span(pub(super) Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        crate::model::span(&text).map(Self).map_err(de::Error::custom)
    }
}

/// One command, or several.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "a command, or a list of commands")]
pub(super) enum Commands {
    One(String),
    Several(Vec<String>),
}

impl Commands {
    pub(super) fn all(&self) -> &[String] {
        match self {
            Self::One(command) => std::slice::from_ref(command),
            Self::Several(commands) => commands,
        }
    }
}

/// Reads it; the error has the line.
pub(super) fn parse(text: &str) -> Result<File, String> {
    refuse_secrets(text)?;
    let file: File = toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
    for (name, settings) in &file.env {
        if settings.endpoint_url.as_ref().is_some_and(|url| crate::dynamo::without_secrets(url) != *url) {
            return Err(format!("env.{name}: the endpoint-url has a user or password in it, and no secret may stand here"));
        }
    }
    Ok(file)
}

/// Parts of names of what nobody may write down here.
const SECRET: [&str; 9] =
    ["secret", "password", "passwd", "token", "accesskey", "apikey", "privatekey", "credential", "passphrase"];

/// Refuses keys that look like credentials, and an access key's id wherever it stands.
fn refuse_secrets(text: &str) -> Result<(), String> {
    let advice = "no secret may stand here. Credentials are found as every AWS tool finds them (`profile`), and a migration's secrets are named \
                  by --secret-arg NAME=env:VARIABLE";
    for (at, line) in text.lines().enumerate() {
        if line.split(|c: char| !c.is_ascii_alphanumeric()).any(is_access_key_id) {
            return Err(format!("line {}: an AWS access key: {advice}", at + 1));
        }
    }
    // What is no TOML is told by whoever reads it next.
    let Ok(table) = DeTable::parse(text) else { return Ok(()) };
    match secret_key(table.get_ref()) {
        Some((key, start)) => {
            let line = text.get(..start).unwrap_or_default().matches('\n').count() + 1;
            Err(format!("line {line}: the key {key} looks like a credential: {advice}"))
        }
        None => Ok(()),
    }
}

fn is_access_key_id(word: &str) -> bool {
    let begins = word.starts_with("AKIA") || word.starts_with("ASIA");
    begins && word.len() == 20 && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// The first key whose name is that of a secret, and where it stands. The name of an environment is anybody's.
fn secret_key(table: &DeTable<'_>) -> Option<(String, usize)> {
    table.iter().find_map(|(key, value)| {
        let plain: String = key.get_ref().chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
        match value.get_ref() {
            DeValue::Table(inner) => secret_key(inner),
            _ => SECRET.iter().any(|part| plain.contains(part)).then(|| (key.get_ref().to_string(), key.span().start)),
        }
    })
}

/// Who else may write this file, in words; `None` where it is this user's alone.
#[cfg(unix)]
pub(super) fn others_may_write(path: &Path) -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    let found = std::fs::metadata(path).ok()?;
    let own = rustix::process::geteuid().as_raw();
    // A group is let be: where each user has one of their own, files are made writable to it.
    match (found.uid(), found.mode() & 0o002) {
        (owner, _) if owner != own && owner != 0 => Some(format!("it belongs to the user {owner}")),
        (_, 0) => None,
        _ => Some(format!("anybody may write it: mode {:o}", found.mode() & 0o7777)),
    }
}

/// Access lists of other systems are not looked at.
#[cfg(not(unix))]
pub(super) fn others_may_write(_: &Path) -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_page_is_read() {
        let page = include_str!("../../../docs/configuration.md");
        let example = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
        let file = parse(example).unwrap();
        assert_eq!(file.default.as_deref(), Some("staging"));
        let production = &file.env["production"];
        assert_eq!(production.account, Some(Account("123456789012".into())));
        // Every key there is stands in it.
        let Settings { region, profile, endpoint_url, tables, runs_dir, meta_table, policy, .. } = production.clone();
        assert!(region.is_some() && profile.is_some() && tables.is_some() && runs_dir.is_some() && policy.is_some());
        assert!(endpoint_url.is_some() || file.env["local"].endpoint_url.is_some());
        assert!(meta_table.is_some() && production.max_read_units.is_some() && production.max_write_units.is_some());
        assert!(production.hook_timeout.is_some());
        assert_eq!(production.hooks.keys().copied().collect::<Vec<_>>(), Moment::ALL);
    }

    #[test]
    fn what_is_not_known_is_an_error_with_its_line() {
        let wrong = |text: &str| parse(text).unwrap_err();
        for (text, words) in [
            ("[env.a]\nregoin = \"x\"", &["line 2", "regoin", "region"][..]),
            ("defautl = \"a\"", &["line 1", "defautl"]),
            ("[env.a]\naccount = 123456789012", &["line 2", "account"]),
            ("[env.a]\naccount = \"1234\"", &["line 2", "is no AWS account"]),
            ("[env.a]\nmax-write-units = \"fast\"", &["line 2", "fast"]),
            ("[env.a]\nmax-write-units = 0", &["line 2", "at least 1"]),
            ("[env.a.hooks]\nbegun = \"true\"", &["line 2", "begun"]),
            ("[env.a]\nhook-timeout = \"soon\"", &["line 2", "soon"]),
            ("[env.a", &["line 1"]),
        ] {
            let said = wrong(text);
            assert!(words.iter().all(|word| said.contains(word)), "{text}: {said}");
        }
    }

    #[test]
    fn no_secret_may_stand_in_it() {
        for (text, line) in [
            ("[env.a]\naws_secret_access_key = \"x\"", "line 2"),
            ("[env.a]\naccess-key-id = \"x\"", "line 2"),
            ("# fine\n\n[env.a]\nsession_token=\"x\"", "line 4"),
            ("[env.a]\nprofile = \"AKIAIOSFODNN7EXAMPLE\"", "line 2"),
        ] {
            let said = parse(text).unwrap_err();
            assert!(said.contains(line) && said.contains("no secret may stand here"), "{said}");
            assert!(!said.contains("AKIAIOSFODNN7EXAMPLE"), "{said}");
        }
        let said = parse("[env.a]\nendpoint-url = \"http://me:word@db.example.com\"").unwrap_err();
        assert!(said.contains("user or password") && !said.contains("me:word"), "{said}");
        parse("# the password is in the vault\n[env.token-service]\nhooks.done = [\n\"curl -d token=$T x\"]").unwrap();
    }

    #[test]
    fn hooks_are_one_command_or_several() {
        let file = parse("[env.a.hooks]\nstart = \"one\"\ndone = [\"one\", \"two\"]").unwrap();
        let of = |moment| file.env["a"].hooks[&moment].all().len();
        assert_eq!((of(Moment::Start), of(Moment::Done)), (1, 2));
    }
}
