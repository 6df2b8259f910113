//! One segment of a run that many processes share: planned by one process, carried out by another, on whatever machine.
//!
//! Promised: a process may be killed at any time and started again, or be started twice, and the segment's journal that counts is one. A
//! segment is carried out only while somebody [leads](super::lead) the run, and only when all of its segments are planned. Two
//! processes that carry out the same segment at once are harmless: the generation of whoever came later is what counts, every
//! attempt that is not acknowledged counts as in doubt (rule 4 of `docs/decisions/0002-delivery.md`), and the first to come to the end
//! says what came of it. The price: without a proof, an item of a migration that is not repeatable stays in doubt where the
//! application changed it meanwhile, for the change may have been the other process's.

mod share;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value as Json, json};

pub(super) use self::share::{For, Share};
use super::error::Error;
use super::flow::Run;
use super::{Event, Migrator, RunOptions, terms};
use crate::dynamo::TableInfo;
use crate::history::Lease;
use crate::journal::{Counts, Journal, Manifest, RunState};
use crate::migration::{Direction, Migration};
use crate::store::{ErrorKind, Part, Shared, Stage, Store};

/// How often a journal is fetched once more before it counts as damaged.
const FETCHES: u32 = 3;

/// What a process was started for.
#[derive(Clone, Debug)]
pub struct Task {
    /// The segment, the first is 0.
    pub segment: u32,
    /// Of so many.
    pub of: u32,
    /// Which attempt at it this is, in the words of whoever started it.
    pub attempt: String,
}

/// What became of a segment.
#[derive(Clone, Debug)]
pub struct Segment {
    /// The run's id.
    pub run: String,
    /// Which one.
    pub segment: u32,
    /// Of so many.
    pub of: u32,
    /// `sealed`, `applied`, `incomplete` (items failed or are in doubt) or `interrupted`.
    pub status: &'static str,
    /// Items and actions, from the journal that counts.
    pub counts: Counts,
    /// Of that journal; empty where none is published.
    pub digest: String,
}

impl Segment {
    fn of(part: Part, stage: Stage) -> Self {
        let left = part.counts.failed + part.counts.doubtful > 0;
        let status = match stage {
            Stage::Sealed => "sealed",
            Stage::Applied if left => "incomplete",
            Stage::Applied => "applied",
        };
        Self { run: part.run, segment: part.segment, of: part.of, status, counts: part.counts, digest: part.digest }
    }

    fn interrupted(journal: &Journal) -> Result<Self, Error> {
        let (manifest, counts) = (journal.manifest(), journal.counts()?);
        let (run, segment) = (manifest.run.clone(), manifest.part.unwrap_or_default());
        Ok(Self { run, segment, of: manifest.segments, status: "interrupted", counts, digest: String::new() })
    }

    /// 0 sealed or applied, 1 some items failed or are in doubt after they were carried out, 130 interrupted. What failed in the
    /// plan is for the leader to judge, over all segments.
    pub fn exit_code(&self) -> u8 {
        match self.status {
            "interrupted" => 130,
            "incomplete" => 1,
            _ => 0,
        }
    }

    /// The line on standard output; `cmd` is the verb.
    pub fn to_json(&self, cmd: &str) -> Json {
        let counts = &self.counts;
        json!({
            "v": 1, "cmd": cmd, "run": self.run, "segment": self.segment, "of": self.of, "status": self.status,
            "scanned": counts.scanned, "actions": counts.changed, "applied": counts.done, "failed": counts.failed,
            "doubtful": counts.doubtful, "digest": self.digest,
        })
    }
}

/// A folder of one process's own, which goes when it is over.
struct Scratch(PathBuf);

impl Scratch {
    fn of(dir: &Path, run: &str, task: &Task) -> Self {
        let name = format!("{run}-{}-{}-{}-{:08x}", task.segment, task.attempt, std::process::id(), fastrand::u32(..));
        Self(dir.join("segments").join(name))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _left_over = std::fs::remove_dir_all(&self.0);
    }
}

