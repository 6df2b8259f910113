//! The contract's side of the SDK: only on WebAssembly.
//!
//! The bindings stand here and not in the author's crate, so that it needs no WIT files and no further dependency.

pub(crate) mod direct;

use std::panic;
use std::sync::Once;

use crate::actions::{Action, Existing, Target};
use crate::item::Item;
use crate::log::Level;
use crate::migration::{Access, Migration};
use crate::number::Number;
use crate::value::Value;

/// A migration without undo.
pub mod forward {
    #![allow(unsafe_code, missing_docs, rust_2018_idioms, clippy::all, clippy::unwrap_used, clippy::indexing_slicing)]
    wit_bindgen::generate!({
        path: "wit",
        world: "migration",
        pub_export_macro: true,
        default_bindings_module: "drift_sdk::__private::wasm::forward",
    });
}

/// A migration with undo.
pub mod reversible {
    #![allow(unsafe_code, missing_docs, rust_2018_idioms, clippy::all, clippy::unwrap_used, clippy::indexing_slicing)]
    wit_bindgen::generate!({
        path: "wit",
        world: "reversible-migration",
        pub_export_macro: true,
        default_bindings_module: "drift_sdk::__private::wasm::reversible",
        with: {
            "drift:migration/types@0.1.0": super::forward::drift::migration::types,
            "drift:migration/run@0.1.0": super::forward::drift::migration::run,
            "drift:migration/log@0.1.0": super::forward::drift::migration::log,
        },
    });
}

/// What calls DynamoDB at once; its exports are those of the others.
mod at_once {
    #![allow(unsafe_code, missing_docs, rust_2018_idioms, clippy::all, clippy::unwrap_used, clippy::indexing_slicing)]
    wit_bindgen::generate!({
        path: "wit",
        world: "direct-migration",
        with: {
            "drift:migration/types@0.1.0": super::forward::drift::migration::types,
            "drift:migration/run@0.1.0": super::forward::drift::migration::run,
            "drift:migration/log@0.1.0": super::forward::drift::migration::log,
        },
    });
}

use forward::drift::migration::types as wit;

/// What the host offers.
pub(crate) mod host {
    use super::forward::drift::migration::log as wit_log;
    pub(crate) use super::forward::drift::migration::run::{argument, key_attributes, started_at, table};
    use crate::log::Level;

    pub(crate) fn log(level: Level, message: &str) {
        let level = match level {
            Level::Debug => wit_log::Level::Debug,
            Level::Info => wit_log::Level::Info,
            Level::Warn => wit_log::Level::Warn,
            Level::Error => wit_log::Level::Error,
        };
        wit_log::write(level, message);
    }
}

/// What `describe` answers.
pub fn describe(migration: &Migration) -> wit::Description {
    let grant = |grant: &crate::migration::Grant| wit::Grant {
        access: match grant.access {
            Access::Insert => wit::Access::Insert,
            Access::Update => wit::Access::Update,
            Access::Delete => wit::Access::Delete,
            Access::DirectRead => wit::Access::DirectRead,
            Access::DirectWrite => wit::Access::DirectWrite,
        },
        table: grant.table.map(str::to_owned),
        why: grant.why.to_owned(),
    };
    wit::Description {
        number: migration.number.to_string(),
        name: migration.name.to_owned(),
        summary: migration.summary.to_owned(),
        repeatable: migration.repeatable,
        after: migration.after.iter().map(u64::to_string).collect(),
        grants: migration.grants.iter().map(grant).collect(),
        extra: migration.extra.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
    }
}

/// What `migrate` answers.
pub fn migrate(migration: &Migration, item: wit::Item) -> Result<Vec<wit::Action>, String> {
    speak_before_panicking();
    let actions = migration.migrate(&from_host(item)).map_err(|error| error.to_string())?;
    Ok(actions.into_iter().map(action).collect())
}

/// What `undo` answers.
pub fn undo(migration: &Migration, item: wit::Item) -> Result<Vec<wit::Action>, String> {
    speak_before_panicking();
    let actions = migration.undo(&from_host(item)).map_err(|error| error.to_string())?;
    Ok(actions.into_iter().map(action).collect())
}

/// A panic is a bare trap here. The host takes the last line that begins with these words as the item's error.
fn speak_before_panicking() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        panic::set_hook(Box::new(|info| {
            let payload = info.payload();
            let message =
                payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
            let location = info.location().map(ToString::to_string).unwrap_or_default();
            host::log(Level::Error, &format!("panicked at {location}: {}", message.unwrap_or("without a message")));
        }));
    });
}

/// The host has checked it: the counts add up.
fn from_host(item: wit::Item) -> Item {
    let mut nested = item.nested.into_iter();
    item.attributes.into_iter().map(|attribute| (attribute.name, value_from_host(attribute.value, &mut nested))).collect()
}

