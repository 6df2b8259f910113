//! Licences, bans and sources of everything that is depended on, by `deny.toml`: offline, with nothing installed.
//!
//! Advisories need a database that is fetched: they are checked by `cargo deny`, where that is installed, and otherwise it is
//! said that they were not.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::cargo;
use crate::{Result, guest_workspaces, in_ci, root};

/// Checks every workspace here.
pub(crate) fn run() -> Result<()> {
    let path = root().join("deny.toml");
    let text = std::fs::read_to_string(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let rules = Rules::read(&text)?;
    let mut problems = Vec::new();
    let mut packages = 0;
    for manifest in std::iter::once(root().join("Cargo.toml")).chain(guest_workspaces()) {
        let found = metadata(&manifest)?;
        packages += found.len();
        problems.extend(
            found.iter().flat_map(|package| rules.problems(package)).map(|problem| format!("{}: {problem}", manifest.display())),
        );
    }
    if !problems.is_empty() {
        return Err(format!("what is depended on breaks deny.toml:\n  {}", problems.join("\n  ")));
    }
    eprintln!("xtask: {packages} packages: licences, bans and sources are as deny.toml says");
    advisories()
}

fn metadata(manifest: &PathBuf) -> Result<Vec<Value>> {
    let mut command = cargo::here(&["metadata", "--format-version", "1", "--locked", "--manifest-path"]);
    command.arg(manifest);
    let text = command.output()?;
    let mut document: Value = serde_json::from_str(&text).map_err(|error| format!("cargo metadata: {error}"))?;
    match document.get_mut("packages").map(Value::take) {
        Some(Value::Array(packages)) => Ok(packages),
        _ => Err("cargo metadata names no packages".into()),
    }
}

/// By `cargo deny`, if there is one.
fn advisories() -> Result<()> {
    let quiet =
        |command: &mut Command| command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success());
    if !quiet(Command::new("cargo").args(["deny", "--version"])) {
        let what = if in_ci() { "NOT CHECKED" } else { "not checked" };
        eprintln!("xtask: advisories were {what}: `cargo deny` is not installed (cargo install cargo-deny)");
        return Ok(());
    }
    cargo::here(&["deny", "check", "advisories"]).run()
}

struct Rules {
    licences: Vec<String>,
    banned: Vec<String>,
}

impl Rules {
    /// Of `deny.toml`, the two lists that are read here.
    fn read(text: &str) -> Result<Self> {
        let licences = list(text, "licenses", "allow");
        let banned = list(text, "bans", "deny");
        if licences.is_empty() {
            return Err("deny.toml allows no licence at all: [licenses] allow = [...] is missing".into());
        }
        Ok(Self { licences, banned })
    }

    fn problems(&self, package: &Value) -> Vec<String> {
        let text = |key: &str| package.get(key).and_then(Value::as_str).unwrap_or_default();
        let (name, source) = (text("name"), text("source"));
        let mut problems = Vec::new();
        if self.banned.iter().any(|banned| banned == name) {
            problems.push(format!("{name} is banned"));
        }
        // A package without a source lies in this repository.
        if !source.is_empty() && !source.starts_with("registry+") {
            problems.push(format!("{name} comes from {source}, not from the registry"));
        }
        match text("license") {
            // A guest of the tests, say: under this repository's own.
            "" if source.is_empty() => {}
            "" => problems.push(format!("{name} names no licence")),
            licence if !allowed(licence, &self.licences) => {
                problems.push(format!("{name} is under {licence}, which is not allowed"))
            }
            _ => {}
        }
        problems
    }
}

/// The quoted texts of a list; of tables, the first text of each.
fn list(text: &str, section: &str, key: &str) -> Vec<String> {
    let plain = |line: &str| line.split('#').next().unwrap_or_default().trim().to_owned();
    let lines = text.lines().map(plain).skip_while(|line| *line != format!("[{section}]")).skip(1);
    let inside = lines.take_while(|line| !(line.starts_with('[') && line.ends_with(']')));
    let list = inside.skip_while(|line| !line.starts_with(&format!("{key} = ["))).take_while(|line| line != "]");
    list.filter_map(|line| line.split('"').nth(1).map(str::to_owned)).collect()
}

/// Whether a licence expression (SPDX, or the older form with `/`) can be met with the allowed licences.
fn allowed(expression: &str, allow: &[String]) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    let met = any(&words, &mut at, allow);
    met && at == words.len()
}

fn any(words: &[&str], at: &mut usize, allow: &[String]) -> bool {
    let mut met = all(words, at, allow);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        met |= all(words, at, allow);
    }
    met
}

fn all(words: &[&str], at: &mut usize, allow: &[String]) -> bool {
    let mut met = one(words, at, allow);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        met &= one(words, at, allow);
    }
    met
}

fn one(words: &[&str], at: &mut usize, allow: &[String]) -> bool {
    let Some(word) = words.get(*at) else { return false };
    *at += 1;
    if *word == "(" {
        let met = any(words, at, allow);
        let closed = words.get(*at) == Some(&")");
        *at += 1;
        return met && closed;
    }
    let mut licence = (*word).to_owned();
    if words.get(*at) == Some(&"WITH") {
        licence = format!("{licence} WITH {}", words.get(*at + 1).unwrap_or(&""));
        *at += 2;
    }
    allow.contains(&licence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_met_by_what_is_allowed() {
        let allow = ["MIT", "Apache-2.0 WITH LLVM-exception", "ISC"].map(str::to_owned);
        for good in
            ["MIT", "MIT OR GPL-3.0", "GPL-3.0/MIT", "(GPL-3.0 OR MIT) AND ISC", "Apache-2.0 WITH LLVM-exception", "MIT AND ISC"]
        {
            assert!(allowed(good, &allow), "{good}");
        }
        for bad in ["GPL-3.0", "MIT AND GPL-3.0", "Apache-2.0", "(MIT", "MIT)", "", "GPL-3.0 OR (MIT AND GPL-3.0)", "MIT WITH x"]
        {
            assert!(!allowed(bad, &allow), "{bad}");
        }
    }

    #[test]
    fn what_breaks_a_rule_is_told() {
        let text = std::fs::read_to_string(root().join("deny.toml")).unwrap();
        let rules = Rules::read(&text).unwrap();
        assert!(rules.licences.iter().any(|licence| licence == "Apache-2.0 WITH LLVM-exception"), "{:?}", rules.licences);
        let problems = |name: &str, licence: &str, source: &str| {
            rules.problems(&serde_json::json!({ "name": name, "license": licence, "source": source }))
        };
        assert!(problems("fine", "MIT", "registry+https://example.com").is_empty());
        assert!(problems("ours", "Apache-2.0", "").is_empty());
        assert!(problems("openssl-sys", "MIT", "registry+x")[0].contains("banned"));
        assert!(problems("copied", "GPL-3.0-only", "registry+x")[0].contains("not allowed"));
        assert!(problems("git", "MIT", "git+https://example.com/x")[0].contains("not from the registry"));
        assert!(problems("none", "", "registry+x")[0].contains("no licence"));
    }
}
