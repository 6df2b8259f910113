//! What machines read is as `docs/schema` says, verb by verb.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use drift_tests::schema::Schemas;
use drift_tests::{World, binary, guest, inspect};
use serde_json::Value as Json;

/// Runs it; gives standard output and standard error, whatever the exit code.
fn said(world: &World, words: &[&str]) -> (String, String) {
    let (_, out, error) = world.drift_host(words);
    assert!(!out.is_empty(), "{words:?}: {error}");
    (out, error)
}

fn json(schemas: &Schemas, file: &str, world: &World, words: &[&str]) -> Json {
    schemas.must(file, &said(world, &[words, &["--json"]].concat()).0)
}

const ON: [&str; 2] = ["--table", "Things"];

#[test]
fn a_run_and_all_that_is_shown_of_it_are_as_the_schemas_say() {
    let Some(echo) = guest("echo") else { return };
    let schemas = Schemas::read();
    let world = World::with_rows(40);
    schemas.must("inspect.json", &inspect(&[&echo, "--json"]).1);
    json(&schemas, "doctor.json", &world, &["doctor", "--table", "Things"]);
    let tried = json(&schemas, "try.json", &world, &["try", &echo, "--table", "Things", "--arg", "mode=fail", "--arg", "id=7"]);
    assert!(tried["items"].as_array().unwrap().iter().any(|item| item["error"].is_string()), "{tried}");
    let planned = json(&schemas, "run.json", &world, &["plan", &echo, "--table", "Things", "--price", "0.1,0.6"]);
    assert!(planned["changes"]["shapes"][0]["example"].is_object() && planned["price"].is_object(), "{planned}");
    assert_eq!(
        json(&schemas, "removed.json", &world, &["status", "--prune", "--planned", "--yes"])["removed"].as_array().unwrap().len(),
        1
    );

    let failing = ["--arg", "mode=fail", "--arg", "id=7", "--max-errors", "1"];
    let run = json(&schemas, "run.json", &world, &[&["run", &echo], &ON[..], &failing].concat());
    assert_eq!((&run["state"], run["errors"].as_array().unwrap().len()), (&"incomplete".into(), 1));
    let id = run["run"].as_str().unwrap();
    let shown = json(&schemas, "run.json", &world, &["show", id]);
    assert_eq!((&shown["manifest"]["run"], shown["segments"].as_array().unwrap().len()), (&id.into(), 4));
    let errors = json(&schemas, "errors.json", &world, &["show", id, "--errors"]);
    assert!(errors["errors"][0]["image"].is_object(), "{errors}");
    let failed = json(&schemas, "item.json", &world, &["show", id, "--item", "7"]);
    assert_eq!(failed["outcome"]["kind"], "failed");
    assert!(json(&schemas, "item.json", &world, &["show", id, "--item", "8"])["planned"]["after"].is_object());
    let status = json(&schemas, "status.json", &world, &["status"]);
    assert_eq!((status["unfinished"].as_array().unwrap().len(), status["runs"].as_array().unwrap().len()), (1, 1));
    std::fs::remove_file(world.runs().join(format!("{id}.drift"))).unwrap();
    json(&schemas, "repair.json", &world, &["repair", id, "--abandon", "--yes"]);
    let audited = json(&schemas, "status.json", &world, &["status", "--audit"]);
    assert!(!audited["audit"].as_array().unwrap().is_empty(), "{audited}");

    assert_eq!(json(&schemas, "run.json", &world, &[&["run", &echo], &ON[..]].concat())["state"], "applied");
    assert_eq!(json(&schemas, "run.json", &world, &[&["run", &echo], &ON[..]].concat())["state"], "already-applied");
    assert_eq!(json(&schemas, "status.json", &world, &["status"])["applied"].as_array().unwrap().len(), 1);
    assert_eq!(json(&schemas, "run.json", &world, &[&["undo", &echo], &ON[..]].concat())["state"], "undone");
}

#[test]
fn actions_of_each_kind_windows_and_bounds_are_as_the_schemas_say() {
    let (Some(claims), Some(echo)) = (guest("claims"), guest("echo")) else { return };
    let schemas = Schemas::read();
    let world = World::with_data(&["Strikes:+Id=birdstrikes.csv", "Claims:+Id=no.json"]);
    let granted = ["--grant", "insert:Claims", "--grant", "delete:Claims"];
    let planned = json(&schemas, "run.json", &world, &[&["plan", &claims, "--table", "Strikes"], &granted[..]].concat());
    assert_eq!((&planned["state"], &planned["actions"]["insert"]), (&"planned".into(), &209.into()));
    assert!(planned["accesses"].as_array().is_some_and(|lines| !lines.is_empty()), "{planned}");
    json(&schemas, "run.json", &world, &["show", planned["run"].as_str().unwrap()]);
    let world = World::with_rows(60);
    for mode in ["delete", "copy"] {
        let planned = json(
            &schemas,
            "run.json",
            &world,
            &["plan", &echo, "--table", "Things", "--arg", &format!("mode={mode}"), "--grant", "delete:."],
        );
        assert_eq!(planned["state"], "planned", "{planned}");
        let key = planned["would_change"]["keys"][0].as_str().unwrap().to_owned();
        json(&schemas, "item.json", &world, &["show", planned["run"].as_str().unwrap(), "--item", &key]);
    }
    let windows = ["run", &echo, "--table", "Things", "--segments", "4", "--window", "2", "--max-write-units", "1000"];
    assert_eq!(json(&schemas, "run.json", &world, &windows)["windows"]["count"], 2);
}

