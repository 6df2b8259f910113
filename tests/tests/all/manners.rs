//! The command line as somebody meets it: help in groups, a slip that is answered with the right word, completions.

use std::process::{Command, Output};

use drift_tests::binary;

fn said(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(binary()).args(arguments).env_remove("CLICOLOR_FORCE").output().unwrap();
    text(&output)
}

fn text(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn help_has_the_verbs_in_groups_and_each_verb_ends_with_examples() {
    let (code, help, _) = said(&["--help"]);
    let places: Vec<usize> =
        ["Author a migration:", "\n  try ", "Plan and run:", "\n  apply ", "History:", "\n  show ", "Others:"]
            .iter()
            .map(|part| help.find(part).unwrap_or_else(|| panic!("{part}: {help}")))
            .collect();
    assert_eq!((code, places.is_sorted()), (0, true), "{help}");
    for verb in ["new", "plan", "up", "ctl", "repair", "local", "completions"] {
        let (code, help, _) = said(&[verb, "--help"]);
        let examples = help.rsplit("Examples:\n").next().unwrap();
        assert!(code == 0 && examples.contains(&format!("  drift-host {verb} ")), "{help}");
    }
}

#[test]
fn a_slip_is_answered_with_the_right_word() {
    for (wrong, right) in [
        (&["aply", "20261126"][..], "'apply'"),
        (&["statsu"], "'status'"),
        (&["plan", "a.wasm", "--tabel", "Things"], "'--table'"),
        (&["run", "a.wasm", "--table", "T", "--max-write-unit", "5"], "'--max-write-units'"),
        (&["new", "a", "--lang", "rst"], "'rust'"),
    ] {
        let (code, out, error) = said(wrong);
        assert_eq!((code, out.as_str(), error.contains("tip: ") && error.contains(right)), (2, "", true), "{wrong:?}: {error}");
    }
}

#[test]
fn help_is_coloured_on_a_terminal_only_and_not_where_nobody_wants_it() {
    assert!(!said(&["--help"]).1.contains('\u{1b}'));
    if Command::new("script").arg("--version").output().is_err() {
        println!("skipped: there is no `script` (util-linux) to make a terminal with");
        return;
    }
    let on_a_terminal = |no_colour: &str| {
        let command = format!("{} --help", binary().display());
        let mut script = Command::new("script");
        script.args(["-qec", &command, "/dev/null"]).env("TERM", "xterm").env_remove("NO_COLOR").env_remove("CI");
        if !no_colour.is_empty() {
            script.env("NO_COLOR", no_colour);
        }
        text(&script.output().unwrap()).1
    };
    let (coloured, plain) = (on_a_terminal(""), on_a_terminal("1"));
    assert!(coloured.contains("\u{1b}[") && coloured.contains("Plan and run:"), "{coloured}");
    assert!(!plain.contains('\u{1b}') && plain.contains("Plan and run:"), "{plain}");
}

#[test]
fn bash_takes_the_script_and_completes_verbs_flags_and_values() {
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("completions.bash");
    let (code, out, error) = said(&["completions", "bash"]);
    assert_eq!((code, error.as_str()), (0, ""));
    std::fs::write(&script, out).unwrap();
    if Command::new("bash").arg("--version").output().is_err() {
        println!("skipped: there is no bash");
        return;
    }
    let bash = |code: String| text(&Command::new("bash").args(["--norc", "-c", &code]).output().unwrap());
    let (code, _, error) = bash(format!("bash -n '{}'", script.display()));
    assert_eq!((code, error.as_str()), (0, ""));
    // As readline calls it: the words so far, which of them is typed, and the one before.
    let completed = |words: &[&str]| {
        let all: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
        let (typed, before) = (words[words.len() - 1], words[words.len() - 2]);
        let (code, out, error) = bash(format!(
            ". '{}'; function=$(complete -p drift-host | sed 's/.*-F \\([^ ]*\\).*/\\1/'); COMP_WORDS=({}); COMP_CWORD={}; \
             \"$function\" drift-host '{typed}' '{before}'; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            script.display(),
            all.join(" "),
            words.len() - 1
        ));
        assert_eq!(code, 0, "{error}");
        out.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(completed(&["drift-host", "do"]), ["doctor"]);
    let verbs = completed(&["drift-host", ""]);
    assert!(["new", "run", "apply", "completions"].iter().all(|verb| verbs.iter().any(|found| found == verb)), "{verbs:?}");
    assert_eq!(completed(&["drift-host", "plan", "--max-r"]), ["--max-read-units"]);
    assert_eq!(completed(&["drift-host", "new", "--lang", ""]), ["rust", "js", "ts", "go", "python"]);
    assert_eq!(completed(&["drift-host", "completions", "f"]), ["fish"]);
}

#[test]
fn zsh_and_fish_have_scripts_with_every_verb() {
    for (shell, begins) in [("zsh", "#compdef drift-host"), ("fish", "")] {
        let (code, out, _) = said(&["completions", shell]);
        assert!(code == 0 && out.starts_with(begins), "{out}");
        for verb in ["new", "plan", "apply", "repair", "completions"] {
            assert!(out.contains(verb), "{shell}: {verb}");
        }
        // Where the shell is there, it reads the script.
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), out).unwrap();
        if let Ok(read) = Command::new(shell).arg("-n").arg(file.path()).output() {
            assert!(read.status.success(), "{shell}: {}", String::from_utf8_lossy(&read.stderr));
        }
    }
    assert_eq!(said(&["completions", "tcsh"]).0, 2);
}
