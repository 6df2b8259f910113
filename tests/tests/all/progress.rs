//! How far a run is: on a terminal, without one, and for machines.
#![cfg(unix)]

use std::process::Command;

use drift_tests::{World, guest};
use serde_json::Value as Json;

/// What is written to a terminal of so many columns by a run with these further environment variables; `None` where there is no
/// `script` to make one.
fn on_a_terminal(echo: &str, columns: u32, variables: &[(&str, &str)]) -> Option<String> {
    if Command::new("script").arg("--version").output().is_err() {
        eprintln!("SKIPPED: there is no `script` (util-linux), which makes a terminal");
        return None;
    }
    let world = World::with_rows(1_500);
    let run = world.command(&["run", echo, "--table", "Things", "--max-write-units", "500"]);
    let mut script = on_terminal(&run, columns);
    script.envs(variables.iter().copied());
    let output = script.stdin(std::process::Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}");
    Some(said)
}

/// The command on a terminal of so many columns.
fn on_terminal(run: &Command, columns: u32) -> Command {
    let quoted = |text: &std::ffi::OsStr| format!("'{}'", text.to_string_lossy().replace('\'', "'\\''"));
    let words: Vec<String> = std::iter::once(run.get_program()).chain(run.get_args()).map(quoted).collect();
    let mut script = Command::new("script");
    script.args(["-qec", &format!("stty rows 24 cols {columns}; exec {}", words.join(" ")), "/dev/null"]);
    script.env_remove("CI").env_remove("NO_COLOR").env("TERM", "xterm");
    script.envs(run.get_envs().filter_map(|(name, value)| Some((name, value?))));
    script
}

const CLEAR: &str = "\r\u{1b}[K";

#[test]
fn on_a_terminal_one_line_is_drawn_anew_and_is_gone_in_the_end() {
    let Some(echo) = guest("echo") else { return };
    for columns in [160, 50] {
        let Some(said) = on_a_terminal(&echo, columns, &[]) else { return };
        let drawn: Vec<&str> = said.split(CLEAR).filter(|line| line.starts_with("apply")).collect();
        let line = drawn.iter().find(|line| line.contains(" of 1500")).unwrap_or_else(|| panic!("{said:?}"));
        assert!(line.contains("/s"), "{line:?}");
        assert_eq!(line.contains('['), columns == 160, "{line:?}");
        assert!(drawn.iter().all(|line| line.lines().next().unwrap().chars().count() < columns as usize), "{drawn:?}");
        // What is left when everything was drawn: the summary, whole.
        let screen: Vec<&str> = said.split("\r\n").map(|line| line.rsplit(CLEAR).next().unwrap()).collect();
        assert!(screen.iter().any(|line| line.starts_with("applied")), "{screen:?}");
        assert!(!screen.iter().any(|line| line.starts_with("apply ")), "{screen:?}");
    }
}

#[test]
fn no_line_is_drawn_where_it_could_not_be_taken_away_again() {
    let Some(echo) = guest("echo") else { return };
    for variable in [("CI", "true"), ("TERM", "dumb")] {
        let Some(said) = on_a_terminal(&echo, 100, &[variable]) else { return };
        assert!(!said.contains(CLEAR) && said.contains("applied"), "{said:?}");
    }
}

#[test]
fn machines_are_told_each_event_as_an_object() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_rows(300);
    let arguments = ["run", &echo, "--table", "Things", "--json-progress", "--json", "--canary", "5", "--yes"];
    let (code, out, error) = world.drift_host(&arguments);
    assert_eq!(code, 0, "{error}");
    let told = error.lines().filter(|line| line.starts_with('{')).map(|line| serde_json::from_str(line).unwrap());
    let told: Vec<Json> = told.collect();
    assert!(told.iter().all(|event| event["v"] == 1 && event["at"].is_string() && event["event"].is_string()), "{told:?}");
    let names: Vec<&str> = told.iter().map(|event| event["event"].as_str().unwrap()).collect();
    for name in ["started", "estimated", "scanned", "sealed", "canary", "applied"] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    let items = |name: &str| {
        told.iter().filter(|event| event["event"] == name).map(|event| event["items"].as_u64().unwrap()).sum::<u64>()
    };
    assert_eq!((items("scanned"), items("applied")), (300, 300));
    let last = told.iter().rfind(|event| event["event"] == "applied").unwrap();
    assert!(last["units"]["write"].as_f64().unwrap() >= 275.0 && last["write"]["waits"].is_string(), "{last}");
    let document: Json = serde_json::from_str(&out).unwrap();
    assert_eq!(document["run"], told[names.iter().position(|name| *name == "started").unwrap()]["run"]);
    // Without it people are told, and no objects.
    let (_, _, error) = World::with_rows(3).drift_host(&["run", &echo, "--table", "Things"]);
    assert!(!error.contains('{') && error.lines().any(|line| line.starts_with("run ")), "{error}");
}

