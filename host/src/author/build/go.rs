//! Go: its own compiler, for WASI preview 1 as a library, and an adapter that answers preview 1 without any WASI.

use std::path::Path;

use super::{Tool, at, component};
use crate::author::Error;

/// Preview 1, as text.
const ADAPTER: &str = include_str!("../../../../guest-sdk/go/adapter/adapter.wat");
const INSTALL: &str = "install Go 1.24 or newer (https://go.dev/dl)";
/// `-buildmode=c-shared` for wasip1 and `go:wasmexport` came with it.
const OLDEST: (u32, u32) = (1, 24);

pub(super) fn build(project: &Path) -> Result<Vec<u8>, Error> {
    let version = Tool::new("go", INSTALL, project).args(["env", "GOVERSION"]).ask()?;
    let wanted = parse(&version).is_none_or(|found| found >= OLDEST);
    if !wanted {
        return Err(Error(format!("{version} is too old for components: {INSTALL}")));
    }
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

/// `go1.26.8` as (1, 26).
fn parse(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.strip_prefix("go")?.split(['.', 'r', 'b', ' ', '-']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_go_are_read() {
        assert_eq!(parse("go1.26.8"), Some((1, 26)));
        assert_eq!(parse("go1.24rc1"), Some((1, 24)));
        assert_eq!(parse("devel +abc"), None);
    }
}
