//! The first half: scan, migrate, journal. Segments know nothing of each other.
//!
//! Each segment is a task on one of the I/O lanes: it reads a page, has the pool answer it, and commits the page's entries
//! together with its cursor. The next page is read while the last is answered and committed, so that memory holds two
//! pages (of 1 MB at most, as DynamoDB counts) a segment in work, and a bounded number of segments is, whatever the table's
//! size and however many segments there are.

use std::cell::LazyCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::error::Error;
use super::images;
use super::pool::{Answer, Pool};
use super::progress::{ScanWaits, Step};
use crate::dynamo::{Client, Filter, Lanes, ScanRequest, TableInfo, Terms, Waits};
use crate::history::is_own;
use crate::journal::{Entry, Journal, Logs, Manifest, OutcomeKind, OutcomeRecord, PageRecord, Phase, SegmentState, key_hash};
use crate::migration::{FailureKind, ItemFailure, LogLine, RunContext};
use crate::model::{Action, Item, KeySchema, Target, Update};

/// Segments in work at a time, each lane's share: some wait for their page while one is answered. More would only hold more
/// pages in memory.
const SEGMENTS_A_LANE: usize = 8;

/// What all segments share.
#[derive(Clone)]
pub(super) struct Planner {
    pub(super) journal: Journal,
    pub(super) table: TableInfo,
    pub(super) terms: Arc<Terms>,
    pub(super) pool: Arc<Pool>,
    pub(super) filter: Option<Filter>,
    pub(super) fail_fast: bool,
    pub(super) stop: CancellationToken,
    pub(super) waits: Arc<ScanWaits>,
    /// Is told how many items more there are, and what the scan waits for.
    pub(super) progress: Arc<dyn Fn(Step, Waits) + Send + Sync>,
}

/// Plans every segment of the next window that is not done yet. Returns early, without an error, if it is stopped.
pub(super) async fn plan(planner: Arc<Planner>, lanes: &Lanes) -> Result<(), Error> {
    // An error stops the other segments, and not what the caller does next.
    let planner = Arc::new(Planner { stop: planner.stop.child_token(), ..Planner::clone(&planner) });
    let permits = Arc::new(Semaphore::new(lanes.len() * SEGMENTS_A_LANE));
    let mut segments = tokio::task::JoinSet::new();
    let mut first_error = None;
    let window = planner.journal.next_window()?;
    let open = |state: &SegmentState| window.contains(&state.segment) && !state.done;
    for (at, segment) in planner.journal.segments()?.into_iter().filter(open).enumerate() {
        let Ok(permit) = permits.clone().acquire_owned().await else { break };
        while let Some(ended) = segments.try_join_next() {
            note(ended, &planner.stop, &mut first_error);
        }
        if planner.stop.is_cancelled() {
            break;
        }
        let lane = lanes.lane(at);
        let (planner, client) = (planner.clone(), lane.client().of_segment(segment.segment));
        let work = lane.spawn(async move {
            let result = plan_segment(planner, client, segment).await;
            drop(permit);
            result
        });
        segments.spawn(async move { work.await.map_err(|error| Error::Start(format!("a segment's task ended: {error}")))? });
    }
    while let Some(ended) = segments.join_next().await {
        note(ended, &planner.stop, &mut first_error);
    }
    first_error.map_or(Ok(()), Err)
}

/// Keeps the first error, and stops the others for it.
pub(super) fn note(
    ended: Result<Result<(), Error>, tokio::task::JoinError>,
    stop: &CancellationToken,
    first: &mut Option<Error>,
) {
    if let Err(error) = ended.map_err(|error| Error::Start(error.to_string())).and_then(|result| result) {
        stop.cancel();
        first.get_or_insert(error);
    }
}

