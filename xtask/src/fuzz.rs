//! Fuzzing by `tests/src/fuzz`, on the host as it stands: damaged components and made-up answers.

use crate::cargo::{self, target_dir};
use crate::{Result, exe, guests};

/// Builds what it takes, and runs it with these arguments; without a component among them, on a small one and on a guest.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let guests = guests::build()?;
    // With the whole workspace selected, so that dependencies have the same features and are built once.
    cargo::here(&["build", "--locked", "--workspace", "--bin", "fuzz"]).run()?;
    let mut fuzz = cargo::program(target_dir()?.join("debug").join(exe("fuzz")));
    fuzz.args(arguments);
    if !arguments.iter().any(|argument| argument.ends_with(".wasm")) {
        fuzz.arg(guests.component("echo")?);
    }
    fuzz.run()
}
