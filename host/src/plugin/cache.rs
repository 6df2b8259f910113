//! Compiled code, kept by digest and engine: a component is compiled once a machine (0.1 s for Rust, 4.5 s for Python).
//!
//! A compiled file is machine code. Only files that this host wrote itself are loaded: the folder is the user's own (mode
//! 0700), and a name is made of the component's SHA-256 and a hash of the engine's version and settings.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};

use wasmtime::Engine;
use wasmtime::component::Component;

/// The user's cache folder for compiled code; `None` where there is no home.
pub fn default_cache_dir() -> Option<PathBuf> {
    let base = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let base = base.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")))?;
    Some(base.join("drift-host").join("compiled"))
}

/// The compiled component, if the cache has it.
pub(super) fn find(engine: &Engine, digest: &str, dir: &Path) -> Option<Component> {
    let path = dir.join(file_name(engine, digest));
    if is_ours(&path) { load(engine, &path) } else { None }
}

/// Keeps the compiled component. A cache that cannot be written is no error: it costs time.
pub(super) fn keep(engine: &Engine, digest: &str, dir: &Path, component: &Component) {
    let _slower_next_time = store(component, &dir.join(file_name(engine, digest)));
}

fn file_name(engine: &Engine, digest: &str) -> String {
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    format!("{}-{:016x}.cwasm", digest.trim_start_matches("sha256:"), hasher.finish())
}

/// Whether the file and its folder belong to this user and nobody else may write there.
#[cfg(unix)]
fn is_ours(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    // SAFETY of the claim, not of memory: `geteuid` by way of a file that this process makes would cost a write; the
    // folder's owner is compared with the home's instead.
    let home = std::env::var_os("HOME").and_then(|home| fs::metadata(home).ok()).map(|meta| meta.uid());
    let private = |path: &Path, forbidden: u32| {
        fs::symlink_metadata(path)
            .is_ok_and(|meta| !meta.is_symlink() && meta.mode() & forbidden == 0 && Some(meta.uid()) == home)
    };
    private(path, 0o022) && path.parent().is_some_and(|dir| private(dir, 0o077))
}

#[cfg(not(unix))]
fn is_ours(path: &Path) -> bool {
    path.exists()
}

#[allow(unsafe_code)]
fn load(engine: &Engine, path: &Path) -> Option<Component> {
    // SAFETY: `is_ours` has checked that only this user could have written the file, and `store` renames whole files
    // into place; wasmtime itself checks the engine's version and settings.
    unsafe { Component::deserialize_file(engine, path) }.ok()
}

fn store(component: &Component, path: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let dir = path.parent().ok_or("no folder")?;
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)?;
    let temporary = dir.join(format!(".{}-{:x}", std::process::id(), fastrand::u64(..)));
    let written = fs::File::create_new(&temporary).and_then(|mut file| {
        file.write_all(&component.serialize().map_err(std::io::Error::other)?)?;
        file.sync_all()
    });
    written.and_then(|()| fs::rename(&temporary, path)).inspect_err(|_| {
        let _nothing_left = fs::remove_file(&temporary);
    })?;
    Ok(())
}
