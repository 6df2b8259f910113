//! Puts in what DynamoDB cannot hold, as `how` says.

use std::collections::BTreeSet;

use drift_sdk::prelude::*;

pub fn migrate(item: &mut Item, actions: &mut Actions) -> Result<()> {
    match item.text("how")?.to_owned().as_str() {
        "fraction" | "within" => drop(item.set("v", Number::from_f64(1.5)?)),
        "not a number" => drop(item.set("v", Number::from_f64(f64::NAN)?)),
        "infinity" => drop(item.set("v", Number::from_f64(f64::INFINITY)?)),
        "empty set" => drop(item.set("v", BTreeSet::<String>::new())),
        "39 digits" => drop(item.set("v", Number::parse("123456789012345678901234567890123456789")?)),
        "too large" => drop(item.set("v", Number::parse("1E126")?)),
        "no number" => drop(item.set("v", Number::parse("1_000")?)),
        "key changed" => drop(item.set("Id", 1000)),
        "key removed" => drop(item.remove("Id")),
        "in an action" => actions.insert_into("Others", item! { "Id" => 1, "v" => BTreeSet::<String>::new() }, Existing::Keep),
        "in an update" => actions.update_this(Update::new("SET v = :v").value(":v", BTreeSet::<String>::new())),
        "fine" => drop(item.set("v", 1)),
        _ => {}
    }
    Ok(())
}
