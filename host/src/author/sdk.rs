//! The SDKs, as they are packed into this program, and their copy in a project: `.drift/sdk/LANGUAGE`.
//!
//! A copy, because a project must build on any machine with a drift-host of the same version, and the SDK must speak the
//! contract that the host does. It is made anew where it differs; it is not for editing, and not for version control.

use std::fs;
use std::path::Path;

use super::build::Language;
use super::{Error, at};

/// Folder of the SDK, path in it, content.
const FILES: &[(&str, &str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/sdk.rs"));

/// The manifests of the Rust SDK outside of the workspace that it is developed in.
const RUST_MANIFESTS: [(&str, &str); 2] =
    [("Cargo.toml", include_str!("sdk/rust.toml")), ("macros/Cargo.toml", include_str!("sdk/rust-macros.toml"))];

/// The folder of a language's SDK under `guest-sdk`, and in a project under `.drift/sdk`.
fn folder(language: Language) -> &'static str {
    match language {
        Language::Rust => "rust",
        Language::JavaScript | Language::TypeScript => "js",
        Language::Go => "go",
        Language::Python => "python",
    }
}

/// Puts the SDK of this drift-host into the project, if it is not there already.
pub(super) fn unpack(language: Language, project: &Path) -> Result<(), Error> {
    let part = folder(language);
    let drift = project.join(".drift");
    let root = drift.join("sdk").join(part);
    let mut contents: Vec<(&str, &[u8])> =
        FILES.iter().filter(|(of, _, _)| *of == part).map(|(_, path, content)| (*path, *content)).collect();
    if language == Language::Rust {
        for (path, manifest) in &RUST_MANIFESTS {
            contents.retain(|(other, _)| other != path);
            contents.push((path, manifest.as_bytes()));
        }
    }
    for (path, content) in contents {
        let file = root.join(path);
        // An unchanged file keeps its time, for compilers that go by it.
        if fs::read(&file).is_ok_and(|old| old == content) {
            continue;
        }
        let made = file.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&file, content));
        made.map_err(|error| at(&file, format!("the SDK cannot be put there: {error}")))?;
    }
    let ignore = drift.join(".gitignore");
    if !ignore.exists() {
        fs::write(&ignore, "*\n").map_err(|error| at(&ignore, error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rust_sdk_of_a_project_has_the_dependencies_of_the_workspace() {
        let workspace: toml::Table = include_str!("../../../Cargo.toml").parse().unwrap();
        let known = workspace["workspace"]["dependencies"].as_table().unwrap();
        let package = &workspace["workspace"]["package"];
        for (_, manifest) in RUST_MANIFESTS {
            let manifest: toml::Table = manifest.parse().unwrap();
            assert_eq!(manifest["package"]["version"], package["version"]);
            assert_eq!(manifest["package"]["edition"], package["edition"]);
        }
        let manifest: toml::Table = RUST_MANIFESTS[0].1.parse().unwrap();
        let target = |name: &str| manifest["target"][name]["dependencies"].as_table().unwrap().clone();
        let own = manifest["dependencies"].as_table().unwrap().clone();
        let all =
            own.into_iter().chain(target("cfg(target_arch = \"wasm32\")")).chain(target("cfg(not(target_arch = \"wasm32\"))"));
        let mut names = Vec::new();
        for (name, stated) in all.filter(|(name, _)| name != "drift-sdk-macros") {
            assert_eq!(Some(&stated), known.get(&name), "{name}");
            names.push(name);
        }
        let sdk = include_str!("../../../guest-sdk/rust/Cargo.toml");
        assert!(names.len() == 4 && names.iter().all(|name| sdk.contains(&format!("{name}.workspace = true"))), "{names:?}");
    }

    #[test]
    fn a_project_gets_the_whole_sdk_once() {
        let dir = tempfile::tempdir().unwrap();
        unpack(Language::Rust, dir.path()).unwrap();
        let lib = dir.path().join(".drift/sdk/rust/src/lib.rs");
        let made = fs::metadata(&lib).unwrap().modified().unwrap();
        assert!(dir.path().join(".drift/sdk/rust/wit/migration.wit").is_file());
        assert!(fs::read_to_string(dir.path().join(".drift/sdk/rust/Cargo.toml")).unwrap().contains("drift-sdk"));
        unpack(Language::Rust, dir.path()).unwrap();
        assert_eq!(fs::metadata(&lib).unwrap().modified().unwrap(), made);
    }
}
