//! From a core module to a component, as `wasm-tools component embed` and `new` do it.

use wit_component::{ComponentEncoder, StringEncoding};
use wit_parser::Resolve;

use super::Error;

/// The contract.
const CONTRACT: &str = include_str!("../../../../wit/migration.wit");

/// What the adapter sees of the host.
const ADAPTERS_WORLD: &str = "package drift:adapter@0.1.0;
world adapter { import drift:migration/log@0.1.0; import wasi:random/random@0.2.0; import wasi:cli/exit@0.2.0; }";
const RANDOM: &str = "package wasi:random@0.2.0; interface random { get-random-u64: func() -> u64; }";
const EXIT: &str = "package wasi:cli@0.2.0; interface exit { exit-with-code: func(status-code: u8); }";

/// The component of a core module that speaks `world` of the contract; what it imports of WASI preview 1 is answered by `adapter`.
pub(super) fn of(mut core: Vec<u8>, world: &str, adapter: Option<Vec<u8>>) -> Result<Vec<u8>, Error> {
    embed(&mut core, &[("migration.wit", CONTRACT)], world)?;
    let failed = |error: &dyn std::fmt::Display| Error(format!("the component cannot be made: {error:#}"));
    let mut encoder = ComponentEncoder::default().validate(true).module(&core).map_err(|error| failed(&error))?;
    if let Some(adapter) = adapter {
        encoder = encoder.adapter("wasi_snapshot_preview1", &adapter).map_err(|error| failed(&error))?;
    }
    encoder.encode().map_err(|error| failed(&error))
}

/// An adapter, from its text.
pub(super) fn adapter(text: &str) -> Result<Vec<u8>, Error> {
    let mut core = wat::parse_str(text).map_err(|error| Error(format!("the adapter is not WebAssembly: {error}")))?;
    let packages = [("migration.wit", CONTRACT), ("random.wit", RANDOM), ("exit.wit", EXIT), ("adapter.wit", ADAPTERS_WORLD)];
    embed(&mut core, &packages, "adapter")?;
    Ok(core)
}

/// Says in a core module which world it speaks: one of the last package.
fn embed(core: &mut Vec<u8>, packages: &[(&str, &str)], world: &str) -> Result<(), Error> {
    let failed = |error: &dyn std::fmt::Display| Error(format!("the module does not take the contract: {error:#}"));
    let mut resolve = Resolve::default();
    let mut last = None;
    for (name, text) in packages {
        last = Some(resolve.push_str(name, text).map_err(|error| failed(&error))?);
    }
    let package = last.ok_or_else(|| failed(&"there is none"))?;
    let world = resolve.select_world(&[package], Some(world)).map_err(|error| failed(&error))?;
    wit_component::embed_component_metadata(core, &resolve, world, StringEncoding::UTF8).map_err(|error| failed(&error))
}