/// What a shared run cannot be.
pub(super) fn refuse_unshared(migration: &dyn Migration, options: &RunOptions) -> Result<(), Error> {
    let wrong = [
        (options.window.is_some(), "--window: its segments are windows of their own, but for the seal, which is one for all"),
        (options.no_atomic, "--no-atomic: of two processes at one segment, each might carry out a part of an item"),
        (options.backup, "--backup: have the backup made before it begins"),
        (options.canary.is_some(), "--canary: try it on a few items with `drift-host try`, or on a copy of the table"),
        (
            migration.writes_at_once(),
            "a migration that was granted direct-write: it would write while it is planned, and again where a segment is planned twice",
        ),
        (migration.component().is_none(), "a migration that is no component: other machines could not load it"),
    ];
    match wrong.iter().find(|(is, _)| *is) {
        Some((_, why)) => Err(Error::Refused(format!("a run whose segments go to processes of their own cannot have {why}"))),
        None => Ok(()),
    }
}

/// The first thing in which what is asked for now differs from what the run began with.
fn difference(run: &Manifest, now: &Manifest) -> Option<(&'static str, String, String)> {
    let text = |value: &dyn std::fmt::Debug| format!("{value:?}");
    let each = [
        ("version of drift-host", text(&run.host_version), text(&now.host_version)),
        ("plugin", run.digest.clone(), now.digest.clone()),
        ("table", run.context.table.clone(), now.context.table.clone()),
        ("table's id", run.table_id.clone(), now.table_id.clone()),
        ("key schema", text(&run.context.key), text(&now.context.key)),
        ("number of segments", run.segments.to_string(), now.segments.to_string()),
        ("arguments", text(&run.context.arguments), text(&now.context.arguments)),
        ("secret arguments", text(&run.secret_arguments), text(&now.secret_arguments)),
        ("filter", text(&run.filter), text(&now.filter)),
        ("guard", run.guard.clone(), now.guard.clone()),
        ("proof (--exactly-once)", run.exactly_once.to_string(), now.exactly_once.to_string()),
        ("--check-source", text(&run.check_source), text(&now.check_source)),
        ("--no-images", text(&run.no_images), text(&now.no_images)),
        ("--eventual", text(&!run.consistent), text(&!now.consistent)),
        ("--conflict-retries", text(&run.conflict_retries), text(&now.conflict_retries)),
        ("--max-errors", run.max_errors.clone(), now.max_errors.clone()),
        ("grants", text(&run.grants), text(&now.grants)),
        ("limits", text(&run.limits), text(&now.limits)),
        ("policy", text(&run.policy), text(&now.policy)),
        ("metadata table", run.meta_table.clone(), now.meta_table.clone()),
    ];
    each.into_iter().find(|(_, run, now)| run != now)
}

impl Migrator {
    /// What the run at this place is, begun now if none has; refuses what differs from it.
    pub(super) async fn begun(
        &self,
        shared: &Shared,
        migration: &dyn Migration,
        options: &RunOptions,
        table: &TableInfo,
    ) -> Result<Manifest, Error> {
        let now = self.manifest(migration, options, Direction::Migrate, table)?;
        self.at_home(&now, table)?;
        // Rates and profiles may differ from process to process.
        let now = Manifest { max_read_units: None, max_write_units: None, journal_max: None, profile: None, ..now };
        let run = shared.begin(&now, migration.component().unwrap_or_default()).await?;
        match difference(&run, &now) {
            Some((what, run_has, now_has)) => Err(Error::Refused(format!(
                "{} holds run {}, which began with another {what}: {run_has}, and this is {now_has}. Give it the same flags, or another --journal",
                shared.url(),
                run.run
            ))),
            None => Ok(run),
        }
    }

