//! Guests in five languages, made as an author makes them: a soak of each runtime, and what each costs.

use std::fs;
use std::path::PathBuf;

use crate::cargo::{self, target_dir};
use crate::{Result, exe, in_ci, root, toolchain};

/// As `new --lang` names it, as people do, and the file that the migration is in.
const LANGUAGES: [(&str, &str, &str); 5] = [
    ("rust", "Rust", "src/lib.rs"),
    ("js", "JavaScript", "migration.js"),
    ("ts", "TypeScript", "migration.ts"),
    ("go", "Go", "migration.go"),
    ("python", "Python", "migration.py"),
];

/// `cargo xtask soak`: the tidy-strikes examples, a million calls of one instance each; with names of languages, only those.
pub(crate) fn soak(arguments: &[String]) -> Result<()> {
    let (languages, options) = split(arguments);
    let programs = Programs::build("soak")?;
    let components = programs.components("tidy-strikes", &languages, true)?;
    cargo::program(&programs.other).args(options).args(components).run()
}

/// `cargo xtask measure`: what the migration that `new` writes costs in each language.
pub(crate) fn measure(arguments: &[String]) -> Result<()> {
    let (languages, options) = split(arguments);
    let programs = Programs::build("measure")?;
    let components = programs.components("trim-names", &languages, false)?;
    cargo::program(&programs.other).args(options).args(components).run()
}

/// Names of languages, and the rest.
fn split(arguments: &[String]) -> (Vec<String>, Vec<String>) {
    arguments.iter().cloned().partition(|word| LANGUAGES.iter().any(|(language, ..)| language == word))
}

struct Programs {
    host: PathBuf,
    /// What the guests are handed to.
    other: PathBuf,
    work: PathBuf,
}

impl Programs {
    /// As the bench has it: ours at opt-level 3, as dependencies are in every build.
    fn build(other: &str) -> Result<Self> {
        // With the whole workspace selected, so that dependencies have the same features and are built once.
        cargo::here(&["build", "--locked", "--workspace", "--bin", "drift-host", "--bin", other])
            .env("CARGO_PROFILE_DEV_OPT_LEVEL", "3")
            .run()?;
        let (built, work) = (target_dir()?.join("debug"), target_dir()?.join("authors").join(other));
        fs::create_dir_all(&work).map_err(|error| format!("cannot make {}: {error}", work.display()))?;
        Ok(Self { host: built.join(exe("drift-host")), other: built.join(exe(other)), work })
    }

    /// `NAME=COMPONENT` for each of these languages, or for all. A language whose tools are missing is left out, unless it was
    /// asked for, or this machine decides over a change.
    fn components(&self, name: &str, asked: &[String], from_example: bool) -> Result<Vec<String>> {
        let mut components = Vec::new();
        for (language, shown, source) in LANGUAGES {
            if !asked.is_empty() && !asked.iter().any(|one| one == language) {
                continue;
            }
            let source = from_example.then_some(source);
            match self.component(name, language, source) {
                Ok(component) => components.push(format!("{shown}={}", component.display())),
                Err(message) if asked.is_empty() && !in_ci() => eprintln!("xtask: SKIPPED {shown}: {message}"),
                Err(message) => return Err(format!("{shown}: {message}")),
            }
        }
        Ok(components)
    }

    /// A new project, built; with `source`, that file is the example's.
    fn component(&self, name: &str, language: &str, source: Option<&str>) -> Result<PathBuf> {
        let folder = self.work.join(language);
        let project = folder.join(name);
        if project.exists() {
            fs::remove_dir_all(&project).map_err(|error| format!("cannot remove {}: {error}", project.display()))?;
        }
        cargo::program(&self.host).args(["new", "--lang", language]).arg(&project).output()?;
        if let Some(source) = source {
            let example = root().join("example-migrations").join(language).join("01-tidy-strikes").join(source);
            fs::copy(&example, project.join(source)).map_err(|error| format!("cannot copy {}: {error}", example.display()))?;
        }
        let component = folder.join(format!("{name}.wasm"));
        let mut build = cargo::program(&self.host);
        build.arg("build").arg(&project).arg("--output").arg(&component).env_remove("CARGO_TARGET_DIR");
        if language == "rust" {
            toolchain::find()?.prepare(&mut build);
        }
        build.output()?;
        Ok(component)
    }
}
