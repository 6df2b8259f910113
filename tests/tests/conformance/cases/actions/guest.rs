//! Asks for the action that `how` names.

use drift_sdk::prelude::*;

pub fn migrate(item: &mut Item, actions: &mut Actions) -> Result<()> {
    let id = |id: i32| item! { "Id" => id };
    let new = |id: i32| item! { "Id" => id, "v" => "new" };
    let set = || Update::new("SET v = :v").value(":v", "new");
    let count = || Update::new("SET #c = if_not_exists(#c, :none) + :one").name("#c", "count").value(":none", 0).value(":one", 1);
    match item.text("how")?.to_owned().as_str() {
        "insert new" => actions.insert_into("Others", new(11), Existing::Keep),
        "keep what is there" => actions.insert_into("Others", new(1), Existing::Keep),
        "replace what is there" => actions.insert_into("Others", new(3), Existing::Replace),
        "fail at what is there" => {
            item.set("v", "new");
            actions.insert_into("Others", new(4), Existing::Fail);
        }
        "fail where nothing is" => actions.insert_into("Others", new(15), Existing::Fail),
        "insert own" => actions.insert(new(1006), Existing::Keep),
        "update this" => actions.update_this(set()),
        "update own" => actions.update(id(101), count()),
        "update other" => actions.update_in("Others", id(1), count()),
        "update with a condition" => actions.update_in("Others", id(20), set().condition("attribute_exists(v)")),
        "delete this" => actions.delete_this(),
        "delete own" => actions.delete(id(102)),
        "delete other" => actions.delete_from("Others", id(2)),
        "patch and insert" => {
            item.set("v", "new");
            actions.insert_into("Others", new(16), Existing::Keep);
        }
        "several" => {
            item.set("v", "new");
            actions.insert_into("Others", new(17), Existing::Keep);
            actions.insert(new(1015), Existing::Keep);
            actions.update_in("Others", id(18), count());
            actions.delete_from("Others", id(19));
        }
        "changed and deleted" => {
            item.set("v", "new");
            actions.delete_this();
        }
        "changed and updated" => {
            item.set("v", "new");
            actions.update_this(count());
        }
        _ => {}
    }
    Ok(())
}
