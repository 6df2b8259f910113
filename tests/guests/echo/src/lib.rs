//! A guest without the SDK that does what the argument `mode` says, for the host's end-to-end tests.

wit_bindgen::generate!({ path: "../../../wit", world: "reversible-migration" });

use drift::migration::types::{Attribute, Existing, Insert, Patch, Target, Value};
use drift::migration::{log, run};

struct Echo;

/// In the bytes of the component; a test that puts `MENDED` in place of `BROKEN` has the fixed plugin.
static MARK: [u8; 24] = *b"BROKEN as the mark says.";

fn is_mended() -> bool {
    core::hint::black_box(&MARK).starts_with(b"MENDED")
}

fn patch(name: &str, value: Value) -> Action {
    let set = Item { attributes: vec![Attribute { name: name.into(), value }], nested: vec![] };
    Action::Patch(Patch { set, remove: vec![] })
}

/// A patch that sets each attribute that is no key once more, under another name. The nested values stand as they came.
fn copied(item: Item) -> Action {
    let keys = run::key_attributes();
    let others = item.attributes.into_iter().filter(|attribute| !keys.contains(&attribute.name));
    let attributes = others.map(|it| Attribute { name: format!("copy of {}", it.name), value: it.value }).collect();
    Action::Patch(Patch { set: Item { attributes, nested: item.nested }, remove: vec![] })
}

fn number(item: &Item, name: &str) -> String {
    let found = item.attributes.iter().find(|attribute| attribute.name == name);
    match found.map(|attribute| &attribute.value) {
        Some(Value::N(text)) => text.clone(),
        _ => String::new(),
    }
}

impl Guest for Echo {
    fn describe() -> Description {
        Description {
            number: "100".into(),
            name: "echo".into(),
            summary: "does what the argument `mode` says".into(),
            repeatable: true,
            after: vec![],
            grants: vec![],
            extra: vec![],
        }
    }

    fn migrate(item: Item) -> Result<Vec<Action>, String> {
        let mode = run::argument("mode").unwrap_or_default();
        let chosen = run::argument("id").is_none_or(|id| id == number(&item, "Id"));
        let touch = || Ok(vec![patch("touched", Value::Bool(true))]);
        match mode.as_str() {
            "" | "touch" => touch(),
            "none" => Ok(vec![]),
            "fail" if chosen => {
                log::write(log::Level::Info, "about to fail");
                Err("as asked".into())
            }
            "flaw" if chosen && !is_mended() => {
                log::write(log::Level::Info, "about to meet the flaw");
                Err("there is a flaw in this plugin".into())
            }
            "trap" if chosen => core::arch::wasm32::unreachable(),
            "spin" if chosen => loop {
                core::hint::black_box(());
            },
            "hog" if chosen => loop {
                core::mem::forget(core::hint::black_box(vec![1u8; 1 << 20]));
            },
            "fail" | "flaw" | "trap" | "spin" | "hog" => touch(),
            "delete" => Ok(vec![Action::Delete(Target::This)]),
            "roundtrip" => Ok(vec![Action::Insert(Insert { table: run::argument("to"), item, existing: Existing::Fail })]),
            "tell" => {
                let token = run::argument("token").unwrap_or_default();
                log::write(log::Level::Info, &format!("the token is {token}, in quotes {token:?}"));
                if run::argument("id").is_some() && chosen {
                    return Err(format!("no luck with {token}"));
                }
                Ok(vec![patch("length", Value::N(token.len().to_string()))])
            }
            "keep" => Ok(vec![patch("token", Value::S(run::argument("token").unwrap_or_default()))]),
            "copy" => Ok(vec![copied(item)]),
            "too-few" => Ok(vec![patch("l", Value::L(2))]),
            "too-many" => {
                let set = Item { attributes: vec![], nested: vec![Value::Null] };
                Ok(vec![Action::Patch(Patch { set, remove: vec![] })])
            }
            "bad-number" => Ok(vec![patch("n", Value::N("1_000".into()))]),
            other => Err(format!("no mode {other:?}")),
        }
    }

    fn undo(_: Item) -> Result<Vec<Action>, String> {
        Ok(vec![Action::Patch(Patch { set: Item { attributes: vec![], nested: vec![] }, remove: vec!["touched".into()] })])
    }
}

export!(Echo);
