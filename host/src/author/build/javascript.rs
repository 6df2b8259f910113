//! JavaScript: the file itself, with what runs it. TypeScript, and JavaScript that imports more than the SDK, become one file
//! by esbuild first.

use std::path::Path;

use super::{Tool, at, at_least};
use crate::author::Error;
use crate::plugin::script_component;

const NODE: &str = "install Node.js 20 or newer, which brings npm (https://nodejs.org)";
/// esbuild's, and npm's.
const OLDEST: (u32, u32) = (20, 0);

pub(super) fn build(project: &Path, source: &str) -> Result<Vec<u8>, Error> {
    let file = project.join(source);
    // Who wants other packages in it says so by wanting esbuild.
    let wants = std::fs::read_to_string(project.join("package.json")).is_ok_and(|text| text.contains("\"esbuild\""));
    let bundled = source.ends_with(".ts") || wants;
    let text =
        if bundled { bundle(project, source)? } else { std::fs::read_to_string(&file).map_err(|error| at(&file, error))? };
    Ok(script_component(source, &text))
}

/// The project as one file, its types gone; its packages are installed if they are not, and none may run a script.
fn bundle(project: &Path, source: &str) -> Result<String, Error> {
    at_least("node", &["--version"], OLDEST, NODE, project)?;
    let esbuild = project.join("node_modules").join(".bin").join("esbuild");
    if !esbuild.exists() {
        let install = if project.join("package-lock.json").is_file() { "ci" } else { "install" };
        Tool::new("npm", NODE, project).args([install, "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]).run()?;
    }
    if !esbuild.exists() {
        return Err(at(
            &project.join("package.json"),
            "esbuild is not among its devDependencies; `drift-host new --lang ts` shows which",
        ));
    }
    let esbuild = std::path::absolute(&esbuild).map_err(|error| at(&esbuild, error))?;
    Tool::new(esbuild, NODE, project)
        .args([
            source,
            "--bundle",
            "--format=esm",
            "--target=es2023",
            "--external:drift-sdk",
            "--log-level=warning",
            "--charset=utf8",
            // The runtime reads it when there is an error to place.
            "--sourcemap=inline",
            "--sources-content=false",
        ])
        .run()
}
