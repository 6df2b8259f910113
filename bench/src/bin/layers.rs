//! What the parts of drift-host cost, one by one, for `cargo xtask bench`: processor time, of the threads that are at work.
//!
//! `layers COMPONENT FOLDER` prints one JSON object, whose figures are
//! - `call_us_400b`, `call_us_4k`, `call_us_100k`: handing an item to a guest that sets one attribute, its answer read and checked;
//! - `new_instance_us`: the same at 400 bytes with a new instance for the item, which is what a trap costs beside the call;
//! - `compile_ms`, `start_ms`: loading the component for the first time, by all threads, and with its code in the cache, both up to an instance;
//! - `journal_us`: an item of 400 bytes in the journal, from its page in the plan to the mark that it is done, by all threads;
//! - `journal_bytes`: what it takes on the disk.
//!
//! FOLDER gets the journal. Medians of five; nothing is asserted.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use drift_host::journal::{Entry, Journal, Logs, Manifest, PageRecord, new_run_id};
use drift_host::migration::{Direction, Migration, RunContext, Worker};
use drift_host::model::{Action, ExactlyOnce, Item, Key, KeyAttribute, KeySchema, KeyType, Number, Patch, Value};
use drift_host::plugin::{Limits, Plugin, PluginOptions};
use serde_json::json;

/// As the binary has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 5;
/// How long the calls of a round go on.
const ROUND: Duration = Duration::from_millis(200);
/// Pages in the journal, and items in each: as many as a page of 1 MB has of 400 bytes, less than half.
const PAGES: u32 = 40;
const PAGE: u32 = 1_000;
/// Statements in a batch: marks are made so many at a time.
const BATCH: usize = 25;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [component, folder] = arguments.as_slice() else {
        return Err("usage: layers COMPONENT FOLDER".into());
    };
    let component = Path::new(component);
    let load = |anew: bool, fresh_instances: bool| {
        let limits = Limits { fresh_instances, ..Limits::default() };
        Plugin::load_file(component, &PluginOptions { slots: 1, limits, compile_anew: anew, ..PluginOptions::default() })
    };
    let started = |anew: bool| -> Result<f64> {
        let before = processor_time("/proc/self/task")?;
        let plugin = load(anew, false)?;
        let worker = plugin.worker(&Arc::new(context()), Direction::Migrate)?;
        // While the threads of the compiler are there, their times are.
        let took = (processor_time("/proc/self/task")? - before).as_secs_f64() * 1e3;
        drop(worker);
        Ok(took)
    };
    let compile_ms = median(3, || started(true))?;
    let start_ms = median(ROUNDS, || started(false))?;
    let (kept, fresh) = (load(false, false)?, load(false, true)?);
    let worker = |plugin: &Plugin| plugin.worker(&Arc::new(context()), Direction::Migrate);
    let (mut kept, mut fresh) = (worker(&kept)?, worker(&fresh)?);
    let calls = [400, 4_000, 100_000].map(|bytes| median(ROUNDS, || microseconds(kept.as_mut(), &item(1, bytes))));
    let [small, medium, large] = calls;
    let new_instance = median(ROUNDS, || microseconds(fresh.as_mut(), &item(1, 400)))?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let mut bytes = 0;
    let journal_us = median(ROUNDS, || {
        let (microseconds, size) = runtime.block_on(journal(Path::new(folder)))?;
        bytes = size;
        Ok(microseconds)
    })?;
    let document = json!({
        "call_us_400b": small?, "call_us_4k": medium?, "call_us_100k": large?, "new_instance_us": new_instance,
        "compile_ms": compile_ms, "start_ms": start_ms, "journal_us": journal_us,
        "journal_bytes": bytes as f64 / f64::from(PAGES * PAGE),
    });
    println!("{document}");
    Ok(())
}

/// Microseconds of processor time an item, and the size of the file.
async fn journal(folder: &Path) -> Result<(f64, u64)> {
    let pages: Vec<PageRecord> = (0..PAGES).map(page).collect();
    let before = processor_time("/proc/self/task")?;
    let journal = Journal::create(folder, &manifest(), None)?;
    for page in pages {
        journal.commit_page(page).await?;
    }
    journal.seal().await?;
    for (segment, page) in journal.unfinished_pages()? {
        let read = journal.page(segment, page)?;
        let positions: Vec<u32> = read.entries.iter().map(|entry| entry.position).collect();
        for batch in positions.chunks(BATCH) {
            journal.mark_sent(segment, page, batch.to_vec()).await?;
        }
        for batch in positions.chunks(BATCH) {
            journal.mark_done(segment, page, batch.to_vec()).await?;
        }
    }
    // The journal's thread ends with it, and then its time is not told any more.
    let took = (processor_time("/proc/self/task")? - before).as_secs_f64() * 1e6 / f64::from(PAGES * PAGE);
    let path = journal.path().to_owned();
    drop(journal);
    let size = fs::metadata(&path)?.len();
    fs::remove_file(&path)?;
    Ok((took, size))
}

