//! A folder of migrations against the history of a table: `status`, `up`, `undo --to` and `repair`, through the binary.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use drift_host::model::Item;
use drift_tests::plain::must;
use drift_tests::{World, binary, guest};
use serde_json::{Value as Json, json};

use crate::author::{drift_host, has};

/// A table, a folder `migrations` beside it, and a shell that stands there.
struct Shell {
    world: World,
}

impl Shell {
    /// `Things` of thirty rows (`Id`, `name`, `n`) and these files.
    fn new(files: &[(&str, &str)]) -> Self {
        let shell = Self { world: World::with_rows(30) };
        fs::create_dir(shell.folder()).unwrap();
        files.iter().for_each(|(name, text)| shell.write(name, text));
        shell
    }

    fn folder(&self) -> PathBuf {
        self.world.dir.path().join("migrations")
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder().join(name), text).unwrap();
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.folder().join(name)).unwrap();
    }

    /// A line of a shell; exit code, standard output, standard error.
    fn run(&self, line: &str) -> (i32, String, String) {
        self.run_at(&self.world.running.endpoint_url(), line)
    }

    /// The same by an address that is this machine's, and that nobody takes for it: what is there may matter to somebody.
    fn run_elsewhere(&self, line: &str) -> (i32, String, String) {
        self.run_at(&self.world.running.endpoint_url().replace("127.0.0.1", "0.0.0.0"), line)
    }

    fn run_at(&self, endpoint: &str, line: &str) -> (i32, String, String) {
        let output = self.command(endpoint, line).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    fn command(&self, endpoint: &str, line: &str) -> Command {
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words[0], "drift-host", "{line}");
        let mut command = Command::new(binary());
        command.args(&words[1..]).current_dir(self.world.dir.path()).stdin(Stdio::null());
        command.env("AWS_ENDPOINT_URL", endpoint).env("DRIFT_RUNS_DIR", self.world.runs());
        command.envs([("AWS_ACCESS_KEY_ID", "nobody"), ("AWS_SECRET_ACCESS_KEY", "none"), ("AWS_REGION", "us-east-1")]);
        command
    }

    /// The same, which must end so; both its outputs.
    fn must(&self, line: &str, code: i32) -> String {
        let (ended, out, error) = self.run(line);
        assert_eq!(ended, code, "{line}\n{out}{error}");
        out + &error
    }

    fn status(&self) -> Json {
        let (_, out, error) = self.run("drift-host status migrations --table Things --json");
        serde_json::from_str(&out).unwrap_or_else(|problem| panic!("{problem}: {out}{error}"))
    }

    /// Number and state of each, in their order.
    fn states(&self) -> Vec<(String, String)> {
        let status = self.status();
        let text = |json: &Json| json.as_str().unwrap().to_owned();
        status["migrations"].as_array().unwrap().iter().map(|one| (text(&one["number"]), text(&one["state"]))).collect()
    }

    /// That they stand so: `10 applied, 20 pending`.
    fn stand(&self, expected: &str) {
        let states: Vec<String> = self.states().iter().map(|(number, state)| format!("{number} {state}")).collect();
        assert_eq!(states.join(", "), expected);
    }

    fn one(&self, number: &str) -> Json {
        let status = self.status();
        status["migrations"].as_array().unwrap().iter().find(|one| one["number"] == number).unwrap().clone()
    }

    /// The run that is not done.
    fn unfinished(&self) -> Option<String> {
        let status = self.status();
        let mut runs = status["migrations"].as_array().unwrap().iter().filter_map(|one| one["unfinished"]["run"].as_str());
        runs.next().map(str::to_owned)
    }

    fn update(&self, id: u64, expression: &str) {
        let key = json!({ "Id": { "N": id.to_string() } });
        let mut request = json!({ "TableName": "Things", "Key": key, "UpdateExpression": expression });
        if expression.contains(":x") {
            request["ExpressionAttributeValues"] = json!({ ":x": { "BOOL": true } });
        }
        if expression.contains("#length") {
            request["ExpressionAttributeNames"] = json!({ "#length": "length" });
        }
        must(&self.world.running.endpoint_url(), "UpdateItem", &request);
    }

    async fn things(&self) -> Vec<Item> {
        self.world.table("Things").await
    }

    /// The names of all attributes that any item has.
    async fn attributes(&self) -> String {
        let things = self.things().await;
        let names: std::collections::BTreeSet<String> =
            things.iter().flat_map(|item| item.iter().map(|(name, _)| name.to_owned()).collect::<Vec<_>>()).collect();
        names.into_iter().collect::<Vec<_>>().join(" ")
    }
}

