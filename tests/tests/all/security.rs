//! `docs/security.md` and the sources: each claim names a test that there is, and `unsafe` stands only where it was reviewed.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn each_claim_names_a_test_that_there_is() {
    let page = fs::read_to_string(root().join("docs/security.md")).unwrap();
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| ")).skip(2).collect();
    assert!(rows.len() > 10, "{} claims", rows.len());
    for row in rows {
        let named: Vec<&str> = row.rsplit(" | ").next().unwrap().split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty(), "no test holds: {row}");
        for name in named {
            let there = match (name.split_once("::"), name.strip_prefix("hostile/")) {
                (Some((module, function)), _) => {
                    let source = fs::read_to_string(root().join(format!("tests/tests/all/{module}.rs"))).unwrap_or_default();
                    source.contains(&format!("fn {function}("))
                }
                (None, Some(case)) => root().join("tests/tests/hostile").join(case).join("case.toml").is_file(),
                (None, None) => false,
            };
            assert!(there, "{name} is no test, and is to hold: {row}");
        }
    }
}

#[test]
fn unsafe_code_is_where_it_was_reviewed() {
    let mut found = Vec::new();
    for folder in ["host", "guest-sdk/rust", "bench", "xtask", "tests/src", "tests/tests", "example-migrations/rust"] {
        look(&root().join(folder), &mut found);
    }
    found.sort();
    let here: Vec<String> =
        found.iter().map(|path| path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/")).collect();
    assert_eq!(here, ["guest-sdk/rust/src/wasm.rs", "host/src/plugin/cache.rs"]);
}

fn look(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            look(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            // In pieces, so that this file is not among them.
            let (allowed, block) = (concat!("allow(unsafe", "_code"), concat!("unsafe", " {"));
            if text.contains(allowed) || text.contains(block) {
                found.push(path);
            }
        }
    }
}
