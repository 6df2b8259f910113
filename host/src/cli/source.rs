//! From what was named to a loaded plugin: a component, or a project that is built first.

use std::path::Path;

use super::options::load_counted;
use crate::Error;
use crate::author::build;
use crate::plugin::{Limits, Plugin};

/// Whether a project may be built here: that runs other people's scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Building {
    /// It was asked for, or the endpoint is local and has nothing to lose.
    Allowed,
    /// Not beside the credentials of a table that is not local.
    Refused,
}

/// Loads what `path` names.
pub(super) fn load_source(path: &Path, slots: Option<usize>, limits: Limits, building: Building) -> Result<Plugin, Error> {
    load_with(path, slots, limits, building, false)
}

/// The same, with the fuel of each call counted.
pub(super) fn load_measured(path: &Path, limits: Limits) -> Result<Plugin, Error> {
    load_with(path, Some(1), limits, Building::Allowed, true)
}

fn load_with(path: &Path, slots: Option<usize>, limits: Limits, building: Building, count_fuel: bool) -> Result<Plugin, Error> {
    let load = |path: &Path| load_counted(path, slots, limits, count_fuel);
    if path.is_dir() {
        if building == Building::Refused {
            return Err(Error::Refused(format!(
                "{0} is a project, and building it would run its scripts beside the credentials of a table that is not local. Build it apart, \
                 `drift-host build {0}`, and run the component",
                path.display()
            )));
        }
        let built = build::build(path, None)?;
        return load(&built.component);
    }
    load(path)
}
