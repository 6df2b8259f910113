//! Calls of cargo and other programs, and the folder that keeps what they build.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::{Result, root};

/// A program to be run in the foreground, its failure an error.
pub(crate) struct Call(Command);

/// Cargo, in the workspace's root, its output in [`target_dir`].
pub(crate) fn here(arguments: &[&str]) -> Call {
    let mut call = program(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    call.0.args(arguments).current_dir(root());
    // What `cargo run` told xtask about itself would look like a change to others' build scripts, and build them anew.
    for (name, _) in env::vars_os().filter(|(name, _)| {
        let name = name.to_string_lossy();
        name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") || name == "OUT_DIR"
    }) {
        call.0.env_remove(name);
    }
    if let Ok(folder) = target_dir() {
        call.0.env("CARGO_TARGET_DIR", folder);
    }
    call
}

/// Any other program.
pub(crate) fn program(name: impl AsRef<OsStr>) -> Call {
    Call(Command::new(name))
}

impl Call {
    pub(crate) fn arg(&mut self, argument: impl AsRef<OsStr>) -> &mut Self {
        self.0.arg(argument);
        self
    }

    pub(crate) fn args(&mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> &mut Self {
        self.0.args(arguments);
        self
    }

    pub(crate) fn env(&mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> &mut Self {
        self.0.env(name, value);
        self
    }

    pub(crate) fn env_remove(&mut self, name: impl AsRef<OsStr>) -> &mut Self {
        self.0.env_remove(name);
        self
    }

    pub(crate) fn current_dir(&mut self, folder: impl AsRef<Path>) -> &mut Self {
        self.0.current_dir(folder);
        self
    }

    /// Runs it to its end, its output for all to see.
    pub(crate) fn run(&mut self) -> Result<()> {
        let shown = self.shown();
        eprintln!("xtask: {shown}");
        let status = self.0.status().map_err(|error| format!("cannot start `{shown}`: {error}"))?;
        if status.success() { Ok(()) } else { Err(format!("`{shown}` failed: {status}")) }
    }

    /// Runs it to its end and gives what it printed.
    pub(crate) fn output(&mut self) -> Result<String> {
        let shown = self.shown();
        let output = self.0.output().map_err(|error| format!("cannot start `{shown}`: {error}"))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("`{shown}` failed: {}: {}", output.status, said.trim()));
        }
        String::from_utf8(output.stdout).map_err(|_| format!("`{shown}` printed no text"))
    }

    fn shown(&self) -> String {
        let name = Path::new(self.0.get_program()).file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let words = self.0.get_args().map(|argument| argument.to_string_lossy().into_owned());
        std::iter::once(name).chain(words).collect::<Vec<_>>().join(" ")
    }
}

/// Where everything is built: CARGO_TARGET_DIR, else a cache outside the clone, else the clone.
pub(crate) fn target_dir() -> Result<PathBuf> {
    static FOUND: OnceLock<Result<PathBuf>> = OnceLock::new();
    FOUND
        .get_or_init(|| {
            if let Some(given) = env::var_os("CARGO_TARGET_DIR").filter(|given| !given.is_empty()) {
                let given = root().join(given);
                return writable(&given).map(|()| given);
            }
            let cached = cache_home().map(|home| home.join("drift-host/target"));
            match cached {
                Some(folder) if writable(&folder).is_ok() => Ok(folder),
                _ => Ok(root().join("target")),
            }
        })
        .clone()
}

fn cache_home() -> Option<PathBuf> {
    let set = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")))
}

/// By writing: permissions alone do not tell of a read-only or full disk.
fn writable(folder: &Path) -> Result<()> {
    let probe = folder.join(format!(".xtask-{}", std::process::id()));
    let tried = fs::create_dir_all(folder).and_then(|()| fs::write(&probe, b"x")).and_then(|()| fs::remove_file(&probe));
    tried.map_err(|error| {
        format!("cannot write in {}: {error}; set CARGO_TARGET_DIR to a folder that can be written", folder.display())
    })
}
