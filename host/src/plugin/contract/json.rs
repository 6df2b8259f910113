//! The form of the contract with JSON text: `json-migration` in `wit/migration.wit`.
//!
//! Items and actions cross as one text each. QuickJS and CPython read and write JSON in native code, and take several times as
//! long to be handed a record for each value. What is promised of an answer is the same: it is checked whole before it becomes
//! the model's.

use wasmtime::Store;
use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::{InstancePre, Type, TypedFunc};

use super::super::instance::State;
use super::super::{lift, text};
use super::{Answer, Guest, types};
use crate::migration::Direction;
use crate::model::{Description, Item};

/// What a component exports in place of `migrate`.
pub(in crate::plugin) const MIGRATE: &str = "migrate-json";
/// And in place of `undo`.
pub(in crate::plugin) const UNDO: &str = "undo-json";

/// Whether a component speaks this form.
pub(super) fn is_spoken(pre: &InstancePre<State>) -> bool {
    pre.component().get_export_index(None, MIGRATE).is_some()
}

/// Whether the functions have this form's types; the error names the one that has not.
pub(super) fn check(pre: &InstancePre<State>) -> wasmtime::Result<()> {
    let component = pre.component();
    for function in [MIGRATE, UNDO] {
        match component.get_export(None, function) {
            None if function == UNDO => {}
            Some((ComponentItem::ComponentFunc(found), _)) if is_text_to_text(&found) => {}
            _ => return Err(wasmtime::Error::msg(format!("`{function}` is no func(item: string) -> result<string, string>"))),
        }
    }
    Ok(())
}

fn is_text_to_text(function: &ComponentFunc) -> bool {
    let is_text = |of: Option<Type>| of == Some(Type::String);
    let answers = |of: &Type| matches!(of, Type::Result(result) if is_text(result.ok()) && is_text(result.err()));
    let (takes, gives): (Vec<_>, Vec<_>) = (function.params().collect(), function.results().collect());
    matches!((takes.as_slice(), gives.as_slice()), ([(_, Type::String)], [result]) if answers(result))
}

pub(super) fn describe(pre: &InstancePre<State>, store: &mut Store<State>) -> wasmtime::Result<Result<Description, String>> {
    let instance = pre.instantiate(&mut *store)?;
    let describe = instance.get_typed_func::<(), (types::Description,)>(&mut *store, "describe")?;
    let (said,) = describe.call(store, ())?;
    Ok(lift::description(said))
}

pub(super) fn start(
    pre: &InstancePre<State>,
    store: &mut Store<State>,
    direction: Direction,
) -> wasmtime::Result<Box<dyn Guest>> {
    let instance = pre.instantiate(&mut *store)?;
    let function = match direction {
        Direction::Migrate => MIGRATE,
        Direction::Undo => UNDO,
    };
    Ok(Box::new(Speaker(instance.get_typed_func(store, function)?)))
}

struct Speaker(TypedFunc<(String,), (Result<String, String>,)>);

impl Guest for Speaker {
    fn call(&self, store: &mut Store<State>, item: &Item) -> wasmtime::Result<Answer> {
        let most = store.data().limits.actions;
        let (answer,) = self.0.call(store, (text::of(item)?,))?;
        Ok(match answer.as_deref().map(|text| text::actions(text, most)) {
            Ok(Ok(actions)) => Answer::Actions(actions),
            Ok(Err(problem)) => Answer::Invalid(problem),
            Err(_) => Answer::Error(answer.err().unwrap_or_default()),
        })
    }
}