    /// Scans and migrates one segment, and publishes its sealed journal, unless that was done. Writes nothing to DynamoDB.
    pub async fn plan_segment(
        &self,
        shared: &Shared,
        migration: Arc<dyn Migration>,
        options: &RunOptions,
        task: &Task,
    ) -> Result<Segment, Error> {
        refuse_unshared(migration.as_ref(), options)?;
        let table = self.usable(&options.table).await?;
        let manifest = self.begun(shared, migration.as_ref(), options, &table).await?;
        if let Some(part) = self.own_part(shared, Stage::Sealed, &manifest, task).await? {
            // Whoever sealed it may have died before it could say so.
            shared.announce(&part).await?;
            return Ok(Segment::of(part, Stage::Sealed));
        }
        self.keep_pace(&table, &manifest, options);
        let scratch = Scratch::of(&self.runs_dir, &manifest.run, task);
        let (store, at_work) = self.on_segment(shared, &scratch, task);
        let journal = Journal::create(&scratch.0, &Manifest { part: Some(task.segment), ..manifest.clone() }, None)?;
        let (at_work, share) = at_work.sharing(&For { run: &manifest.run, task, applies: None });
        (at_work.observer)(Event::Started { run: manifest.run.clone(), items_estimated: table.item_count / u64::from(task.of) });
        let planned = Run::new(&at_work, journal.clone(), migration, table).plan(options).await;
        share.give_back().await;
        planned?;
        match journal.is_sealed()? {
            true => Ok(Segment::of(shared.seal(&store, &journal).await?, Stage::Sealed)),
            false if options.fail_fast && journal.counts()?.failed > 0 => Err(Error::Refused(format!(
                "an item of segment {} failed, and --fail-fast was given; nothing was written",
                task.segment
            ))),
            false => Segment::interrupted(&journal),
        }
    }

    /// Carries out the published journal of one segment, unless that was done.
    pub async fn apply_segment(
        &self,
        shared: &Shared,
        manifest: &Manifest,
        migration: Arc<dyn Migration>,
        options: &RunOptions,
        task: &Task,
    ) -> Result<Segment, Error> {
        let (table, planned) = self.ready(shared, manifest, migration.as_ref(), task).await?;
        if let Some(part) = self.own_part(shared, Stage::Applied, manifest, task).await? {
            return Ok(Segment::of(part, Stage::Applied));
        }
        self.keep_pace(&table, manifest, options);
        let scratch = Scratch::of(&self.runs_dir, &manifest.run, task);
        let (_, at_work) = self.on_segment(shared, &scratch, task);
        let (at_work, mut share) = at_work.sharing(&For { run: &manifest.run, task, applies: Some(planned.counts.changed) });
        let carried_out = async {
            // Meanwhile the share is dealt.
            let lease = Arc::new(Lease::follow(&self.history, &manifest.context.table, &manifest.run).await?);
            at_work.carry_out(shared, migration, options, (task, false), table, (&lease, &mut share)).await
        };
        let ended = carried_out.await;
        share.give_back().await;
        ended
    }

    /// The same for whoever leads the run, holds its lease, and has a share for all that it carries out. `retry_failed`: its failed items
    /// are taken up again before anything else.
    pub(super) async fn apply_led(
        &self,
        shared: &Shared,
        manifest: &Manifest,
        migration: Arc<dyn Migration>,
        options: &RunOptions,
        (task, retry_failed, table): (&Task, bool, &TableInfo),
        (lease, share): (&Arc<Lease>, &mut Share),
    ) -> Result<Segment, Error> {
        self.ready(shared, manifest, migration.as_ref(), task).await?;
        let scratch = Scratch::of(&self.runs_dir, &manifest.run, task);
        let (_, at_work) = self.on_segment(shared, &scratch, task);
        at_work.carry_out(shared, migration, options, (task, retry_failed), table.clone(), (lease, share)).await
    }

    /// Whether a run is of this version, and this its code.
    pub(super) fn is_of(&self, manifest: &Manifest, migration: &dyn Migration) -> Result<(), Error> {
        let run = &manifest.run;
        if manifest.host_version != env!("CARGO_PKG_VERSION") {
            return Err(Error::Refused(format!(
                "run {run} was planned by drift-host {}, and this is {}: use one version for all of a run",
                manifest.host_version,
                env!("CARGO_PKG_VERSION")
            )));
        }
        if migration.digest() != manifest.digest {
            return Err(Error::Refused(format!(
                "the code of run {run} is {}, and this is {}",
                manifest.digest,
                migration.digest()
            )));
        }
        Ok(())
    }

