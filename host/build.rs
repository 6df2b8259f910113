//! Packs the SDKs into the program, so that a project of a migration can be made and built with nothing but drift-host.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// What of `guest-sdk` belongs to an author's copy: not its tests, and nothing that was built.
const PARTS: [&str; 4] = ["rust", "js", "go", "python"];
const LEFT_OUT: [&str; 8] = ["target", "node_modules", "tests", "test", "__pycache__", "build", "dist", "src/number/tests.rs"];

fn main() {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../guest-sdk");
    println!("cargo::rerun-if-changed={}", root.display());
    let mut list = String::from("&[\n");
    for part in PARTS {
        let mut files = Vec::new();
        walk(&root.join(part), Path::new(""), &mut files);
        files.sort();
        for file in files {
            let path = root.join(part).join(&file);
            println!("cargo::rerun-if-changed={}", path.display());
            // Writing to a String cannot fail.
            let _ = writeln!(
                list,
                "    ({part:?}, {:?}, include_bytes!({:?})),",
                file.display().to_string(),
                path.display().to_string()
            );
        }
    }
    list.push(']');
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("sdk.rs");
    if let Err(error) = fs::write(&out, list) {
        println!("cargo::error=cannot write {}: {error}", out.display());
    }
}

fn walk(folder: &Path, below: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, below) = (entry.path(), below.join(entry.file_name()));
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        let test = entry.file_name().to_string_lossy().ends_with("_test.go");
        if hidden || test || LEFT_OUT.iter().any(|name| below == Path::new(name) || entry.file_name() == *name) {
            continue;
        }
        if path.is_dir() {
            walk(&path, &below, files);
        } else {
            files.push(below);
        }
    }
}
