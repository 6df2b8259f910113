//! The programs that are measured, built for speed and kept apart from what tests build.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

use super::measure;
use crate::cargo::{self, target_dir};
use crate::{Result, exe, root, toolchain};

pub(super) struct Programs {
    host: PathBuf,
    pub bare: PathBuf,
    pub native: PathBuf,
    pub null_server: PathBuf,
    pub layers: PathBuf,
    work: PathBuf,
    go_loop: Option<PathBuf>,
    /// Components by language.
    guests: BTreeMap<&'static str, PathBuf>,
}

impl Programs {
    /// Ours at opt-level 3; dependencies are at it in every build, and are not built again.
    pub fn build(work: &Path) -> Result<Self> {
        const NAMES: [&str; 5] = ["drift-host", "bare-loop", "native-run", "null-server", "layers"];
        let mut build = cargo::here(&["build", "--locked", "--workspace"]);
        build.args(NAMES.iter().flat_map(|name| ["--bin", name])).env("CARGO_PROFILE_DEV_OPT_LEVEL", "3");
        build.env("CARGO_INCREMENTAL", "0").run()?;
        let built = target_dir()?.join("debug");
        // Another build puts another program in its place, also while this one is measured.
        let kept = |name: &str| {
            let (from, to) = (built.join(exe(name)), work.join(exe(name)));
            fs::copy(&from, &to).map_err(|error| format!("cannot copy {} to {}: {error}", from.display(), to.display()))?;
            Ok::<_, String>(to)
        };
        let [host, bare, native, null_server, layers] = NAMES.map(kept);
        Ok(Self {
            host: host?,
            bare: bare?,
            native: native?,
            null_server: null_server?,
            layers: layers?,
            work: work.to_owned(),
            go_loop: None,
            guests: BTreeMap::new(),
        })
    }

    /// drift-host, held to so many cores where a number is given.
    pub fn host(&self, cores: Option<usize>) -> Command {
        let mut command = match cores {
            Some(cores) => {
                let mut command = pinned(measure::cores().into_iter().take(cores));
                command.arg(&self.host);
                command
            }
            None => Command::new(&self.host),
        };
        command
            // The embedded DynamoDB asks for credentials of any kind, and no bench should find real ones.
            .envs([("AWS_ACCESS_KEY_ID", "bench"), ("AWS_SECRET_ACCESS_KEY", "bench"), ("AWS_REGION", "us-east-1")])
            .env_remove("AWS_PROFILE")
            .env_remove("AWS_SESSION_TOKEN");
        command
    }

    /// The loop in Go, built the first time.
    pub fn go_loop(&mut self) -> Result<PathBuf> {
        if let Some(built) = &self.go_loop {
            return Ok(built.clone());
        }
        go()?;
        let built = self.work.join(exe("go-loop"));
        cargo::program("go")
            .args(["build", "-mod=readonly", "-o"])
            .arg(&built)
            .arg(".")
            .current_dir(root().join("bench/go-loop"))
            .run()?;
        self.go_loop = Some(built.clone());
        Ok(built)
    }

    /// The component of the guest in this language, built by drift-host unless it is there and nothing of it has changed since, and
    /// compiled once.
    pub fn guest(&mut self, language: &'static str) -> Result<PathBuf> {
        if let Some(built) = self.guests.get(language) {
            return Ok(built.clone());
        }
        let (source, sdk) = (root().join("bench/guests").join(language), root().join("guest-sdk").join(language));
        let folder = target_dir()?.join("bench-guests");
        let component = folder.join(format!("{language}.wasm"));
        let made = fs::metadata(&component).and_then(|file| file.modified()).ok();
        if made.is_none_or(|made| changed_since(&source, made) || changed_since(&sdk, made)) {
            if language == "go" {
                go()?;
            }
            let project = folder.join(language);
            copy(&source, &project)?;
            let mut build = cargo::program(&self.host);
            build.arg("build").arg(&project).arg("--output").arg(&component);
            // Of the same crates as the other guests: what they depend on is built once.
            build.env("CARGO_TARGET_DIR", target_dir()?.join("guests-build"));
            if language == "rust" {
                toolchain::find()?.prepare(&mut build);
            }
            build.run()?;
        }
        let seen = self.host(None).arg("inspect").arg(&component).stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !seen.is_ok_and(|status| status.success()) {
            return Err(format!("drift-host does not take {}", component.display()));
        }
        self.guests.insert(language, component.clone());
        Ok(component)
    }
}

/// A command that runs what follows it on these cores only. drift-host has as many lanes and slots as it may use cores.
pub(super) fn pinned(cores: impl Iterator<Item = usize>) -> Command {
    let list = cores.map(|core| core.to_string()).collect::<Vec<_>>().join(",");
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", &list]);
    command
}

fn go() -> Result<()> {
    let found = cargo::program("go").arg("version").output();
    found.map(|_| ()).map_err(|error| format!("there is no Go (https://go.dev/dl, 1.24 or newer): {error}"))
}

fn changed_since(folder: &Path, time: SystemTime) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.into_iter().any(|path| {
        if path.is_dir() {
            changed_since(&path, time)
        } else {
            path.metadata().and_then(|file| file.modified()).is_ok_and(|at| at > time)
        }
    })
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).map_err(|error| format!("cannot write {}: {error}", to.display()))?;
    for entry in fs::read_dir(from).map_err(|error| format!("cannot read {}: {error}", from.display()))?.flatten() {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to)?;
        } else {
            fs::copy(&from, &to).map_err(|error| format!("cannot copy {} to {}: {error}", from.display(), to.display()))?;
        }
    }
    Ok(())
}
