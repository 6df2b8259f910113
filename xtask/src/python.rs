//! Programs in Python that the tests need, in a virtual environment in the cache.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::cargo::{program, target_dir};
use crate::{Result, root};

/// moto's server, which speaks S3; installed the first time, and when its version changes.
pub(crate) fn moto() -> Result<PathBuf> {
    installed("moto", &root().join("tests").join("requirements.txt"), "moto_server")
}

/// The program of an environment with these requirements.
fn installed(name: &str, requirements: &Path, wanted: &str) -> Result<PathBuf> {
    let text = fs::read_to_string(requirements).map_err(|error| format!("cannot read {}: {error}", requirements.display()))?;
    let folder = target_dir()?.join("python").join(name);
    let (made, stamp) = (folder.join("bin").join(wanted), folder.join("requirements.txt"));
    if made.is_file() && fs::read_to_string(&stamp).is_ok_and(|stamped| stamped == text) {
        return Ok(made);
    }
    let python = env::var_os("PYTHON").unwrap_or_else(|| "python3".into());
    let failed = |message: String| {
        format!(
            "{name} for the tests could not be installed: {message}. It takes Python 3.9 or newer with venv and pip (Debian: apt-get install python3-venv), and PyPI"
        )
    };
    program(&python).args(["-m", "venv", "--clear"]).arg(&folder).run().map_err(failed)?;
    program(folder.join("bin").join("python"))
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:", "-r"])
        .arg(requirements)
        .run()
        .map_err(failed)?;
    // Last: its presence says that all else is there.
    fs::write(&stamp, text).map_err(|error| format!("cannot write {}: {error}", stamp.display()))?;
    if made.is_file() { Ok(made) } else { Err(failed(format!("there is no {wanted} in it"))) }
}
