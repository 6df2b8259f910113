//! What `drift-host build` says where a language's tools are missing, too old or broken: which tool, what was found, what is
//! needed, and how to get it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use drift_tests::binary;

/// Language; the tools that there are, each a shell script; what is said.
type Row = (&'static str, &'static [(&'static str, &'static str)], &'static [&'static str]);

const GO: &str = "install Go 1.24 or newer (https://go.dev/dl)";
const NODE: &str = "install Node.js 20 or newer, which brings npm (https://nodejs.org)";
const PYTHON: &str = "install Python 3.10 or newer, with venv and pip (Debian: apt-get install python3-venv)";
const RUST: &str = "install Rust by rustup (https://rustup.rs)";

const ROWS: &[Row] = &[
    ("go", &[], &["go is not installed: ", GO]),
    ("go", &[("go", "echo go1.22.5")], &["go says \"go1.22.5\", and 1.24 or newer is needed: ", GO]),
    (
        "go",
        &[(
            "go",
            "if [ $1 = env ]; then echo go1.24.1; else echo 'go: go.mod requires go >= 1.30 (running go 1.24.1)' >&2; exit 1; fi",
        )],
        &["go: go.mod requires go >= 1.30 (running go 1.24.1)", "`go build -buildmode=c-shared", "what it said stands above"],
    ),
    ("ts", &[], &["node is not installed: ", NODE]),
    ("ts", &[("node", "echo v16.20.2")], &["node says \"v16.20.2\", and 20.0 or newer is needed: ", NODE]),
    ("ts", &[("node", "echo v20.1.0")], &["npm is not installed: ", NODE]),
    (
        "ts",
        &[("node", "echo v20.1.0"), ("npm", "echo 'npm error code ENOTFOUND' >&2; exit 1")],
        &["npm error code ENOTFOUND", "`npm install --ignore-scripts", "what it said stands above"],
    ),
    // An npm that installs nothing.
    ("ts", &[("node", "echo v20.1.0"), ("npm", "exit 0")], &["package.json", "esbuild is not among its devDependencies"]),
    ("python", &[], &["python3 is not installed: ", PYTHON]),
    ("python", &[("python3", "echo Python 3.9.18")], &["python3 says \"Python 3.9.18\", and 3.10 or newer is needed: ", PYTHON]),
    (
        "python",
        &[("python3", "if [ $1 = --version ]; then echo Python 3.11.2; else echo 'ensurepip is not available' >&2; exit 1; fi")],
        &[
            "ensurepip is not available",
            "componentize-py==0.25.1, which makes components of Python, could not be installed: `python3 -m venv",
            PYTHON,
        ],
    ),
    ("rust", &[], &["rustc is not installed: ", RUST]),
    (
        "rust",
        &[("rustc", "echo /no/such/folder")],
        &["Rust's compiler has no standard library for wasm32-unknown-unknown: rustup target add wasm32-unknown-unknown"],
    ),
    ("rust", &[("rustc", "echo \"${0%/*}/lib\"")], &["cargo is not installed: ", RUST]),
];

#[test]
fn a_tool_that_is_missing_or_too_old_is_named_with_what_is_needed_and_how_to_get_it() {
    for (language, tools, said) in ROWS {
        let dir = tempfile::tempdir().unwrap();
        let bin = dir.path().join("bin");
        fs::create_dir_all(bin.join("lib")).unwrap();
        fs::write(bin.join("lib/libstd-1.rlib"), "").unwrap();
        for (name, script) in *tools {
            let path = bin.join(name);
            fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let drift_host = |arguments: &[&str]| {
            let mut command = Command::new(binary());
            command.args(arguments).current_dir(dir.path()).stdin(Stdio::null()).env("PATH", &bin);
            // An own cache, in which no tool is installed yet.
            command.env("HOME", dir.path()).env("XDG_CACHE_HOME", dir.path().join("cache")).env_remove("RUSTC");
            let output = command.output().unwrap();
            (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
        };
        assert_eq!(drift_host(&["new", "a", "--lang", language]).0, Some(0));
        let (code, error) = drift_host(&["build", "a"]);
        let missing = said.iter().find(|words| !error.contains(**words));
        assert_eq!((code, missing), (Some(2), None), "{language} with {tools:?}:\n{error}");
    }
}
