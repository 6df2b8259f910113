//! `build`: from a project to a component.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::Ended;
use super::source::Loading;
use crate::author::build;
use crate::migration::Migration;
use crate::plugin::Limits;

#[derive(Args)]
pub(super) struct BuildVerb {
    /// The project: a folder that `new` made
    #[arg(default_value = ".")]
    project: PathBuf,
    /// The component's file [default: build/NAME.wasm in the project]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

impl BuildVerb {
    pub(super) fn run(self) -> Ended {
        let built = build::build(&self.project, self.output.as_deref())?;
        // What does not load now would not load where it is wanted.
        let plugin = Loading::new(Limits::default()).load(&built.component)?;
        let (size, said) = (plugin.component().map_or(0, <[u8]>::len), plugin.description());
        let path = built.component.display();
        if self.json {
            say!(
                "{}",
                json!({ "v": 1, "component": path.to_string(), "language": built.language.name(), "bytes": size,
                    "digest": plugin.digest(), "number": said.number.to_string(), "name": said.name })
            );
        } else {
            say!("{path}  {size} bytes, migration {} {}, {}", said.number, said.name, plugin.digest());
        }
        Ok(0)
    }
}
