//! Go: its own compiler, for WASI preview 1 as a library, and an adapter that answers preview 1 without any WASI.

use std::path::Path;

use super::{Tool, at, at_least, component};
use crate::author::Error;

/// Preview 1, as text.
const ADAPTER: &str = include_str!("../../../../guest-sdk/go/adapter/adapter.wat");
const INSTALL: &str = "install Go 1.24 or newer (https://go.dev/dl)";
/// `-buildmode=c-shared` for wasip1 and `go:wasmexport` came with it.
const OLDEST: (u32, u32) = (1, 24);

pub(super) fn build(project: &Path) -> Result<Vec<u8>, Error> {
    at_least("go", &["env", "GOVERSION"], OLDEST, INSTALL, project)?;
    let core = project.join(".drift").join("core.wasm");
    let absolute = std::path::absolute(&core).map_err(|error| at(&core, error))?;
    Tool::new("go", INSTALL, project)
        .env("GOOS", "wasip1")
        .env("GOARCH", "wasm")
        .env("CGO_ENABLED", "0")
        .args(["build", "-buildmode=c-shared", "-trimpath", "-ldflags=-s -w", "-o"])
        .args([absolute.as_os_str(), ".".as_ref()])
        .run()?;
    let module = std::fs::read(&core).map_err(|error| at(&core, error))?;
    component::of(module, "reversible-migration", Some(component::adapter(ADAPTER)?))
}
