//! The same behaviour in every language: `tests/tests/conformance/cases`, a folder a behaviour, with a guest in each of the five
//! and one expectation. What is held: the answer for each item, its log, the exit code, and every table afterwards. Where a
//! language must differ, `case.toml` says how and why; `docs/languages/conformance.md` is written from these files.

mod document;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use drift_tests::plain::must;
use drift_tests::{World, binary};
use serde_json::{Map, Value as Json, json};

use self::document::{by_key, compare, fill, merge, normal, patched};
use super::author::{drift_host, has};

/// A language, and what is peculiar to it here.
#[derive(Clone, Copy)]
struct Language {
    /// Its folder, and as `case.toml` names it.
    name: &'static str,
    shown: &'static str,
    /// The ending of its guests.
    ending: &'static str,
    /// Where its guests go in its project.
    cases: &'static str,
    /// How a place in a source begins in its errors.
    places: &'static [&'static str],
}

const LANGUAGES: [Language; 5] = [
    Language { name: "rust", shown: "Rust", ending: "rs", cases: "src/cases", places: &[".rs:"] },
    Language { name: "js", shown: "JavaScript", ending: "js", cases: "cases", places: &[".js:"] },
    // Of the source, or of the bundle.
    Language { name: "ts", shown: "TypeScript", ending: "ts", cases: "cases", places: &[".ts:", ".js:"] },
    Language { name: "go", shown: "Go", ending: "go", cases: "cases", places: &[".go:"] },
    Language { name: "python", shown: "Python", ending: "py", cases: "cases", places: &[".py:"] },
];

/// One behaviour.
struct Case {
    name: String,
    folder: PathBuf,
    file: toml::Table,
}

/// Where a language differs, and why.
struct Differs {
    languages: Vec<String>,
    /// Keys of the items; none where it is not about single items.
    items: Vec<String>,
    why: String,
    /// A merge patch (RFC 7386) of what is expected of each of these items.
    expect: Json,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance")
}

