//! What machines read: items, actions and answers as JSON, values in DynamoDB's own form.

use serde_json::{Value as Json, json};

use super::changes;
use crate::history::{Applied, Audit, Progress, Unfinished};
use crate::insight::Insight;
use crate::journal::{ItemRecord, Journal, OutcomeKind, OutcomeRecord, RunFile};
use crate::migration::{ItemFailure, Reply, RunContext};
use crate::model::json::item_to_dynamodb_json;
use crate::model::{Action, Existing, Item, MigrationNumber, Target};
use crate::run::{Error, Summary};
use crate::series::{Standings, Walk};

/// One action: `{"kind":"patch","set":{…},"remove":[…]}`, and likewise `insert`, `update` and `delete`. An action elsewhere has a
/// `table` where it names one, and a `key`.
pub fn action(action: &Action) -> Json {
    let existing = |existing: Existing| match existing {
        Existing::Keep => "keep",
        Existing::Replace => "replace",
        Existing::Fail => "fail",
    };
    let mut document = match action {
        Action::Patch(patch) => json!({ "kind": "patch", "set": item_to_dynamodb_json(&patch.set), "remove": patch.remove }),
        Action::Insert(insert) => json!({ "kind": "insert", "table": insert.table, "item": item_to_dynamodb_json(&insert.item),
            "existing": existing(insert.existing) }),
        Action::Update(update) => json!({ "kind": "update", "expression": update.expression, "condition": update.condition,
            "names": update.names.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
            "values": item_to_dynamodb_json(&update.values) }),
        Action::Delete(_) => json!({ "kind": "delete" }),
        Action::Withdraw(insert) => {
            json!({ "kind": "delete", "table": insert.table, "inserted": item_to_dynamodb_json(&insert.item) })
        }
    };
    if let Action::Update(crate::model::Update { target: Target::Other(address), .. }) | Action::Delete(Target::Other(address)) =
        action
        && let Json::Object(map) = &mut document
    {
        map.insert("table".into(), json!(address.table));
        map.insert("key".into(), item_to_dynamodb_json(address.key.attributes()));
    }
    document
}

/// An item and what the migration answered: `{"key","item","actions","after","log"}` or `{"key","item","error","backtrace","log"}`.
/// `after` is the item as its patches leave it.
pub fn answer(context: &RunContext, item: &Item, answer: &Result<Reply, ItemFailure>) -> Json {
    let key = context.key.key_of(item).map_or_else(|problem| problem, |key| key.to_string());
    match answer {
        Ok(reply) => json!({ "key": key, "item": item_to_dynamodb_json(item),
            "actions": reply.actions.iter().map(action).collect::<Vec<_>>(), "after": item_to_dynamodb_json(&after(item, &reply.actions)),
            "log": reply.log }),
        Err(failure) => {
            json!({ "key": key, "item": item_to_dynamodb_json(item), "error": failure.message, "failure": failure.kind,
            "backtrace": failure.backtrace, "log": failure.log })
        }
    }
}

/// A run's summary, and beside it the run's `manifest` (without anything secret: it holds none), its `segments`, and what it changes,
/// as of a plan.
pub fn run(journal: &Journal, summary: &Summary) -> Result<Json, Error> {
    let mut document = summary.to_json();
    let segments = journal.segments()?.into_iter().map(
        |segment| json!({ "segment": segment.segment, "done": segment.done, "pages": segment.pages, "scanned": segment.scanned }),
    );
    if let Json::Object(map) = &mut document {
        map.insert("manifest".into(), json!(journal.manifest()));
        map.insert("segments".into(), segments.collect());
        let insight = Insight::read(journal)?;
        map.insert("changes".into(), changes::json(journal, &insight)?);
        map.insert("warnings".into(), changes::warnings_json(journal, &insight));
    }
    Ok(document)
}

/// An item that is not plainly done: `{"key","kind","phase","failure","message","attempts","log","backtrace"}`.
pub fn outcome(outcome: &OutcomeRecord) -> Json {
    json!({ "key": outcome.key, "kind": kind(outcome.kind), "phase": outcome.phase, "failure": outcome.failure,
        "message": outcome.message, "attempts": outcome.attempts, "log": outcome.log, "backtrace": outcome.backtrace })
}

