//! One attribute is added to an item: the same change in each language, for `cargo xtask bench`.

use drift_sdk::prelude::*;

#[migration(number = 20261126, name = "touch", summary = "Adds an attribute", repeatable)]
pub fn migrate(item: &mut Item) -> Result<()> {
    item.set("touched", true);
    Ok(())
}