fn strings(value: Option<&toml::Value>) -> Vec<String> {
    let list = value.map(|value| value.as_array().unwrap().as_slice()).unwrap_or_default();
    list.iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

impl Case {
    fn all() -> Vec<Self> {
        let mut cases: Vec<Self> =
            fs::read_dir(root().join("cases")).unwrap().map(|entry| Self::read(entry.unwrap().path())).collect();
        cases.sort_by(|a, b| a.name.cmp(&b.name));
        cases
    }

    fn read(folder: PathBuf) -> Self {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let file: toml::Table = fs::read_to_string(folder.join("case.toml")).unwrap().parse().unwrap();
        let known = BTreeSet::from(["about", "guest", "flags", "undo", "refused", "differs"]);
        assert!(file.keys().all(|key| known.contains(key.as_str())), "{name}: an unknown key in case.toml");
        Self { name, folder, file }
    }

    fn about(&self) -> &str {
        self.file["about"].as_str().unwrap()
    }

    /// The name of its guest, as a module's: another case's where it says so.
    fn guest(&self) -> String {
        self.file.get("guest").map_or(self.name.as_str(), |name| name.as_str().unwrap()).replace('-', "_")
    }

    fn flags(&self) -> Vec<String> {
        let case = format!("case={}", self.guest());
        ["--arg".to_owned(), case].into_iter().chain(strings(self.file.get("flags"))).collect()
    }

    fn differs(&self) -> Vec<Differs> {
        let list = self.file.get("differs").map(|list| list.as_array().unwrap().as_slice()).unwrap_or_default();
        let read = |one: &toml::Value| Differs {
            languages: strings(Some(&one["languages"])),
            items: strings(one.get("items")),
            why: one["why"].as_str().unwrap().to_owned(),
            expect: one.get("expect").map_or(Json::Null, |text| serde_json::from_str(text.as_str().unwrap()).unwrap()),
        };
        list.iter().map(read).collect()
    }

    /// What is expected in this language of these items, by their keys.
    fn expected(&self, language: Language, before: &BTreeMap<String, Json>) -> Json {
        let text = fs::read_to_string(self.folder.join("expected.json")).unwrap();
        let mut expected: Json =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}/expected.json: {error}", self.name));
        let given = std::mem::take(&mut expected["items"]);
        let known = |key: &String| key == "*" || before.contains_key(key);
        assert!(given.as_object().unwrap().keys().all(known), "{}: an item that is not in items.jsonl", self.name);
        let mut items = Map::new();
        for (key, item) in before {
            let mut wanted = given.get(key).or_else(|| given.get("*")).cloned().unwrap_or_else(|| json!({ "actions": [] }));
            fill(&mut wanted, "$item", item);
            items.insert(key.clone(), wanted);
        }
        for differs in self.differs().into_iter().filter(|differs| differs.languages.iter().any(|name| name == language.name)) {
            for key in &differs.items {
                let wanted =
                    items.get_mut(key).unwrap_or_else(|| panic!("{}: {key} differs, and is not in items.jsonl", self.name));
                merge(wanted, &differs.expect);
            }
        }
        for wanted in items.values_mut() {
            let wanted = wanted.as_object_mut().unwrap();
            wanted.entry("log").or_insert_with(|| json!([]));
        }
        let patched = before.iter().map(|(key, item)| patched(item, &items[key])).collect::<Json>();
        let before: Json = before.values().cloned().collect();
        expected["items"] = Json::Object(items);
        fill(&mut expected["tables"], "$before", &before);
        fill(&mut expected["tables"], "$patched", &patched);
        for table in expected["tables"].as_object_mut().unwrap().values_mut() {
            *table = by_key(table.as_array().unwrap().clone());
        }
        normal(&mut expected);
        expected
    }

    /// Runs it in one language; gives what differs.
    fn run(&self, language: Language, component: &Path) -> Vec<String> {
        let mut problems = Vec::new();
        let others = self.folder.join("others.jsonl");
        let others = if others.is_file() { format!("Others:Id={}", others.display()) } else { "Others:+Id=no.json".into() };
        let world = World::with_data(&[&format!("Things:Id={}", self.folder.join("items.jsonl").display()), &others]);
        let first = root().join("first.js");
        let (component, first) = (component.to_str().unwrap(), first.to_str().unwrap());
        let before: BTreeMap<String, Json> = match by_key(table(&world, "Things")) {
            Json::Object(items) => items.into_iter().collect(),
            _ => unreachable!(),
        };
        let expected = self.expected(language, &before);
        let flags = self.flags();
        let call = |verb: &str, more: &[&str]| {
            let base = if verb == "show" { vec![verb] } else { vec![verb, component, "--table", "Things"] };
            let flags = if verb == "show" { &[][..] } else { &flags };
            let arguments: Vec<&str> =
                base.into_iter().chain(flags.iter().map(String::as_str)).chain(more.iter().copied()).collect();
            world.drift_host(&arguments)
        };

        for refused in self.file.get("refused").map(|list| list.as_array().unwrap().as_slice()).unwrap_or_default() {
            let more = strings(refused.get("flags"));
            let (code, out, error) = call("run", &more.iter().map(String::as_str).collect::<Vec<_>>());
            if code != 3 {
                problems.push(format!("it is to be refused with {more:?}, and ended with {code}: {out}{error}"));
            }
            let missing = strings(refused.get("says")).into_iter().filter(|words| !error.contains(words.as_str()));
            problems.extend(missing.map(|words| format!("with {more:?}, {words:?} is not said: {error}")));
        }
        let (code, out, error) = world.drift_host(&["run", first, "--table", "Things"]);
        assert_eq!(code, 0, "the migration before: {out}{error}");

        let (code, out, error) = call("try", &["--grant", "asked", "--sample", "1000", "--json"]);
        if code != 0 && code != 1 {
            problems.push(format!("`try` ended with {code}: {error}"));
            return problems;
        }
        let tried: Json = serde_json::from_str(&out).unwrap();
        let mut items: BTreeMap<String, Json> = BTreeMap::new();
        for item in tried["items"].as_array().unwrap() {
            let key = item["key"].as_str().unwrap().to_owned();
            let answer = answer(language, item, &expected["items"][&key]);
            items.insert(key, answer);
        }
        let (code, out, error) = call("run", &["--grant", "asked", "--max-errors", "100%", "--json"]);
        let Ok(ran) = serde_json::from_str::<Json>(&out) else {
            problems.push(format!("`run` ended with {code}: {error}"));
            return problems;
        };
        for error in ran["errors"].as_array().unwrap() {
            let key = error["key"].as_str().unwrap();
            let item =
                items.get_mut(key).unwrap_or_else(|| panic!("{}: `run` failed at {key}, which `try` did not see", self.name));
            if item.get("error").is_none() {
                item["refused"] = words(error["message"].as_str().unwrap(), &expected["items"][key]["refused"]);
            }
        }
        let mut came = json!({
            "code": code,
            "items": items,
            "tables": { "Things": by_key(table(&world, "Things")), "Others": by_key(table(&world, "Others")) },
        });
        if let Some(described) = expected.get("described") {
            let (_, out, _) = call("show", &[ran["run"].as_str().unwrap(), "--json"]);
            let manifest = &serde_json::from_str::<Json>(&out).unwrap()["manifest"];
            let names = described.as_object().unwrap().keys();
            came["described"] = names.map(|name| (name.clone(), manifest[name].clone())).collect::<Map<_, _>>().into();
        }
        normal(&mut came);
        compare("", &expected, &came, &mut problems);

        if self.file.contains_key("undo") {
            let (code, out, error) = call("undo", &["--grant", "asked", "--json"]);
            if code != 0 {
                problems.push(format!("`undo` ended with {code}: {out}{error}"));
            }
            let (mut back, mut wanted) = (by_key(table(&world, "Things")), Json::Object(before.into_iter().collect()));
            normal(&mut back);
            normal(&mut wanted);
            compare("after undo: tables.Things", &wanted, &back, &mut problems);
        }
        problems
    }
}

