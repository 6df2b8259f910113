//! From a project to a component, by the tools of its language.
//!
//! Promised here: the tools run without this process's `AWS_*` variables and without install scripts of packages; versions are
//! the project's own pins; what is missing is named, with the way to get it. A project depends on the SDK of this drift-host,
//! which is put into its folder `.drift/sdk`.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::{Digest, Sha256};

use super::{Error, at, sdk};

mod component;
mod go;
mod javascript;
mod python;
mod rust;

/// The languages that a project can be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, clap::ValueEnum)]
pub enum Language {
    /// Rust, by cargo.
    Rust,
    /// JavaScript: nothing is needed.
    #[value(name = "js")]
    JavaScript,
    /// TypeScript, by esbuild.
    #[value(name = "ts")]
    TypeScript,
    /// Go, by its own compiler.
    Go,
    /// Python, by componentize-py.
    Python,
}

/// A component that was built.
#[derive(Clone, Debug)]
pub struct Built {
    /// Where it is.
    pub component: PathBuf,
    /// What it was built from.
    pub language: Language,
}

impl Language {
    /// As people write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rust => "Rust",
            Self::JavaScript => "JavaScript",
            Self::TypeScript => "TypeScript",
            Self::Go => "Go",
            Self::Python => "Python",
        }
    }

    /// The language of a project, by the files in its folder.
    pub fn of(project: &Path) -> Result<Self, Error> {
        let signs = [
            ("Cargo.toml", Self::Rust),
            ("go.mod", Self::Go),
            ("migration.ts", Self::TypeScript),
            ("migration.js", Self::JavaScript),
            ("migration.py", Self::Python),
        ];
        let found = signs.iter().find(|(name, _)| project.join(name).is_file()).map(|(_, language)| *language);
        found.ok_or_else(|| {
            let wanted = signs.map(|(name, _)| name).join(", ");
            at(project, format!("no project of a migration: none of {wanted} is there; `drift-host new NAME --lang …` makes one"))
        })
    }
}

/// Builds the project in this folder; the component goes to `to`, else to `build/NAME.wasm` in the project.
pub fn build(project: &Path, to: Option<&Path>) -> Result<Built, Error> {
    let language = Language::of(project)?;
    sdk::unpack(language, project)?;
    let made = match language {
        Language::Rust => rust::build(project)?,
        Language::Go => go::build(project)?,
        Language::Python => python::build(project)?,
        Language::JavaScript => javascript::build(project, "migration.js")?,
        Language::TypeScript => javascript::build(project, "migration.ts")?,
    };
    let component = match to {
        Some(path) => path.to_owned(),
        None => {
            let folder = project.canonicalize().map_err(|error| at(project, error))?;
            let name = folder.file_name().unwrap_or_else(|| OsStr::new("migration")).to_string_lossy().replace('-', "_");
            project.join("build").join(format!("{name}.wasm"))
        }
    };
    if let Some(folder) = component.parent() {
        fs::create_dir_all(folder).map_err(|error| at(folder, error))?;
    }
    fs::write(&component, made).map_err(|error| at(&component, format!("cannot be written: {error}")))?;
    let whole = component.canonicalize().map_err(|error| at(&component, error))?;
    let stamp = project.join(".drift").join("built");
    fs::write(&stamp, format!("{}\n{}", state(project)?, whole.display())).map_err(|error| at(&stamp, error))?;
    Ok(Built { component, language })
}

/// The component of a project, built only if the project is not as it was when that was built.
pub fn build_changed(project: &Path) -> Result<Built, Error> {
    sdk::unpack(Language::of(project)?, project)?;
    match built(project)? {
        Some(built) => Ok(built),
        None => build(project, None),
    }
}

/// The component that was made of a project, if the project is as it was then. Builds nothing and writes nothing.
pub fn built(project: &Path) -> Result<Option<Built>, Error> {
    let language = Language::of(project)?;
    let Ok(text) = fs::read_to_string(project.join(".drift").join("built")) else { return Ok(None) };
    let Some((before, component)) = text.split_once('\n') else { return Ok(None) };
    let current = Path::new(component).is_file() && before == state(project)?;
    Ok(current.then(|| Built { component: component.into(), language }))
}

