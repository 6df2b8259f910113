//! Reckons with the numbers `a` and `b`.

use drift_sdk::prelude::*;

pub fn migrate(item: &mut Item, _: &mut Actions) -> Result<()> {
    let (a, b) = (item.number("a")?.clone(), item.number("b")?.clone());
    match item.text("how")? {
        "equal" => {
            let same = ["1.0", "10E-1", "0.1E1"].into_iter().all(|text| Number::parse(text).is_ok_and(|number| number == a));
            item.set("result", same && a != b);
        }
        "order" => drop(item.set("result", a < b)),
        "whole" => drop(item.set("result", a.to_int::<i64>()? + 1)),
        "sum" => drop(item.set("result", a.try_add(&b)?)),
        "text" => drop(item.set("result", a.into_string())),
        _ => {}
    }
    Ok(())
}
