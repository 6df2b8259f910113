//! The unit tests of the SDKs and examples that are not Rust, by the tools of their languages, and the examples' fixtures.
//!
//! Promised here: they run on a copy in the cache, laid out as the clone is, so that what tools leave behind (`node_modules`,
//! `__pycache__`, `build`, `.drift`) stays out of the clone; a language whose tools are missing is named with the way to get them.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cargo::{program, target_dir};
use crate::{Result, in_ci, root};

/// What the tests read, below the clone's root.
const PARTS: [&str; 10] = [
    "spark",
    "guest-sdk/js",
    "guest-sdk/go",
    "guest-sdk/python",
    "example-migrations/js",
    "example-migrations/ts",
    "example-migrations/go",
    "example-migrations/python",
    "example-migrations/data",
    "example-migrations/fixtures",
];
/// What tools make in a folder of sources.
const MADE: [&str; 5] = ["node_modules", "build", "target", ".drift", "__pycache__"];
const EXAMPLE: &str = "01-tidy-strikes";

const NODE: Needed =
    Needed { name: "node", asked: "--version", oldest: (20, 0), remedy: "install Node.js 20 or newer (https://nodejs.org)" };
const NPM: Needed = Needed {
    name: "npm",
    asked: "--version",
    oldest: (9, 0),
    remedy: "it comes with Node.js (https://nodejs.org; Debian: apt-get install npm)",
};
const GO: Needed =
    Needed { name: "go", asked: "version", oldest: (1, 24), remedy: "install Go 1.24 or newer (https://go.dev/dl)" };
const PYTHON: Needed = Needed {
    name: "python3",
    asked: "--version",
    oldest: (3, 10),
    remedy: "install Python 3.10 or newer, or name one in PYTHON",
};

/// A program that a language's tests want.
struct Needed {
    name: &'static str,
    /// The argument that makes it print its version.
    asked: &'static str,
    oldest: (u32, u32),
    remedy: &'static str,
}

struct Language {
    name: &'static str,
    needs: &'static [Needed],
    tests: fn(&Tests) -> Result<()>,
}

const LANGUAGES: [Language; 4] = [
    Language { name: "JavaScript", needs: &[NODE], tests: javascript },
    Language { name: "TypeScript", needs: &[NODE, NPM], tests: typescript },
    Language { name: "Go", needs: &[GO], tests: go },
    Language { name: "Python", needs: &[PYTHON], tests: python },
];

/// Where the tests run, and with which drift-host.
struct Tests {
    copy: PathBuf,
    drift_host: PathBuf,
}

