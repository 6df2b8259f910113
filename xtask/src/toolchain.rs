//! Finds, or makes, a compiler for guests: a rustc with the standard library of wasm32-unknown-unknown.
//!
//! In this order: the toolchain in use, if it has the target; rustup, if it may download; Debian's `rustc-web` with a
//! standard library built once from its own source and kept in the cache. The linker, which writes components, always
//! comes from the toolchain in use.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::Result;
use crate::cargo::{self, Call, program, target_dir};

/// Components without a single import of WASI.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_SOURCE: &str = "/usr/lib/rustlib/src/rust/library";

/// A way to compile guests.
#[derive(Clone, Debug)]
pub(crate) enum Toolchain {
    /// The toolchain in use.
    Current,
    /// Debian's rustc with a standard library of ours.
    Debian {
        /// What `--sysroot` is given: the standard library and the linker.
        sysroot: PathBuf,
    },
}

impl Toolchain {
    /// Makes a cargo call use it.
    pub(crate) fn prepare(&self, call: &mut Call) {
        // Flags meant for the host's processor mean nothing here, and would displace those of the guests' own config.
        call.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
        if let Self::Debian { sysroot } = self {
            let flag = format!("--sysroot={}", sysroot.display());
            call.env("RUSTC", DEBIAN_RUSTC).env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", flag);
            call.env_remove("RUSTC_WRAPPER").env_remove("RUSTC_WORKSPACE_WRAPPER");
        }
    }
}

impl Toolchain {
    /// Tells a test which compiler `drift-host build` is to use, where it is not the one that compiles everything else.
    pub(crate) fn tell(&self, call: &mut Call) {
        match self {
            Self::Current => call.env_remove("DRIFT_GUEST_RUSTC").env_remove("DRIFT_GUEST_RUSTFLAGS"),
            Self::Debian { sysroot } => call
                .env("DRIFT_GUEST_RUSTC", DEBIAN_RUSTC)
                .env("DRIFT_GUEST_RUSTFLAGS", format!("--sysroot={}", sysroot.display())),
        };
    }
}

/// The toolchain for guests; made if need be, which takes a minute or two on a fresh machine.
pub(crate) fn find() -> Result<Toolchain> {
    static FOUND: OnceLock<Result<Toolchain>> = OnceLock::new();
    FOUND.get_or_init(search).clone()
}

fn search() -> Result<Toolchain> {
    let current = current_rustc()?;
    if has_std(&current.sysroot) {
        return Ok(Toolchain::Current);
    }
    let mut tried = vec![format!("{} has no standard library for {TARGET}", current.sysroot.display())];
    if env::var("RUSTUP_AUTO_INSTALL").is_ok_and(|value| value == "0") {
        tried.push("rustup may not download (RUSTUP_AUTO_INSTALL=0)".into());
    } else {
        match program("rustup").args(["target", "add", TARGET]).run() {
            Ok(()) if has_std(&current.sysroot) => return Ok(Toolchain::Current),
            Ok(()) => tried.push("rustup added it to another toolchain than the one in use".into()),
            Err(message) => tried.push(message),
        }
    }
    match debian(&current) {
        Ok(toolchain) => return Ok(toolchain),
        Err(message) => tried.push(message),
    }
    Err(format!(
        "no compiler for guests: {}. Run `rustup target add {TARGET}`; or, on Debian 12 and later, as root: \
         apt-get install rustc-web rust-web-src",
        tried.join("; ")
    ))
}

struct Current {
    sysroot: PathBuf,
    host: String,
}

