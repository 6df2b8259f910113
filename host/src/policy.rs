//! `--policy FILE`: what an organisation allows on its tables, as TOML.
//!
//! A policy is the most that a run gets. Flags narrow it, and one that would widen it is an error that names both. What is in the
//! file and not known is an error with its line. Who the operator is, a policy does not know: whoever can choose the file can choose
//! another; hand it out with the credentials that need it (docs/policy.md).

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::migration::{Bounds, PolicyTerms};
use crate::plugin::{Grant, Grants, Limits};

/// A policy, read and checked.
#[derive(Clone, Debug)]
pub struct Policy {
    name: String,
    digest: String,
    file: File,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// Digests of the plugins that may run; any, where there is no list.
    allowed_digests: Option<Vec<String>>,
    #[serde(default)]
    limits: BTreeMap<String, String>,
    #[serde(default)]
    tables: BTreeMap<String, Table>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(default)]
    grants: Vec<String>,
    set: Option<Vec<String>>,
    remove: Option<Vec<String>>,
    #[serde(default)]
    bounds: Bounds,
}

/// Why a policy cannot be used, or forbids.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// The file is none.
    #[error("the policy {name} cannot be used: {problem}")]
    File {
        /// The file.
        name: String,
        /// What is wrong, with the line where there is one.
        problem: String,
    },
    /// It forbids what was asked.
    #[error("the policy {name} forbids it: {why}")]
    Forbidden {
        /// The file.
        name: String,
        /// What was asked, and what is allowed.
        why: String,
    },
}

impl Policy {
    /// Reads and checks a file.
    pub fn read(path: &Path) -> Result<Self, PolicyError> {
        let name = path.display().to_string();
        let wrong = |problem: String| PolicyError::File { name: name.clone(), problem };
        let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        let file: File = toml::from_str(&text).map_err(|error| wrong(error.to_string().trim_end().to_owned()))?;
        for (table, rules) in &file.tables {
            for grant in &rules.grants {
                grant.parse::<Grant>().map_err(|error| wrong(format!("tables.{table}: {error}")))?;
            }
        }
        let digest: String = Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        let policy = Self { name: name.clone(), digest: format!("sha256:{digest}"), file };
        policy.limits().map_err(wrong)?;
        Ok(policy)
    }

    fn limits(&self) -> Result<Limits, String> {
        let mut limits = Limits::default();
        for (limit, value) in &self.file.limits {
            limits.set(&format!("{limit}={value}")).map_err(|error| format!("limits: {error}"))?;
        }
        Ok(limits)
    }

    fn forbidden(&self, why: String) -> PolicyError {
        PolicyError::Forbidden { name: self.name.clone(), why }
    }

    fn table(&self, table: &str) -> Result<&Table, PolicyError> {
        let has = || self.file.tables.keys().cloned().collect::<Vec<_>>().join(", ");
        let none = || self.forbidden(format!("it has no [tables.\"{table}\"], but {}", has()));
        self.file.tables.get(table).ok_or_else(none)
    }

    /// Whether this plugin may run.
    pub fn check_digest(&self, digest: &str) -> Result<(), PolicyError> {
        match &self.file.allowed_digests {
            Some(allowed) if !allowed.iter().any(|one| one == digest) => {
                Err(self.forbidden(format!("the plugin's digest {digest} is not among its {} allowed_digests", allowed.len())))
            }
            _ => Ok(()),
        }
    }

    /// What of these grants of the flags is effective on a table: all of the policy's, if there are none.
    pub fn grants(&self, table: &str, flags: Grants) -> Result<Grants, PolicyError> {
        let rules = self.table(table)?;
        let allowed: Vec<Grant> = rules.grants.iter().filter_map(|grant| grant.parse().ok()).collect();
        let has = || if rules.grants.is_empty() { "no grants".to_owned() } else { rules.grants.join(", ") };
        for flag in flags.to_strings() {
            let covered = |grant: &Grant| {
                let (access, of) = flag.split_once(':').unwrap_or_default();
                let own = (of != ".").then_some(of);
                // A pattern only by the very same one.
                grant.to_string() == flag
                    || !of.contains('*') && grant.access().as_str() == access && grant.allows(grant.access(), own, table)
            };
            if !allowed.iter().any(covered) {
                return Err(self.forbidden(format!("--grant {flag} is more than it has for the table {table}: {}", has())));
            }
        }
        Ok(if flags.is_empty() { Grants::new(allowed) } else { flags })
    }

    /// Its limits, lowered by these flags (`NAME=VALUE`).
    pub fn lowered(&self, flags: &[String]) -> Result<Limits, PolicyError> {
        let wrong = |problem| PolicyError::File { name: self.name.clone(), problem };
        let most = self.limits().map_err(wrong)?;
        let mut limits = most;
        for flag in flags {
            limits.set(flag).map_err(|error| wrong(format!("--limit: {error}")))?;
        }
        let higher = limits.lines().into_iter().zip(most.lines()).find(|(flag, most)| flag.number > most.number);
        match higher {
            Some((flag, most)) => {
                Err(self.forbidden(format!("--limit {}={} is more than its {}={}", flag.name, flag.value, most.name, most.value)))
            }
            None => Ok(limits),
        }
    }

    /// What a run on this table keeps to.
    pub fn terms(&self, table: &str) -> Result<PolicyTerms, PolicyError> {
        let Table { set, remove, bounds, .. } = self.table(table)?.clone();
        Ok(PolicyTerms { digest: self.digest.clone(), set, remove, bounds })
    }
}