/// The same with the items: `image`, as the migration saw it, and `present`, as it was found afterwards.
pub fn whole_outcome(outcome: &OutcomeRecord) -> Json {
    let mut document = self::outcome(outcome);
    if let Json::Object(map) = &mut document {
        map.insert("image".into(), json!(outcome.image.as_ref().map(item_to_dynamodb_json)));
        map.insert("present".into(), json!(outcome.present.as_ref().map(item_to_dynamodb_json)));
    }
    document
}

/// One item of a run: `{"v","run","key","state","log","planned","newest","outcome"}`, the log being that of the scan (`null` where none is
/// kept) and an attempt being `{"attempt","image","actions","after"}`.
pub fn item(journal: &Journal, item: &ItemRecord) -> Json {
    let attempt = |number: u32, image: &Item, actions: &[Action]| {
        json!({ "attempt": number, "image": item_to_dynamodb_json(image), "actions": actions.iter().map(action).collect::<Vec<_>>(),
            "after": item_to_dynamodb_json(&after(image, actions)) })
    };
    json!({ "v": 1, "run": journal.manifest().run, "key": super::items::key(journal, item), "state": super::items::state(item),
        "place": { "segment": item.segment, "page": item.page, "position": item.position }, "shared": item.shared, "log": item.log,
        "planned": item.planned.as_ref().map(|entry| attempt(1, &entry.image, &entry.actions)),
        "newest": item.newest.as_ref().map(|newest| attempt(newest.attempt, &newest.image, &newest.actions)),
        "outcome": item.outcome.as_ref().map(whole_outcome) })
}

/// An item in one line.
pub(super) fn text(item: &Item) -> String {
    item_to_dynamodb_json(item).to_string()
}

fn kind(kind: OutcomeKind) -> &'static str {
    match kind {
        OutcomeKind::Failed => "failed",
        OutcomeKind::Skipped => "skipped",
        OutcomeKind::Doubtful => "doubtful",
        OutcomeKind::Unchanged => "unchanged",
        OutcomeKind::Settled => "settled",
    }
}

/// A plan's summary; `would_change`: how many items, the keys of the first, and of the first shapes of change one each as `{"key","image","actions","after"}`;
/// and `changes` and `warnings` (docs/plan.md).
pub fn plan(journal: &Journal, summary: &Summary, count: usize) -> Result<Json, Error> {
    let insight = Insight::read(journal)?;
    let mut samples = Vec::new();
    for shape in insight.shapes.iter().take(count) {
        samples.extend(insight.example(journal, shape)?.map(|entry| changes::sample(journal.manifest(), &entry)));
    }
    let mut document = summary.to_json();
    if let Json::Object(map) = &mut document {
        let keys = changes::keys(journal)?;
        map.insert("would_change".into(), json!({ "items": summary.counts.changed, "samples": samples, "keys": keys }));
        map.insert("changes".into(), changes::json(journal, &insight)?);
        map.insert("warnings".into(), changes::warnings_json(journal, &insight));
    }
    Ok(document)
}

/// The history, unfinished runs, journals and audit.
pub fn status(applied: &[Applied], unfinished: &[(Unfinished, Option<Progress>)], runs: &[RunFile], audit: &[Audit]) -> Json {
    let unfinished = unfinished.iter().map(|(row, progress)| {
        let mut row = self::unfinished(row);
        let progress = progress
            .as_ref()
            .map_or(Json::Null, |it| json!({ "phase": it.phase, "done": it.done, "of": it.of, "pace": it.pace, "at": it.at }));
        if let Json::Object(row) = &mut row {
            row.insert("progress".into(), progress);
        }
        row
    });
    let applied = applied.iter().map(row);
    let runs = runs.iter().map(|run| match &run.about {
        Ok(about) => json!({ "run": run.run, "bytes": run.bytes, "state": about.state, "number": about.number.to_string(),
            "name": about.name, "table": about.table, "created": about.created }),
        Err(error) => json!({ "run": run.run, "bytes": run.bytes, "error": error.to_string() }),
    });
    let audit = self::audit(audit);
    json!({ "v": 1, "applied": applied.collect::<Vec<_>>(), "unfinished": unfinished.collect::<Vec<_>>(),
        "runs": runs.collect::<Vec<_>>(), "audit": audit })
}

