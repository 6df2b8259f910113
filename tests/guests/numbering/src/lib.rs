//! A guest with the SDK that writes at once: a counter hands out numbers, and a row for each keeps who has it.

use drift_sdk::direct::{self, Condition, Failure, Query};
use drift_sdk::prelude::*;

#[migration(
    number = 20261190,
    name = "numbering",
    summary = "numbers from a counter, each given once",
    grants(
        direct_read("Numbers", why = "who has a number already"),
        direct_write("Numbers", why = "the counter, and who has which number"),
    )
)]
pub fn number(thing: &mut Item) -> Result<()> {
    let id = thing.number("Id")?.clone();
    // As a replay would find it: one that has a number keeps it.
    let mine = Query::new("Numbers", "#kind = :given").name("#kind", "kind").value(":given", "given");
    let mine = mine.filter("thing = :thing").value(":thing", id.clone()).limit(40);
    if let Some(given) = mine.all()?.first() {
        thing.set("number", given.number("n")?.clone());
        return Ok(());
    }
    let counter = item! { "kind" => "counter", "n" => 0 };
    let next = direct::update("Numbers", &counter, &Update::new("ADD latest :one").value(":one", 1))?;
    let given = item! { "kind" => "given", "n" => next.number("latest")?.clone(), "thing" => id };
    let free = Condition::new("attribute_not_exists(#n)").name("#n", "n");
    direct::put_if("Numbers", &given, &free)?;
    match direct::put_if("Numbers", &given, &free) {
        Err(Failure::ConditionFailed(Some(there))) if there == given => {}
        other => bail!("the condition: {other:?}"),
    }
    let key = given.pick(["kind", "n"]);
    if direct::get("Numbers", &key)? != Some(given) || direct::get_eventual("Numbers", &key)?.is_none() {
        bail!("what was written is not read");
    }
    let none = item! { "kind" => "given", "n" => -1 };
    direct::delete("Numbers", &none)?;
    direct::delete_if("Numbers", &none, &Condition::new("attribute_not_exists(kind)"))?;
    thing.set("number", next.number("latest")?.clone());
    Ok(())
}
