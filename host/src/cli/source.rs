//! From what was named to a loaded plugin: a component, a file of JavaScript, or a project that is built first.

use std::path::Path;

use crate::Error;
use crate::author::build;
use crate::explain::Code;
use crate::plugin::{Limits, LoadError, Plugin, PluginOptions, script_component};

/// Whether a project may be built here: that runs other people's scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Building {
    /// It was asked for, or the endpoint is local and has nothing to lose.
    Allowed,
    /// Not beside the credentials of a table that is not local.
    Refused,
}

/// How a plugin is loaded.
pub(super) struct Loading {
    /// Instances at work at a time; `None`: as many as cores.
    pub(super) slots: Option<usize>,
    pub(super) limits: Limits,
    pub(super) building: Building,
    /// Count the fuel of each call.
    pub(super) count_fuel: bool,
    /// Compile it even if it has been compiled, to say how long that takes.
    pub(super) compile_anew: bool,
}

impl Loading {
    /// One instance; nothing is built, counted or timed.
    pub(super) fn new(limits: Limits) -> Self {
        Self { slots: Some(1), limits, building: Building::Refused, count_fuel: false, compile_anew: false }
    }

    /// Loads what `path` names.
    pub(super) fn load(&self, path: &Path) -> Result<Plugin, Error> {
        let shown = path.display();
        if path.is_dir() {
            build::Language::of(path).map_err(|error| {
                Error::Known(Code::Project, format!(
                    "{error}. If it is a folder of migrations: drift-host status {shown}, up {shown}, undo {shown} --to NUMBER"
                ))
            })?;
            let built = match self.building {
                Building::Allowed => build::build_changed(path)?,
                // What was built before, elsewhere or apart, runs nobody's scripts.
                Building::Refused => build::built(path)?.ok_or_else(|| {
                    Error::Known(Code::ProjectNotBuilt, format!(
                        "{shown} is a project, and building it would run its scripts beside the credentials of a table that is not local. Build it \
                         apart, `drift-host build {shown}`, and run it, or the component, then"
                    ))
                })?,
            };
            return self.load_file(&built.component);
        }
        if !path.extension().is_some_and(|ending| ending == "js" || ending == "mjs") {
            return self.load_file(path);
        }
        let text = std::fs::read_to_string(path)
            .map_err(|error| Error::Known(Code::PluginUnusable, format!("the plugin {shown} cannot be read: {error}")))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        self.load_bytes(&shown.to_string(), script_component(&name, &text))
    }

    /// Loads a plugin from a component's bytes; `name` is for messages.
    pub(super) fn load_bytes(&self, name: &str, bytes: Vec<u8>) -> Result<Plugin, Error> {
        Plugin::load(name, bytes, &self.options()).map_err(unusable)
    }

    fn load_file(&self, path: &Path) -> Result<Plugin, Error> {
        Plugin::load_file(path, &self.options()).map_err(unusable)
    }

    fn options(&self) -> PluginOptions {
        let defaults = PluginOptions::default();
        PluginOptions {
            slots: self.slots.unwrap_or(defaults.slots),
            limits: self.limits,
            compile_anew: self.compile_anew,
            count_fuel: self.count_fuel,
            ..defaults
        }
    }
}

fn unusable(error: LoadError) -> Error {
    Error::Known(Code::PluginUnusable, error.to_string())
}