/// The row of an applied migration.
fn row(row: &Applied) -> Json {
    json!({ "number": row.number.to_string(), "table": row.table, "name": row.name, "description": row.description,
        "digest": row.digest, "started": row.started, "finished": row.finished, "run": row.run,
        "details": row.details.iter().cloned().collect::<std::collections::BTreeMap<_, _>>() })
}

fn unfinished(row: &Unfinished) -> Json {
    json!({ "run": row.run, "number": row.number.to_string(), "table": row.table, "direction": row.direction,
        "state": row.state, "owner": row.owner, "repeatable": row.repeatable })
}

fn audit(audit: &[Audit]) -> Json {
    audit.iter().map(|line| json!({ "at": line.at, "what": line.what })).collect()
}

/// A folder against the history of a table: `{"v","table","dir","migrations","unusable","ignored","audit"}`. A migration:
/// `{"number","name","state","file","digest","reversible","by","finished","seconds","scanned","changed","applied","unfinished","next"}`; what
/// is not known is null. `applied` is the history's row, and `next` says what to do about it, if there is anything.
pub fn standings(standings: &Standings, audit: &[Audit]) -> Json {
    let path = |path: &std::path::Path| path.display().to_string();
    let migrations = standings.each.iter().map(|standing| {
        let (member, applied) = (standing.member.as_ref(), standing.row.as_ref());
        json!({ "number": standing.number.to_string(), "name": standing.name(), "state": standing.state.as_str(),
            "file": member.map(|member| path(&member.path)), "digest": member.map(|member| &member.digest),
            "reversible": member.map(|member| member.reversible),
            "by": applied.and_then(Applied::by), "finished": applied.map(|row| &row.finished).filter(|time| !time.is_empty()),
            "seconds": applied.and_then(Applied::seconds), "scanned": applied.and_then(|row| row.count("scanned")),
            "changed": applied.and_then(|row| row.count("changed")), "applied": applied.map(row),
            "unfinished": standing.unfinished.as_ref().map(unfinished), "next": super::series::next(standing, standings) })
    });
    let unusable = standings.unusable.iter().map(|one| json!({ "file": path(&one.path), "problem": one.problem }));
    json!({ "v": 1, "table": standings.table, "dir": path(&standings.dir), "migrations": migrations.collect::<Vec<_>>(),
        "unusable": unusable.collect::<Vec<_>>(), "ignored": standings.ignored, "audit": self::audit(audit) })
}

/// How far `up` or `undo` went with a folder: `{"v","table","dir","state","runs","error","left"}`. `state` is `nothing-to-do`, `done` or
/// `stopped`; `runs` are summaries as of one run, in turn; `left` are the numbers that were not begun.
pub fn walk(standings: &Standings, walk: &Walk, left: &[MigrationNumber]) -> Json {
    let state = match (walk.is_well(), walk.done.is_empty()) {
        (false, _) => "stopped",
        (true, true) => "nothing-to-do",
        (true, false) => "done",
    };
    json!({ "v": 1, "table": standings.table, "dir": standings.dir.display().to_string(), "state": state,
        "runs": walk.done.iter().map(Summary::to_json).collect::<Vec<_>>(), "error": walk.error.as_ref().map(ToString::to_string),
        "left": left.iter().map(ToString::to_string).collect::<Vec<_>>() })
}

/// The item as its patches leave it.
pub fn after(item: &Item, actions: &[Action]) -> Item {
    actions.iter().fold(item.clone(), |item, action| match action {
        Action::Patch(patch) => patch.applied_to(&item),
        _ => item,
    })
}
