//! Fixtures: an item and what the migration makes of it, in a folder of two files.
//!
//! ```text
//! fixtures/fixtures.json          what all of them share: {"key": ["Id"], "table": "Strikes", "arguments": {"mode": "x"}}
//! fixtures/two-engines/item.json      the item, in plain or DynamoDB JSON
//! fixtures/two-engines/expected.json  {"after": ITEM}, {"actions": […]} or {"error": "words of it"}
//! fixtures/two-engines/case.json      what this one has otherwise, with "undo": true for the way back
//! ```
//!
//! `after` is the item as it is left, `null` if it is deleted; beside it the migration may do nothing else, unless `actions`
//! lists it. No table is touched, and all that the migration asks for counts as granted.

mod difference;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value as Json, json};

use super::{Error, at};
use crate::migration::{Cost, Direction, ItemFailure, Migration, Reply, RunContext, Secrets, Worker};
use crate::model::json::{Form, item_and_form, item_from_json, item_to_dynamodb_json, item_to_plain_json};
use crate::model::{Action, Item, KeyAttribute, KeySchema, KeyType, Target, Value};
use crate::report;

/// The name of the table where a fixture names none.
const TABLE: &str = "Fixtures";
/// When a run on fixtures begins, where they do not say.
const STARTED_AT: &str = "2026-01-01T00:00:00Z";

/// What a fixture says of its run; a fixture's own word goes before that of all.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// The names of the key's attributes, partition key first.
    key: Option<Vec<String>>,
    table: Option<String>,
    arguments: Option<BTreeMap<String, String>>,
    started_at: Option<String>,
    undo: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectedText<'a> {
    #[serde(borrow, default, deserialize_with = "even_null")]
    after: Option<&'a RawValue>,
    #[serde(borrow)]
    actions: Option<&'a RawValue>,
    error: Option<String>,
}

fn even_null<'de: 'a, 'a, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// What should become of an item.
#[derive(Clone, Debug, Default, PartialEq)]
struct Expected {
    /// The item afterwards, `None` within if it is deleted.
    after: Option<Option<Item>>,
    /// The actions, in the form of [`normal`].
    actions: Option<Json>,
    /// Words of the error.
    error: Option<String>,
}

/// An item, and what should become of it.
pub struct Fixture {
    /// The folder's name.
    pub name: String,
    folder: PathBuf,
    item: Item,
    /// The form of `item.json`.
    form: Form,
    context: RunContext,
    direction: Direction,
    expected: Option<Expected>,
}

/// How a fixture went.
pub struct Outcome {
    /// Its name.
    pub name: String,
    /// What was found.
    pub verdict: Verdict,
    /// What the migration logged.
    pub log: Vec<String>,
    /// How long the call took, or of several the median.
    pub time: Duration,
    /// How often it was called.
    pub calls: usize,
    /// What else it took, where the migration can tell.
    pub cost: Option<Cost>,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As expected.
    Passed,
    /// Not so; the text is a diff, `-` what was expected and `+` what came.
    Differs(String),
    /// `expected.json` was written.
    Blessed,
    /// There is no `expected.json`.
    NoExpectation,
}

/// The fixtures of a folder, in the order of their names. Those without a key's names anywhere are an error, unless
/// `key_attributes` names them.
pub fn read_all(folder: &Path, key_attributes: Option<&[String]>) -> Result<Vec<Fixture>, Error> {
    let mut all: Case = read_case(&folder.join("fixtures.json"))?;
    if let Some(names) = key_attributes {
        all.key = Some(names.to_vec());
    }
    let entries = fs::read_dir(folder).map_err(|error| at(folder, format!("the fixtures cannot be read: {error}")))?;
    let mut folders: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.join("item.json").is_file()).collect();
    folders.sort();
    if folders.is_empty() {
        return Err(at(
            folder,
            "there is no fixture: a folder with an item.json; `drift-host run --record 5` writes some of real items",
        ));
    }
    folders.into_iter().map(|path| Fixture::read(path, &all)).collect()
}

