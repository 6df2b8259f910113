//! `cargo xtask fleet`: the program of `spark/fleet`, on the binary and the guests as they stand.

use crate::cargo::{self, target_dir};
use crate::{Result, exe, guests, python, root};

/// The Spark of CI, or another by `--spark VERSION`; other arguments are the program's.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let (version, others) = match arguments {
        [flag, version, others @ ..] if flag == "--spark" => (Some(version), others),
        all => (None, all),
    };
    let python = version.map_or_else(python::spark, |version| python::spark_of(version))?;
    let guests = guests::build()?;
    // With the whole workspace selected, so that dependencies have the same features and are built once.
    cargo::here(&["build", "--locked", "--workspace", "--bin", "drift-host"]).run()?;
    cargo::program(python)
        .arg(root().join("spark").join("fleet"))
        .arg("--binary")
        .arg(target_dir()?.join("debug").join(exe("drift-host")))
        .arg("--guests")
        .arg(guests.folder)
        .args(others)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .run()
}
