//! Version 0.1.x: `wit/migration.wit`, frozen.
//!
//! `direct-migration` has all the imports and what every plugin exports; the reversible world adds `undo` over the same
//! types. The `dynamodb` interface is linked always, and each of its calls is checked. What exports `migrate-json` is spoken to in text.
#![allow(missing_docs)]

use wasmtime::Store;
use wasmtime::component::{HasSelf, InstancePre, Linker};

use super::super::instance::State;
use super::super::{lift, lower};
use super::{Answer, Contract, Guest, json};
use crate::migration::Direction;
use crate::model::{Description, Item};

/// One set of types for every world of the contract.
pub(super) mod bindings {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "drift:migration/direct-migration",
        ownership: Borrowing { duplicate_if_necessary: true },
        imports: { default: trappable },
    });
}

/// The same with `undo`.
mod reversible {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "drift:migration/reversible-direct-migration",
        ownership: Borrowing { duplicate_if_necessary: true },
        imports: { default: trappable },
        with: {
            "drift:migration/types": super::bindings::drift::migration::types,
            "drift:migration/run": super::bindings::drift::migration::run,
            "drift:migration/log": super::bindings::drift::migration::log,
            "drift:migration/dynamodb": super::bindings::drift::migration::dynamodb,
        },
    });
}

use bindings::drift::migration::{dynamodb, log, run, types};
use bindings::{DirectMigration, DirectMigrationIndices};
use reversible::{ReversibleDirectMigration, ReversibleDirectMigrationIndices};

pub(super) struct V0_1;

impl Contract for V0_1 {
    fn accepts(&self, versions: &[semver::Version]) -> bool {
        versions.iter().all(|version| (version.major, version.minor) == (0, 1) && version.pre.is_empty())
    }

    fn accepted(&self) -> &'static str {
        "0.1.x"
    }

    fn link(&self, linker: &mut Linker<State>) -> wasmtime::Result<()> {
        types::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
        run::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
        log::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
        dynamodb::add_to_linker::<_, HasSelf<_>>(linker, |state| state)
    }

    fn check(&self, pre: &InstancePre<State>) -> wasmtime::Result<()> {
        if json::is_spoken(pre) {
            return json::check(pre);
        }
        DirectMigrationIndices::new(pre).map(drop)
    }

    fn describe(&self, pre: &InstancePre<State>, store: &mut Store<State>) -> wasmtime::Result<Result<Description, String>> {
        if json::is_spoken(pre) {
            return json::describe(pre, store);
        }
        let instance = pre.instantiate(&mut *store)?;
        let guest = DirectMigrationIndices::new(pre)?.load(&mut *store, &instance)?;
        Ok(lift::description(guest.call_describe(store)?))
    }

    fn start(
        &self,
        pre: &InstancePre<State>,
        store: &mut Store<State>,
        direction: Direction,
    ) -> wasmtime::Result<Box<dyn Guest>> {
        if json::is_spoken(pre) {
            return json::start(pre, store, direction);
        }
        let instance = pre.instantiate(&mut *store)?;
        Ok(match direction {
            Direction::Migrate => Box::new(DirectMigrationIndices::new(pre)?.load(store, &instance)?),
            Direction::Undo => Box::new(ReversibleDirectMigrationIndices::new(pre)?.load(store, &instance)?),
        })
    }
}

impl Guest for DirectMigration {
    fn call(&self, store: &mut Store<State>, item: &Item) -> wasmtime::Result<Answer> {
        let gathered = lower::Gathered::of(item);
        let lowered = lower::Lowered::new(item, &gathered);
        Ok(lift::answer(self.call_migrate(store, lowered.param())?))
    }
}

impl Guest for ReversibleDirectMigration {
    fn call(&self, store: &mut Store<State>, item: &Item) -> wasmtime::Result<Answer> {
        let gathered = lower::Gathered::of(item);
        let lowered = lower::Lowered::new(item, &gathered);
        Ok(lift::answer(self.call_undo(store, lowered.param())?))
    }
}
