//! Each item goes into another table as it was read.

use drift_sdk::prelude::*;

pub fn migrate(item: &mut Item, actions: &mut Actions) -> Result<()> {
    actions.insert_into("Others", item.clone(), Existing::Keep);
    Ok(())
}
