//! Fails in the way that `how` names.

use drift_sdk::prelude::*;

pub fn migrate(item: &mut Item, actions: &mut Actions) -> Result<()> {
    match item.text("how")?.to_owned().as_str() {
        "returned" => bail!("there is no price in {:?}", "a box"),
        "of a library" => drop("a b".parse::<i32>()?),
        "with a cause" => return Err(Error::new("no such month").within("reading the date")),
        "of two lines" => return Err(Error::new("the first line\nthe second line")),
        "without words" => return Err(Error::new("")),
        "after changes" => {
            item.set("done", true);
            actions.insert_into("Others", item! { "Id" => 7 }, Existing::Keep);
            bail!("too late");
        }
        _ => drop(item.set("done", true)),
    }
    Ok(())
}