fn value_from_host(value: wit::Value, nested: &mut std::vec::IntoIter<wit::Value>) -> Value {
    let mut child = || nested.next().map_or(Value::Null, |value| value_from_host(value, nested));
    match value {
        wit::Value::S(text) => Value::S(text),
        wit::Value::N(text) => Value::N(Number::from_host(text)),
        wit::Value::B(bytes) => Value::B(bytes),
        wit::Value::Bool(flag) => Value::Bool(flag),
        wit::Value::Null => Value::Null,
        wit::Value::Ss(set) => Value::Ss(set.into_iter().collect()),
        wit::Value::Ns(set) => Value::Ns(set.into_iter().map(Number::from_host).collect()),
        wit::Value::Bs(set) => Value::Bs(set.into_iter().collect()),
        wit::Value::L(count) => Value::L((0..count).map(|_| child()).collect()),
        wit::Value::M(names) => Value::M(names.into_iter().map(|name| (name, child())).collect()),
    }
}

fn action(action: Action) -> wit::Action {
    match action {
        Action::Patch(patch) => wit::Action::Patch(wit::Patch { set: to_host(patch.set), remove: patch.remove }),
        Action::Insert(insert) => wit::Action::Insert(wit::Insert {
            table: insert.table,
            item: to_host(insert.item),
            existing: match insert.existing {
                Existing::Keep => wit::Existing::Keep,
                Existing::Replace => wit::Existing::Replace,
                Existing::Fail => wit::Existing::Fail,
            },
        }),
        Action::Update(target, update) => wit::Action::Update(wit::Update {
            target: self::target(target),
            expression: update.expression,
            condition: update.condition,
            names: update.names.into_iter().map(|(placeholder, attribute)| wit::Name { placeholder, attribute }).collect(),
            values: to_host(update.values),
        }),
        Action::Delete(deleted) => wit::Action::Delete(target(deleted)),
    }
}

fn target(target: Target) -> wit::Target {
    match target {
        Target::This => wit::Target::This,
        Target::Other { table, key } => wit::Target::Other(wit::Address { table, key: to_host(key) }),
    }
}

fn to_host(item: Item) -> wit::Item {
    let mut nested = Vec::new();
    let attributes =
        item.into_iter().map(|(name, value)| wit::Attribute { name, value: value_to_host(value, &mut nested) }).collect();
    wit::Item { attributes, nested }
}

fn value_to_host(value: Value, nested: &mut Vec<wit::Value>) -> wit::Value {
    match value {
        Value::S(text) => wit::Value::S(text),
        Value::N(number) => wit::Value::N(number.into_string()),
        Value::B(bytes) => wit::Value::B(bytes),
        Value::Bool(flag) => wit::Value::Bool(flag),
        Value::Null => wit::Value::Null,
        Value::Ss(set) => wit::Value::Ss(set.into_iter().collect()),
        Value::Ns(set) => wit::Value::Ns(set.into_iter().map(Number::into_string).collect()),
        Value::Bs(set) => wit::Value::Bs(set.into_iter().collect()),
        Value::L(list) => {
            let count = u32::try_from(list.len()).unwrap_or(u32::MAX);
            list.into_iter().for_each(|child| child_to_host(child, nested));
            wit::Value::L(count)
        }
        Value::M(map) => {
            let names = map.names().map(str::to_owned).collect();
            map.into_iter().for_each(|(_, child)| child_to_host(child, nested));
            wit::Value::M(names)
        }
    }
}

/// Pre-order: the child takes its place before its own children do.
fn child_to_host(child: Value, nested: &mut Vec<wit::Value>) {
    let at = nested.len();
    nested.push(wit::Value::Null);
    let value = value_to_host(child, nested);
    if let Some(place) = nested.get_mut(at) {
        *place = value;
    }
}

/// Exports a migration from the author's component.
#[doc(hidden)]
#[macro_export]
macro_rules! __export {
    (forward $migration:ident) => {
        const _: () = {
            struct Component;
            impl $crate::__private::wasm::forward::Guest for Component {
                fn describe() -> $crate::__private::wasm::forward::Description {
                    $crate::__private::wasm::describe(&$migration)
                }
                fn migrate(
                    item: $crate::__private::wasm::forward::Item,
                ) -> ::core::result::Result<::std::vec::Vec<$crate::__private::wasm::forward::Action>, ::std::string::String>
                {
                    $crate::__private::wasm::migrate(&$migration, item)
                }
            }
    $crate::__private::wasm::forward::export!(Component with_types_in $crate::__private::wasm::forward);
        };
    };
    (reversible $migration:ident) => {
        const _: () = {
            struct Component;
            impl $crate::__private::wasm::reversible::Guest for Component {
                fn describe() -> $crate::__private::wasm::reversible::Description {
                    $crate::__private::wasm::describe(&$migration)
                }
                fn migrate(
                    item: $crate::__private::wasm::reversible::Item,
                ) -> ::core::result::Result<::std::vec::Vec<$crate::__private::wasm::reversible::Action>, ::std::string::String>
                {
                    $crate::__private::wasm::migrate(&$migration, item)
                }
                fn undo(
                    item: $crate::__private::wasm::reversible::Item,
                ) -> ::core::result::Result<::std::vec::Vec<$crate::__private::wasm::reversible::Action>, ::std::string::String>
                {
                    $crate::__private::wasm::undo(&$migration, item)
                }
            }
    $crate::__private::wasm::reversible::export!(Component with_types_in $crate::__private::wasm::reversible);
        };
    };
}
