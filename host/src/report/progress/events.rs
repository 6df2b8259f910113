//! Events for machines: one JSON object a line on standard error. `docs/json.md` has the fields.

use serde_json::{Value as Json, json};

use crate::dynamo::{Meter, PresentRate};
use crate::output::Level;
use crate::run::{About, Event, Progress, Steered};

/// Tells it.
pub(super) fn tell(event: &Event, meter: &Meter) {
    match event {
        Event::Started { run, .. } => crate::output::at_work(run),
        Event::Begun(about) => crate::output::at_work(&about.run),
        _ => {}
    }
    let level = match event {
        Event::Warned(_) | Event::NotPublished(_) => Level::Warn,
        _ => Level::Info,
    };
    crate::output::event(level, document(event, meter));
}

/// The object of an event.
fn document(event: &Event, meter: &Meter) -> Json {
    let (name, mut fields) = match event {
        Event::Started { run, items_estimated } => ("started", json!({ "run": run, "items_estimated": items_estimated })),
        Event::Waiting { table, status } => ("waiting", json!({ "table": table, "status": status })),
        Event::Paced { read, write } => ("paced", json!({ "max_read_units": read, "max_write_units": write })),
        Event::Estimated(estimate) => ("estimated", json!({ "estimate": estimate })),
        Event::Warned(warnings) => {
            ("warned", json!({ "warnings": warnings.iter().map(ToString::to_string).collect::<Vec<_>>() }))
        }
        Event::BackedUp(arn) => ("backed-up", json!({ "arn": arn })),
        Event::Window { window, of } => ("window", json!({ "window": window, "of": of })),
        Event::Scanned(progress) => ("scanned", of_progress(progress, meter)),
        Event::Sealed(items) => ("sealed", json!({ "to_apply": items })),
        Event::Applied(progress) => ("applied", of_progress(progress, meter)),
        Event::Canary(canary) => {
            ("canary", json!({ "said": canary.to_string(), "clean": canary.is_clean(), "left": canary.left }))
        }
        Event::Steered { run, what, by } => {
            let what = match what {
                Steered::Paused => "paused",
                Steered::Resumed => "resumed",
                Steered::Stopping => "stopping",
            };
            ("steered", json!({ "run": run, "what": what, "by": by }))
        }
        Event::NotPublished(why) => ("not-published", json!({ "why": why })),
        Event::Begun(about) => {
            let About { run, number, name, table, direction, journal: _ } = &**about;
            ("begun", json!({ "run": run, "number": number.to_string(), "name": name, "table": table, "direction": direction }))
        }
        Event::Ended(end) => {
            let (items, actions) = (end.counts.items_json(), end.counts.actions_json());
            ("ended", json!({ "run": end.run, "state": end.state, "items": items, "actions": actions, "error": end.error }))
        }
    };
    if let Some(fields) = fields.as_object_mut() {
        fields.insert("event".into(), name.into());
    }
    fields
}

fn of_progress(progress: &Progress, meter: &Meter) -> Json {
    let Progress { step, rates } = progress;
    let rate =
        |of: &PresentRate| json!({ "present": of.present, "limit": of.limit, "waits": of.waits.map(|waits| waits.to_string()) });
    let used = meter.snapshot();
    json!({
        "items": step.items, "failed": step.failed, "conflicts": step.conflicts,
        "read": rate(&rates.read), "write": rate(&rates.write),
        "units": { "read": used.read, "write": used.write }, "throttles": used.throttles, "retries": used.retries,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Step;

    #[test]
    fn an_event_is_one_object_with_its_name() {
        let progress = Progress { step: Step { items: 25, failed: 1, conflicts: 2 }, rates: Default::default() };
        let document = document(&Event::Applied(progress), &Meter::default());
        assert_eq!(document["event"], "applied");
        assert_eq!((document["items"].as_u64(), document["conflicts"].as_u64()), (Some(25), Some(2)));
        assert!(document["write"]["waits"].is_null() && document["units"]["write"].is_number(), "{document}");
    }
}
