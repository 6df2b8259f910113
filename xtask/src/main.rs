//! What people and CI run: `cargo xtask test`, `cargo xtask lint`.
//!
//! Compiled dependencies are kept outside the clone, so that a second clone builds in a minute.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let verb = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    let done = match verb.as_str() {
        "test" => test(&rest),
        "lint" => cargo(&["fmt", "--all", "--check"], &[]),
        _ => Err("usage: cargo xtask test [ARGUMENTS OF cargo test…] | lint".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("xtask: {problem}");
            ExitCode::from(2)
        }
    }
}

/// Builds the binary, then passes every test with it.
fn test(rest: &[String]) -> Result<(), String> {
    cargo(&["build", "--locked", "--package", "drift-host"], &[])?;
    cargo(&["test", "--locked", "--workspace"], rest)
}

fn cargo(arguments: &[&str], rest: &[String]) -> Result<(), String> {
    let target = target_dir();
    let shown = format!("cargo {} {}", arguments.join(" "), rest.join(" "));
    eprintln!("xtask: {}", shown.trim());
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(arguments)
        .args(rest)
        .env("CARGO_TARGET_DIR", &target)
        .env("DRIFT_HOST_BIN", target.join("debug").join("drift-host"))
        .status()
        .map_err(|error| format!("{shown} could not be started: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{} ended with {status}", shown.trim())) }
}

/// `CARGO_TARGET_DIR` if it is set, else the user's cache folder if it can be written, else `target` in the clone.
fn target_dir() -> PathBuf {
    let clone = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".")).join("target");
    if let Some(set) = std::env::var_os("CARGO_TARGET_DIR") {
        return PathBuf::from(set);
    }
    let base = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let base = base.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")));
    match base.map(|base| base.join("drift-host").join("target")) {
        Some(dir) if writable(&dir) => dir,
        _ => clone,
    }
}

fn writable(dir: &Path) -> bool {
    let probe = dir.join(format!(".probe-{}", std::process::id()));
    let written = std::fs::create_dir_all(dir).and_then(|()| std::fs::write(&probe, b""));
    written.and_then(|()| std::fs::remove_file(&probe)).is_ok()
}