fn current_rustc() -> Result<Current> {
    let rustc = || program(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    let sysroot = PathBuf::from(rustc().args(["--print", "sysroot"]).output()?.trim());
    let host = host_of(&rustc().arg("-vV").output()?)?;
    Ok(Current { sysroot, host })
}

fn host_of(version: &str) -> Result<String> {
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(|host| host.trim().to_owned()).ok_or_else(|| format!("rustc -vV names no host: {version}"))
}

fn has_std(sysroot: &Path) -> bool {
    let libraries = fs::read_dir(sysroot.join("lib/rustlib").join(TARGET).join("lib")).into_iter().flatten().flatten();
    libraries.map(|entry| entry.file_name()).any(|name| {
        let name = name.to_string_lossy();
        name.starts_with("libstd-") && name.ends_with(".rlib")
    })
}

/// Debian's compiler and source of the standard library must be of one version, so both come from its packages.
fn debian(current: &Current) -> Result<Toolchain> {
    if !Path::new(DEBIAN_RUSTC).is_file() || !Path::new(DEBIAN_SOURCE).is_dir() {
        install_debian_packages()?;
    }
    let version = program(DEBIAN_RUSTC).arg("-vV").output()?;
    let release = version.lines().find_map(|line| line.strip_prefix("release: ")).unwrap_or("unknown");
    let host = host_of(&version)?;
    let sysroot = target_dir()?.join("guest-toolchain").join(format!("rustc-{release}"));
    let stamp = sysroot.join("rustc-version");
    if fs::read_to_string(&stamp).is_ok_and(|stamped| stamped == version) && has_std(&sysroot) {
        lend_linker(current, &host, &sysroot)?;
        return Ok(Toolchain::Debian { sysroot });
    }
    eprintln!("xtask: building the standard library for {TARGET}, once; it is kept in {}", sysroot.display());
    let failed = |error: std::io::Error| format!("cannot write {}: {error}", sysroot.display());
    let work = sysroot.with_extension(format!("work-{}", std::process::id()));
    let built = build_std(&work);
    let libraries = sysroot.join("lib/rustlib").join(TARGET).join("lib");
    let kept = built.and_then(|rlibs| {
        if sysroot.exists() {
            fs::remove_dir_all(&sysroot).map_err(failed)?;
        }
        fs::create_dir_all(&libraries).map_err(failed)?;
        for rlib in rlibs {
            fs::copy(&rlib, libraries.join(rlib.file_name().unwrap_or_default())).map_err(failed)?;
        }
        lend_linker(current, &host, &sysroot)?;
        // Last: its presence says that all else is there.
        fs::write(&stamp, &version).map_err(failed)
    });
    let _ = fs::remove_dir_all(&work);
    kept.map(|()| Toolchain::Debian { sysroot })
}

fn install_debian_packages() -> Result<()> {
    install_from_debian(&["rustc-web", "rust-web-src"])?;
    match Path::new(DEBIAN_SOURCE).is_dir() {
        true => Ok(()),
        false => Err(format!("rust-web-src is installed, but {DEBIAN_SOURCE} is not there")),
    }
}

/// Installs packages where this is Debian, and root asks.
pub(crate) fn install_from_debian(packages: &[&str]) -> Result<()> {
    let root = program("id").arg("-u").output().is_ok_and(|id| id.trim() == "0");
    if !Path::new("/usr/bin/apt-get").is_file() || !root {
        return Err(format!(
            "Debian's {} are not installed, and only root can install them with apt-get",
            packages.join(" and ")
        ));
    }
    program("apt-get").args(["update", "-qq"]).run()?;
    program("apt-get")
        .args(["install", "-y", "-qq", "--no-install-recommends"])
        .args(packages)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .run()
}

/// Compiles an empty crate together with the standard library, and gives the library's parts.
fn build_std(work: &Path) -> Result<Vec<PathBuf>> {
    const MANIFEST: &str = "[package]\nname = \"sysroot\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\
        [profile.release]\npanic = \"abort\"\ndebug = 0\n[workspace]\n";
    let failed = |error: std::io::Error| format!("cannot write {}: {error}", work.display());
    fs::create_dir_all(work.join("src")).map_err(failed)?;
    fs::write(work.join("Cargo.toml"), MANIFEST).map_err(failed)?;
    fs::write(work.join("src/lib.rs"), "").map_err(failed)?;
    cargo::here(&["build", "--release", "--quiet", "-Zbuild-std=std,panic_abort", "-Zbuild-std-features=", "--target", TARGET])
        .current_dir(work)
        .env("CARGO_TARGET_DIR", work.join("target"))
        .env("RUSTC", DEBIAN_RUSTC)
        // The only way to -Zbuild-std with a stable compiler; guests themselves are compiled without it.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", "-Cembed-bitcode=yes")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("RUSTC_WRAPPER")
        .run()?;
    let deps = work.join("target").join(TARGET).join("release/deps");
    let entries = fs::read_dir(&deps).map_err(|error| format!("cannot read {}: {error}", deps.display()))?;
    let rlibs = entries.flatten().map(|entry| entry.path()).filter(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.ends_with(".rlib") && !name.starts_with("libsysroot-")
    });
    Ok(rlibs.collect())
}

/// Debian's rustc brings no linker for components; it looks for one in its sysroot.
#[cfg(unix)]
fn lend_linker(current: &Current, host: &str, sysroot: &Path) -> Result<()> {
    let from = current.sysroot.join("lib/rustlib").join(&current.host).join("bin");
    let to = sysroot.join("lib/rustlib").join(host).join("bin");
    let failed = |error: std::io::Error| format!("cannot write {}: {error}", to.display());
    fs::create_dir_all(&to).map_err(failed)?;
    for tool in ["rust-lld", "wasm-component-ld"] {
        let (original, link) = (from.join(tool), to.join(tool));
        if !original.is_file() {
            return Err(format!("{} is missing; it comes with rustup's toolchains", original.display()));
        }
        if fs::read_link(&link).is_ok_and(|now| now == original) {
            continue;
        }
        let _ = fs::remove_file(&link);
        std::os::unix::fs::symlink(&original, &link).map_err(failed)?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn lend_linker(_: &Current, _: &str, _: &Path) -> Result<()> {
    Err("Debian's compiler is for Debian".into())
}
