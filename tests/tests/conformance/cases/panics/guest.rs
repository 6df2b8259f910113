//! Panics in the way that `how` names.

use std::hint::black_box;

use drift_sdk::prelude::*;

pub fn migrate(item: &mut Item, _: &mut Actions) -> Result<()> {
    match item.text("how")?.to_owned().as_str() {
        "of its own" => panic!("as it was asked to"),
        "nothing there" => {
            let missing = item.get("missing").cloned();
            item.set("done", missing.unwrap());
        }
        "out of bounds" => {
            let list = vec![1, 2, 3];
            item.set("done", list[black_box(7)]);
        }
        "divided by zero" => drop(item.set("done", 1 / black_box(0))),
        "wrong type" => match item.get("how") {
            Some(Value::N(number)) => drop(item.set("done", number.clone())),
            other => unreachable!("how is {other:?}"),
        },
        "endless recursion" => drop(item.set("done", endless(1))),
        _ => drop(item.set("done", true)),
    }
    Ok(())
}

#[allow(unconditional_recursion)]
fn endless(number: i64) -> i64 {
    black_box(endless(black_box(number + 1))) + 1
}