const SHOUT: &str = "export default {
  number: 10,
  name: 'shout',
  summary: 'names in capitals beside the names',
  repeatable: true,
  migrate(item) { item.loud = item.name.toUpperCase(); },
  undo(item) { delete item.loud; },
};
";
const MEASURE: &str = "export default {
  number: 30, name: 'measure', repeatable: true,
  migrate(item) { item.length = item.name.length; },
};
";
const CHECK: &str = "export default {
  number: 110, name: 'check', repeatable: true, after: [100], extra: { 'needs-key': 'Id:N', 'needs-table': 'Thing*' },
  migrate(item) {
    if ('bad' in item) throw new Error('this one is bad');
    item.checked = true;
  },
  undo(item) { delete item.checked; },
};
";
const LAST: &str = "export default {
  number: 120, name: 'last', repeatable: true,
  migrate(item) { item.last = true; },
};
";
const LATE: &str = "export default {
  number: 40, name: 'late', repeatable: true,
  migrate(item) { item.late = true; },
};
";

/// The project in Go, as `drift-host new` makes it, with this for its migration.
const TAG: &str = r#"package main

import "drift-host.local/drift"

var migration = drift.Migration{
	Number: 20, Name: "tag-origin", Summary: "Says where each came from", Repeatable: true,
	Migrate: func(item drift.Item, actions *drift.Actions) error {
		item["origin"] = "import"
		return nil
	},
	Undo: func(item drift.Item, actions *drift.Actions) error {
		delete(item, "origin")
		return nil
	},
}

func init() { drift.Register(migration) }

func main() {}
"#;

/// The commands of a page by its sections, each with the exit code that it says.
fn commands(page: &str) -> BTreeMap<String, Vec<(String, i32)>> {
    let mut sections: BTreeMap<String, Vec<(String, i32)>> = BTreeMap::new();
    let mut section = String::new();
    for line in page.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            section = heading.to_owned();
        }
        if let Some(command) = line.strip_prefix("drift-host ") {
            let (command, code) = command.split_once("# exit ").unwrap_or((command, "0"));
            let command = format!("drift-host {}", command.trim());
            sections.entry(section.clone()).or_default().push((command, code.trim().parse().unwrap()));
        }
    }
    sections
}