    /// Whether a segment may be carried out: the run is this one, and all of it is planned.
    async fn ready(
        &self,
        shared: &Shared,
        manifest: &Manifest,
        migration: &dyn Migration,
        task: &Task,
    ) -> Result<(TableInfo, Part), Error> {
        let run = &manifest.run;
        if manifest.segments != task.of {
            return Err(Error::Usage(format!("run {run} has {} segments, and --segment says {}", manifest.segments, task.of)));
        }
        self.is_of(manifest, migration)?;
        let plans = shared.plans(manifest).await?.ok_or_else(|| {
            Error::Refused(format!(
                "not every segment of run {run} is planned yet, so that nothing of it is written: `drift-host lead` with this --journal waits \
                 for them, and makes {}/manifest.json",
                shared.url()
            ))
        })?;
        let part = self.own_part(shared, Stage::Sealed, manifest, task).await?;
        let named = part.filter(|part| plans.get(task.segment as usize) == Some(&part.digest));
        let part = named.ok_or_else(|| {
            Error::Refused(format!(
                "the journal of segment {} in {} is not the one that the manifest names: it was removed or replaced",
                task.segment,
                shared.url()
            ))
        })?;
        terms::secrets(&manifest.secret_arguments, &manifest.context.arguments)?;
        let table = self.table_of(manifest).await?;
        self.still_at_home(manifest)?;
        Ok((table, part))
    }

    /// What the segment came to at this stage, if it is of this run.
    async fn own_part(&self, shared: &Shared, stage: Stage, run: &Manifest, task: &Task) -> Result<Option<Part>, Error> {
        let Some(part) = shared.part(stage, task.segment).await? else { return Ok(None) };
        match part.foreign_to(run) {
            Some(why) => Err(Error::Refused(format!("{}: {why}. Give each run a --journal of its own", shared.url()))),
            None => Ok(Some(part)),
        }
    }

    fn on_segment(&self, shared: &Shared, scratch: &Scratch, task: &Task) -> (Store, Self) {
        let store = shared.segments(scratch.0.clone(), &task.attempt);
        let at_work = Self { stop: self.stop.child_token(), ..self.clone() }.store(store.clone());
        (store, at_work)
    }

    /// Goes on with a segment from wherever it stands, under a lease that is held or followed.
    async fn carry_out(
        &self,
        shared: &Shared,
        migration: Arc<dyn Migration>,
        options: &RunOptions,
        (task, retry_failed): (&Task, bool),
        table: TableInfo,
        (lease, share): (&Arc<Lease>, &mut Share),
    ) -> Result<Segment, Error> {
        let Some(store) = &self.store else { return Err(Error::Start("a segment has no place".into())) };
        let journal = Journal::open(&fetched(shared, store, task.segment).await?)?;
        // Whoever was at work on it before has not said that he is at his end.
        let is_alone = journal.lineage()?.is_none_or(|lineage| !lineage.doubt);
        let run = Run::new(self, journal.clone(), migration, table);
        run.take_over().await.map_err(|error| match error {
            Error::Store(error) => shared.begun_by_another(task.segment, error).into(),
            other => other,
        })?;
        if !is_alone {
            shared.say_again(&journal).await?;
        }
        if !journal.is_cleared()? {
            journal.clear().await?;
        }
        tokio::select! {
            () = share.granted() => {}
            () = self.stop.cancelled() => {}
            () = lease.lost().cancelled() => {}
        }
        if retry_failed {
            run.take_up_failed(options).await?;
        }
        let applied = run.apply(options, lease).await;
        if applied.is_ok() && journal.unfinished_pages()?.is_empty() {
            let counts = journal.counts()?;
            let left = counts.failed + counts.doubtful > 0;
            journal.set_state(if left { RunState::Incomplete } else { RunState::Applied }).await?;
            return Ok(Segment::of(shared.end(store, &journal).await?, Stage::Applied));
        }
        journal.set_state(RunState::Interrupted).await?;
        run.publish_last().await;
        applied?;
        lease.check()?;
        Segment::interrupted(&journal)
    }
}

/// The journal of a segment, whose newest progress may be replaced while it is read: whoever was at work on it before may be alive.
async fn fetched(shared: &Shared, store: &Store, segment: u32) -> Result<PathBuf, Error> {
    let mut again = 0;
    loop {
        match shared.fetch(store, segment).await {
            Err(error) if error.kind() == ErrorKind::Damaged && again < FETCHES => again += 1,
            fetched => return Ok(fetched?),
        }
    }
}
