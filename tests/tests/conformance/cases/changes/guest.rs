//! Changes the attribute `v` in the way that `how` names.

use std::collections::BTreeSet;

use drift_sdk::prelude::*;

pub fn migrate(item: &mut Item, _: &mut Actions) -> Result<()> {
    match item.text("how")?.to_owned().as_str() {
        "string" => drop(item.set("v", "b")),
        "number" => drop(item.set("v", Number::parse("2.50")?)),
        "integer" => drop(item.set("v", 42)),
        "large integer" => drop(item.set("v", 9_007_199_254_740_993_i64)),
        "binary" => drop(item.set("v", Binary(vec![0, 255]))),
        "boolean" => drop(item.set("v", false)),
        "null" => drop(item.set("v", Value::Null)),
        "string set" => {
            if let Some(Value::Ss(set)) = item.get_mut("v") {
                set.insert("c".into());
            }
        }
        "number set" => {
            if let Some(Value::Ns(set)) = item.get_mut("v") {
                set.insert(Number::parse("2.5")?);
            }
        }
        "binary set" => drop(item.set("v", BTreeSet::from([vec![1], vec![2]]))),
        "list" => {
            if let Some(Value::L(list)) = item.get_mut("v") {
                list.push(2.into());
            }
        }
        "map" => {
            let map = item.map_mut("v")?;
            map.remove("b");
            map.set("c", true);
        }
        "deep" => drop(item.set_at(path!["v", "a", 0, "b"], "new")?),
        "type" => drop(item.set("v", "7")),
        "empty string" => drop(item.set("v", "")),
        "empty list" => drop(item.set("v", Vec::new())),
        "empty map" => drop(item.set("v", Map::new())),
        "added" => drop(item.set("v", "new")),
        "removed" => drop(item.remove("v")),
        "renamed" => drop(item.rename("v", "w")?),
        "several" => {
            item.extend(item! { "a" => "y", "b" => 2, "e" => "new" });
            item.remove("c");
        }
        "and back" => {
            item.set("v", "y");
            item.set("w", 1);
            item.set("v", "x");
            item.remove("w");
        }
        "name with dots" => {
            item.set("a.b", "z");
            item.remove("#n");
            item.set("c d", 1);
        }
        "true for one" => drop(item.set("v", true)),
        "text for number" => drop(item.set("v", "1")),
        _ => {}
    }
    Ok(())
}
