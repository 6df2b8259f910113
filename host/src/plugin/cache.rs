//! Compiled code, kept by digest and engine: a component is compiled once a machine (0.1 s for Rust, 4.5 s for Python).
//!
//! A compiled file is machine code. Only files that this host wrote itself are loaded: the folder and the file are the user's
//! own (mode 0700, and not writable for others), no links, and a name is made of the component's SHA-256 and a hash of the
//! engine's version and settings. What is not so is compiled anew, and replaced.

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

/// Whether the file and its folder belong to the user that this process acts as, and nobody else may write there.
#[cfg(unix)]
fn is_ours(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let Some(dir) = path.parent() else { return false };
    let Some(user) = acting_user(dir) else { return false };
    let private = |path: &Path, forbidden: u32| {
        fs::symlink_metadata(path).is_ok_and(|meta| !meta.is_symlink() && meta.mode() & forbidden == 0 && meta.uid() == user)
    };
    private(dir, 0o077) && private(path, 0o022)
}

/// The user that this process acts as: the owner of what it makes. Not the home's owner, who is another under `sudo -E`.
#[cfg(unix)]
fn acting_user(dir: &Path) -> Option<u32> {
    use std::os::unix::fs::MetadataExt;
    // Linux gives a process's own entry the user that it acts as; elsewhere a file is made to look whose it is.
    if let Ok(own) = fs::metadata("/proc/self") {
        return Some(own.uid());
    }
    let probe = dir.join(temporary_name());
    let made = fs::File::create_new(&probe).and_then(|file| file.metadata()).ok()?;
    let _only_a_name = fs::remove_file(&probe);
    Some(made.uid())
}

#[cfg(not(unix))]
fn is_ours(path: &Path) -> bool {
    path.exists()
}

/// A name that no other process takes at the same time.
fn temporary_name() -> String {
    format!(".{}-{:x}", std::process::id(), fastrand::u64(..))
}

#[allow(unsafe_code)]
fn load(engine: &Engine, path: &Path) -> Option<Component> {
    // SAFETY: the file is one that `store` wrote, and it is not changed while it is mapped: `is_ours` has checked that it and
    // its folder are this user's and that nobody else may write there, the name is that of the component's SHA-256 and of the
    // engine's settings, and `store` renames whole files into place and never writes to one. wasmtime itself checks its
    // version and the engine's settings. Whoever can write there as this user could run code as this user anyway.
    unsafe { Component::deserialize_file(engine, path) }.ok()
}

fn store(component: &Component, path: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let dir = path.parent().ok_or("no folder")?;
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)?;
    let temporary = dir.join(temporary_name());
    let written = fs::File::create_new(&temporary).and_then(|mut file| {
        file.write_all(&component.serialize().map_err(std::io::Error::other)?)?;
        file.sync_all()
    });
    written.and_then(|()| fs::rename(&temporary, path)).inspect_err(|_| {
        let _nothing_left = fs::remove_file(&temporary);
    })?;
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn only_what_this_user_alone_could_have_written_is_loaded() {
        let engine = Engine::default();
        let component = Component::new(&engine, wat::parse_str("(component)").unwrap()).unwrap();
        let base = tempfile::tempdir().unwrap();
        let dir = base.path().join("compiled");
        keep(&engine, "sha256:00", &dir, &component);
        assert!(find(&engine, "sha256:00", &dir).is_some());
        assert!(find(&engine, "sha256:01", &dir).is_none(), "another component's");
        let path = dir.join(file_name(&engine, "sha256:00"));
        let mode = |path: &Path, mode: u32| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        mode(&path, 0o662);
        assert!(find(&engine, "sha256:00", &dir).is_none(), "others may write to it");
        mode(&path, 0o600);
        mode(&dir, 0o755);
        assert!(find(&engine, "sha256:00", &dir).is_none(), "others may look into its folder");
        mode(&dir, 0o700);
        assert!(find(&engine, "sha256:00", &dir).is_some());
        let (elsewhere, link) = (base.path().join("elsewhere"), base.path().join("link"));
        fs::rename(&path, &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
        assert!(find(&engine, "sha256:00", &dir).is_none(), "a link to it");
        fs::remove_file(&path).unwrap();
        fs::rename(&elsewhere, &path).unwrap();
        std::os::unix::fs::symlink(&dir, &link).unwrap();
        assert!(find(&engine, "sha256:00", &link).is_none(), "a link to its folder");
        fs::write(&path, b"no compiled code").unwrap();
        assert!(find(&engine, "sha256:00", &dir).is_none(), "damaged");
    }
}
