//! A price becomes text, tags a list, a name another; a copy goes elsewhere. And back.

use std::collections::BTreeSet;

use drift_sdk::prelude::*;

pub fn migrate(item: &mut Item, actions: &mut Actions) -> Result<()> {
    if let Some(Value::N(price)) = item.remove("price") {
        item.set("amount", price.into_string());
        actions.insert_into("Others", run::key_of(item)?, Existing::Keep);
    }
    if let Some(Value::Ss(tags)) = item.remove("tags") {
        item.set("labels", tags.into_iter().collect::<Value>());
    }
    item.rename("a.b", "ab")?;
    Ok(())
}

pub fn undo(item: &mut Item, actions: &mut Actions) -> Result<()> {
    if let Some(Value::S(amount)) = item.remove("amount") {
        item.set("price", Number::parse(amount)?);
        actions.delete_from("Others", run::key_of(item)?);
    }
    if let Some(Value::L(labels)) = item.remove("labels") {
        let tags = labels.iter().map(|label| label.text().map(str::to_owned)).collect::<Result<BTreeSet<_>>>()?;
        item.set("tags", tags);
    }
    item.rename("ab", "a.b")?;
    Ok(())
}
