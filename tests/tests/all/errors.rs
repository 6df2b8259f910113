//! Every error has a code that stays, and a page: `drift-host explain`, and docs/errors.md, which is made here.
//! `DRIFT_BLESS=1` writes the page anew.

use std::fmt::Write;
use std::path::Path;

use drift_host::explain::{Code, Page};
use drift_tests::{World, guest};
use serde_json::Value as Json;

#[test]
fn the_page_of_errors_is_what_the_program_says() {
    let page = page();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("docs/errors.md");
    if std::env::var_os("DRIFT_BLESS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap();
    assert!(committed == page, "docs/errors.md is not what the codes say; DRIFT_BLESS=1 writes it anew");
}

fn page() -> String {
    let mut out = String::from(
        "# Errors\n\n\
        What ends a verb is one line on standard error, `error: …`. Where there is more to say than that line does, it ends with `(drift-host explain CODE)`; \
        with `--json-progress` a line of JSON before it has the code as well ([json.md](json.md)). A code keeps its meaning, and none is taken away. Each stands here as `drift-host explain` prints it; \
        this page is written by a test.\n\n\
        | code | exit code |\n| --- | --- |\n",
    );
    for Page { code, exit, .. } in Code::ALL.iter().map(|code| code.page()) {
        writeln!(out, "| [{code}](#{code}) | {exit} |").unwrap();
    }
    for Page { code, exit, cause, remedy } in Code::ALL.iter().map(|code| code.page()) {
        write!(out, "\n## {code}\nExit code {exit}. {cause}\n").unwrap();
        if !remedy.is_empty() {
            write!(out, "\n**What to do**: {remedy}\n").unwrap();
        }
    }
    out
}

#[test]
fn no_code_is_without_an_error() {
    // Of the variants of the library's errors the compiler sees that each has a code; that no code is left over, nobody else does.
    let mut sources = String::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("host/src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs")
                && (path.file_name().unwrap() != "explain.rs" || path.parent().unwrap().ends_with("cli"))
            {
                sources += &std::fs::read_to_string(path).unwrap();
            }
        }
    }
    for code in Code::ALL {
        let used = sources.match_indices(&format!("Code::{code:?}")).any(|(at, name)| {
            let after = sources[at + name.len()..].chars().next().unwrap();
            !after.is_alphanumeric()
        });
        assert!(used, "{code:?} is the code of nothing");
    }
}

#[test]
fn an_error_names_its_page_where_there_is_more_to_say() {
    let world = World::with_rows(1);
    let (code, out, error) = world.drift_host(&["show", "20260101"]);
    assert_eq!((code, out.as_str()), (3, ""));
    assert!(error.starts_with("error: no run \"20260101\"") && error.ends_with(" (drift-host explain no-run)\n"), "{error}");
    let (code, out, error) = world.drift_host(&["ctl", "20260101", "dance"]);
    assert_eq!((code, out.as_str(), error.contains("explain")), (2, "", false), "{error}");

    let run = |arguments: &[&str]| {
        let output = std::process::Command::new(drift_tests::binary()).args(arguments).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, out, error) = run(&["build", "nowhere"]);
    assert_eq!((code, out.as_str(), error.trim_end().ends_with("(drift-host explain project)")), (2, "", true), "{error}");
    let (code, out, error) = run(&["explain", "no-run"]);
    assert_eq!((code, error.as_str()), (0, ""));
    assert!(out.starts_with("no-run: exit code 3\n\n") && out.contains("\nWhat to do: `drift-host status`"), "{out}");
    let (code, out, _) = run(&["explain"]);
    assert_eq!((code, out.lines().count()), (0, Code::ALL.len()), "{out}");
    let (_, out, _) = run(&["explain", "--json"]);
    let document: Json = serde_json::from_str(&out).unwrap();
    let first = &document["codes"][0];
    assert_eq!((document["v"].as_u64(), first["code"].as_str(), first["exit"].as_u64()), (Some(1), Some("usage"), Some(2)));
    let (code, out, error) = run(&["explain", "no-runn"]);
    assert_eq!((code, out.as_str(), error.contains("'no-run'")), (2, "", true), "{error}");
}

#[test]
fn what_is_refused_by_different_rules_has_different_codes_and_machines_read_them() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_rows(3);
    let ends = |arguments: &[&str], exit: i32, code: &str| {
        let (is, _, error) = world.drift_host(arguments);
        assert_eq!(
            (is, error.trim_end().ends_with(&format!("(drift-host explain {code})"))),
            (exit, true),
            "{arguments:?}: {error}"
        );
    };
    ends(&["plan", &echo, "--table", "Nowhere"], 4, "table-missing");
    ends(&["plan", "nowhere.wasm", "--table", "Things"], 2, "plugin-unusable");
    ends(&["plan", &echo, "--table", "drift_migrations"], 3, "own-table");
    ends(&["plan", &echo, "--table", "Things", "--require-pitr"], 3, "no-recovery");
    ends(&["plan", &echo, "--table", "Things", "--policy", "nowhere.toml"], 2, "policy-unusable");

    let (code, out, error) = world.drift_host(&["run", &echo, "--table", "Nowhere", "--json-progress"]);
    assert_eq!((code, out.as_str()), (4, ""), "{error}");
    let last = error.lines().rfind(|line| line.starts_with('{')).unwrap();
    let event: Json = serde_json::from_str(last).unwrap();
    assert_eq!(
        (event["event"].as_str(), event["code"].as_str(), event["exit"].as_u64()),
        (Some("error"), Some("table-missing"), Some(4)),
        "{event}"
    );
    assert!(event["message"].as_str().unwrap().contains("Nowhere"), "{event}");
}