#[test]
fn a_folder_and_an_author_are_told_as_the_schemas_say() {
    let schemas = Schemas::read();
    let world = World::with_rows(20);
    let folder = world.dir.path().join("migrations");
    std::fs::create_dir(&folder).unwrap();
    let dir = folder.to_str().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    let one = "export default { number: 1, name: 'one', repeatable: true, migrate(item) { item.one = true; }, undo(item) { delete item.one; } };";
    write("1.js", one);
    write(
        "2.js",
        "export default { number: 2, name: 'two', migrate(item) { if (item.Id == 3) throw new Error('no three'); item.two = 2; } };",
    );
    write("3.js", "this is none");
    write("read.me", "ignored");
    let standings = json(&schemas, "standings.json", &world, &["status", dir, "--table", "Things"]);
    assert_eq!(standings["migrations"].as_array().unwrap().len(), 2, "{standings}");
    std::fs::remove_file(folder.join("3.js")).unwrap();
    let walk = json(&schemas, "walk.json", &world, &["up", dir, "--table", "Things"]);
    assert_eq!((&walk["state"], walk["runs"].as_array().unwrap().len()), (&"stopped".into(), 2), "{walk}");
    let standings = json(&schemas, "standings.json", &world, &["status", dir, "--table", "Things", "--audit"]);
    assert!(standings["migrations"][0]["applied"].is_object(), "{standings}");

    let alone = World::with_rows(5);
    let js = folder.join("1.js").display().to_string();
    let fixtures = alone.dir.path().join("fixtures").display().to_string();
    json(&schemas, "run.json", &alone, &["run", &js, "--table", "Things", "--record", "2", "--record-to", &fixtures]);
    std::fs::rename(&fixtures, folder.join("fixtures")).unwrap();
    let output = Command::new(binary()).args(["test", &js, "--json"]).output().unwrap();
    let tested = schemas.must("test.json", &String::from_utf8(output.stdout).unwrap());
    assert_eq!(tested["fixtures"].as_array().unwrap().len(), 2, "{tested}");
}

#[test]
fn events_and_lines_for_machines_are_as_the_schema_says() {
    let Some(echo) = guest("echo") else { return };
    let schemas = Schemas::read();
    let mut seen = BTreeSet::new();
    let mut check = |error: &str| {
        for line in error.lines().filter(|line| line.starts_with('{')) {
            seen.insert(schemas.must("event.json", line)["event"].as_str().unwrap().to_owned());
        }
    };
    let world = World::with_rows(100);
    let windows = ["--segments", "2", "--window", "1", "--canary", "5", "--yes", "--max-write-units", "5000", "--json-progress"];
    check(&said(&world, &[&["run", &echo], &ON[..], &windows].concat()).1);
    let world = World::with_rows(300);
    let mut slow =
        world.command(&["run", &echo, "--table", "Things", "--max-write-units", "2", "--json-progress", "--segments", "1"]);
    let slow = slow.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let steered = loop {
        let status = json(&schemas, "ctl.json", &world, &["ctl", "--all", "status"]);
        if status["runs"].as_array().is_some_and(|runs| !runs.is_empty()) {
            break status;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    };
    assert_eq!(steered["runs"][0]["table"], "Things");
    json(&schemas, "ctl.json", &world, &["ctl", "--all", "stop"]);
    let output = slow.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(75));
    check(&String::from_utf8(output.stderr).unwrap());
    let wanted =
        ["applied", "begun", "canary", "ended", "estimated", "paced", "scanned", "sealed", "started", "steered", "window"];
    let missing: Vec<_> = wanted.into_iter().filter(|name| !seen.contains(*name)).collect();
    assert!(missing.is_empty(), "{missing:?} were not told, but {seen:?}");
}

#[test]
fn local_says_where_it_listens_as_the_schema_says() {
    let schemas = Schemas::read();
    let mut local = Command::new(binary());
    let mut child = local.args(["local", "--port", "0", "--json"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    schemas.must("local.json", &line);
}

#[test]
fn a_field_that_is_not_listed_or_lacks_or_has_another_type_fails() {
    let schemas = Schemas::read();
    let good = serde_json::json!({ "v": 1, "runs": [] });
    assert_eq!(schemas.check("ctl.json", &good), Ok(()));
    for (bad, why) in [
        (serde_json::json!({ "v": 1, "runs": [], "more": 1 }), "/more: it is not listed"),
        (serde_json::json!({ "v": 1 }), "required"),
        (serde_json::json!({ "v": 2, "runs": [] }), "/v: 2 is not as const 1"),
        (serde_json::json!({ "v": 1, "runs": {} }), "/runs: {} is not as type"),
    ] {
        let problem = schemas.check("ctl.json", &bad).unwrap_err();
        assert!(problem.contains(why), "{bad}: {problem}");
    }
    // Each of them is said on the page, so that whoever looks for a shape finds it.
    let page = include_str!("../../../docs/json.md");
    for name in schemas.names() {
        assert!(page.contains(&format!("schema/v1/{name}")), "docs/json.md does not say {name}");
    }
}