/// Runs them all, whatever fails of them; the error names each language that did. A language without its tools goes to
/// `skipped`, and is an error where CI is set.
pub(crate) fn test(drift_host: &Path, skipped: &mut Vec<String>) -> Result<()> {
    let tests = Tests { copy: copied()?, drift_host: drift_host.to_owned() };
    let mut failed = Vec::new();
    for language in LANGUAGES {
        let done = match language.needs.iter().try_for_each(Needed::look) {
            Err(missing) if !in_ci() => {
                skipped.push(format!("the unit tests in {}: {missing}", language.name));
                Ok(())
            }
            found => found.and_then(|()| (language.tests)(&tests)),
        };
        if let Err(message) = done {
            failed.push(format!("{}: {message}", language.name));
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(failed.join("\n")) }
}

fn javascript(tests: &Tests) -> Result<()> {
    program("node").arg("--test").current_dir(tests.copy.join("guest-sdk/js")).run()?;
    let register = tests.copy.join("guest-sdk/js/register.js");
    program("node").arg("--import").arg(register).arg("--test").current_dir(tests.example("js")).run()?;
    tests.fixtures("js")
}

fn typescript(tests: &Tests) -> Result<()> {
    let example = tests.example("ts");
    // Again only where what is wanted is another: it is the one thing here that takes a network.
    let (wanted, installed) = (example.join("package-lock.json"), example.join("node_modules/.installed-for"));
    let lock = read(&wanted)?;
    if fs::read(&installed).is_ok_and(|before| before == lock) {
        eprintln!("xtask: the packages of {} are installed", example.display());
    } else {
        program("npm").args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(&example).run()?;
        write(&installed, &lock)?;
    }
    for script in ["check", "test"] {
        program("npm").args(["run", "--silent", script]).current_dir(&example).run()?;
    }
    tests.fixtures("ts")
}

fn go(tests: &Tests) -> Result<()> {
    for folder in [tests.copy.join("guest-sdk/go"), tests.example("go")] {
        program("go").args(["vet", "./..."]).current_dir(&folder).run()?;
        program("go").args(["test", "./..."]).current_dir(&folder).run()?;
    }
    tests.fixtures("go")
}

fn python(tests: &Tests) -> Result<()> {
    let sdk = tests.copy.join("guest-sdk/python");
    for folder in [sdk.join("tests"), tests.example("python")] {
        program(interpreter()).args(["-m", "unittest", "discover"]).env("PYTHONPATH", &sdk).current_dir(&folder).run()?;
    }
    // What has Spark do the segments of a run, as far as it needs no Spark.
    let spark = tests.copy.join("spark");
    program(interpreter())
        .args(["-m", "unittest", "discover"])
        .env("PYTHONPATH", spark.join("src"))
        .env("DRIFT_HOST_BIN", &tests.drift_host)
        .current_dir(spark.join("tests"))
        .run()?;
    tests.fixtures("python")
}

impl Tests {
    fn example(&self, language: &str) -> PathBuf {
        self.copy.join("example-migrations").join(language).join(EXAMPLE)
    }

    /// The example as the component that its author gets, on the fixtures that all languages share.
    fn fixtures(&self, language: &str) -> Result<()> {
        let fixtures = self.copy.join("example-migrations/fixtures").join(EXAMPLE);
        program(&self.drift_host)
            .args(["test", "--fixtures"])
            .arg(fixtures)
            .arg(self.example(language))
            .env_remove("CARGO_TARGET_DIR")
            .run()
    }
}

impl Needed {
    fn look(&self) -> Result<()> {
        let name = if self.name == PYTHON.name { interpreter() } else { self.name.into() };
        let shown = name.to_string_lossy().into_owned();
        let output =
            Command::new(&name).arg(self.asked).output().map_err(|error| format!("{shown}: {error}; {}", self.remedy))?;
        let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        match version(&said) {
            Some(found) if output.status.success() && found >= self.oldest => Ok(()),
            _ => Err(format!("{shown} says {said:?}; {}", self.remedy)),
        }
    }
}

fn interpreter() -> OsString {
    env::var_os("PYTHON").unwrap_or_else(|| "python3".into())
}

/// The first two numbers of `v20.20.2`, `go version go1.26.8 linux/amd64` or `Python 3.11.7`.
fn version(said: &str) -> Option<(u32, u32)> {
    let mut parts = said[said.find(|letter: char| letter.is_ascii_digit())?..].split(|letter: char| !letter.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// A copy of what the tests read, as it is now; installed packages in it are kept.
fn copied() -> Result<PathBuf> {
    let copy = target_dir()?.join("languages");
    for part in PARTS {
        let (from, to) = (root().join(part), copy.join(part));
        cleared(&to)?;
        copied_folder(&from, &to)?;
    }
    Ok(copy)
}

fn copied_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).map_err(|error| format!("cannot make {}: {error}", to.display()))?;
    for path in entries(from)? {
        let Some(name) = path.file_name().filter(|name| !MADE.iter().any(|made| name == made)) else { continue };
        let target = to.join(name);
        if path.is_dir() {
            copied_folder(&path, &target)?;
        } else {
            write(&target, &read(&path)?)?;
        }
    }
    Ok(())
}

/// Removes all that is in a folder, but for installed packages.
fn cleared(folder: &Path) -> Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    for path in entries(folder)? {
        let failed = |error| format!("cannot remove {}: {error}", path.display());
        match path.file_name() {
            Some(name) if name == "node_modules" => {}
            _ if path.is_symlink() || !path.is_dir() => fs::remove_file(&path).map_err(failed)?,
            // With packages in it, it stays, and so does the way to it.
            _ => cleared(&path)?,
        }
    }
    // Fails where packages are left, as it is to.
    let _kept = fs::remove_dir(folder);
    Ok(())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let listed = fs::read_dir(folder).and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect());
    listed.map_err(|error| format!("cannot read {}: {error}", folder.display()))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

fn write(path: &Path, content: &[u8]) -> Result<()> {
    fs::write(path, content).map_err(|error| format!("cannot write {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_each_tool_prints_them() {
        for (said, found) in [
            ("v20.20.2", Some((20, 20))),
            ("go version go1.26.8 linux/amd64", Some((1, 26))),
            ("Python 3.9.1", Some((3, 9))),
            ("11.19.1", Some((11, 19))),
            ("", None),
            ("version 7", None),
        ] {
            assert_eq!(version(said), found, "{said}");
        }
    }
}
