//! Each value is put in anew, equal to what was read: numbers written otherwise, sets and maps in another order.

use drift_sdk::prelude::*;

pub fn migrate(item: &mut Item, _: &mut Actions) -> Result<()> {
    for (_, value) in item.iter_mut() {
        *value = anew(value)?;
    }
    Ok(())
}

fn anew(value: &Value) -> Result<Value> {
    Ok(match value {
        Value::N(number) => Number::parse(format!("{number}E0"))?.into(),
        Value::Ns(set) => Value::Ns(set.iter().map(|number| Number::parse(format!("{number}E0"))).collect::<Result<_, _>>()?),
        Value::L(list) => Value::L(list.iter().map(anew).collect::<Result<_>>()?),
        Value::M(map) => {
            let mut made = Map::new();
            for (name, value) in map {
                made.set(name, anew(value)?);
            }
            made.into()
        }
        other => other.clone(),
    })
}
