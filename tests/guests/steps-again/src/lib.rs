//! Migrations that may run again on their own result, for the crash harness; the argument `mode` chooses one.

use drift_sdk::prelude::*;

#[migration(
    number = 901,
    name = "steps again",
    repeatable,
    grants(insert("Copies", why = "`copy` puts a copy there, unless there is one"))
)]
fn step(item: &mut Item, actions: &mut Actions) -> Result<()> {
    match run::argument("mode").as_deref() {
        // Made of two attributes, so that a change of either one that gets lost is seen in it.
        Some("loud") if !item.contains("loud") => {
            let loud = format!("{}!{}", item.text("name")?.to_uppercase(), item.number("n")?);
            item.set("loud", loud);
        }
        Some("loud") => {}
        Some("copy") => {
            let mut copy = item.pick(["Id", "n", "name"]);
            copy.set("from", "steps");
            actions.insert_into("Copies", copy, Existing::Keep);
        }
        other => return Err(Error::new(format!("no mode {other:?}"))),
    }
    Ok(())
}