#[test]
fn keys_pause_hurry_and_stop_a_run() {
    use std::io::{Read as _, Write as _};
    let Some(echo) = guest("echo") else { return };
    if Command::new("script").arg("--version").output().is_err() {
        eprintln!("SKIPPED: there is no `script` (util-linux), which makes a terminal");
        return;
    }
    let world = World::with_rows(3_000);
    let run = world.command(&["run", &echo, "--table", "Things", "--max-write-units", "4"]);
    let mut script = on_terminal(&run, 200);
    let mut child = script.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let (mut keyboard, mut screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut said = String::new();
    let mut until = |words: &str| {
        let mut piece = [0; 4096];
        while !said.contains(words) {
            let read = screen.read(&mut piece).unwrap();
            assert!(read > 0, "it ended without {words:?}: {said:?}");
            said.push_str(&String::from_utf8_lossy(&piece[..read]));
        }
        let (before, after) = said.split_once(words).map(|(before, after)| (before.to_owned(), after.to_owned())).unwrap();
        said = after;
        before
    };
    let mut press = |key: &str| keyboard.write_all(key.as_bytes()).and_then(|()| keyboard.flush()).unwrap();
    until("of 3000");
    press("?");
    until("keys: p pause");
    press("p");
    until("paused: nothing is read or written");
    let seen = |world: &World| {
        let (code, out, error) = world.drift_host(&["ctl", "--all", "status", "--json"]);
        assert_eq!(code, 0, "{error}");
        let status: Json = serde_json::from_str(&out).unwrap();
        status["runs"][0].clone()
    };
    // What a key wants is written where others look.
    while seen(&world)["paused"] != true {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    // It looks there as well, when it says how far it is, and does not say again what the key has said.
    let at = seen(&world)["at"].clone();
    while seen(&world)["at"] == at {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    press("p");
    let meanwhile = until("going on");
    assert!(!meanwhile.contains("paused by"), "{meanwhile:?}");
    press("+");
    until("at most 5 write units a second");
    press("-");
    until("at most 4 write units a second");
    while seen(&world)["max_write_units"] != "4" || seen(&world)["paused"] != false {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    press("d");
    until("write units in");
    press("q");
    until("stopping:");
    until("drift-host apply");
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn with_log_json_every_line_on_standard_error_is_an_object_of_its_run() {
    let Some(echo) = guest("echo") else { return };
    let said = |arguments: &[&str], variable: Option<&str>| {
        let world = World::with_rows(30);
        let mut command = world.command(arguments);
        command.env_remove("DRIFT_LOG").envs(variable.map(|lines| ("DRIFT_LOG", lines)));
        let output = command.output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        let lines = error.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line:?} of {error}")));
        (output.status.code().unwrap(), lines.collect::<Vec<Json>>())
    };
    let run = ["run", &echo, "--table", "Things"];
    for (arguments, variable) in [([&run[..], &["--log", "json"]].concat(), None), (run.to_vec(), Some("json"))] {
        let (code, lines) = said(&arguments, variable);
        assert_eq!(code, 0, "{lines:?}");
        assert!(lines.iter().all(|line| line["v"] == 1 && line["at"].is_string() && line["level"].is_string()), "{lines:?}");
        let id = &lines.iter().find(|line| line["event"] == "begun").unwrap()["run"];
        let of_run = lines.iter().skip_while(|line| line["event"] != "started");
        assert!(id.is_string() && of_run.clone().count() > 4 && of_run.clone().all(|line| line["run"] == *id), "{lines:?}");
        assert_eq!(lines.last().unwrap()["event"], "ended", "{lines:?}");
    }
    // An error that ends a verb, wrong usage, and a line for people.
    let (code, lines) = said(&["run", &echo, "--table", "Nothing", "--log", "json"], None);
    let last = lines.last().unwrap();
    assert_eq!((code, &last["event"], &last["code"], &last["exit"]), (4, &"error".into(), &"table-missing".into(), &4.into()));
    let (code, lines) = said(&["run", "--never", "--log", "json"], None);
    assert_eq!((code, &lines[0]["code"], lines.len()), (2, &"usage".into(), 1), "{lines:?}");
    let (code, lines) = said(&["run", &echo, "--table", "Things", "--otlp", "http://127.0.0.1:1"], Some("json"));
    let warned = lines.iter().find(|line| line["event"] == "said").unwrap();
    assert!(code == 0 && warned["level"] == "warn" && warned["message"].as_str().unwrap().starts_with("telemetry"), "{lines:?}");
}
