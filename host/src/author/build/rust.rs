//! Rust: cargo, for wasm32-unknown-unknown, with the linker that writes components.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Tool, at};
use crate::author::Error;

const TARGET: &str = "wasm32-unknown-unknown";
const RUSTUP: &str = "install Rust by rustup (https://rustup.rs)";

/// A message of cargo, as far as it matters.
#[derive(Deserialize)]
struct Message {
    reason: String,
    target: Option<Target>,
    filenames: Option<Vec<PathBuf>>,
}

#[derive(Deserialize)]
struct Target {
    crate_types: Vec<String>,
}

pub(super) fn build(project: &Path) -> Result<Vec<u8>, Error> {
    check_target(project)?;
    let cargo = Tool::new("cargo", RUSTUP, project).args([
        "build",
        "--release",
        "--lib",
        "--target",
        TARGET,
        "--message-format",
        "json-render-diagnostics",
    ]);
    let said = cargo.printing_for_programs().run()?;
    let messages = said.lines().filter_map(|line| serde_json::from_str::<Message>(line).ok());
    let mut components = messages.filter(|message| message.reason == "compiler-artifact").filter_map(|message| {
        let cdylib = message.target?.crate_types.iter().any(|kind| kind == "cdylib");
        message.filenames?.into_iter().find(|path| cdylib && path.extension().is_some_and(|ending| ending == "wasm"))
    });
    // Dependencies come first.
    let component = components.next_back().ok_or_else(|| {
        at(&project.join("Cargo.toml"), "the crate makes no component: it wants crate-type = [\"cdylib\", \"rlib\"] under [lib]")
    })?;
    std::fs::read(&component).map_err(|error| at(&component, error))
}

/// Whether the compiler has the standard library of the target: cargo's own message would be of `core`.
fn check_target(project: &Path) -> Result<(), Error> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let flags = std::env::var("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS").unwrap_or_default();
    let asked = Tool::new(rustc, RUSTUP, project)
        .args(flags.split_whitespace().chain(["--print", "target-libdir", "--target", TARGET]))
        .ask()?;
    let libraries = std::fs::read_dir(&asked).into_iter().flatten().flatten();
    let std = libraries.map(|entry| entry.file_name()).any(|name| name.to_string_lossy().starts_with("libstd-"));
    if std {
        return Ok(());
    }
    Err(Error(format!("Rust's compiler has no standard library for {TARGET}: rustup target add {TARGET}")))
}