/// Begins a folder of fixtures with these items; what is expected of them is not said yet.
pub fn begin_all(folder: &Path, table: &str, key: &[&str], items: &[Item]) -> Result<Vec<PathBuf>, Error> {
    fs::create_dir_all(folder).map_err(|error| at(folder, error))?;
    let shared = folder.join("fixtures.json");
    if !shared.exists() {
        write(&shared, &pretty(&json!({ "key": key, "table": table })))?;
    }
    let taken = fs::read_dir(folder).map_err(|error| at(folder, error))?.flatten().map(|entry| entry.file_name());
    let taken: Vec<String> = taken.map(|name| name.to_string_lossy().into_owned()).collect();
    let names = (1..).map(|n| format!("recorded-{n:03}")).filter(|name| !taken.contains(name));
    let make = |(item, name): (&Item, String)| {
        let path = folder.join(name);
        fs::create_dir(&path).map_err(|error| at(&path, error))?;
        let text = item_to_plain_json(item).unwrap_or_else(|| pretty(&item_to_dynamodb_json(item)));
        write(&path.join("item.json"), &text).map(|()| path)
    };
    items.iter().zip(names).map(make).collect()
}

/// The same, with what the migration now makes of them as what is expected. The run's arguments and start go into
/// `case.json` where they are not what all fixtures have.
pub fn record_all(folder: &Path, items: &[Item], migration: &dyn Migration, context: &RunContext) -> Result<Vec<PathBuf>, Error> {
    let names: Vec<&str> = context.key.attributes().map(|attribute| attribute.name.as_str()).collect();
    let made = begin_all(folder, &context.table, &names, items)?;
    let all = read_case(&folder.join("fixtures.json"))?;
    let arguments: BTreeMap<String, String> = context.arguments.iter().cloned().collect();
    let own = json!({ "key": names, "table": context.table, "arguments": arguments, "started_at": context.started_at });
    for path in &made {
        write(&path.join("case.json"), &pretty(&own))?;
        Fixture::read(path.clone(), &all)?.run(migration, true)?;
    }
    Ok(made)
}

impl Fixture {
    fn read(folder: PathBuf, all: &Case) -> Result<Self, Error> {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let path = folder.join("item.json");
        let text = read(&path)?;
        let (item, form) = item_and_form(&text).map_err(|error| at(&path, error))?;
        let own = read_case(&folder.join("case.json"))?;
        let names = own.key.as_ref().or(all.key.as_ref()).ok_or_else(|| {
            at(
                &folder,
                "which attributes are the key? Say so in fixtures.json beside it, {\"key\": [\"Id\"]}, or by --key-attributes Id",
            )
        })?;
        let key = key_of(names, &item).map_err(|problem| at(&path, problem))?;
        let context = RunContext {
            table: own.table.or_else(|| all.table.clone()).unwrap_or_else(|| TABLE.into()),
            key,
            started_at: own.started_at.or_else(|| all.started_at.clone()).unwrap_or_else(|| STARTED_AT.into()),
            arguments: own.arguments.or_else(|| all.arguments.clone()).unwrap_or_default().into_iter().collect(),
            secrets: Secrets::default(),
            // The same in every test, so that what is drawn can be expected.
            seed: "fixtures".into(),
        };
        let direction = match own.undo.or(all.undo) {
            Some(true) => Direction::Undo,
            _ => Direction::Migrate,
        };
        let expected = folder.join("expected.json");
        let expected = if expected.is_file() { Some(read_expected(&expected)?) } else { None };
        Ok(Self { name, folder, item, form, context, direction, expected })
    }

    /// Asks the migration, and compares; `bless` writes what came as what is expected from now on.
    pub fn run(&self, migration: &dyn Migration, bless: bool) -> Result<Outcome, Error> {
        let mut worker = self.worker(migration)?;
        let begun = Instant::now();
        let answer = worker.call(&self.item);
        let time = begun.elapsed();
        let verdict = match (&self.expected, bless) {
            (_, true) => {
                write(&self.folder.join("expected.json"), &pretty_raw(&self.as_expected(&answer)))?;
                Verdict::Blessed
            }
            (None, false) => Verdict::NoExpectation,
            (Some(expected), false) => {
                let diff = self.compare(expected, &answer);
                if diff.is_empty() { Verdict::Passed } else { Verdict::Differs(diff) }
            }
        };
        let log = match &answer {
            Ok(reply) => &reply.log,
            Err(failure) => &failure.log,
        };
        let log = log.iter().map(|line| line.message.clone()).collect();
        Ok(Outcome { name: self.name.clone(), verdict, log, time, calls: 1, cost: worker.cost() })
    }