/// The page docs/history.md from its beginning to its end: six migrations in three languages, and every state.
#[tokio::test(flavor = "multi_thread")]
async fn every_command_of_the_page_does_what_it_says() {
    let Some(touch) = guest("echo") else { return };
    if !has("go", &["version"]) {
        return;
    }
    let shell = Shell::new(&[("10-shout.js", SHOUT), ("30-measure.js", MEASURE), ("110-check.js", CHECK), ("120-last.js", LAST)]);
    shell.write("README.md", "what is here");
    fs::copy(touch, shell.folder().join("100-touch.wasm")).unwrap();
    let (code, out, error) = drift_host(&shell.folder(), &["new", "tag-origin", "--lang", "go"]);
    assert_eq!(code, 0, "{out}{error}");
    fs::rename(shell.folder().join("tag-origin"), shell.folder().join("20-tag-origin")).unwrap();
    fs::write(shell.folder().join("20-tag-origin/migration.go"), TAG).unwrap();
    fs::remove_file(shell.folder().join("20-tag-origin/migration_test.go")).unwrap();

    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/history.md")).unwrap();
    let mut sections = commands(&page);
    // The commands of a section in turn, as many as are asked for; what each said.
    let mut walk = |section: &str, count: usize| -> Vec<String> {
        let commands: Vec<(String, i32)> = sections.get_mut(section).unwrap().drain(..count).collect();
        let run = |(command, code): &(String, i32)| {
            let unfinished = || shell.unfinished().expect("a run that is not done");
            let command = if command.contains("RUN") { command.replace("RUN", &unfinished()) } else { command.clone() };
            shell.must(&command, *code)
        };
        commands.iter().map(run).collect()
    };
    let before = shell.things().await;

    // Where each stands.
    let said = walk("Where each stands", 2);
    shell.stand("10 pending, 20 pending, 30 pending, 100 pending, 110 pending, 120 pending");
    assert!(
        said[0].contains("pending            20  tag-origin") && said[0].contains("migrations on Things: 6 pending"),
        "{}",
        said[0]
    );
    assert!(said[0].contains("ignored      README.md"), "{}", said[0]);
    let status: Json = serde_json::from_str(said[1].lines().find(|line| line.starts_with('{')).unwrap()).unwrap();
    assert_eq!((&status["v"], &status["table"], &status["dir"]), (&json!(1), &json!("Things"), &json!("migrations")));
    assert_eq!(status["migrations"][0]["file"], json!("migrations/10-shout.js"));
    let tables = must(&shell.world.running.endpoint_url(), "ListTables", &json!({}))["TableNames"].clone();
    assert_eq!((shell.things().await, tables), (before.clone(), json!(["Things"])), "looking writes nothing");

    // Up.
    let said = walk("Up", 1);
    assert!(said[0].contains("to apply           20  tag-origin: Says where each came from"), "{}", said[0]);
    shell.stand("10 applied, 20 applied, 30 pending, 100 pending, 110 pending, 120 pending");
    let at_twenty = shell.things().await;
    let shout = shell.one("10");
    assert!(shout["by"].as_str().unwrap().contains('@') && shout["seconds"].as_f64().is_some(), "{shout}");
    assert_eq!((&shout["scanned"], &shout["changed"], &shout["reversible"]), (&json!(30), &json!(30), &json!(true)));
    assert_eq!(shell.attributes().await, "Id loud n name origin");

    // When one stops.
    shell.update(7, "SET bad = :x");
    let said = walk("When one stops", 1);
    assert!(said[0].contains("this one is bad") && said[0].contains("stopped at migration 110; not begun: 120"), "{}", said[0]);
    shell.stand("10 applied, 20 applied, 30 applied, 100 applied, 110 pending, 120 pending");
    assert_eq!(shell.attributes().await, "Id bad length loud n name origin touched", "nothing of it was written");
    let said = walk("When one stops", 3);
    let run = shell.unfinished().unwrap();
    assert!(
        said[1].contains("incomplete        110  check") && said[1].contains(&format!("drift-host apply {run}")),
        "{}",
        said[1]
    );
    assert!(said[2].contains(&format!("drift-host apply {run}")), "{}", said[2]);
    shell.stand("10 applied, 20 applied, 30 applied, 100 applied, 110 incomplete, 120 pending");
    shell.update(7, "REMOVE bad");
    let said = walk("When one stops", 3);
    assert!(said[2].contains("up to date"), "{}", said[2]);
    shell.stand("10 applied, 20 applied, 30 applied, 100 applied, 110 applied, 120 applied");
    let all = shell.attributes().await;
    assert_eq!(all, "Id checked last length loud n name origin touched");

    // Changed since.
    shell.write("30-measure.js", &format!("// In UTF-16 units.\n{MEASURE}"));
    let said = walk("Changed since", 2);
    assert!(said[0].contains("changed            30  measure") && said[1].contains("--accept-digest"), "{}{}", said[0], said[1]);
    shell.stand("10 applied, 20 applied, 30 changed, 100 applied, 110 applied, 120 applied");
    let said = walk("Changed since", 2);
    assert!(said[1].contains("up to date"), "{}", said[1]);

    // Out of order.
    shell.write("40-late.js", LATE);
    shell.stand("10 applied, 20 applied, 30 applied, 40 out-of-order, 100 applied, 110 applied, 120 applied");
    let said = walk("Out of order", 2);
    assert!(said[0].contains("migration 40 (late)") && said[0].contains("--out-of-order"), "{}", said[0]);
    shell.remove("40-late.js");
    shell.stand("10 applied, 20 applied, 30 applied, 40 unknown, 100 applied, 110 applied, 120 applied");

    // Back: 40 and 120, which have no undo, and 30 from images; 110 and 100 by code.
    let said = walk("Back", 1);
    let told: Vec<&str> = said[0].lines().filter_map(|line| line.strip_prefix("to take back")).collect();
    let order = |number: &str| told.iter().position(|line| line.trim_start().starts_with(number)).unwrap();
    assert!(order("120") < order("110") && order("110") < order("100") && order("100") < order("30"), "{}", said[0]);
    assert!(
        told[order("40")].contains("from the images of run") && told[order("110")].contains("by its own undo"),
        "{}",
        said[0]
    );
    shell.stand("10 applied, 20 applied, 30 pending, 100 pending, 110 pending, 120 pending");
    assert_eq!(shell.things().await, at_twenty, "the table is as it was then");

    // Said by people.
    let said = walk("Said by people", 2);
    assert!(said[0].contains("on Things migration 30 counts as applied without a run, as a baseline"), "{}", said[0]);
    assert!(said[1].contains("as a baseline: not run"), "{}", said[1]);
    shell.stand("10 applied, 20 applied, 30 applied, 100 pending, 110 pending, 120 pending");
    assert_eq!(shell.things().await, at_twenty, "nothing was run");
    let said = walk("Said by people", 2);
    assert!(said[0].contains("a baseline"), "{}", said[0]);
    shell.stand("10 applied, 20 applied, 30 applied, 100 applied, 110 pending, 120 pending");
    let said = walk("Said by people", 3);
    shell.stand("10 applied, 20 applied, 30 pending, 100 pending, 110 pending, 120 pending");
    let audit = &said[2];
    for words in [
        "migration 30 counts as applied without a run, as a baseline, by ",
        "migration 100 counts as applied without a run, marked by hand, by ",
        "migration 100 counts as not applied, marked by hand, by ",
        "migration 30 counts as not applied, marked by hand, by ",
        "was accepted instead of",
        "migration 110 (check) on Things was undone by ",
    ] {
        assert!(audit.contains(words), "{words}: {audit}");
    }
    walk("Said by people", 1);
    assert_eq!(shell.things().await, before, "all the way back");
    shell.stand("10 pending, 20 pending, 30 pending, 100 pending, 110 pending, 120 pending");

    let left: Vec<&(String, i32)> = sections.values().flatten().collect();
    assert_eq!(left, Vec::<&(String, i32)>::new(), "a command of the page that no test runs");
}

