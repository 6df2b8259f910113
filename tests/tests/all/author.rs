//! An author's first hour: a project made, built, tested and run, in each language, as its README says.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use drift_host::model::Value;
use drift_tests::schema::Schemas;
use drift_tests::{World, binary};
use serde_json::Value as Json;

/// `drift-host` in this folder; exit code, standard output, standard error.
pub(crate) fn drift_host(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(binary());
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    // The compiler for guests, where it is not the one in use.
    for (told, name) in
        [("DRIFT_GUEST_RUSTC", "RUSTC"), ("DRIFT_GUEST_RUSTFLAGS", "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS")]
    {
        if let Some(value) = std::env::var_os(told) {
            command.env(name, value);
        }
    }
    // What the tests are built with is not what an author's project is built with.
    command.env_remove("CARGO_TARGET_DIR").env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// Whether a language's tool is here; a machine that decides over a change must have it.
pub(crate) fn has(tool: &str, arguments: &[&str]) -> bool {
    let found = Command::new(tool).args(arguments).output().is_ok_and(|output| output.status.success());
    let ci = std::env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"));
    assert!(found || !ci, "{tool} is missing, and this machine decides over a change");
    if !found {
        println!("skipped: {tool} is not installed");
    }
    found
}

/// new → build → test → run, on a table whose names have blanks.
async fn first_hour(language: &str) {
    let world = World::with_items(&[
        r#"{"Id": 1, "name": "  Ann "}"#,
        r#"{"Id": 2, "name": "Bob"}"#,
        r#"{"Id": 3, "other": [1, {"deep": [true, null, "x"]}]}"#,
    ]);
    let dir = tempfile::tempdir().unwrap();
    let (code, out, error) = drift_host(dir.path(), &["new", "trim-names", "--lang", language]);
    assert_eq!(code, 0, "{out}{error}");
    let project = dir.path().join("trim-names");
    let (code, out, error) = drift_host(&project, &["build", "--json"]);
    assert_eq!(code, 0, "{out}{error}");
    let built = Schemas::read().must("build.json", &out);
    let component = project.join(built["component"].as_str().unwrap());
    assert!(component.is_file() && built["name"] == "trim-names", "{built}");
    let (code, out, error) = drift_host(&project, &["test"]);
    assert_eq!((code, out.contains("1 of 1 fixtures passed")), (0, true), "{out}{error}");

    // A fixture that is no longer true is a diff, and blessing makes it true.
    let expected = project.join("fixtures/blanks/expected.json");
    std::fs::write(&expected, r#"{"after": {"Id": 1, "name": "Eve"}}"#).unwrap();
    let (code, out, _) = drift_host(&project, &["test"]);
    assert!(code == 1 && out.contains(r#"- name: {"S":"Eve"}"#) && out.contains(r#"+ name: {"S":"Ann"}"#), "{out}");
    let (code, _, _) = drift_host(&project, &["test", "--bless"]);
    let (again, out, error) = drift_host(&project, &["test", "--json"]);
    assert_eq!((code, again), (0, 0), "{out}{error}");
    let tested: Json = serde_json::from_str(&out).unwrap();
    let fixture = &tested["fixtures"][0];
    assert!(
        fixture["verdict"] == "passed" && fixture["fuel"].as_u64() > Some(0) && fixture["memory_bytes"].as_u64() > Some(0),
        "{fixture}"
    );

    let (code, out, error) = drift_host(&project, &["test", "--bench", "--json"]);
    assert_eq!(code, 0, "{out}{error}");
    let benched: Json = serde_json::from_str(&out).unwrap();
    assert!(benched["fixtures"][0]["calls"].as_u64() > Some(1) && benched["fixtures"][0]["fuel"].as_u64() > Some(0), "{benched}");

    // Straight from the project, which is local and built for it; then the plugin, which is the same.
    let (code, out, error) = world.drift_host(
        &["run", &component.display().to_string(), "--table", "Things", "--record", "2", "--record-to"]
            .into_iter()
            .chain([project.join("recorded").to_str().unwrap()])
            .collect::<Vec<_>>(),
    );
    assert_eq!((code, out.starts_with("applied")), (0, true), "{out}{error}");
    let table = world.table("Things").await;
    let names: Vec<Option<&Value>> = table.iter().map(|item| item.get("name")).collect();
    assert!(names.contains(&Some(&"Ann".into())) && names.contains(&Some(&"Bob".into())) && names.contains(&None), "{names:?}");

    let (code, out, error) = drift_host(&project, &["test", "build/trim_names.wasm", "--fixtures", "recorded"]);
    assert_eq!((code, out.contains("2 of 2 fixtures passed")), (0, true), "{out}{error}");
    let recorded = std::fs::read_to_string(project.join("recorded/recorded-001/item.json")).unwrap();
    assert!(!recorded.contains("Ann") && !recorded.contains("Bob"), "values are masked: {recorded}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rust() {
    if std::env::var_os("DRIFT_GUESTS_DIR").is_some() {
        first_hour("rust").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn go() {
    if has("go", &["version"]) {
        first_hour("go").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn python() {
    if has("python3", &["-c", "import venv, ensurepip, sys; sys.exit(sys.version_info < (3, 10))"]) {
        first_hour("python").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn javascript() {
    // Nothing is needed for it.
    first_hour("js").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn typescript() {
    if has("npm", &["--version"]) {
        first_hour("ts").await;
    }
}

/// What an author of JavaScript is told; nothing is built, and nothing but drift-host is needed.
#[test]
fn a_wrong_file_of_javascript_is_told_in_its_own_words_and_lines() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("rename.js");
    let head = "export default {\n  number: 1,\n  name: 'x',\n";
    for (text, words) in [
        (
            format!("{head}  migrate(item) {{\n    let a = ;\n  }},\n}};\n"),
            "SyntaxError: unexpected token in expression: ';' (rename.js:5)",
        ),
        (format!("{head}  async migrate(item) {{}},\n}};\n"), "async"),
        (format!("{head}}};\n"), "no function migrate"),
        ("import _ from 'lodash';\nexport default {};\n".into(), "SyntaxError: the file imports 'lodash'"),
        (
            format!("{head}  migrate() {{}},\n}};\nexport * from './more.js';\n"),
            "SyntaxError: `export *`: a file by itself exports its own names only (rename.js:6)",
        ),
        (
            "\nexport const { number, name } = {};\n".into(),
            "`export const { … } = …` is not taken: declare the names first, and `export { a, b }` them (rename.js:2)",
        ),
        (format!("{head}  migrate() {{ return import('x'); }},\n}};\n"), "`import(…)` is not to be had"),
        ("const a = 1;\n".into(), "exports no migration"),
        ("throw new Error('at the top');\n".into(), "at the top"),
        ("export default { number: 1.5, name: 'x', migrate() {} };".into(), "whole number above zero"),
    ] {
        std::fs::write(&file, &text).unwrap();
        let (code, _, error) = drift_host(dir.path(), &["inspect", "rename.js"]);
        assert_eq!(
            (code, error.starts_with("error: rename.js cannot be run: "), error.contains(words)),
            (2, true, true),
            "{text}\n{error}"
        );
    }
    std::fs::write(dir.path().join("item.json"), "{\"Id\": 1}").unwrap();
    for (body, words) in [
        ("item.price = 1.5;", "num('1.5')"),
        ("return { ...item };", "returns nothing"),
        ("throw 'plainly';", "failed: plainly"),
        ("item.a.b = 1;", "at migrate (rename.js:5:"),
        ("for (;;) {}", "item-time"),
        ("const f = () => f(); f();", "stack"),
    ] {
        std::fs::write(&file, format!("{head}  migrate(item) {{\n    {body}\n  }},\n}};\n")).unwrap();
        let tried = ["try", "rename.js", "--item", "item.json", "--key-attributes", "Id", "--limit", "item-time=1s"];
        let (code, out, error) = drift_host(dir.path(), &tried);
        assert_eq!((code, out.contains(words)), (1, true), "{body}: {out}{error}");
    }
}

#[test]
fn every_form_of_export_makes_a_migration() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("item.json"), "{\"Id\": 1}").unwrap();
    for text in [
        "export const number = 1, name = [1, 2].map(() => 'x')[0]\nexport function migrate(item) { item.done = true; }\n",
        "const number = 1, name = 'x';\nexport const repeatable = true, migrate = (item) => {\n  item.done = true;\n}\nexport { number, name }\n",
        "const migration = { number: 1, name: 'x', migrate };\nexport { migration as default };\nfunction migrate(item) { item.done = true; }\n",
        "export class Done { static number = 1; }\nexport let number = Done.number, name = `x`,\n  migrate = (item) => void (item.done = true);\n",
        "export var migration = { number: 1, name: 'x', migrate(item) { item.done = true; } }\nimport { num } from 'drift-sdk'\n",
    ] {
        std::fs::write(dir.path().join("forms.js"), text).unwrap();
        let (code, out, error) = drift_host(dir.path(), &["try", "forms.js", "--item", "item.json", "--key-attributes", "Id"]);
        assert_eq!((code, out.contains("+ done: {\"BOOL\":true}")), (0, true), "{text}{out}{error}");
    }
}

/// A project whose migration is this source, built; its folder and component. The build itself must succeed.
pub(super) fn built(dir: &Path, language: &str, file: &str, source: &str) -> (PathBuf, String) {
    let name = format!("told-in-{language}");
    let (code, out, error) = drift_host(dir, &["new", &name, "--lang", language]);
    assert_eq!(code, 0, "{out}{error}");
    let project = dir.join(&name);
    std::fs::write(project.join(file), source).unwrap();
    let (code, out, error) = drift_host(&project, &["build", "--json"]);
    assert_eq!(code, 0, "{out}{error}");
    let built: Json = serde_json::from_str(&out).unwrap();
    let component = project.join(built["component"].as_str().unwrap()).display().to_string();
    (project, component)
}

/// What `try` says of the item `{"Id": 1, "do": WHAT}`.
fn tried(project: &Path, component: &str, what: &str) -> (i32, String) {
    std::fs::write(project.join("item.json"), format!("{{\"Id\": 1, \"do\": {what:?}}}")).unwrap();
    let arguments = ["try", component, "--item", "item.json", "--key-attributes", "Id", "--limit", "item-time=5s"];
    let (code, out, error) = drift_host(project, &arguments);
    (code, out + &error)
}

/// What an author of Go is told at run time: one component, and an item for each mistake.
#[test]
fn mistakes_in_go_are_told_in_its_own_words() {
    if !has("go", &["version"]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let source = r#"package main

import (
	"errors"
	"log"
	"os"
	"strings"
	"sync"
	"time"

	"drift-host.local/drift"
)

func init() {
	drift.Register(drift.Migration{Number: 1, Name: "x", Migrate: func(item drift.Item, _ *drift.Actions) error {
		what, err := item.String("do")
		if err != nil {
			return err
		}
		switch what {
		case "exit":
			os.Exit(1)
		case "fatal":
			log.Fatal("so it goes")
		case "goroutine":
			go func() { panic("in the background") }()
			time.Sleep(time.Second)
		case "deadlock":
			var never sync.WaitGroup
			never.Add(1)
			never.Wait()
		case "float":
			item["price"] = 1.5
		case "utf8":
			item["deep"] = drift.Map{"list": drift.List{"caf\xe9"}}
		case "error":
			return errors.New("it said \xff")
		case "panic":
			item["deep"].(drift.Map)["x"] = 1
		case "go":
			done := make(chan string)
			go func() { done <- "from a goroutine" }()
			item["said"] = <-done
		case "now":
			started, err := time.Parse(time.RFC3339Nano, drift.CurrentRun().StartedAt)
			if err != nil {
				return err
			}
			before := time.Now()
			time.Sleep(time.Hour)
			item["same"] = before.Equal(started) && time.Now().Equal(started) && started.Year() > 2025
			item["slept"] = time.Since(before) >= time.Hour && time.Since(before) < 2*time.Hour
			item["year"] = strings.TrimPrefix(before.Format("2006"), "20")
		}
		return nil
	}})
}

func main() {}
"#;
    let (project, component) = built(dir.path(), "go", "migration.go", source);
    for (what, words) in [
        ("exit", "failed: called `exit` with status 1 (as `os.Exit` and `log.Fatal` do): return an error instead"),
        ("fatal", "called `exit` with status 1"),
        ("fatal", "so it goes"),
        ("goroutine", "failed: trapped: panic: in the background"),
        ("deadlock", "failed: trapped: fatal error: all goroutines are asleep - deadlock!"),
        ("float", r#"attribute "price": the float 1.5 is not exact: give a drift.Number, drift.MustNum("1.5")"#),
        ("utf8", r#"attribute "deep": .list: [0]: the string "caf\xe9" is not UTF-8"#),
        ("error", "it said \u{fffd}"),
        ("panic", "told-in-go/migration.go:39"),
    ] {
        let (code, said) = tried(&project, &component, what);
        assert_eq!((code, said.contains(words)), (1, true), "{what}: {words}\n{said}");
    }
    let (code, said) = tried(&project, &component, "go");
    assert_eq!((code, said.contains("from a goroutine")), (0, true), "{said}");
    let (code, said) = tried(&project, &component, "now");
    assert!(code == 0 && said.contains(r#"+ same: {"BOOL":true}"#) && said.contains(r#"+ slept: {"BOOL":true}"#), "{said}");
}

/// What an author of Go is told when the project is built.
#[test]
fn what_go_refuses_to_build_is_told_in_its_own_words_and_lines() {
    if !has("go", &["version"]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (code, out, error) = drift_host(dir.path(), &["new", "told-in-go", "--lang", "go"]);
    assert_eq!(code, 0, "{out}{error}");
    let source = |function: &str| {
        format!(
            "package main\n\nimport \"drift-host.local/drift\"\n\nfunc init() {{\n\tdrift.Register(drift.Migration{{Number: 1, Name: \"x\", Migrate: migrate}})\n}}\n\n{function}\n\nfunc main() {{}}\n"
        )
    };
    for (function, words) in [
        (
            "func migrate(item drift.Item, _ *drift.Actions) error {\n\titem[\"a\"] = = 1\n\treturn nil\n}",
            &["migration.go:10:", "syntax error"][..],
        ),
        ("func migrate(item drift.Item, _ *drift.Actions) error {\n\treturn item\n}", &["migration.go:10:", "cannot use item"]),
        ("func migrate(item drift.Item) drift.Item {\n\treturn item\n}", &["migration.go:6:", "cannot use migrate"]),
    ] {
        std::fs::write(dir.path().join("told-in-go/migration.go"), source(function)).unwrap();
        let (code, out, error) = drift_host(dir.path(), &["build", "told-in-go"]);
        assert!(code == 2 && words.iter().all(|words| error.contains(words)), "{function}: {code} {out}{error}");
    }
    // What builds and says nothing sensible of itself.
    for (register, words) in [
        ("drift.Migration{Name: \"x\"}", "the migration has no Number"),
        ("drift.Migration{Number: 1, Name: \"x\"}", "the migration has no Migrate function"),
    ] {
        let text = format!(
            "package main\n\nimport \"drift-host.local/drift\"\n\nfunc init() {{ drift.Register({register}) }}\n\nfunc main() {{}}\n"
        );
        std::fs::write(dir.path().join("told-in-go/migration.go"), text).unwrap();
        let (code, out, error) = drift_host(dir.path(), &["build", "told-in-go"]);
        assert_eq!((code, error.contains(words)), (2, true), "{register}: {out}{error}");
    }
}

/// What an author of Python is told: when the project is built, and of each item.
#[test]
fn mistakes_in_python_are_told_in_its_own_words_and_lines() {
    if !has("python3", &["-c", "import venv, ensurepip, sys; sys.exit(sys.version_info < (3, 10))"]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let source = r#"import sys

from drift_sdk import migration


@migration(number=1, name="x")
def migrate(item):
    what = item["do"]
    if what == "raise":
        item["no such name"]
    if what == "float":
        item["price"] = 1.5
    if what == "returns":
        return dict(item)
    if what == "promise":
        return later()
    if what == "exit":
        sys.exit("enough")


async def later():
    pass
"#;
    let (project, component) = built(dir.path(), "python", "migration.py", source);
    for (what, words) in [
        ("raise", &["KeyError: 'no such name'", "at migration.py:10 in migrate"][..]),
        ("float", &["price", "Decimal('1.5')"]),
        ("returns", &["a migration changes the item that it is given, and returns nothing; this one returned a dict"]),
        ("promise", &["returns nothing; this one returned a coroutine"]),
        ("exit", &["SystemExit: enough", "at migration.py:18 in migrate"]),
    ] {
        let (code, said) = tried(&project, &component, what);
        assert!(code == 1 && words.iter().all(|words| said.contains(words)), "{what}: {words:?}\n{said}");
    }
    for (wrong, right, words) in [
        ("item[\"price\"] = 1.5", "item[\"price\"] = = 1.5", &["migration.py", "line 12", "SyntaxError"][..]),
        ("def migrate(item)", "async def migrate(item)", &["migrate is async, and a migration is a plain function"]),
    ] {
        std::fs::write(project.join("migration.py"), source.replace(wrong, right)).unwrap();
        let (code, out, error) = drift_host(&project, &["build"]);
        assert!(code == 2 && words.iter().all(|words| error.contains(words)), "{right}: {code} {out}{error}");
    }
}

/// What an author of TypeScript is told: at run time and when the project is built, with the place in the author's own files.
#[test]
fn mistakes_in_typescript_are_told_in_its_own_words_and_lines() {
    if !has("npm", &["--version"]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let migration = r"import type { Item, Migration } from 'drift-sdk';

import { fails } from './src/helper.ts';

interface Unused {
  only: 'types';
}

const migration: Migration = {
  number: 1,
  name: 'x',
  migrate(item: Item): any {
    const what: string = item.do;
    if (what === 'throw') throw new TypeError('thrown here');
    if (what === 'below') fails<Unused>({ only: 'types' });
    if (what === 'float') item.price = 1.5;
    if (what === 'returns') return { ...item };
    if (what === 'promise') return (async () => item)();
  },
};

export default migration;
";
    let helper = "export type Nothing = never;\n\nexport function fails<T>(value: T): never {\n  throw new RangeError('below, ' + JSON.stringify(value));\n}\n";
    let project = dir.path().join("told-in-ts");
    let (code, out, error) = drift_host(dir.path(), &["new", "told-in-ts", "--lang", "ts"]);
    assert_eq!(code, 0, "{out}{error}");
    std::fs::create_dir(project.join("src")).unwrap();
    std::fs::write(project.join("src/helper.ts"), helper).unwrap();
    std::fs::write(project.join("migration.ts"), migration).unwrap();
    let (code, out, error) = drift_host(&project, &["build"]);
    assert_eq!(code, 0, "{out}{error}");
    for (what, words) in [
        ("throw", &["TypeError: thrown here", "at migrate (migration.ts:14:"][..]),
        ("below", &[r#"RangeError: below, {"only":"types"}"#, "at fails (src/helper.ts:4:", "at migrate (migration.ts:15:"]),
        ("float", &["price: the number 1.5 may not be exact: give num('1.5')"]),
        ("returns", &["migrate changes the item that it is given, and returns nothing; it returned an object"]),
        ("promise", &["it returned a promise: there is nothing to wait for in a migration"]),
    ] {
        let (code, said) = tried(&project, "build/told_in_ts.wasm", what);
        assert!(code == 1 && words.iter().all(|words| said.contains(words)), "{what}: {words:?}\n{said}");
    }
    for (wrong, right, words) in [
        ("item.price = 1.5", "item.price = = 1.5", &["migration.ts:16:", "Unexpected \"=\""][..]),
        (
            "  migrate(item: Item): any {",
            "  async migrate(item: Item): Promise<any> {",
            &["has an async migrate, and it is a plain function"],
        ),
        ("name: 'x',", "name: '',", &["has the name \"\": a short text is wanted"]),
        ("number: 1,", "number: fails(1),", &["RangeError: below, 1", "src/helper.ts:4:", "migration.ts:10:"]),
    ] {
        std::fs::write(project.join("migration.ts"), migration.replace(wrong, right)).unwrap();
        let (code, out, error) = drift_host(&project, &["build"]);
        assert!(code == 2 && words.iter().all(|words| error.contains(words)), "{right}: {code} {out}{error}");
    }
}

/// A component with the runtime of another drift-host: one with another import, and one that differs in a letter.
#[tokio::test(flavor = "multi_thread")]
async fn a_component_with_another_javascript_runtime_is_told_to_be_built_again() {
    let world = World::with_items(&[r#"{"Id": 1}"#]);
    let dir = tempfile::tempdir().unwrap();
    let (code, _, error) = drift_host(dir.path(), &["new", "a", "--lang", "js"]);
    assert_eq!(code, 0, "{error}");
    let (code, _, error) = drift_host(dir.path(), &["build", "a"]);
    assert_eq!(code, 0, "{error}");
    let built = std::fs::read(dir.path().join("a/build/a.wasm")).unwrap();
    let mut runtimes = std::collections::BTreeSet::new();
    for (one, other) in [("drift:script/source@0.1.0", "drift:script/source@0.1.7"), ("processed-by", "processed-bY")] {
        let mut patched = built.clone();
        let places: Vec<usize> =
            patched.windows(one.len()).enumerate().filter(|(_, part)| *part == one.as_bytes()).map(|(at, _)| at).collect();
        assert!(!places.is_empty(), "there is no {one} in it");
        for at in places {
            patched[at..at + one.len()].copy_from_slice(other.as_bytes());
        }
        let file = dir.path().join("patched.wasm");
        std::fs::write(&file, patched).unwrap();
        let path = file.display().to_string();
        for (code, _, error) in
            [drift_host(dir.path(), &["inspect", &path]), world.drift_host(&["run", &path, "--table", "Things"])]
        {
            let told = error.split_once("was made by another drift-host: its JavaScript runtime is ").map(|(_, told)| told);
            let (found, rest) =
                told.and_then(|told| told.split_once(", and this one packs ")).unwrap_or_else(|| panic!("{error}"));
            let (packed, rest) = rest.split_once(". Build it again with this one").unwrap_or_else(|| panic!("{error}"));
            assert!(code == 2 && found != packed && rest.contains("`drift-host build`"), "{code}: {error}");
            runtimes.extend([found.to_owned(), packed.to_owned()]);
        }
    }
    assert_eq!(runtimes.len(), 3, "each runtime has its own name: {runtimes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_file_of_javascript_runs_goes_back_and_has_the_digest_of_its_text() {
    let world = World::with_items(&[
        r#"{"Id": 1, "n": 12345678901234567890123456789012345678}"#,
        r#"{"Id": 2, "n": 1.50, "s": {"SS": ["a"]}}"#,
    ]);
    let before = world.table("Things").await;
    let file = world.dir.path().join("plus.js");
    let text = "import { num } from 'drift-sdk';\nexport default {\n  number: 7, name: 'plus', \n  migrate(item) { item.m = item.n; delete item.n; },\n  undo(item) { item.n = num(item.m); delete item.m; },\n};\n";
    std::fs::write(&file, text).unwrap();
    let path = file.display().to_string();
    let (code, out, error) = world.drift_host(&["run", &path, "--table", "Things"]);
    assert_eq!((code, out.starts_with("applied")), (0, true), "{out}{error}");
    assert!(world.table("Things").await.iter().all(|item| item.contains("m") && !item.contains("n")));
    let (_, status, _) = world.drift_host(&["status", "--json"]);
    let status: Json = serde_json::from_str(&status).unwrap();
    let sha256 = Command::new("sha256sum").arg(&file).output().unwrap().stdout;
    let sha256 = String::from_utf8_lossy(&sha256).split(' ').next().unwrap().to_owned();
    assert_eq!(status["applied"][0]["digest"], format!("sha256:{sha256}"));
    let (code, out, error) = world.drift_host(&["undo", &path, "--table", "Things"]);
    assert_eq!((code, out.starts_with("undone")), (0, true), "{out}{error}");
    assert_eq!(world.table("Things").await, before);
}

#[test]
fn a_project_is_not_built_beside_the_credentials_of_a_table_that_is_not_local() {
    let dir = tempfile::tempdir().unwrap();
    let (code, _, error) = drift_host(dir.path(), &["new", "a", "--lang", "go"]);
    assert_eq!(code, 0, "{error}");
    let (code, _, error) = drift_host(dir.path(), &["run", "a", "--table", "T", "--region", "eu-west-1", "--ephemeral-runs"]);
    assert_eq!((code, error.contains("drift-host build")), (3, true), "{error}");
}

#[test]
fn what_is_no_project_or_no_name_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let (code, _, error) = drift_host(dir.path(), &["build"]);
    assert_eq!((code, error.contains("drift-host new NAME")), (2, true), "{error}");
    let (code, _, error) = drift_host(dir.path(), &["new", "Not A Name", "--lang", "rust"]);
    assert_eq!((code, error.contains("lower-case")), (2, true), "{error}");
    std::fs::create_dir(dir.path().join("there")).unwrap();
    std::fs::write(dir.path().join("there/file"), "").unwrap();
    let (code, _, error) = drift_host(dir.path(), &["new", "there", "--lang", "rust"]);
    assert_eq!((code, error.contains("not empty")), (2, true), "{error}");
    // A tool that is missing is named, with the way to get it.
    let (code, _, _) = drift_host(dir.path(), &["new", "b", "--lang", "go"]);
    assert_eq!(code, 0);
    let output = Command::new(binary()).args(["build", "b"]).current_dir(dir.path()).env("PATH", "").output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((output.status.code(), error.contains("go is not installed: install Go 1.24")), (Some(2), true), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_project_may_begin_with_masked_items_of_a_table() {
    let world = World::with_items(&[r#"{"Id": 1, "name": "Ann Other", "born": "1970-12-31", "n": 1234}"#]);
    let dir = tempfile::tempdir().unwrap();
    let endpoint = world.running.endpoint_url();
    let folder = dir.path().join("from-table");
    let new = ["new", folder.to_str().unwrap(), "--lang", "go", "--from-table", "Things", "--endpoint-url", &endpoint];
    let (code, out, error) = drift_host(dir.path(), &new);
    assert_eq!(code, 0, "{out}{error}");
    let item = std::fs::read_to_string(folder.join("fixtures/recorded-001/item.json")).unwrap();
    assert!(!item.contains("Ann") && !item.contains("1234") && item.contains("\"born\""), "{item}");
    assert!(std::fs::read_to_string(folder.join("fixtures/fixtures.json")).unwrap().contains("\"Things\""));
}
