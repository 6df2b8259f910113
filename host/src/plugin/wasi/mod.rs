//! The part of WASI 0.2 that a guest finds: all of it virtual. Nothing here reads a clock, a file, the environment or the
//! system's random numbers, and nothing blocks.
//!
//! The wall clock stands at the run's start. The monotonic clock begins at nought for each instance and passes by being
//! read, or waited for: whoever sleeps wakes at once, later by its own clock. Random numbers come from a generator that
//! begins anew for each item, from the run's seed and the item's key, so that a re-run draws the same. Standard output and
//! error go to the log of the item; standard input is empty; there are no variables, arguments, folders or sockets.

mod clocks;
mod denied;
mod program;
mod random;
mod streams;

use std::time::Duration;

use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker};

use super::imports::{Answered, answered};
use super::instance::State;
use clocks::Clock;
use random::Random;

/// What is known of one instance.
pub(super) struct Wasi {
    /// Where the wall clock stands, since 1970.
    stands_at: Duration,
    clock: Clock,
    random: Random,
}

impl Wasi {
    pub(super) fn new(stands_at: Duration, seed: &str) -> Self {
        Self { stands_at, clock: Clock::default(), random: Random::new(&[seed]) }
    }

    /// From 0 to just below 1, of the item at hand.
    pub(super) fn fraction(&mut self) -> f64 {
        self.random.fraction()
    }

    /// From here on, random numbers are those of this item.
    pub(super) fn begin_item(&mut self, seed: &str, key: &str) {
        self.random = Random::new(&[seed, key]);
    }
}

/// A guest ended its process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("called `exit` with status {0} (as `os.Exit` and `log.Fatal` do): return an error instead")]
pub(super) struct Exit(pub(super) u8);

/// Links what the component imports of WASI; all of it has been checked against the allow-list.
pub(super) fn link(linker: &mut Linker<State>, component: &Component, is_interpreter: bool) -> wasmtime::Result<()> {
    let engine = component.engine();
    clocks::link(linker)?;
    program::link(linker)?;
    random::link(linker)?;
    streams::link(linker)?;
    for (name, item) in component.component_type().imports(engine) {
        if let ComponentItem::ComponentInstance(instance) = item.ty
            && answered(name, is_interpreter) == Some(Answered::Refused)
        {
            denied::link(linker, engine, name, &instance)?;
        }
    }
    Ok(())
}