/// What `try` says of an item, as expectations are written: words of an error that are wanted and there stand for the error.
fn answer(language: Language, item: &Json, wanted: &Json) -> Json {
    let mut log = item["log"].clone();
    let Some(error) = item["error"].as_str() else {
        return json!({ "actions": item["actions"], "log": log });
    };
    // By such a line the SDK of Rust tells the host of a panic: it is the error.
    let first = error.lines().next().unwrap_or_default();
    log.as_array_mut().unwrap().retain(|line| line["message"].as_str() != Some(first) || !first.starts_with("panicked at"));
    let mut answer = json!({ "error": words(error, &wanted["error"]), "log": log });
    // Else whether a panic is caught by the SDK or ends the instance, and who finds that a value is wrong, is the language's affair.
    if wanted.get("failure").is_some() {
        answer["failure"] = item["failure"].clone();
    }
    if wanted.get("place").is_some() {
        answer["place"] = language.places.iter().any(|begin| has_place(error, begin)).into();
    }
    answer
}

/// The words that are wanted, if the text has them all; else the text.
fn words(text: &str, wanted: &Json) -> Json {
    let has = |words: &Json| words.as_str().is_some_and(|words| text.contains(words));
    if wanted.as_array().is_some_and(|words| words.iter().all(has)) { wanted.clone() } else { text.into() }
}

/// Whether there is a line's number after these words.
fn has_place(text: &str, begin: &str) -> bool {
    text.match_indices(begin).any(|(at, _)| text[at + begin.len()..].starts_with(|c: char| c.is_ascii_digit()))
}

/// All items of a table as DynamoDB has them.
fn table(world: &World, name: &str) -> Vec<Json> {
    let endpoint = world.running.endpoint_url();
    let page = must(&endpoint, "Scan", &json!({ "TableName": name, "ConsistentRead": true }));
    assert!(page["LastEvaluatedKey"].is_null(), "{name} has more than a page");
    page["Items"].as_array().unwrap().clone()
}

/// The component of a language with the guests of all cases; built only if it is not what was built.
fn component(language: Language, cases: &[Case]) -> PathBuf {
    // Beside the binary, so that what a toolchain keeps is there the next time.
    let project = binary().ancestors().nth(2).unwrap().join("conformance").join(language.name);
    let mut files: BTreeMap<PathBuf, Vec<u8>> = BTreeMap::new();
    let skeleton = root().join("languages").join(language.name);
    walk(&skeleton, &mut |path| {
        files.insert(path.strip_prefix(&skeleton).unwrap().to_owned(), fs::read(path).unwrap());
    });
    for case in cases.iter().filter(|case| !case.file.contains_key("guest")) {
        let guest = case.folder.join(format!("guest.{}", language.ending));
        let text = fs::read(&guest).unwrap_or_else(|error| panic!("{}: {error}", guest.display()));
        files.insert(Path::new(language.cases).join(format!("{}.{}", case.guest(), language.ending)), text);
    }
    if matches!(language.name, "js" | "ts") {
        // A component of JavaScript is believed only with the very runtime that this drift-host has.
        let runtime = fs::read(root().join("../../../host/src/plugin/runtime/javascript.wasm")).unwrap();
        files.insert("runtime.crc32".into(), crc32fast::hash(&runtime).to_string().into());
    }
    for folder in ["src", "cases"] {
        walk(&project.join(folder), &mut |path| {
            if !files.contains_key(path.strip_prefix(&project).unwrap()) && path.extension().is_none_or(|ending| ending != "pyc")
            {
                fs::remove_file(path).unwrap();
            }
        });
    }
    for (path, content) in &files {
        let path = project.join(path);
        // An unchanged file keeps its time, for compilers that go by it.
        if fs::read(&path).is_ok_and(|old| old == *content) {
            continue;
        }
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
    }
    // The first use of a project builds it: where the endpoint is local, and nothing is asked of it here.
    let item = tempfile::NamedTempFile::new().unwrap();
    fs::write(item.path(), r#"{"Id": 1}"#).unwrap();
    let item = item.path().display().to_string();
    let given = ["--item", &item, "--key-attributes", "Id", "--endpoint-url", "http://127.0.0.1:1", "--ephemeral-runs"];
    let (code, out, error) =
        drift_host(&project, &[&["try", ".", "--grant", "asked", "--arg", "case=unchanged"], &given[..]].concat());
    assert_eq!(code, 0, "the guest in {} cannot be built: {out}{error}", language.shown);
    project.join("build").join(format!("{}.wasm", language.name))
}

fn walk(folder: &Path, visit: &mut impl FnMut(&Path)) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { walk(&path, visit) } else { visit(&path) }
    }
}

