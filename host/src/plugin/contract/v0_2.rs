//! Version 0.2.0-test: `wit/test/migration.wit`, for tests of the host itself. Items and actions are those of 0.1; the
//! description has an owner, and an error has advice.
#![allow(missing_docs)]

use wasmtime::Store;
use wasmtime::component::{InstancePre, Linker};

use super::super::instance::State;
use super::super::{lift, lower};
use super::v0_1::V0_1;
use super::v0_1::bindings::drift::migration::types as since_0_1;
use super::{Answer, Contract, Guest};
use crate::migration::Direction;
use crate::model::{Description, Item};

mod bindings {
    wasmtime::component::bindgen!({
        path: ["../wit", "../wit/test"],
        world: "drift:migration/migration@0.2.0-test",
        ownership: Borrowing { duplicate_if_necessary: true },
        imports: { default: trappable },
        with: {
            "drift:migration/types@0.1.0": super::super::v0_1::bindings::drift::migration::types,
            "drift:migration/run@0.1.0": super::super::v0_1::bindings::drift::migration::run,
            "drift:migration/log@0.1.0": super::super::v0_1::bindings::drift::migration::log,
        },
    });
}

use bindings::{Migration, MigrationIndices};

pub(super) struct V0_2;

impl Contract for V0_2 {
    fn accepts(&self, versions: &[semver::Version]) -> bool {
        let test = semver::Version { pre: semver::Prerelease::new("test").unwrap_or_default(), ..semver::Version::new(0, 2, 0) };
        let (ours, older): (Vec<_>, Vec<_>) = versions.iter().partition(|version| **version == test);
        !ours.is_empty() && V0_1.accepts(&older.into_iter().cloned().collect::<Vec<_>>())
    }

    fn accepted(&self) -> &'static str {
        "0.2.0-test (of the host's own tests)"
    }

    fn link(&self, linker: &mut Linker<State>) -> wasmtime::Result<()> {
        // `about` has types only, and nothing else is new.
        linker.instance("drift:migration/about@0.2.0-test")?;
        V0_1.link(linker)
    }

    fn check(&self, pre: &InstancePre<State>) -> wasmtime::Result<()> {
        MigrationIndices::new(pre).map(drop)
    }

    fn describe(&self, pre: &InstancePre<State>, store: &mut Store<State>) -> wasmtime::Result<Result<Description, String>> {
        let instance = pre.instantiate(&mut *store)?;
        let said = MigrationIndices::new(pre)?.load(&mut *store, &instance)?.call_describe(store)?;
        Ok(lift::description(since_0_1::Description {
            number: said.number,
            name: said.name,
            summary: said.summary,
            repeatable: said.repeatable,
            after: said.after,
            grants: said.grants,
            extra: vec![("owner".into(), said.owner)],
        }))
    }

    fn start(
        &self,
        pre: &InstancePre<State>,
        store: &mut Store<State>,
        direction: Direction,
    ) -> wasmtime::Result<Box<dyn Guest>> {
        match direction {
            Direction::Migrate => {
                let instance = pre.instantiate(&mut *store)?;
                Ok(Box::new(MigrationIndices::new(pre)?.load(store, &instance)?))
            }
            Direction::Undo => Err(wasmtime::Error::msg("this version of the contract has no `undo`")),
        }
    }
}

impl Guest for Migration {
    fn call(&self, store: &mut Store<State>, item: &Item) -> wasmtime::Result<Answer> {
        let gathered = lower::Gathered::of(item);
        let lowered = lower::Lowered::new(item, &gathered);
        let answer = self.call_migrate(store, lowered.param())?;
        Ok(lift::answer(answer.map_err(|failure| match failure.advice {
            Some(advice) => format!("{} ({advice})", failure.message),
            None => failure.message,
        })))
    }
}