#[test]
fn a_folder_that_is_not_understood_is_shown_and_nothing_is_applied_from_it() {
    let shell = Shell::new(&[("10-shout.js", SHOUT), ("30-measure.js", MEASURE)]);
    shell.write("also-ten.js", SHOUT);
    shell.write("text.wasm", "no component");
    let said = shell.must("drift-host status migrations --table Things", 2);
    for words in [
        "unusable     migrations/also-ten.js: it says number 10, and so does migrations/10-shout.js",
        "text.wasm is not WebAssembly",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    for line in [
        "drift-host up migrations --table Things",
        "drift-host undo migrations --to 1 --table Things",
        "drift-host repair migrations --baseline 30 --table Things --yes",
        "drift-host up nowhere --table Things",
        "drift-host up migrations/10-shout.js --table Things",
    ] {
        let said = shell.must(line, 2);
        assert!(said.contains("error: "), "{line}: {said}");
    }
    for verb in ["run", "undo"] {
        let said = shell.must(&format!("drift-host {verb} migrations --table Things"), 2);
        assert!(
            said.contains(
                "If it is a folder of migrations: drift-host status migrations, up migrations, undo migrations --to NUMBER"
            ),
            "{said}"
        );
    }
    shell.remove("also-ten.js");
    shell.remove("text.wasm");
    let (code, out, error) = shell.run("drift-host up migrations --table Things --json");
    let walk: Json = serde_json::from_str(&out).unwrap_or_else(|problem| panic!("{problem}: {out}{error}"));
    assert_eq!((code, &walk["state"], &walk["left"]), (0, &json!("done"), &json!([])), "{error}");
    let states: Vec<&Json> = walk["runs"].as_array().unwrap().iter().map(|run| &run["state"]).collect();
    assert_eq!(states, ["applied", "applied"]);
    let (_, out, _) = shell.run("drift-host up migrations --table Things --json");
    let walk: Json = serde_json::from_str(&out).unwrap();
    assert_eq!((&walk["state"], &walk["runs"]), (&json!("nothing-to-do"), &json!([])));
}

#[test]
fn what_stands_against_one_is_said_before_any_is_run() {
    let shell = Shell::new(&[("10-shout.js", SHOUT), ("30-measure.js", MEASURE)]);
    let with = |extra: &str| {
        shell.write("40-late.js", &LATE.replace("name: 'late'", &format!("name: 'late', {extra}")));
        let said = shell.must("drift-host up migrations --table Things", 3);
        assert!(shell.states().iter().all(|(_, state)| state == "pending"), "{extra}: {said}");
        said
    };
    for (extra, words) in [
        ("after: [35]", "migration 40 (late) comes after migration 35, which is not applied"),
        ("grants: [{ insert: 'Copies', why: 'copies' }]", "--grant insert:Copies"),
        ("extra: { 'needs-key': 'pk:S' }", "its key must be pk:S, and is Id:N"),
        ("extra: { 'needs-index': 'by-name' }", "it must have the index by-name"),
        ("extra: { 'needs-table': 'Strikes' }", "the table must be called Strikes"),
    ] {
        let said = with(extra);
        assert!(said.contains(words), "{words}: {said}");
    }
    // One alone, and its plan, are held against the same; before the scan, so that there is no run.
    shell.write("40-late.js", &LATE.replace("name: 'late'", "name: 'late', after: [30], extra: { 'needs-table': 'Strikes' }"));
    for verb in ["run", "plan"] {
        let said = shell.must(&format!("drift-host {verb} migrations/40-late.js --table Things"), 3);
        assert!(said.contains("the table must be called Strikes") || said.contains("comes after migration 30"), "{said}");
    }
    shell.write("40-late.js", &LATE.replace("name: 'late'", "name: 'late', extra: { 'needs-colour': 'red' }"));
    let said = shell.must("drift-host run migrations/40-late.js --table Things", 2);
    assert!(said.contains("needs-colour"), "{said}");
    assert!(!shell.world.runs().exists(), "no journal was begun");

    // A number of another table, recorded by dynamo-drift.
    shell.remove("40-late.js");
    shell.must("drift-host init", 0);
    let row = json!({ "Number": { "N": "30" }, "TableName": { "S": "Else" }, "Description": { "S": "by hand" } });
    must(&shell.world.running.endpoint_url(), "PutItem", &json!({ "TableName": "drift_migrations", "Item": row }));
    shell.stand("10 pending, 30 elsewhere");
    let said = shell.must("drift-host up migrations --table Things", 3);
    assert!(said.contains("recorded for the table Else"), "{said}");
    shell.must("drift-host up migrations --table Things --to 10", 0);
    shell.stand("10 applied, 30 elsewhere");
}

#[test]
fn the_history_of_dynamo_drift_is_gone_on_with() {
    let shell = Shell::new(&[("10-shout.js", SHOUT), ("30-measure.js", MEASURE)]);
    shell.must("drift-host init", 0);
    for number in ["0", "10"] {
        let row = json!({ "Number": { "N": number }, "TableName": { "S": "Things" }, "Description": { "S": "by dynamo-drift" } });
        must(&shell.world.running.endpoint_url(), "PutItem", &json!({ "TableName": "drift_migrations", "Item": row }));
    }
    shell.stand("0 unknown, 10 applied, 30 pending");
    let theirs = shell.one("0");
    assert_eq!(
        (&theirs["name"], &theirs["by"], &theirs["finished"], &theirs["seconds"]),
        (&json!("by dynamo-drift"), &Json::Null, &Json::Null, &Json::Null)
    );
    let said = shell.must("drift-host up migrations --table Things", 0);
    assert!(said.contains("applied  migration 30 measure"), "{said}");
    shell.stand("0 unknown, 10 applied, 30 applied");
    let said = shell.must("drift-host undo migrations --to 5 --table Things", 0);
    assert!(said.contains("10  shout, by its own undo"), "{said}");
    shell.stand("0 unknown, 10 pending, 30 pending");
}

#[test]
fn a_mark_is_asked_for_and_refused_where_it_would_be_wrong() {
    let shell = Shell::new(&[("10-shout.js", SHOUT), ("30-measure.js", MEASURE)]);
    let said = shell.must("drift-host repair migrations --applied 30 --table Things", 3);
    assert!(
        said.contains("migration 30 (measure) is applied to Things, though it is not run") && said.contains("--yes"),
        "{said}"
    );
    for (line, code, words) in [
        ("repair migrations --applied 31 --table Things --yes", 2, "there is no migration 31 in migrations"),
        ("repair migrations/10-shout.js --applied 30 --table Things --yes", 2, "the plugin is migration 10"),
        ("repair --not-applied 30 --table Things --yes", 2, "migration 30 is not recorded"),
        ("repair migrations --baseline 9 --table Things --yes", 2, "up to 9 is left"),
        ("repair migrations --baseline 30 --table Nowhere --yes", 4, "Nowhere"),
    ] {
        let said = shell.must(&format!("drift-host {line}"), code);
        assert!(said.contains(words), "{line}: {said}");
    }
    shell.must("drift-host repair --applied 30 --table Things --yes", 0);
    assert_eq!(shell.one("30")["applied"]["details"]["unrun"], json!("marked"));
    let said = shell.must("drift-host repair migrations --applied 30 --table Things --yes", 2);
    assert!(said.contains("recorded as applied to Things already"), "{said}");
    let said = shell.must("drift-host run migrations/30-measure.js --table Things", 0);
    assert!(said.contains("already-applied"), "{said}");
    let said = shell.must("drift-host repair --not-applied 30 --table Other --yes", 3);
    assert!(said.contains("recorded for the table Things"), "{said}");

    // What is half done is neither.
    shell.must("drift-host repair --not-applied 30 --table Things --yes", 0);
    shell.write("110-check.js", &CHECK.replace("after: [100], ", ""));
    shell.update(7, "SET bad = :x");
    shell.must("drift-host up migrations --table Things --max-errors 1", 1);
    let said = shell.must("drift-host repair --applied 110 --table Things --yes", 3);
    let run = shell.unfinished().unwrap();
    assert!(said.contains(&format!("drift-host apply {run} goes on, drift-host undo --run {run} goes back")), "{said}");
    shell.stand("10 applied, 30 applied, 110 incomplete");
}

#[test]
fn an_undo_that_is_not_done_is_gone_on_with_and_nothing_else_is_begun() {
    let picky = SHOUT.replace("undo(item) {", "undo(item) { if ('bad' in item) throw new Error('not this one');");
    let shell = Shell::new(&[("10-shout.js", &picky), ("30-measure.js", MEASURE)]);
    shell.must("drift-host up migrations --table Things --to 10", 0);
    shell.update(7, "SET bad = :x");
    shell.must("drift-host undo migrations --to 5 --table Things --max-errors 1", 1);
    shell.stand("10 incomplete, 30 pending");
    let run = shell.unfinished().unwrap();
    let way = format!("drift-host apply {run} goes on with its undo");
    for line in [
        "drift-host up migrations --table Things",
        "drift-host undo migrations --to 5 --table Things",
        "drift-host repair --not-applied 10 --table Things --yes",
    ] {
        let said = shell.must(line, 3);
        assert!(said.contains(&way), "{line}: {said}");
    }
    assert!(shell.must("drift-host status migrations --table Things", 0).contains("undo, incomplete, by "));
    shell.update(7, "REMOVE bad");
    shell.must(&format!("drift-host apply {run} --retry-failed"), 0);
    shell.stand("10 pending, 30 pending");
}

#[cfg(unix)]
#[test]
fn stopped_or_killed_in_the_midst_it_goes_on_where_it_was() {
    // Slow enough to be met at work.
    let slow = MEASURE.replace("{ item.length", "{ for (let i = 0; i < 4e6; i++); item.length");
    for signal in ["TERM", "KILL"] {
        let shell = Shell::new(&[("10-shout.js", SHOUT), ("30-measure.js", &slow), ("40-late.js", LATE)]);
        let line = "drift-host up migrations --table Things --concurrency 1";
        let mut command = shell.command(&shell.world.running.endpoint_url(), line);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        while shell.one("30")["unfinished"].is_null() {
            assert_eq!(child.try_wait().unwrap(), None, "it was done before it was met");
        }
        assert!(Command::new("kill").args(["-s", signal, &child.id().to_string()]).status().unwrap().success());
        let output = child.wait_with_output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        if signal == "TERM" {
            assert_eq!(
                (output.status.code(), error.contains("stopped at migration 30; not begun: 40")),
                (Some(143), true),
                "{error}"
            );
        }
        shell.stand("10 applied, 30 incomplete, 40 pending");
        let run = shell.unfinished().unwrap();
        let said = shell.must(line, 3);
        assert!(said.contains(&format!("drift-host apply {run} goes on")), "{said}");
        shell.must(&format!("drift-host apply {run}"), 0);
        shell.must(line, 0);
        shell.stand("10 applied, 30 applied, 40 applied");
    }
}

#[test]
fn both_ways_stop_at_the_first_that_does_not_end_well_and_go_on_from_there() {
    let plain = SHOUT.replace("  undo(item) { delete item.loud; },\n", "");
    let shell = Shell::new(&[("10-shout.js", &plain), ("30-measure.js", MEASURE), ("40-late.js", LATE)]);
    let walk = |line: &str, code: i32| -> Json {
        let (ended, out, error) = shell.run(line);
        assert_eq!(ended, code, "{line}\n{out}{error}");
        serde_json::from_str(&out).unwrap_or_else(|problem| panic!("{problem}: {out}{error}"))
    };
    // Nobody can be asked about the rest.
    let document = walk("drift-host up migrations --table Things --canary 5 --json", 1);
    assert_eq!((&document["state"], &document["runs"][0]["state"]), (&json!("stopped"), &json!("incomplete")));
    assert_eq!((&document["left"], document["runs"].as_array().unwrap().len()), (&json!(["30", "40"]), 1));
    shell.must(&format!("drift-host apply {}", shell.unfinished().unwrap()), 0);
    shell.must("drift-host up migrations --table Things --canary 5 --yes", 0);
    shell.stand("10 applied, 30 applied, 40 applied");

    // The application wrote what 30 had written: that stays, and is looked at before anything further goes back.
    shell.update(7, "SET #length = :x");
    let document = walk("drift-host undo migrations --to 5 --table Things --json", 1);
    assert_eq!((&document["state"], &document["left"], &document["error"]), (&json!("stopped"), &json!(["10"]), &Json::Null));
    assert_eq!(document["runs"][1]["items"]["skipped"], json!(1));
    shell.stand("10 applied, 30 pending, 40 pending");
    let document = walk("drift-host undo migrations --to 5 --table Things --json", 0);
    assert_eq!((&document["state"], document["runs"].as_array().unwrap().len()), (&json!("done"), 1));
    shell.stand("10 pending, 30 pending, 40 pending");

    // Without images there is no way back, which is said before any of them is taken back.
    shell.must("drift-host up migrations --table Things --to 10", 0);
    shell.must("drift-host up migrations --table Things --to 30", 0);
    fs::remove_dir_all(shell.world.runs()).unwrap();
    let said = shell.must("drift-host undo migrations --to 5 --table Things", 3);
    assert!(said.contains("migration 30 (measure) has no way back: it has no undo, and its run's journal is not here"), "{said}");
    shell.stand("10 applied, 30 applied, 40 pending");
}

#[test]
fn it_asks_once_for_all_and_builds_nothing_where_the_table_is_not_local() {
    let shell = Shell::new(&[("10-shout.js", SHOUT), ("30-measure.js", MEASURE)]);
    let (code, _, error) = shell.run_elsewhere("drift-host up migrations --table Things --ephemeral-runs");
    assert_eq!(code, 3, "{error}");
    assert!(error.contains("to apply           10  shout") && error.contains("to apply           30  measure"), "{error}");
    // The whole of it, before anything is asked.
    let overview = error.split("Go on?").next().unwrap();
    assert!(overview.contains("migrations on Things: 2 pending\n"), "{error}");
    assert!(overview.contains("patches its items only") && overview.contains("one after the other"), "{error}");
    assert!(overview.contains("; has an undo\n") && overview.contains("; no undo: back from the images of its run\n"), "{error}");
    assert_eq!(error.matches("Go on? [y/N]").count(), 1, "{error}");
    assert!(error.contains("These 2 write to the table Things of http://0.0.0.0:"), "{error}");
    shell.stand("10 pending, 30 pending");
    let (code, out, error) = shell.run_elsewhere("drift-host up migrations --table Things --ephemeral-runs --yes");
    assert_eq!((code, out.matches("applied  migration").count()), (0, 2), "{out}{error}");
    let (code, _, error) = shell.run_elsewhere("drift-host undo migrations --to 10 --table Things --ephemeral-runs");
    assert!(code == 3 && error.contains("to take back       30  measure, from the images of run"), "{error}");

    let (code, out, error) = drift_host(&shell.folder(), &["new", "trim-names", "--lang", "js"]);
    assert_eq!(code, 0, "{out}{error}");
    let status = |word: &str, code: i32| {
        let (ended, out, error) = shell.run_elsewhere("drift-host status migrations --table Things");
        assert_eq!((ended, out.contains(word)), (code, true), "{word}: {out}{error}");
    };
    status("unusable     migrations/trim-names is a project", 2);
    let (code, out, error) = drift_host(&shell.folder(), &["build", "trim-names"]);
    assert_eq!(code, 0, "{out}{error}");
    status("pending      ", 0);
    let source = shell.folder().join("trim-names/migration.js");
    fs::write(&source, fs::read_to_string(&source).unwrap() + "// more\n").unwrap();
    status("is a project, and building it would run its scripts", 2);
}