/// A digest of all that a project is made of, with the version of this program, whose SDK it has.
fn state(project: &Path) -> Result<String, Error> {
    let mut files = Vec::new();
    walk(project, &mut files)?;
    files.sort();
    let mut hasher = Sha256::new();
    hasher.update(env!("CARGO_PKG_VERSION"));
    for path in files {
        let content = fs::read(&path).map_err(|error| at(&path, error))?;
        let name = path.strip_prefix(project).unwrap_or(&path).to_string_lossy().into_owned();
        for part in [name.as_bytes(), &content] {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The files of a project, without what is made of them. The SDK's copy counts too.
fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Error> {
    const MADE: [&str; 8] = ["build", "target", "node_modules", "__pycache__", ".git", "built", "core.wasm", "component.wasm"];
    for entry in fs::read_dir(folder).map_err(|error| at(folder, error))?.flatten() {
        let path = entry.path();
        if MADE.iter().any(|made| entry.file_name() == *made) {
            continue;
        }
        if path.is_dir() { walk(&path, files)? } else { files.push(path) }
    }
    Ok(())
}

/// A tool of a language: in the project's folder, and without what it has no business with.
struct Tool {
    command: Command,
    name: String,
    /// What to do where it is not there.
    remedy: &'static str,
    /// Whether what it prints is for programs, and what it says on standard error is all that is for people.
    for_programs: bool,
}

impl Tool {
    fn new(program: impl AsRef<OsStr>, remedy: &'static str, project: &Path) -> Self {
        let mut command = Command::new(&program);
        command.current_dir(project).stdin(Stdio::null());
        for (name, _) in std::env::vars_os().filter(|(name, _)| is_secret(&name.to_string_lossy())) {
            command.env_remove(name);
        }
        let name = Path::new(program.as_ref()).file_name().unwrap_or_default().to_string_lossy().into_owned();
        Self { command, name, remedy, for_programs: false }
    }

    fn printing_for_programs(mut self) -> Self {
        self.for_programs = true;
        self
    }

    fn args(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(arguments);
        self
    }

    fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs it, its words for people on standard error; gives what it printed.
    fn run(mut self) -> Result<String, Error> {
        let output = self.command.stderr(Stdio::inherit()).output().map_err(|error| self.missing(&error))?;
        if !output.status.success() {
            if !self.for_programs {
                eprint_lossy(&output.stdout);
            }
            return Err(Error(format!("{} failed ({}); what it said stands above", self.shown(), output.status)));
        }
        String::from_utf8(output.stdout).map_err(|_| Error(format!("{} printed what is no text", self.shown())))
    }

    /// Runs it quietly, for an answer.
    fn ask(mut self) -> Result<String, Error> {
        let output = self.command.output().map_err(|error| self.missing(&error))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(Error(format!("{} failed ({}): {said}", self.shown(), output.status)));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    fn missing(&self, error: &std::io::Error) -> Error {
        match error.kind() {
            std::io::ErrorKind::NotFound => Error(format!("{} is not installed: {}", self.name, self.remedy)),
            _ => Error(format!("{} cannot be started: {error}", self.shown())),
        }
    }

    fn shown(&self) -> String {
        let words = self.command.get_args().map(|word| word.to_string_lossy().into_owned());
        let text = std::iter::once(self.name.clone()).chain(words).collect::<Vec<_>>().join(" ");
        format!("`{text}`")
    }
}

/// Refuses a tool that is older than it must be, by its own word; `asked` makes it say its version. One that says none is a
/// development build, and taken.
fn at_least(
    program: &'static str,
    asked: &[&str],
    oldest: (u32, u32),
    remedy: &'static str,
    project: &Path,
) -> Result<(), Error> {
    let said = Tool::new(program, remedy, project).args(asked).ask()?;
    match version(&said) {
        Some(found) if found < oldest => {
            let (major, minor) = oldest;
            Err(Error(format!("{program} says {said:?}, and {major}.{minor} or newer is needed: {remedy}")))
        }
        _ => Ok(()),
    }
}

/// The first two numbers of `go1.26.8`, `v20.20.2` or `Python 3.11.7`.
fn version(said: &str) -> Option<(u32, u32)> {
    let digits = said.get(said.find(|letter: char| letter.is_ascii_digit())?..)?;
    let mut parts = digits.split(|letter: char| !letter.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Whether a variable of the environment may be a key to tables.
fn is_secret(name: &str) -> bool {
    name.to_ascii_uppercase().starts_with("AWS_")
}

fn eprint_lossy(bytes: &[u8]) {
    crate::output::aside(format_args!("{}", String::from_utf8_lossy(bytes)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_that_is_missing_is_named_with_its_remedy() {
        let tool = Tool::new("no-such-tool-of-anyone", "get it from its maker", Path::new("."));
        assert_eq!(tool.run().unwrap_err().0, "no-such-tool-of-anyone is not installed: get it from its maker");
    }

    #[test]
    fn versions_are_read_as_each_tool_prints_them() {
        for (said, found) in [
            ("go1.26.8", Some((1, 26))),
            ("go1.24rc1", Some((1, 24))),
            ("devel +abc", None),
            ("v20.20.2", Some((20, 20))),
            ("Python 3.9.1", Some((3, 9))),
            ("", None),
        ] {
            assert_eq!(version(said), found, "{said}");
        }
    }

    #[test]
    fn a_folder_without_a_project_is_told_what_one_is() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Language::of(dir.path()).unwrap_err().0.contains("drift-host new NAME"));
        fs::write(dir.path().join("go.mod"), "").unwrap();
        assert_eq!(Language::of(dir.path()).unwrap(), Language::Go);
    }

    #[test]
    fn a_project_is_another_when_a_file_of_it_is() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a"), "1").unwrap();
        let first = state(dir.path()).unwrap();
        fs::create_dir(dir.path().join("build")).unwrap();
        fs::write(dir.path().join("build/x.wasm"), "made").unwrap();
        assert_eq!(state(dir.path()).unwrap(), first);
        fs::rename(dir.path().join("a"), dir.path().join("b")).unwrap();
        let second = state(dir.path()).unwrap();
        fs::write(dir.path().join("b"), "2").unwrap();
        assert!(second != first && state(dir.path()).unwrap() != second);
    }

    #[test]
    fn the_tools_see_no_credentials() {
        assert!(is_secret("AWS_SECRET_ACCESS_KEY") && is_secret("aws_profile") && !is_secret("PATH"));
    }
}