async fn plan_segment(planner: Arc<Planner>, client: Client, state: SegmentState) -> Result<(), Error> {
    let manifest = planner.journal.manifest().clone();
    let mut request = ScanRequest {
        table: manifest.context.table.clone(),
        segment: state.segment,
        segments: manifest.segments,
        consistent: manifest.consistent,
        limit: manifest.page_limit,
        filter: planner.filter.clone(),
        start: state.cursor,
    };
    let mut page = state.pages;
    let mut committing: Option<tokio::task::JoinHandle<Result<bool, Error>>> = None;
    loop {
        let begun = Instant::now();
        let read = tokio::select! {
            read = client.scan_page(&request) => Some(read?),
            () = planner.stop.cancelled() => None,
        };
        let for_page = begun.elapsed();
        // One page at a time is answered and committed, in the order of the scan.
        let failed = match committing.take() {
            Some(before) => before.await.map_err(|error| Error::Start(error.to_string()))??,
            None => false,
        };
        planner.waits.add(for_page, begun.elapsed() - for_page);
        let Some(read) = read.filter(|_| !(failed && planner.fail_fast)) else {
            return Ok(());
        };
        request.start.clone_from(&read.cursor);
        let last = read.cursor.is_none();
        let (planner, client, segment) = (planner.clone(), client.clone(), state.segment);
        let answered = tokio::spawn(async move {
            let scanned = read.items.len() as u64;
            let answers = planner.pool.ask(read.items).await?;
            let tables = Tables::of(&client, planner.journal.manifest(), &answers).await?;
            let planned = planned(&planner, &client, &tables, answers).await?;
            let record = page_record(&planner.terms, &tables, planned, segment, page, read.cursor, last);
            let step = Step { items: scanned, failed: record.failures.len() as u64, conflicts: 0 };
            planner.journal.commit_page(record).await?;
            (planner.progress)(step, planner.waits.longer());
            Ok(step.failed > 0)
        });
        page += 1;
        if last {
            answered.await.map_err(|error| Error::Start(error.to_string()))??;
            return Ok(());
        }
        committing = Some(answered);
    }
}

/// The tables that the actions of a page are on, by the names that the actions give them.
pub(super) struct Tables {
    /// Name, key schema and ARN of the table being migrated; the name again where an endpoint gives no ARN.
    own: (String, KeySchema, String),
    /// The metadata table's name.
    meta: String,
    /// The table is scanned in windows, of which a later one would meet what an earlier one made.
    windows: bool,
    others: HashMap<String, (KeySchema, String)>,
}

impl Tables {
    /// Asks DynamoDB about each other table once a lane. One that is missing ends the plan: better now than when half is
    /// written.
    pub(super) async fn of(client: &Client, manifest: &Manifest, answers: &[Answer]) -> Result<Self, Error> {
        let named = |name: &str, arn: &str| if arn.is_empty() { name.to_owned() } else { arn.to_owned() };
        let RunContext { table, key, .. } = &manifest.context;
        let mut others = HashMap::new();
        let actions = answers.iter().filter_map(|(_, answer)| answer.as_ref().ok()).flat_map(|reply| &reply.actions);
        for name in actions.filter_map(Action::table).filter(|name| name != table && *name != manifest.table_arn) {
            if !others.contains_key(name) {
                let info = client.table(name).await?;
                others.insert(name.to_owned(), (info.key, named(&info.name, &info.arn)));
            }
        }
        let own = (table.clone(), key.clone(), named(table, &manifest.table_arn));
        Ok(Self { own, meta: manifest.meta_table.clone(), windows: manifest.window.is_some(), others })
    }

    /// Hashes of the keys that these actions write besides the handed-in one; the error says which key is none of its
    /// table's.
    pub(super) fn elsewhere(&self, actions: &[Action]) -> Result<Vec<u64>, String> {
        let (own, key, arn) = &self.own;
        let mut hashes = Vec::new();
        for action in actions {
            let (attributes, exact) = match action {
                Action::Insert(insert) | Action::Withdraw(insert) => (&insert.item, false),
                Action::Update(Update { target: Target::Other(address), .. }) | Action::Delete(Target::Other(address)) => {
                    (address.key.attributes(), true)
                }
                _ => continue,
            };
            let name = action.table().unwrap_or(own);
            if is_own(&self.meta, name) {
                return Err(format!(
                    "{} in the table {name}: it is drift-host's own, and no migration writes there",
                    action.kind()
                ));
            }
            let is_own_table = !self.others.contains_key(name);
            if self.windows && is_own_table && !matches!(action, Action::Delete(_) | Action::Withdraw(_)) {
                return Err(format!(
                    "{} in the table {name}, which is being migrated with --window: a window that is scanned later would meet an item that \
                     is made now, and migrate it too",
                    action.kind()
                ));
            }
            let (schema, arn) = self.others.get(name).map_or((key, arn), |(schema, arn)| (schema, arn));
            let key = schema.key_of(attributes).map_err(|problem| format!("{} in the table {name}: {problem}", action.kind()))?;
            if exact && key.attributes() != attributes {
                return Err(format!("{} in the table {name}: it has more attributes than the table's key, {key}", action.kind()));
            }
            hashes.push(key_hash(arn, &key));
        }
        Ok(hashes)
    }
}

