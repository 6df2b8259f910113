//! What a plugin may import: an allow-list by interface. What is not on it is refused when the component is loaded.
//!
//! The C libraries of most languages import far more than a migration uses, so that some interfaces are there and have
//! nothing in them: no folders, no environment, an empty standard input.

use super::error::LoadError;

/// How the host answers an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answered {
    /// By the contract.
    Contract,
    /// Virtually: nothing of this machine is in it.
    Virtual,
    /// Every call is refused.
    Refused,
}

struct Interface {
    /// Without its version.
    name: &'static str,
    answered: Answered,
    allows: &'static str,
}

macro_rules! interfaces {
    ($($name:literal $answered:ident $allows:literal)*) => {
        &[$(Interface { name: $name, answered: Answered::$answered, allows: $allows },)*]
    };
}

static INTERFACES: &[Interface] = interfaces! {
    "drift:migration/types" Contract "types only; allows nothing"
    "drift:migration/about" Contract "types only; allows nothing"
    "drift:migration/run" Contract "reads the run's table name, key, start and arguments"
    "drift:migration/log" Contract "writes to the log of its item"
    "drift:migration/dynamodb" Contract "reads and writes tables at once, each only where it was granted; not deferred, not previewed"
    "drift:script/source" Contract "reads the author's own file, which it runs"
    "wasi:io/error" Virtual "texts of errors; allows nothing"
    "wasi:io/poll" Virtual "waits without waiting: virtual time passes instead"
    "wasi:io/streams" Virtual "standard output and error, into the log of its item; standard input is empty"
    "wasi:clocks/wall-clock" Virtual "the time at which the run began, always"
    "wasi:clocks/monotonic-clock" Virtual "a virtual time, which passes by being looked at"
    "wasi:random/random" Virtual "numbers made from the run and the item's key, the same again in a re-run; not for secrets"
    "wasi:random/insecure" Virtual "numbers made from the run and the item's key, the same again in a re-run"
    "wasi:random/insecure-seed" Virtual "a number made from the run and the item's key, the same again in a re-run"
    "wasi:cli/environment" Virtual "no variables, no arguments, no folder"
    "wasi:cli/exit" Virtual "ends its item with an error"
    "wasi:cli/stdin" Virtual "an empty input"
    "wasi:cli/stdout" Virtual "the log of its item"
    "wasi:cli/stderr" Virtual "the log of its item"
    "wasi:cli/terminal-input" Virtual "there is no terminal"
    "wasi:cli/terminal-output" Virtual "there is no terminal"
    "wasi:cli/terminal-stdin" Virtual "there is no terminal"
    "wasi:cli/terminal-stdout" Virtual "there is no terminal"
    "wasi:cli/terminal-stderr" Virtual "there is no terminal"
    "wasi:filesystem/preopens" Virtual "no folders"
    "wasi:filesystem/types" Refused "files, of which there are none"
};

/// How the runtime for scripts gets its text.
const SCRIPT: &str = "drift:script/source";
/// Whatever begins so is refused when it is called, and only for an interpreter whose C library imports it unasked.
const SOCKETS: &str = "wasi:sockets/";
/// The core module of CPython in a component of componentize-py.
const INTERPRETER: &str = "libpython";

/// One import, and what comes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// With its version.
    pub name: String,
    /// What it allows, in a sentence.
    pub allows: &'static str,
    /// Whether a person should look at why it is there.
    pub careful: bool,
}

/// How an import is answered; `None` if it is not allowed.
pub(super) fn answered(import: &str, is_interpreter: bool) -> Option<Answered> {
    let name = without_version(import);
    match INTERFACES.iter().find(|interface| interface.name == name) {
        Some(interface) if name.starts_with("wasi:") && !is_02(import) => {
            let _another_wasi = interface;
            None
        }
        // Only of the runtime for scripts, which is not asked here about it.
        Some(interface) if interface.name == SCRIPT => None,
        Some(interface) => Some(interface.answered),
        None if is_interpreter && name.starts_with(SOCKETS) && is_02(import) => Some(Answered::Refused),
        None => None,
    }
}

/// Refuses a component that imports what is not allowed, by name.
pub(super) fn check(name: &str, imports: &[String], is_interpreter: bool) -> Result<(), LoadError> {
    let refused: Vec<&str> =
        imports.iter().filter(|import| answered(import, is_interpreter).is_none()).map(String::as_str).collect();
    match refused.is_empty() {
        true => Ok(()),
        false => Err(LoadError::Refused { name: name.to_owned(), imports: refused.join(", "), why: why(&refused) }),
    }
}

fn why(refused: &[&str]) -> &'static str {
    let any = |prefix: &str| refused.iter().any(|import| import.starts_with(prefix));
    if any(SOCKETS) || any("wasi:http/") {
        "A migration has no network"
    } else if any("wasi:filesystem/") {
        "A migration has no files"
    } else {
        "Nobody here answers it"
    }
}

/// What each import allows.
pub(super) fn explained(imports: &[String]) -> Vec<Import> {
    let explain = |import: &String| {
        let name = without_version(import);
        let known = INTERFACES.iter().find(|interface| interface.name == name);
        let careful = name == "drift:migration/dynamodb" || known.is_none();
        let allows = known.map_or("the network, of which there is none: every call is refused", |known| known.allows);
        Import { name: import.clone(), allows, careful }
    };
    imports.iter().map(explain).collect()
}

/// Whether a core module of this name makes the component an interpreter's.
pub(super) fn names_interpreter(module: &str) -> bool {
    module.starts_with(INTERPRETER)
}

fn without_version(import: &str) -> &str {
    import.split_once('@').map_or(import, |(name, _)| name)
}

fn is_02(import: &str) -> bool {
    let version = import.split_once('@').map_or("", |(_, version)| version);
    semver::Version::parse(version).is_ok_and(|version| (version.major, version.minor) == (0, 2) && version.pre.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_on_the_list_is_refused_by_name() {
        let refused =
            |import: &str, interpreter| check("p.wasm", &[import.to_owned()], interpreter).map_err(|error| error.to_string());
        for good in
            ["drift:migration/run@0.1.0", "wasi:io/poll@0.2.12", "wasi:filesystem/types@0.2.0", "wasi:random/random@0.2.99"]
        {
            refused(good, false).unwrap();
        }
        refused("wasi:sockets/tcp@0.2.9", true).unwrap();
        for bad in ["wasi:sockets/tcp@0.2.9", "wasi:http/outgoing-handler@0.2.0", "wasi:io/poll@0.3.0", "wasi:io/poll", "env"] {
            let message = refused(bad, false).unwrap_err();
            assert!(message.contains(bad) && message.contains("wasi:clocks"), "{message}");
        }
        assert!(refused("wasi:http/types@0.2.0", true).unwrap_err().contains("no network"));
    }
}
