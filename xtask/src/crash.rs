//! The crash harness of `tests/src/crash`, on the binary and the guests as they stand.

use crate::cargo::{self, target_dir};
use crate::{Result, exe, guests};

/// Builds what it takes, and runs it with these arguments.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let guests = guests::build()?;
    // With the whole workspace selected, so that dependencies have the same features and are built once.
    cargo::here(&["build", "--locked", "--workspace", "--bin", "drift-host", "--bin", "crash"]).run()?;
    let built = target_dir()?.join("debug");
    cargo::program(built.join(exe("crash")))
        .args(arguments)
        .env("DRIFT_HOST_BIN", built.join(exe("drift-host")))
        .env("DRIFT_GUESTS_DIR", guests.folder)
        .run()
}
