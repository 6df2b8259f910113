//! Interfaces that are there because a C library imports them, and in which every call is refused: with the interface's own
//! `access-denied` where its result can say so, with an error that ends the item where not.

use wasmtime::Engine;
use wasmtime::component::types::{ComponentFunc, ComponentInstance, ComponentItem, Type};
use wasmtime::component::{Linker, ResourceType, Val};

use super::super::instance::State;

/// A resource of which there never is one.
pub(super) struct Absent;

/// Resources of other interfaces, which this one only uses.
const USED: [&str; 4] = ["error", "input-stream", "output-stream", "pollable"];

pub(super) fn link(
    linker: &mut Linker<State>,
    engine: &Engine,
    name: &str,
    instance: &ComponentInstance,
) -> wasmtime::Result<()> {
    let mut denied = linker.instance(name)?;
    for (item, kind) in instance.exports(engine) {
        match kind.ty {
            ComponentItem::Resource(_) if !USED.contains(&item) => {
                denied.resource(item, ResourceType::host::<Absent>(), |_, _| Ok(()))?;
            }
            ComponentItem::ComponentFunc(function) => {
                let (told, called) = (can_tell(&function), format!("{name}.{item}"));
                denied.func_new(item, move |_, _, _, results| match (told, results) {
                    (true, [result]) => {
                        *result = Val::Result(Err(Some(Box::new(Val::Enum("access-denied".into())))));
                        Ok(())
                    }
                    _ => Err(wasmtime::Error::msg(format!(
                        "called {called}, which is denied: a migration has no files and no network"
                    ))),
                })?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether the function's result has a case for a denial.
fn can_tell(function: &ComponentFunc) -> bool {
    match function.results().next() {
        Some(Type::Result(result)) => match result.err() {
            Some(Type::Enum(codes)) => codes.names().any(|name| name == "access-denied"),
            _ => false,
        },
        _ => false,
    }
}
