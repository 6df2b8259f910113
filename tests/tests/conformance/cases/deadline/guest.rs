//! Loops without end where `how` says so.

use std::hint::black_box;

use drift_sdk::prelude::*;

pub fn migrate(item: &mut Item, _: &mut Actions) -> Result<()> {
    let mut rounds = 0_u64;
    while item.text("how")? == "loop" {
        rounds = black_box(rounds.wrapping_add(1));
    }
    item.set("done", true);
    Ok(())
}
