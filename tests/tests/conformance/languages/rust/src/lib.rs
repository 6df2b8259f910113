//! All cases in one component: `--arg case=NAME` chooses.

use drift_sdk::prelude::*;

mod cases {
    pub mod actions;
    pub mod changes;
    pub mod context;
    pub mod deadline;
    pub mod errors;
    pub mod logs;
    pub mod nesting;
    pub mod numbers;
    pub mod panics;
    pub mod unchanged;
    pub mod undo;
    pub mod values;
    pub mod wrong_values;
}

#[migration(
    number = 20261126,
    name = "conformance",
    summary = "one behaviour, in the language at hand",
    repeatable,
    undo = back,
    after = [1],
    grants(
        insert("Others", why = "copies of items"),
        update("Others", why = "counts"),
        delete("Others", why = "what is no longer wanted"),
        insert(own, why = "items beside the one at hand"),
        update(own, why = "expressions"),
        delete(own, why = "items that go"),
    )
)]
fn migrate(item: &mut Item, actions: &mut Actions) -> Result<()> {
    match run::argument("case").as_deref() {
        Some("actions") => cases::actions::migrate(item, actions),
        Some("changes") => cases::changes::migrate(item, actions),
        Some("context") => cases::context::migrate(item, actions),
        Some("deadline") => cases::deadline::migrate(item, actions),
        Some("errors") => cases::errors::migrate(item, actions),
        Some("logs") => cases::logs::migrate(item, actions),
        Some("nesting") => cases::nesting::migrate(item, actions),
        Some("numbers") => cases::numbers::migrate(item, actions),
        Some("panics") => cases::panics::migrate(item, actions),
        Some("unchanged") => cases::unchanged::migrate(item, actions),
        Some("undo") => cases::undo::migrate(item, actions),
        Some("values") => cases::values::migrate(item, actions),
        Some("wrong_values") => cases::wrong_values::migrate(item, actions),
        other => bail!("there is no case {other:?}"),
    }
}

fn back(item: &mut Item, actions: &mut Actions) -> Result<()> {
    cases::undo::undo(item, actions)
}