    /// What a call takes that is not the instance's first, in which languages set themselves up.
    pub fn cost(&self, migration: &dyn Migration) -> Result<Option<Cost>, Error> {
        let mut worker = self.worker(migration)?;
        let _answers = (worker.call(&self.item), worker.call(&self.item));
        Ok(worker.cost())
    }

    /// Asks again and again for about `time`, at least once, in one instance; gives how often, and the median.
    pub fn bench(&self, migration: &dyn Migration, time: Duration) -> Result<(usize, Duration), Error> {
        let mut worker = self.worker(migration)?;
        let (begun, mut times) = (Instant::now(), Vec::new());
        while times.is_empty() || begun.elapsed() < time {
            let call = Instant::now();
            // What comes of it is looked at by `run`.
            let _answer = worker.call(&self.item);
            times.push(call.elapsed());
        }
        times.sort_unstable();
        Ok((times.len(), times.get(times.len() / 2).copied().unwrap_or_default()))
    }

    fn worker(&self, migration: &dyn Migration) -> Result<Box<dyn Worker>, Error> {
        let context = Arc::new(self.context.clone());
        migration
            .worker(&context, self.direction)
            .map_err(|error| at(&self.folder, format!("the migration does not start: {error}")))
    }

    fn compare(&self, expected: &Expected, answer: &Result<Reply, ItemFailure>) -> String {
        let mut out = String::new();
        // Writing to a String cannot fail.
        match (answer, &expected.error) {
            (Err(failure), Some(words)) if failure.message.contains(words.as_str()) => {}
            (Err(failure), Some(words)) => {
                let _ = writeln!(out, "- error: {words}\n+ error: {}", failure.message);
            }
            (Err(failure), None) => {
                let _ = writeln!(out, "+ error: {}", failure.message);
                for line in failure.backtrace.iter().flat_map(|backtrace| backtrace.lines()) {
                    let _ = writeln!(out, "  {line}");
                }
            }
            (Ok(_), Some(words)) => {
                let _ = writeln!(out, "- error: {words}\n+ no error");
            }
            (Ok(reply), None) => {
                if let Some(after) = &expected.after {
                    difference::items(&mut out, after.as_ref(), after_of(&self.item, &reply.actions).as_ref());
                }
                let others = reply.actions.iter().any(|action| !is_of_the_item(action));
                match &expected.actions {
                    Some(actions) => difference::documents(&mut out, actions, &normal(&reply.actions)),
                    None if expected.after.is_some() && others => {
                        let others: Vec<&Action> = reply.actions.iter().filter(|action| !is_of_the_item(action)).collect();
                        let _ = writeln!(
                            out,
                            "+ and {} more actions, which \"after\" does not show: list all in \"actions\"",
                            others.len()
                        );
                        others
                            .iter()
                            .for_each(|action| difference::documents(&mut out, &Json::Null, &report::document::action(action)));
                    }
                    None => {}
                }
            }
        }
        out
    }

    /// The answer in the form of `expected.json`: what it already states, else the item after or, if that does not tell all,
    /// the actions.
    fn as_expected(&self, answer: &Result<Reply, ItemFailure>) -> Vec<(&'static str, String)> {
        let reply = match answer {
            Err(failure) => return vec![("error", Json::from(failure.message.as_str()).to_string())],
            Ok(reply) => reply,
        };
        let whole = reply.actions.iter().all(is_of_the_item);
        let had = self.expected.as_ref();
        let actions = had.is_some_and(|had| had.actions.is_some()) || !whole;
        let after = had.is_some_and(|had| had.after.is_some()) || !actions;
        let mut fields = Vec::new();
        if after {
            let text = match after_of(&self.item, &reply.actions) {
                None => "null".into(),
                Some(item) => {
                    let plain = if self.form == Form::Plain { item_to_plain_json(&item) } else { None };
                    plain.unwrap_or_else(|| pretty(&item_to_dynamodb_json(&item)))
                }
            };
            fields.push(("after", text));
        }
        if actions {
            fields.push(("actions", pretty(&normal(&reply.actions))));
        }
        fields
    }
}

/// Whether `after` shows all of it.
fn is_of_the_item(action: &Action) -> bool {
    matches!(action, Action::Patch(_) | Action::Delete(Target::This))
}