/// What is to be done because of an item.
#[derive(Default)]
struct Work {
    actions: Vec<Action>,
    /// Hashes of the keys that they write elsewhere.
    elsewhere: Vec<u64>,
    log: Vec<LogLine>,
}

/// An item and what is to be done, or why that is not known.
type Planned = (Item, Result<Work, ItemFailure>);

/// What of the answers can be carried out. What never can is a failed item now, with nothing written.
async fn planned(planner: &Planner, client: &Client, tables: &Tables, answers: Vec<Answer>) -> Result<Vec<Planned>, Error> {
    let mut planned = Vec::with_capacity(answers.len());
    for (image, answer) in answers {
        if planner.terms.is_stamped(&image) {
            // Planned anew under the same id: this one is done, and is not asked about.
            planned.push((image, Ok(Work::default())));
            continue;
        }
        let reply = match answer {
            Ok(reply) => reply,
            Err(failure) => {
                planned.push((image, Err(failure)));
                continue;
            }
        };
        let actions = effective(&planner.table, reply.actions, &image);
        let mut checked = tables.elsewhere(&actions);
        if checked.is_ok()
            && let Some(problem) = client.impossible(&planner.table, &planner.terms, &image, &actions).await?
        {
            checked = Err(problem);
        }
        let outcome = match checked {
            Ok(elsewhere) => Ok(Work { actions, elsewhere, log: reply.log }),
            Err(message) => Err(ItemFailure { kind: FailureKind::Invalid, message, backtrace: None, log: reply.log }),
        };
        planned.push((image, outcome));
    }
    Ok(planned)
}

fn page_record(
    terms: &Terms,
    tables: &Tables,
    planned: Vec<Planned>,
    segment: u32,
    page: u32,
    cursor: Option<crate::model::Key>,
    last: bool,
) -> PageRecord {
    let scanned = planned.len() as u64;
    let mut record = PageRecord {
        segment,
        page,
        cursor,
        last,
        scanned,
        unchanged: 0,
        entries: Vec::new(),
        failures: Vec::new(),
        elsewhere: Vec::new(),
        logs: Logs::default(),
    };
    let (_, schema, _) = &tables.own;
    for (position, (image, planned)) in (0u32..).zip(planned) {
        match planned {
            Ok(work) if work.actions.is_empty() => record.unchanged += 1,
            Ok(Work { actions, elsewhere, log }) => {
                record.elsewhere.extend(elsewhere.into_iter().map(|hash| (position, hash)));
                // A log may repeat what the images of items are not kept for.
                if terms.images {
                    record.logs.add(position, log);
                }
                let (image, actions) = images::attempt(terms, schema, image, actions);
                record.entries.push(Entry { position, image, actions });
            }
            Err(failure) => {
                let image = images::kept(terms, schema, image);
                record.failures.push(failed((segment, page, position), schema, image, Phase::Scan, failure, 1));
            }
        }
    }
    record
}

/// Actions as they are carried out: without patches that would change nothing, and those that name the handed-in item by its
/// key are on the handed-in item, with its guard. An item without any needs no write.
pub(super) fn effective(table: &TableInfo, actions: Vec<Action>, image: &Item) -> Vec<Action> {
    let this = LazyCell::new(|| table.key.key_of(image));
    let is_this = |target: &Target| match target {
        Target::This => false,
        Target::Other(address) => {
            let own = address.table.as_ref().is_none_or(|name| *name == table.name || *name == table.arn);
            own && this.as_ref() == Ok(&address.key)
        }
    };
    let named = |action| match action {
        Action::Update(update) if is_this(&update.target) => Action::Update(Update { target: Target::This, ..update }),
        Action::Delete(target) if is_this(&target) => Action::Delete(Target::This),
        other => other,
    };
    let changes = |action: &Action| !matches!(action, Action::Patch(patch) if patch.changes_nothing(image));
    actions.into_iter().filter(changes).map(named).collect()
}

/// The record of an item for which there is no answer.
pub(super) fn failed(
    (segment, page, position): (u32, u32, u32),
    schema: &KeySchema,
    image: Item,
    phase: Phase,
    failure: ItemFailure,
    attempts: u32,
) -> OutcomeRecord {
    let id = schema.key_of(&image);
    OutcomeRecord {
        segment,
        page,
        position,
        kind: OutcomeKind::Failed,
        phase,
        key: id.as_ref().map_or_else(Clone::clone, ToString::to_string),
        id: id.ok(),
        image: Some(image),
        present: None,
        failure: Some(failure.kind),
        message: failure.message,
        log: failure.log,
        backtrace: failure.backtrace,
        attempts,
    }
}
