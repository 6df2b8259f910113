//! Writes down what is told of the run.

use drift_sdk::prelude::*;

pub fn migrate(item: &mut Item, actions: &mut Actions) -> Result<()> {
    match item.text("how")?.to_owned().as_str() {
        "run" => {
            item.set("table", run::table());
            item.set("key", run::key_attributes().into_iter().collect::<Value>());
        }
        // Its form, for it is another in each run: 2026-11-26T09:50:18Z.
        "time" => {
            let form: String = run::started_at().chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
            item.set("time", form);
        }
        "arguments" => {
            item.set_some("mode", run::argument("mode"));
            item.set_some("empty", run::argument("empty"));
            item.set_some("missing", run::argument("missing"));
        }
        "key" => actions.insert_into("Others", run::key_of(item)?, Existing::Keep),
        "no key" => {
            item.remove("Id");
            run::key_of(item)?;
        }
        _ => {}
    }
    Ok(())
}
