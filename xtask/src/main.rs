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

/// Builds the binary and the guests, then passes every test with them.
fn test(rest: &[String]) -> Result<(), String> {
    cargo(&["build", "--locked", "--package", "drift-host"], &[])?;
    let guests = match guests() {
        Ok(dir) => Some(dir),
        Err(problem) if std::env::var("CI").is_ok_and(|ci| ci == "true") => return Err(problem),
        Err(problem) => {
            eprintln!("xtask: the tests with guests in WebAssembly are skipped: {problem}");
            None
        }
    };
    run("cargo", &["test", "--locked", "--workspace"], rest, &clone(), |command| {
        if let Some(dir) = &guests {
            command.env("DRIFT_GUESTS_DIR", dir);
        }
    })
}

/// Builds the test guests; returns the folder of the components.
fn guests() -> Result<PathBuf, String> {
    let target = "wasm32-unknown-unknown";
    let installed = Command::new("rustup").args(["target", "list", "--installed"]).output();
    let installed = installed.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).lines().any(|line| line == target));
    let may_download = std::env::var("RUSTUP_AUTO_INSTALL").map_or(true, |value| value != "0");
    let mut rustc = None;
    if !installed && may_download {
        run("rustup", &["target", "add", target], &[], &clone(), |_| {})?;
    } else if !installed {
        let missing = |why: String| format!("no {target} target: `rustup target add {target}` gives it ({why})");
        run("bash", &["xtask/wasm32-std.sh"], &[], &clone(), |_| {}).map_err(missing)?;
        rustc = Some("/usr/bin/rustc");
    }
    let dir = target_dir().join("guests");
    run(
        "cargo",
        &["build", "--locked", "--release", "--target", target],
        &[],
        &clone().join("tests").join("guests"),
        |command| {
            command.env("CARGO_TARGET_DIR", &dir);
            if let Some(rustc) = rustc {
                command.env("RUSTC", rustc);
            }
        },
    )?;
    Ok(dir.join(target).join("release"))
}

fn clone() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".")).to_owned()
}

fn cargo(arguments: &[&str], rest: &[String]) -> Result<(), String> {
    run("cargo", arguments, rest, &clone(), |_| {})
}

/// Runs a program in a folder, with the target folder and the binary named in its environment.
fn run(program: &str, arguments: &[&str], rest: &[String], dir: &Path, more: impl FnOnce(&mut Command)) -> Result<(), String> {
    let target = target_dir();
    let shown = format!("{program} {} {}", arguments.join(" "), rest.join(" ")).trim().to_owned();
    eprintln!("xtask: {shown}");
    let mut command = Command::new(program);
    command.args(arguments).args(rest).current_dir(dir);
    command.env("CARGO_TARGET_DIR", &target).env("DRIFT_HOST_BIN", target.join("debug").join("drift-host"));
    more(&mut command);
    let status = command.status().map_err(|error| format!("{shown} could not be started: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{shown} ended with {status}")) }
}
/// `CARGO_TARGET_DIR` if it is set, else the user's cache folder if it can be written, else `target` in the clone.
fn target_dir() -> PathBuf {
    if let Some(set) = std::env::var_os("CARGO_TARGET_DIR") {
        return PathBuf::from(set);
    }
    let base = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let base = base.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")));
    match base.map(|base| base.join("drift-host").join("target")) {
        Some(dir) if writable(&dir) => dir,
        _ => clone().join("target"),
    }
}

fn writable(dir: &Path) -> bool {
    let probe = dir.join(format!(".probe-{}", std::process::id()));
    let written = std::fs::create_dir_all(dir).and_then(|()| std::fs::write(&probe, b""));
    written.and_then(|()| std::fs::remove_file(&probe)).is_ok()
}
