//! The way back by the host: a run that takes another one back, planned from the other's journal instead of a scan.
//!
//! Of each item that the run is known to have written, its newest attempt is turned round, a page at a time. A patch goes back
//! where the attributes that it wrote still are as it left them, whatever became of others; what it deleted is inserted again
//! unless there is one; what it inserted is deleted while it is still that. What is known of no item, or not enough (updates by
//! expression, deletes and overwrites of other items, items in doubt), is listed and left as it is.
//!
//! From its plan on it is a run like any other: its own journal, guards, lease and resume. Its migration is only asked about
//! items that are no longer as the run left them, and leaves those alone.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::error::Error;
use super::plan;
use super::terms::terms;
use crate::dynamo::{Proof, Terms};
use crate::journal::{AttemptRecord, Entry, Journal, Logs, Manifest, OutcomeKind, OutcomeRecord, PageRecord, Phase};
use crate::migration::{Direction, FailureKind, ItemFailure, Migration, Reply, RunContext, StartError, Worker};
use crate::model::{Action, Description, ExactlyOnce, Existing, Insert, Item, Patch, Target, Update};

/// What is said of an item that the way back does not touch.
pub(super) const LEFT_ALONE: &str = "it changed since the run, and is left alone";
/// How many items a survey names.
const NAMED: usize = 20;

/// What the way back of a run would come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WayBack {
    /// Items that are put back where they still are as the run left them.
    pub items: u64,
    /// Items of which nothing was written.
    pub untouched: u64,
    /// Items, or actions of items, that cannot be restored.
    pub lost: u64,
    /// The first of those: key and reason.
    pub first: Vec<(String, String)>,
}

impl WayBack {
    /// Looks at all that a run did, a page at a time. Reads its journal only.
    pub fn of(old: &Journal) -> Result<Self, Error> {
        let mut all = Self::default();
        for state in old.segments()? {
            for page in 0..state.pages {
                let record = page_back(old, state.segment, page)?;
                all.items += record.entries.len() as u64;
                all.untouched += record.unchanged;
                all.lost += record.failures.len() as u64;
                let room = NAMED.saturating_sub(all.first.len());
                all.first.extend(record.failures.into_iter().take(room).map(|lost| (lost.key, lost.message)));
            }
        }
        Ok(all)
    }
}

/// Whether a refusal of DynamoDB means that the item is left alone: in a run that takes another back, and for what changed.
pub(super) fn leaves_alone(manifest: &Manifest, code: &str) -> bool {
    manifest.restores.is_some()
        && matches!(code, "ConditionalCheckFailed" | "ConditionalCheckFailedException" | "DuplicateItem" | "NotPossible")
}

/// Plans from where the segments stand. Returns early, without an error, if it is stopped.
pub(super) async fn plan_back(
    new: &Journal,
    old: &Journal,
    stop: &CancellationToken,
    progress: impl Fn(u64),
) -> Result<(), Error> {
    let pages: Vec<u32> = old.segments()?.iter().map(|state| state.pages).collect();
    for (state, pages) in new.segments()?.into_iter().zip(pages).filter(|(state, _)| !state.done) {
        for page in state.pages..pages.max(1) {
            if stop.is_cancelled() {
                return Ok(());
            }
            let record = match page < pages {
                true => page_back(old, state.segment, page)?,
                false => empty(state.segment, page),
            };
            let items = record.scanned;
            new.commit_page(PageRecord { last: page + 1 >= pages, ..record }).await?;
            progress(items);
        }
    }
    Ok(())
}

fn empty(segment: u32, page: u32) -> PageRecord {
    PageRecord {
        segment,
        page,
        cursor: None,
        last: false,
        scanned: 0,
        unchanged: 0,
        entries: Vec::new(),
        failures: Vec::new(),
        elsewhere: Vec::new(),
        logs: Logs::default(),
    }
}

