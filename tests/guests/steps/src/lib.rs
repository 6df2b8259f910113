//! Migrations that must not happen twice, for the crash harness; the argument `mode` chooses one.

use drift_sdk::prelude::*;

#[migration(
    number = 900,
    name = "steps",
    grants(
        insert("Copies", why = "`copy` and `move` put a copy there, which must not meet another"),
        update("Totals", why = "`add` counts there"),
        delete(own, why = "`delete` and `move` take the item away"),
    )
)]
fn step(item: &mut Item, actions: &mut Actions) -> Result<()> {
    let n: i64 = item.number("n")?.to_int()?;
    let mut copy = item.pick(["Id", "n", "name"]);
    copy.set("from", "steps");
    match run::argument("mode").as_deref() {
        Some("plus") => drop(item.set("n", n + 1)),
        Some("add") => {
            let rows: i64 = run::argument("rows").and_then(|rows| rows.parse().ok()).unwrap_or(1);
            let row = item.number("Id")?.to_int::<i64>()? % rows;
            actions.update_in("Totals", item! { "Id" => row }, Update::new("ADD #n :one").name("#n", "n").value(":one", 1));
        }
        Some("copy") => actions.insert_into("Copies", copy, Existing::Fail),
        // Whether depends on the item, so that one that changed after it was read must be looked at again.
        Some("delete") if n % 2 == 0 => actions.delete_this(),
        Some("move") if n % 2 == 0 => {
            actions.delete_this();
            actions.insert_into("Copies", copy, Existing::Fail);
        }
        Some("delete" | "move") => {}
        other => return Err(Error::new(format!("no mode {other:?}"))),
    }
    Ok(())
}