fn page(page: u32) -> PageRecord {
    let entry = |position: u32| Entry {
        position,
        image: item(i64::from(page * PAGE + position), 400),
        actions: vec![Action::Patch(Patch { set: [("touched", Value::Bool(true))].into_iter().collect(), remove: vec![] })],
    };
    let last = page + 1 == PAGES;
    let cursor =
        (!last).then(|| Key::from_attributes([("Id", Value::N(Number::from(i64::from(page * PAGE))))].into_iter().collect()));
    let entries = (0..PAGE).map(entry).collect();
    let scanned = u64::from(PAGE);
    PageRecord {
        segment: 0,
        page,
        cursor,
        last,
        scanned,
        unchanged: 0,
        entries,
        failures: vec![],
        elsewhere: vec![],
        logs: Logs::default(),
    }
}

/// An item of eight attributes and about so many bytes.
fn item(id: i64, bytes: usize) -> Item {
    let text = |name: &str, size: usize| (name.to_owned(), Value::from("x".repeat(size).as_str()));
    let number = |name: &str, of: i64| (name.to_owned(), Value::N(Number::from(of)));
    // With the names and all else.
    let remarks = bytes - 125;
    [
        number("Id", id),
        text("Airport Name", 16),
        text("Operator", 12),
        text("Wildlife Species", 18),
        text("Flight Date", 15),
        number("Cost Total", 10_000 + id % 90_000),
        ("Reported".to_owned(), Value::Bool(id % 2 == 0)),
        text("Remarks", remarks),
    ]
    .into_iter()
    .collect()
}

/// Processor time of a call, in microseconds.
fn microseconds(worker: &mut dyn Worker, item: &Item) -> Result<f64> {
    let (began, before, mut calls) = (Instant::now(), processor_time("/proc/thread-self")?, 0u32);
    while began.elapsed() < ROUND {
        let reply = worker.call(item).map_err(|failure| failure.message)?;
        if reply.actions.len() != 1 {
            return Err(
                format!("the guest has {} actions for an item, where it is to set one attribute", reply.actions.len()).into()
            );
        }
        calls += 1;
    }
    Ok((processor_time("/proc/thread-self")? - before).as_secs_f64() * 1e6 / f64::from(calls))
}

/// Of one thread, or of all in a folder of them: the kernel tells it in nanoseconds.
fn processor_time(of: &str) -> Result<Duration> {
    let one = |path: &Path| -> Result<u64> {
        let text = fs::read_to_string(path.join("schedstat"))?;
        let first = text.split_whitespace().next().and_then(|word| word.parse().ok());
        first.ok_or_else(|| format!("{} says {text:?}", path.display()).into())
    };
    if !of.ends_with("task") {
        return Ok(Duration::from_nanos(one(Path::new(of))?));
    }
    let threads = fs::read_dir(of)?.collect::<std::result::Result<Vec<_>, _>>()?;
    // One that has ended meanwhile did its work before.
    Ok(Duration::from_nanos(threads.iter().map(|thread| one(&thread.path()).unwrap_or_default()).sum()))
}

fn median(rounds: usize, mut measure: impl FnMut() -> Result<f64>) -> Result<f64> {
    let mut figures = (0..rounds).map(|_| measure()).collect::<Result<Vec<f64>>>()?;
    figures.sort_by(f64::total_cmp);
    Ok(figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN))
}

fn context() -> RunContext {
    RunContext {
        table: "Rows".into(),
        key: KeySchema { partition: KeyAttribute { name: "Id".into(), kind: KeyType::N }, sort: None },
        started_at: "2026-11-26T00:00:00Z".into(),
        arguments: Vec::new(),
        secrets: Default::default(),
        seed: "layers".into(),
    }
}

fn manifest() -> Manifest {
    Manifest {
        run: new_run_id(),
        host_version: env!("CARGO_PKG_VERSION").into(),
        created: "2026-11-26T00:00:00Z".into(),
        direction: Direction::Migrate,
        number: 20_261_126.into(),
        name: "touch".into(),
        summary: "Adds an attribute".into(),
        digest: "bench".into(),
        repeatable: true,
        context: context(),
        table_arn: String::new(),
        table_id: String::new(),
        segments: 1,
        consistent: true,
        page_limit: PAGE,
        filter: None,
        guard: "item".into(),
        max_errors: "0".into(),
        grants: vec![],
        limits: vec![],
        meta_table: "meta".into(),
        conflict_retries: 5,
        exactly_once: ExactlyOnce::No,
        no_atomic: false,
        check_source: false,
        no_images: false,
        restores: None,
        sweep: false,
        secret_arguments: vec![],
        policy: None,
        max_read_units: None,
        max_write_units: None,
        estimate: None,
        journal_max: None,
        window: None,
        part: None,
        features: None,
        home_region: None,
        backup: false,
        endpoint_url: None,
        region: None,
        profile: None,
    }
}
