//! Builds the guests written in Rust and collects them in one folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::cargo::{self, target_dir};
use crate::toolchain::{self, TARGET};
use crate::{Result, root};

/// A cargo workspace whose members become components.
#[derive(Clone, Copy)]
pub(crate) struct Workspace {
    /// Below the repository's root.
    pub folder: &'static str,
}

/// What newcomers read, and the demo runs.
pub(crate) const EXAMPLES: Workspace = Workspace { folder: "example-migrations/rust" };
/// Guests written to misbehave.
pub(crate) const TESTS: Workspace = Workspace { folder: "tests/guests" };

impl Workspace {
    /// Its Cargo.toml, if there is one.
    pub(crate) fn manifest(self) -> Option<PathBuf> {
        Some(root().join(self.folder).join("Cargo.toml")).filter(|path| path.is_file())
    }
}

/// The guests as they stand on disk.
pub(crate) struct Built {
    /// Holds `NAME.wasm` for every guest, and nothing that is no longer built.
    pub folder: PathBuf,
}

impl Built {
    /// The component of one guest, by its crate's name.
    pub(crate) fn component(&self, name: &str) -> Result<PathBuf> {
        let path = self.folder.join(format!("{}.wasm", name.replace('-', "_")));
        if path.is_file() { Ok(path) } else { Err(format!("no guest called {name} was built in {}", self.folder.display())) }
    }
}

/// Builds all of them; quick if nothing changed.
pub(crate) fn build() -> Result<Built> {
    let folder = target_dir()?.join("guests");
    let mut found: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for workspace in [EXAMPLES, TESTS] {
        let Some(manifest) = workspace.manifest() else {
            eprintln!("xtask: there is no {}/Cargo.toml, so no guest is built from there", workspace.folder);
            continue;
        };
        for (name, component) in build_workspace(workspace, &manifest)? {
            if found.insert(name.clone(), component).is_some() {
                return Err(format!("two guests are called {name}, one of them in {}; rename one", workspace.folder));
            }
        }
    }
    collect(&found, &folder)?;
    eprintln!("xtask: {} guests in {}", found.len(), folder.display());
    Ok(Built { folder })
}

/// Every component by its file's name. All workspaces share one build folder, so that what they depend on is built once.
fn build_workspace(workspace: Workspace, manifest: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let toolchain = toolchain::find()?;
    let target = target_dir()?.join("guests-build");
    let release = target.join(TARGET).join("release");
    // Cargo puts back what is current, also where nothing has to be compiled; what stays away is not of this workspace.
    for stale in components(&release) {
        fs::remove_file(&stale).map_err(|error| format!("cannot remove {}: {error}", stale.display()))?;
    }
    let mut build = cargo::here(&["build", "--release", "--workspace", "--lib", "--target", TARGET, "--manifest-path"]);
    // In its folder, so that its own .cargo/config.toml counts.
    build.arg(manifest).current_dir(root().join(workspace.folder)).env("CARGO_TARGET_DIR", &target);
    if manifest.with_file_name("Cargo.lock").is_file() {
        build.arg("--locked");
    }
    toolchain.prepare(&mut build);
    build.run()?;
    let read = |path: PathBuf| {
        let bytes = fs::read(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        Ok((path.file_name().unwrap_or_default().to_string_lossy().into_owned(), bytes))
    };
    components(&release).into_iter().map(read).collect()
}

fn components(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.filter(|path| path.extension().is_some_and(|extension| extension == "wasm")).collect()
}

fn collect(found: &BTreeMap<String, Vec<u8>>, folder: &Path) -> Result<()> {
    let failed = |path: &Path, error: std::io::Error| format!("cannot write {}: {error}", path.display());
    fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    for old in components(folder).iter().filter(|old| !old.file_name().is_some_and(|n| found.contains_key(&*n.to_string_lossy())))
    {
        fs::remove_file(old).map_err(|error| failed(old, error))?;
    }
    for (name, bytes) in found {
        let kept = folder.join(name);
        // An unchanged file keeps its time, for those who go by it.
        if fs::read(&kept).is_ok_and(|old| old == *bytes) {
            continue;
        }
        let fresh = folder.join(format!(".{name}.{}", std::process::id()));
        fs::write(&fresh, bytes).and_then(|()| fs::rename(&fresh, &kept)).map_err(|error| failed(&kept, error))?;
    }
    Ok(())
}