/// One page of the old journal, turned round.
fn page_back(old: &Journal, segment: u32, page: u32) -> Result<PageRecord, Error> {
    let manifest = old.manifest();
    let terms = terms(manifest)?;
    let read = old.page(segment, page)?;
    let mut newer = old.attempts(segment, page)?.into_iter().peekable();
    let mut outcomes = old.page_outcomes(segment, page)?.into_iter().peekable();
    let mut record = empty(segment, page);
    // What cannot be restored of an item that has something else to restore stands behind all entries.
    let behind = read.entries.last().map_or(0, |entry| entry.position + 1);
    for (entry, (sent, done)) in read.entries.into_iter().zip(read.sent.into_iter().zip(read.done)) {
        let Entry { position, image, actions } = entry;
        record.scanned += 1;
        let newest = newer.next_if(|attempt| attempt.position == position);
        let (image, actions) = newest.map_or((image, actions), |AttemptRecord { image, actions, .. }| (image, actions));
        while outcomes.next_if(|outcome| outcome.position < position).is_some() {}
        let outcome = outcomes.next_if(|outcome| outcome.position == position);
        if outcome.as_ref().is_some_and(|outcome| outcome.failure == Some(FailureKind::Partial)) {
            let why = "only a part of its actions was carried out; it stays as it is".to_owned();
            record.failures.push(lost(manifest, (segment, page, position), image, why));
            continue;
        }
        let outcome = outcome.map(|outcome| outcome.kind);
        let doubtful = match outcome {
            Some(OutcomeKind::Settled) => false,
            Some(OutcomeKind::Doubtful) => true,
            Some(OutcomeKind::Failed | OutcomeKind::Skipped | OutcomeKind::Unchanged) => {
                record.unchanged += 1;
                continue;
            }
            None if !sent && !done => {
                record.unchanged += 1;
                continue;
            }
            None => !done,
        };
        if doubtful {
            let why = format!("whether run {} changed it is not known; it stays as it is", manifest.run);
            record.failures.push(lost(manifest, (segment, page, position), image, why));
            continue;
        }
        let back = turn_round(manifest, &terms, &image, actions);
        if !back.lost.is_empty() {
            let place = (segment, page, if back.actions.is_empty() { position } else { behind + position });
            record.failures.push(lost(manifest, place, image, back.lost.join("; ")));
        }
        if !back.actions.is_empty() {
            record.entries.push(Entry { position, image: back.left, actions: back.actions });
        }
    }
    Ok(record)
}

fn lost(manifest: &Manifest, place: (u32, u32, u32), image: Item, message: String) -> OutcomeRecord {
    let failure = ItemFailure { kind: FailureKind::LeftAlone, message, backtrace: None, log: Vec::new() };
    let record = plan::failed(place, &manifest.context.key, image, Phase::Scan, failure, 0);
    OutcomeRecord { kind: OutcomeKind::Skipped, ..record }
}

/// One item's attempt, turned round.
#[derive(Debug, Default)]
struct Back {
    /// The item as the run left it, in what it wrote: what the way back is guarded by.
    left: Item,
    actions: Vec<Action>,
    /// What cannot be restored, in words.
    lost: Vec<String>,
}

fn turn_round(manifest: &Manifest, terms: &Terms, image: &Item, actions: Vec<Action>) -> Back {
    let schema = &manifest.context.key;
    let key = schema.key_of(image).ok();
    let own =
        |table: &Option<String>| table.as_ref().is_none_or(|name| *name == manifest.context.table || *name == manifest.table_arn);
    let mut back = Back { left: key.clone().map(crate::model::Key::into_attributes).unwrap_or_default(), ..Back::default() };
    let apart = manifest.no_atomic && actions.len() > 1;
    let (mut after, mut touched) = (image.clone(), Vec::new());
    for action in actions {
        match action {
            Action::Patch(patch) => {
                after = patch.applied_to(&after);
                touched.extend(patch.set.names().map(str::to_owned));
                touched.extend(patch.remove);
            }
            Action::Insert(insert) => {
                let this = own(&insert.table) && schema.key_of(&insert.item).ok() == key;
                match insert.existing {
                    Existing::Replace if this => {
                        back.left = terms.put_over(image, &insert.item).unwrap_or(insert.item);
                        back.actions.push(Action::Insert(Insert { item: image.clone(), ..insert_of(Existing::Replace) }));
                    }
                    Existing::Replace => {
                        back.lost.push(format!("what its insert into {} replaced is not known", name(&insert.table)));
                    }
                    Existing::Keep if apart => {
                        back.lost.push(format!("whether its insert into {} met an item is not known", name(&insert.table)));
                    }
                    Existing::Keep | Existing::Fail => back.actions.push(Action::Withdraw(insert)),
                }
            }
            Action::Delete(target) => match target {
                Target::Other(address) if !own(&address.table) || Some(&address.key) != key.as_ref() => {
                    back.lost.push(format!("what it deleted in {} ({}) is not known", name(&address.table), address.key));
                }
                _ => {
                    back.left = image.clone();
                    back.actions.push(Action::Insert(Insert { item: image.clone(), ..insert_of(Existing::Fail) }));
                }
            },
            Action::Update(Update { target, expression, .. }) => back.lost.push(match target {
                Target::This => format!("it was updated by an expression ({expression})"),
                Target::Other(address) => {
                    format!("it updated {} in {} by an expression ({expression})", address.key, name(&address.table))
                }
            }),
            Action::Withdraw(insert) => back.actions.push(Action::Insert(insert)),
        }
    }
    if let Proof::Stamp { attribute, run } = &terms.proof {
        // The run wrote that too, with whatever else it did.
        after.insert(attribute.clone(), run.as_str().into());
        touched.push(attribute.clone());
    }
    let mut patch = Patch::default();
    for name in touched {
        let (old, new) = (image.get(&name), after.get(&name));
        if old == new || schema.contains(&name) {
            continue;
        }
        if let Some(new) = new {
            back.left.insert(name.clone(), new.clone());
        }
        match old {
            Some(old) => drop(patch.set.insert(name, old.clone())),
            None if !patch.remove.contains(&name) => patch.remove.push(name),
            None => {}
        }
    }
    if !(patch.set.is_empty() && patch.remove.is_empty()) {
        for (version, value) in terms.brought(image).unwrap_or_default() {
            back.left.insert(version, value);
        }
        back.actions.insert(0, Action::Patch(patch));
    }
    back
}