fn after_of(item: &Item, actions: &[Action]) -> Option<Item> {
    let deleted = actions.iter().any(|action| matches!(action, Action::Delete(Target::This)));
    (!deleted).then(|| report::document::after(item, actions))
}

/// Actions as JSON in which equal actions are equal: numbers and sets in one form.
fn normal(actions: &[Action]) -> Json {
    actions.iter().map(report::document::action).collect()
}

/// The key, its types as the item has them.
fn key_of(names: &[String], item: &Item) -> Result<KeySchema, String> {
    let attribute = |name: &String| match item.get(name) {
        Some(Value::S(_)) => Ok(KeyAttribute { name: name.clone(), kind: KeyType::S }),
        Some(Value::N(_)) => Ok(KeyAttribute { name: name.clone(), kind: KeyType::N }),
        Some(Value::B(_)) => Ok(KeyAttribute { name: name.clone(), kind: KeyType::B }),
        Some(other) => Err(format!("the key's attribute {name:?} is of the type {}; a key is S, N or B", other.descriptor())),
        None => Err(format!("the key's attribute {name:?} is missing in the item")),
    };
    match names {
        [partition] => Ok(KeySchema { partition: attribute(partition)?, sort: None }),
        [partition, sort] => Ok(KeySchema { partition: attribute(partition)?, sort: Some(attribute(sort)?) }),
        _ => Err(format!("a key has one or two attributes, not {}", names.len())),
    }
}

fn read_case(path: &Path) -> Result<Case, Error> {
    if !path.is_file() {
        return Ok(Case::default());
    }
    serde_json::from_str(&read(path)?).map_err(|error| at(path, error))
}

fn read_expected(path: &Path) -> Result<Expected, Error> {
    let text = read(path)?;
    let parsed: ExpectedText<'_> = serde_json::from_str(&text).map_err(|error| {
        at(path, format!("{error}; expected is {{\"after\": ITEM}}, {{\"actions\": […]}} or {{\"error\": \"words of it\"}}"))
    })?;
    let item = |raw: &RawValue| match raw.get() {
        "null" => Ok(None),
        text => item_from_json(text).map(Some).map_err(|error| at(path, format!("\"after\": {error}"))),
    };
    let after = parsed.after.map(item).transpose()?;
    let actions = parsed.actions.map(|raw| actions(raw).map_err(|problem| at(path, problem))).transpose()?;
    if after.is_none() && actions.is_none() && parsed.error.is_none() {
        return Err(at(path, "nothing is expected: give \"after\", \"actions\" or \"error\""));
    }
    Ok(Expected { after, actions, error: parsed.error })
}

/// Actions as people wrote them, in the form of [`normal`]: their items may be plain JSON.
fn actions(raw: &RawValue) -> Result<Json, String> {
    let listed: Vec<BTreeMap<String, &RawValue>> =
        serde_json::from_str(raw.get()).map_err(|error| format!("\"actions\" is a list of objects: {error}"))?;
    let action = |(at, fields): (usize, BTreeMap<String, &RawValue>)| {
        let field = |(name, raw): (String, &RawValue)| {
            let value = match name.as_str() {
                "set" | "item" | "key" | "values" => {
                    let item = item_from_json(raw.get()).map_err(|error| format!("\"actions\"[{at}].{name}: {error}"))?;
                    item_to_dynamodb_json(&item)
                }
                _ => serde_json::from_str(raw.get()).map_err(|error| format!("\"actions\"[{at}].{name}: {error}"))?,
            };
            Ok((name, value))
        };
        fields.into_iter().map(field).collect::<Result<serde_json::Map<_, _>, String>>().map(Json::Object)
    };
    listed.into_iter().enumerate().map(action).collect::<Result<Vec<_>, _>>().map(Json::Array)
}

fn read(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|error| at(path, format!("cannot be read: {error}")))
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    fs::write(path, format!("{}\n", text.trim_end())).map_err(|error| at(path, format!("cannot be written: {error}")))
}

fn pretty(json: &Json) -> String {
    serde_json::to_string_pretty(json).unwrap_or_default()
}

/// An object of values that are JSON texts already.
fn pretty_raw(fields: &[(&'static str, String)]) -> String {
    let fields = fields.iter().map(|(name, text)| format!("  \"{name}\": {}", text.replace('\n', "\n  ")));
    format!("{{\n{}\n}}", fields.collect::<Vec<_>>().join(",\n"))
}

#[cfg(test)]
mod tests;
