//! Python: componentize-py, in a virtual environment of its own.

mod realloc;

use std::fs::File;
use std::path::{Path, PathBuf};

use super::{Tool, at, at_least};
use crate::author::Error;

/// What makes components of Python.
const COMPONENTIZE: &str = "componentize-py==0.25.1";
const INSTALL: &str = "install Python 3.10 or newer, with venv and pip (Debian: apt-get install python3-venv)";
/// componentize-py's.
const OLDEST: (u32, u32) = (3, 10);

pub(super) fn build(project: &Path) -> Result<Vec<u8>, Error> {
    let tool = componentize(project)?;
    let out = project.join(".drift").join("component.wasm");
    let absolute = std::path::absolute(&out).map_err(|error| at(&out, error))?;
    let sdk = Path::new(".drift").join("sdk").join("python");
    let wit = sdk.join("wit");
    Tool::new(tool, INSTALL, project)
        .args(["-d".as_ref(), wit.as_os_str(), "-w".as_ref(), "reversible-json-migration".as_ref(), "componentize".as_ref()])
        .args([
            "drift_entry".as_ref(),
            "-p".as_ref(),
            ".".as_ref(),
            "-p".as_ref(),
            sdk.as_os_str(),
            "-o".as_ref(),
            absolute.as_os_str(),
        ])
        .run()?;
    let mut component = std::fs::read(&out).map_err(|error| at(&out, error))?;
    realloc::mend(&mut component);
    Ok(component)
}

/// The program, installed into the user's cache the first time.
fn componentize(project: &Path) -> Result<PathBuf, Error> {
    let home = crate::plugin::default_cache_dir().ok_or_else(|| Error("there is no HOME to keep componentize-py in".into()))?;
    let tools = home.parent().unwrap_or(&home).join("tools").join(COMPONENTIZE.replace("==", "-"));
    let program = tools.join("bin").join("componentize-py");
    // Another build may be installing it: the one that comes second waits, and finds it there.
    let parent = tools.parent().unwrap_or(&tools);
    let lock = parent.join("lock");
    let locked = std::fs::create_dir_all(parent).and_then(|()| File::create(&lock)).and_then(|file| file.lock().map(|()| file));
    let _held = locked.map_err(|error| at(&lock, format!("componentize-py cannot be installed beside it: {error}")))?;
    if program.is_file() {
        return Ok(program);
    }
    at_least("python3", &["--version"], OLDEST, INSTALL, project)?;
    tell!("installing {COMPONENTIZE} into {}, once", tools.display());
    let failed = |error: Error| {
        Error(format!(
            "{COMPONENTIZE}, which makes components of Python, could not be installed: {error}. It takes PyPI, or a mirror that pip knows; else {INSTALL}"
        ))
    };
    Tool::new("python3", INSTALL, project).args(["-m".as_ref(), "venv".as_ref(), tools.as_os_str()]).run().map_err(failed)?;
    // No package may run a script of its own while it is installed.
    Tool::new(tools.join("bin").join("python"), INSTALL, project)
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:", COMPONENTIZE])
        .run()
        .map_err(failed)?;
    Ok(program)
}