fn insert_of(existing: Existing) -> Insert {
    Insert { table: None, item: Item::new(), existing }
}

fn name(table: &Option<String>) -> &str {
    table.as_deref().unwrap_or("the same table")
}

/// The manifest of a run that takes this one back; the rest of it is as that run had it.
pub(super) fn manifest_of(old: &Manifest, run: String, now: String, meta_table: String) -> Manifest {
    Manifest {
        run,
        host_version: env!("CARGO_PKG_VERSION").to_owned(),
        created: now.clone(),
        direction: Direction::Undo,
        summary: format!("takes back run {}", old.run),
        digest: digest(&old.run),
        // Done again, nothing further happens: what was put back is no longer as the run left it.
        repeatable: true,
        context: RunContext { started_at: now, ..old.context.clone() },
        filter: None,
        max_errors: "0".into(),
        grants: Vec::new(),
        // Nobody is asked who could need them.
        secret_arguments: Vec::new(),
        policy: None,
        limits: Vec::new(),
        // The first answer about an item that changed is that it is left alone.
        conflict_retries: old.conflict_retries.max(1),
        meta_table,
        restores: Some(old.run.clone()),
        sweep: false,
        // The way back is guarded by what the run left, and needs no proof: what was put back is no longer so.
        exactly_once: ExactlyOnce::No,
        no_atomic: false,
        check_source: false,
        ..old.clone()
    }
}

fn digest(run: &str) -> String {
    format!("restore:{run}")
}

/// What goes on with a run that takes another one back; `None` for any other run.
pub fn restorer(manifest: &Manifest) -> Option<Arc<dyn Migration>> {
    let old = manifest.restores.as_ref()?;
    let description = Description::new(manifest.number, &manifest.name).summary(&manifest.summary).repeatable();
    Some(Arc::new(Restorer { description, digest: digest(old) }))
}

/// The migration of a run that takes another one back: all that is asked of it is about items that changed since.
struct Restorer {
    description: Description,
    digest: String,
}

impl Migration for Restorer {
    fn description(&self) -> &Description {
        &self.description
    }

    fn digest(&self) -> &str {
        &self.digest
    }

    fn component(&self) -> Option<&[u8]> {
        None
    }

    fn reversible(&self) -> bool {
        true
    }

    fn worker(&self, _: &Arc<RunContext>, _: Direction) -> Result<Box<dyn Worker>, StartError> {
        Ok(Box::new(LeaveAlone))
    }
}

struct LeaveAlone;

impl Worker for LeaveAlone {
    fn call(&mut self, _: &Item) -> Result<Reply, ItemFailure> {
        Err(ItemFailure { kind: FailureKind::LeftAlone, message: LEFT_ALONE.into(), backtrace: None, log: Vec::new() })
    }
}
