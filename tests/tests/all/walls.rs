//! The walls of the house: which room may name what.

use std::path::{Path, PathBuf};

const FORBIDDEN: [(&str, &[&str]); 10] = [
    ("plugin", &["aws_", "crate::dynamo", "crate::run"]),
    ("dynamo", &["wasmtime", "crate::plugin", "crate::run", "crate::journal"]),
    ("run", &["aws_", "wasmtime", "crate::plugin"]),
    ("cli", &["aws_", "wasmtime"]),
    ("history", &["aws_", "wasmtime", "crate::plugin"]),
    ("journal", &["aws_", "wasmtime", "crate::dynamo", "crate::plugin"]),
    ("report", &["aws_", "wasmtime"]),
    ("series", &["aws_", "wasmtime", "crate::plugin", "crate::dynamo"]),
    ("store", &["aws_sdk", "aws_config", "wasmtime", "crate::plugin", "crate::run"]),
    ("model", &["aws_", "wasmtime", "crate::dynamo", "crate::plugin", "crate::run", "crate::journal", "crate::migration"]),
];

fn broken(source: &str, forbidden: &[&str]) -> Vec<String> {
    let code = source.lines().filter(|line| !line.trim_start().starts_with("//"));
    // Names of attributes of AWS's encryption are no code of AWS's.
    let named = |line: &str, word: &str| line.replace("aws_dbe_", "").contains(word);
    code.filter(|line| forbidden.iter().any(|word| named(line, word))).map(str::to_owned).collect()
}

fn sources(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let found = entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] });
    found.filter(|path| path.extension().is_some_and(|ending| ending == "rs")).collect()
}

#[test]
fn no_room_names_what_it_may_not_know() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("host").join("src");
    for (room, forbidden) in FORBIDDEN {
        let files = sources(&src.join(room));
        assert!(!files.is_empty(), "{room}");
        for file in files {
            let lines = broken(&std::fs::read_to_string(&file).unwrap(), forbidden);
            assert!(lines.is_empty(), "{}: {lines:?}", file.display());
        }
    }
}

#[test]
fn a_broken_wall_is_seen() {
    assert_eq!(broken("// aws_sdk in a comment\nuse aws_sdk_dynamodb::Client;\n", &["aws_"]), ["use aws_sdk_dynamodb::Client;"]);
}