/// What the compiler says of the guests' types; `drift-host build` only takes them out.
fn check_types(project: &Path) {
    let output = Command::new("npm").args(["run", "--silent", "check"]).current_dir(project).output().unwrap();
    assert!(output.status.success(), "the guests in TypeScript: {}", String::from_utf8_lossy(&output.stdout));
}

/// All cases in one language, or the one that `DRIFT_CONFORMANCE_CASE` names.
fn holds(name: &str) {
    let language = LANGUAGES.into_iter().find(|language| language.name == name).unwrap();
    let cases = Case::all();
    let component = component(language, &cases);
    if language.name == "ts" {
        check_types(component.ancestors().nth(2).unwrap());
    }
    let only = std::env::var("DRIFT_CONFORMANCE_CASE").ok();
    let chosen: Vec<&Case> = cases.iter().filter(|case| only.as_ref().is_none_or(|only| case.name == *only)).collect();
    assert!(!chosen.is_empty(), "there is no case {only:?}");
    let mut said = String::new();
    for case in chosen {
        for problem in case.run(language, &component) {
            writeln!(said, "{} in {}: {problem}", case.name, language.shown).unwrap();
        }
    }
    assert!(said.is_empty(), "\n{said}\nDRIFT_CONFORMANCE_CASE=NAME runs one case; - is expected, + came");
}

#[test]
fn rust() {
    if std::env::var_os("DRIFT_GUESTS_DIR").is_some() {
        holds("rust");
    }
}

#[test]
fn javascript() {
    // The bundler that puts the cases together.
    if has("npm", &["--version"]) {
        holds("js");
    }
}

#[test]
fn typescript() {
    if has("npm", &["--version"]) {
        holds("ts");
    }
}

#[test]
fn go() {
    if has("go", &["version"]) {
        holds("go");
    }
}

#[test]
fn python() {
    if has("python3", &["-c", "import venv, ensurepip, sys; sys.exit(sys.version_info < (3, 10))"]) {
        holds("python");
    }
}

/// The page for people: every case, and where a language differs and why.
#[test]
fn the_page_of_the_docs_is_what_the_cases_say() {
    let mut notes: Vec<(String, String, BTreeSet<String>)> = Vec::new();
    let mut table = String::new();
    for case in Case::all() {
        let mut differing: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
        for differs in case.differs() {
            let known = notes.iter().position(|(name, why, _)| *name == case.name && *why == differs.why);
            let at = known.unwrap_or_else(|| {
                notes.push((case.name.clone(), differs.why.clone(), BTreeSet::new()));
                notes.len() - 1
            });
            for name in &differs.languages {
                let language = LANGUAGES.into_iter().find(|language| language.name == *name);
                let language = language.unwrap_or_else(|| panic!("{}: there is no language {name}", case.name));
                notes[at].2.insert(language.shown.to_owned());
                differing.entry(language.name).or_default().insert(at + 1);
            }
        }
        let cells = LANGUAGES.map(|language| match differing.get(language.name) {
            None => "same".to_owned(),
            Some(at) => format!("but {}", at.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")),
        });
        let link = format!("[{}](../../tests/tests/conformance/cases/{})", case.name, case.name);
        writeln!(table, "| {link} | {} | {} |", case.about(), cells.join(" | ")).unwrap();
    }
    let mut page = include_str!("../conformance/page.md").to_owned();
    writeln!(page, "| behaviour | what is held | {} |", LANGUAGES.map(|language| language.shown).join(" | ")).unwrap();
    writeln!(page, "|---|---|{}", "---|".repeat(LANGUAGES.len())).unwrap();
    page.push_str(&table);
    page.push_str("\n## Where a language differs\n\n");
    for (at, (case, why, languages)) in notes.iter().enumerate() {
        let languages = languages.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        writeln!(page, "{}. *{case}*, {languages}: {why}", at + 1).unwrap();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("docs/languages/conformance.md");
    if std::env::var_os("DRIFT_BLESS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == page, "docs/languages/conformance.md is not what the cases say; DRIFT_BLESS=1 writes it anew");
}
