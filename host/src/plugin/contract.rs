//! The Rust side of `wit/`: one set of types for every world of the contract.
//!
//! `direct-migration` has all the imports and what every plugin exports; the reversible world adds `undo` over the same
//! types. The `dynamodb` interface is linked only where it was granted.
#![allow(missing_docs)]

wasmtime::component::bindgen!({
    path: "../wit",
    world: "drift:migration/direct-migration",
    ownership: Borrowing { duplicate_if_necessary: true },
    imports: { default: trappable },
});

/// The same with `undo`.
pub(super) mod reversible {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "drift:migration/reversible-direct-migration",
        ownership: Borrowing { duplicate_if_necessary: true },
        imports: { default: trappable },
        with: {
            "drift:migration/types": super::drift::migration::types,
            "drift:migration/run": super::drift::migration::run,
            "drift:migration/log": super::drift::migration::log,
            "drift:migration/dynamodb": super::drift::migration::dynamodb,
        },
    });
}

/// The package that a migration imports, without its version.
pub(super) const PACKAGE: &str = "drift:migration/";
/// The version of the contract that this host speaks, and with it every 0.1.x.
pub(super) const VERSION: semver::Version = semver::Version::new(0, 1, 0);
