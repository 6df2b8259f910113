//! The contract between host and guest, in each version that this host speaks: one trait, chosen once when a plugin is loaded.
//!
//! A new case in a variant or field in a record is a new minor version, and a module here; what did not change is taken over
//! from the version before (decision 4).

mod json;
mod v0_1;
mod v0_2;

use wasmtime::Store;
use wasmtime::component::{InstancePre, Linker};

pub(super) use v0_1::bindings::drift::migration::{dynamodb, log, run, types};

use super::instance::State;
use crate::migration::Direction;
use crate::model::{Action, Description, Item};

/// The package that a migration imports, without its version.
pub(super) const PACKAGE: &str = "drift:migration/";

/// What a component exports in each form, to migrate an item and to take one back; it is spoken to in the first form that it has.
pub(super) const FORMS: [(&str, &str); 2] = [(json::MIGRATE, json::UNDO), ("migrate", "undo")];

/// One version of the contract.
pub(super) trait Contract: Send + Sync {
    /// Whether a component that imports these versions of the package was built against this one.
    fn accepts(&self, versions: &[semver::Version]) -> bool;

    /// What it accepts, for people.
    fn accepted(&self) -> &'static str;

    /// Links what the host answers.
    fn link(&self, linker: &mut Linker<State>) -> wasmtime::Result<()>;

    /// Whether the component's exports have the contract's types.
    fn check(&self, pre: &InstancePre<State>) -> wasmtime::Result<()>;

    /// Starts an instance and asks it about itself; the inner error says what cannot be so.
    fn describe(&self, pre: &InstancePre<State>, store: &mut Store<State>) -> wasmtime::Result<Result<Description, String>>;

    /// Starts an instance to be asked about items.
    fn start(&self, pre: &InstancePre<State>, store: &mut Store<State>, direction: Direction)
    -> wasmtime::Result<Box<dyn Guest>>;
}

/// A started guest.
pub(super) trait Guest {
    /// Asks about one item.
    fn call(&self, store: &mut Store<State>, item: &Item) -> wasmtime::Result<Answer>;
}

/// What a guest answered about an item.
pub(super) enum Answer {
    Actions(Vec<Action>),
    /// The guest's own error.
    Error(String),
    /// What cannot be believed.
    Invalid(String),
}

/// All versions that this host speaks.
static CONTRACTS: [&dyn Contract; 2] = [&v0_1::V0_1, &v0_2::V0_2];

/// The contract that a component was built against, by its imports; the error is the version that nobody here speaks.
pub(super) fn chosen(imports: &[String]) -> Result<&'static dyn Contract, String> {
    let mut versions = Vec::new();
    for import in imports.iter().filter(|import| import.starts_with(PACKAGE)) {
        let found = import.split_once('@').map_or("", |(_, version)| version);
        versions.push(semver::Version::parse(found).map_err(|_| if found.is_empty() { "no version" } else { found }.to_owned())?);
    }
    let speaks = |contract: &&dyn Contract| contract.accepts(&versions);
    let newest = || versions.iter().max().map_or_else(|| "no version".to_owned(), ToString::to_string);
    CONTRACTS.iter().copied().find(speaks).ok_or_else(newest)
}

/// Every version that is accepted, for people.
pub(super) fn accepted() -> String {
    let all: Vec<String> = CONTRACTS.iter().map(|contract| format!("drift:migration@{}", contract.accepted())).collect();
    all.join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_is_chosen_by_what_is_imported() {
        let of = |versions: &[&str]| {
            let imports: Vec<String> = versions.iter().map(|version| format!("drift:migration/types@{version}")).collect();
            chosen(&imports).map(Contract::accepted)
        };
        assert_eq!(of(&[]), Ok("0.1.x"));
        assert_eq!(of(&["0.1.0", "0.1.7"]), Ok("0.1.x"));
        assert_eq!(of(&["0.1.0", "0.2.0-test"]), Ok("0.2.0-test (of the host's own tests)"));
        assert_eq!(of(&["0.1.0", "0.2.0"]), Err("0.2.0".into()));
        assert_eq!(of(&["1.0.0"]), Err("1.0.0".into()));
        assert_eq!(of(&["x"]), Err("x".into()));
        assert!(accepted().contains("0.1.x") && accepted().contains("0.2.0-test"));
    }
}
