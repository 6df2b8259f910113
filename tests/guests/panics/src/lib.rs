//! A guest with the SDK that panics on the item whose `Id` is the argument `id`, and touches all others.

use drift_sdk::prelude::*;

#[migration(number = 101, name = "panics")]
fn touch(item: &mut Item) -> Result<()> {
    let id: u64 = item.number("Id")?.to_int()?;
    let missing: Option<u64> = None;
    if run::argument("id").is_some_and(|chosen| chosen == id.to_string()) {
        log::info(format_args!("about to panic on {id} of {}", run::table()));
        missing.expect("no luck with this item");
    }
    item.set("touched", true);
    Ok(())
}
