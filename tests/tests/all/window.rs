//! `--window N`: so many segments are scanned, sealed and carried out before the next ones are scanned.

use std::collections::HashSet;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use drift_host::dynamo::ScanRequest;
use drift_host::journal::{Journal, RunState, Windows};
use drift_host::model::{Action, Description, Existing, Insert, Item, Patch, Value};
use drift_host::run::MaxErrors;
use drift_host::{Error, Native, RunOptions};
use drift_tests::proxy::{Fault, Moment, Proxy, Request, Rule};
use drift_tests::{World, guest};
use serde_json::Value as Json;

fn id(item: &Item) -> String {
    item.get("Id").unwrap().as_n().unwrap().to_string()
}

/// The ids of the items in these of so many segments.
async fn in_segments(world: &World, segments: u32, which: std::ops::Range<u32>) -> HashSet<String> {
    let migrator = world.migrator().await;
    let mut ids = HashSet::new();
    for segment in which {
        let mut start = None;
        loop {
            let (table, filter) = ("Things".into(), None);
            let request = ScanRequest { table, segment, segments, consistent: true, limit: 1000, filter, start };
            let page = migrator.database().client().scan_page(&request).await.unwrap();
            ids.extend(page.items.iter().map(id));
            start = page.cursor;
            if start.is_none() {
                break;
            }
        }
    }
    ids
}

/// The ids of the items for which this holds.
async fn with(world: &World, holds: impl Fn(&Item) -> bool) -> HashSet<String> {
    world.table("Things").await.iter().filter(|item| holds(item)).map(id).collect()
}

async fn touched(world: &World) -> HashSet<String> {
    with(world, |item| item.get("touched") == Some(&Value::Bool(true))).await
}

fn set(name: &str, value: impl Into<Value>) -> Vec<Action> {
    vec![Action::Patch(Patch { set: [(name, value.into())].into_iter().collect(), remove: vec![] })]
}

fn windowed(segments: u32, window: u32) -> RunOptions {
    RunOptions { segments, window: Some(window), ..RunOptions::new("Things") }
}

fn journal(world: &World, run: &str) -> Journal {
    Journal::read(&world.runs().join(format!("{run}.drift"))).unwrap()
}

fn is_write(operation: &str) -> bool {
    matches!(operation, "BatchExecuteStatement" | "UpdateItem" | "TransactWriteItems")
}

#[tokio::test(flavor = "multi_thread")]
async fn each_window_is_written_before_the_next_is_scanned_and_all_of_it_goes_back() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_rows(2_000);
    let before = world.table("Things").await;
    let proxy = Proxy::start(&world.running.endpoint_url());
    let arguments = ["run", &echo, "--table", "Things", "--segments", "8", "--window", "3", "--json"];
    let (code, out, error) = world.drift_host_at(&proxy.endpoint_url(), &arguments);
    assert_eq!((code, touched(&world).await.len()), (0, 2_000), "{out}{error}");
    for window in ["window 1 of 3", "window 2 of 3", "window 3 of 3"] {
        assert!(error.contains(window), "{error}");
    }
    let log = proxy.log();
    let kinds = log
        .iter()
        .filter(|passed| passed.tables == ["Things"])
        .map(|passed| (passed.operation == "Scan", is_write(&passed.operation)));
    let mut halves: Vec<(bool, bool)> = kinds.filter(|(scan, write)| *scan || *write).collect();
    halves.dedup();
    let (scan, write) = ((true, false), (false, true));
    assert_eq!(halves, [scan, write, scan, write, scan, write]);

    let run: Json = serde_json::from_str(&out).unwrap();
    assert_eq!((&run["state"], &run["items"]["done"]), (&"applied".into(), &2_000.into()), "{out}");
    assert_eq!(run["windows"], serde_json::json!({ "segments": 3, "count": 3, "sealed": 3, "done": 3 }));
    let id = run["run"].as_str().unwrap();
    let (code, shown, error) = world.drift_host(&["show", id, "--check"]);
    assert!(code == 0 && shown.contains("windows  3 of 3 scanned, 3 done; 3 segments each"), "{shown}{error}");
    let (code, out, error) = world.drift_host(&["undo", "--run", id]);
    assert_eq!((code, out.starts_with("undone")), (0, true), "{out}{error}");
    assert_eq!(world.table("Things").await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_back_by_code_and_a_sweep_go_in_windows_too() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_rows(600);
    let before = world.table("Things").await;
    let in_windows = ["--table", "Things", "--segments", "5", "--window", "2"];
    let (code, out, error) = world.drift_host(&[&["run", &echo, "--sweep"], &in_windows[..]].concat());
    assert_eq!((code, touched(&world).await.len()), (0, 600), "{out}{error}");
    assert_eq!(error.matches("window 3 of 3").count(), 2, "the second round finds nothing: {error}");
    let (code, out, error) = world.drift_host(&[&["undo", &echo], &in_windows[..]].concat());
    assert_eq!((code, out.starts_with("undone"), error.contains("window 3 of 3")), (0, true, true), "{out}{error}");
    assert_eq!(world.table("Things").await, before);
}

/// Starts the binary, and kills it as soon as this holds.
async fn killed_when(world: &World, endpoint: &str, arguments: &[&str], holds: impl Fn() -> bool) {
    let mut command = world.command_at(endpoint, arguments);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while !holds() {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it could be killed");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

/// A counter for which nothing is stated, so that twice is seen, killed while writes of its second window of two are on their way: some
/// carried out and answered, some carried out and not answered.
#[tokio::test(flavor = "multi_thread")]
async fn killed_amid_the_second_window_it_goes_on_there_and_the_table_is_exact() {
    let Some(steps) = guest("steps") else { return };
    let world = World::with_numbers(1_200);
    let first = in_segments(&world, 4, 0..2).await;
    let second = in_segments(&world, 4, 2..4).await;
    let proxy = Proxy::start(&world.running.endpoint_url());
    let in_second = Arc::new(AtomicBool::new(false));
    let (seen, late) = (in_second.clone(), in_second.clone());
    let scans = move |request: &Request| {
        seen.fetch_or(request.json["Segment"].as_u64() >= Some(2), Relaxed);
    };
    proxy.add(Rule::on(&["Scan"], Fault::Pass).table("Things").before(scans));
    let hang = Fault::Hang(Moment::After);
    proxy.add(Rule::on(&["BatchExecuteStatement"], hang).only(move |_| late.load(Relaxed)).from_nth(6));
    let arguments =
        ["run", &steps, "--table", "Things", "--grant", "asked", "--arg", "mode=plus", "--segments", "4", "--window", "2"];
    killed_when(&world, &proxy.endpoint_url(), &arguments, || proxy.faults() > 3).await;

    let run = world.only_run();
    let stands = journal(&world, &run);
    assert_eq!(stands.windows(), Ok(Windows { segments: 2, count: 2, sealed: 2, done: 1 }));
    assert_eq!((stands.state(), stands.check()), (Ok(RunState::Applying), Ok(())));
    drop(stands);
    let grown = with(&world, |item| item.get("n") != item.get("Id")).await;
    assert!(first.is_subset(&grown), "what was done stays done");
    let of_second = grown.intersection(&second).count();
    assert!(0 < of_second && of_second < second.len(), "{of_second} of {}", second.len());

    let (code, out, error) = world.drift_host(&["apply", &run]);
    assert_eq!((code, out.starts_with("applied")), (0, true), "{out}{error}");
    let once = |item: &Item| {
        let number = |name: &str| item.get(name).unwrap().as_n().unwrap().to_string().parse::<i64>().unwrap();
        number("n") == number("Id") + 1
    };
    assert_eq!(with(&world, once).await.len(), 1_200, "each was counted once");
}

/// Killed while its second window is scanned: nothing of it is sealed, so none of it may have been written.
#[tokio::test(flavor = "multi_thread")]
async fn killed_amid_the_second_scan_it_goes_on_there() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_rows(1_200);
    let first = in_segments(&world, 4, 0..2).await;
    let proxy = Proxy::start(&world.running.endpoint_url());
    let last = |request: &Request| request.json["Segment"].as_u64() == Some(3);
    proxy.add(Rule::on(&["Scan"], Fault::Hang(Moment::Before)).table("Things").only(last));
    let arguments = ["run", &echo, "--table", "Things", "--segments", "4", "--window", "2"];
    killed_when(&world, &proxy.endpoint_url(), &arguments, || proxy.faults() > 0).await;
    let run = world.only_run();
    assert_eq!(touched(&world).await, first);
    let windows = journal(&world, &run).windows().unwrap();
    assert_eq!((windows.sealed, windows.done), (1, 1));
    let (code, _, error) = world.drift_host(&["repair", &run, "--abandon", "--yes"]);
    assert!(code == 3 && error.contains("go on with"), "{error}");
    let (code, out, error) = world.drift_host(&["apply", &run]);
    assert_eq!((code, out.starts_with("applied"), touched(&world).await.len()), (0, true, 1_200), "{out}{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bound_that_the_second_window_passes_keeps_it_from_being_written() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_rows(1_000);
    let before = world.table("Things").await;
    let first = in_segments(&world, 4, 0..2).await;
    assert!(!first.is_empty() && first.len() < 999);
    let policy = world.dir.path().join("policy.toml");
    std::fs::write(&policy, "[tables.Things]\nset = [\"touched\"]\n[tables.Things.bounds]\nmax_changed = 999\n").unwrap();
    let policy = policy.display().to_string();
    let arguments = ["run", &echo, "--table", "Things", "--segments", "4", "--window", "2", "--policy", &policy];
    let (code, out, error) = world.drift_host(&arguments);
    assert_eq!((code, out.starts_with("incomplete")), (3, true), "{out}{error}");
    assert!(out.contains("the policy's max_changed is 999, and the plan has 1000"), "{out}");
    assert!(
        out.contains("windows  2 of 2 scanned, 1 done") && out.contains("stopped after 1 of 2 windows, which were written"),
        "{out}"
    );
    assert_eq!(touched(&world).await, first);
    let run = world.only_run();
    let (_, status, _) = world.drift_host(&["status"]);
    assert!(status.starts_with("no migration is applied") && status.contains("incomplete") && status.contains(&run), "{status}");
    for again in [vec!["apply", &run], vec!["apply", &run, "--retry-failed"]] {
        let (code, out, error) = world.drift_host(&again);
        assert_eq!((code, touched(&world).await == first), (3, true), "{out}{error}");
    }
    let (code, out, error) = world.drift_host(&["undo", "--run", &run]);
    assert_eq!((code, world.table("Things").await == before), (0, true), "{out}{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_that_fails_in_the_second_window_stops_it_and_what_comes_after_and_mended_it_goes_on() {
    let world = World::with_rows(900);
    let (first, second) = (in_segments(&world, 6, 0..2).await, in_segments(&world, 6, 2..4).await);
    let bad = second.iter().next().unwrap().clone();
    let picky = |version: &str, bad: Option<String>| {
        let migrate = move |item: Item| if Some(id(&item)) == bad { Err("it cannot be read") } else { Ok(set("touched", true)) };
        Arc::new(Native::new(Description::new(8, "picky"), version, migrate))
    };
    let migrator = world.migrator().await;
    let held = migrator.run(picky("1", Some(bad.clone())), &windowed(6, 2)).await.unwrap();
    assert_eq!(
        (held.state.as_str(), held.exit_code(), held.counts.scanned),
        ("incomplete", 1, (first.len() + second.len()) as u64)
    );
    assert_eq!(held.errors.iter().map(|error| error.key.clone()).collect::<Vec<_>>(), [format!("Id={bad}")]);
    let told = drift_host::report::summary(&held);
    assert!(
        told.contains("1 items failed, and 0 may") && told.contains("stopped after 1 of 3 windows, which were written"),
        "{told}"
    );
    assert_eq!(touched(&world).await, first);
    let run = held.run().unwrap().to_owned();

    let again =
        migrator.apply(migrator.open(&run).unwrap(), picky("1", Some(bad.clone())), &RunOptions::new("Things")).await.unwrap();
    assert_eq!((again.state.as_str(), touched(&world).await == first), ("incomplete", true), "nothing has changed");
    let still =
        migrator.retry_failed(migrator.open(&run).unwrap(), picky("1", Some(bad)), &RunOptions::new("Things")).await.unwrap();
    assert_eq!((still.state.as_str(), touched(&world).await == first), ("incomplete", true), "it fails once more");
    let mended = migrator.retry_failed(migrator.open(&run).unwrap(), picky("2", None), &RunOptions::new("Things")).await.unwrap();
    assert_eq!((mended.state.as_str(), mended.counts.done, touched(&world).await.len()), ("applied", 900, 900));
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_items_that_are_allowed_are_counted_over_all_windows() {
    let world = World::with_rows(900);
    let parts = [in_segments(&world, 6, 0..2).await, in_segments(&world, 6, 2..4).await, in_segments(&world, 6, 4..6).await];
    let bad: HashSet<String> = parts.iter().map(|part| part.iter().next().unwrap().clone()).collect();
    let migrate = move |item: Item| if bad.contains(&id(&item)) { Err("it cannot be read") } else { Ok(set("touched", true)) };
    let picky = Arc::new(Native::new(Description::new(8, "picky"), "1", migrate));
    let options = RunOptions { max_errors: MaxErrors::Count(2), ..windowed(6, 2) };
    let held = world.migrator().await.run(picky, &options).await.unwrap();
    assert_eq!((held.state.as_str(), held.counts.failed), ("incomplete", 3));
    assert_eq!(held.windows, Some(Windows { segments: 2, count: 3, sealed: 3, done: 2 }));
    assert_eq!(touched(&world).await.len(), parts[0].len() + parts[1].len() - 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_is_of_the_first_window_only() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_rows(800);
    let arguments = ["run", &echo, "--table", "Things", "--segments", "4", "--window", "2", "--canary", "10"];
    let (code, out, error) = world.drift_host(&arguments);
    assert_eq!((code, touched(&world).await.len()), (1, 10), "{out}{error}");
    assert!(error.contains(", and one window that is not scanned yet"), "{error}");
    assert!(out.contains("stopped in window 1 of 2"), "{out}");
    let run = world.only_run();
    let (code, out, error) = world.drift_host(&["apply", &run, "--canary", "10", "--yes"]);
    assert_eq!((code, touched(&world).await.len()), (0, 800), "{out}{error}");
    assert_eq!(error.matches("canary: ").count(), 1, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_images_the_journal_stays_as_small_as_a_window() {
    let Some(echo) = guest("echo") else { return };
    let size = async |more: &[&str]| {
        let world = World::with_noise(6_000);
        let arguments = ["run", &echo, "--table", "Things", "--segments", "24", "--window", "2"];
        let arguments: Vec<&str> = arguments.into_iter().chain(more.iter().copied()).collect();
        let (code, out, error) = world.drift_host(&arguments);
        assert_eq!((code, touched(&world).await.len()), (0, 6_000), "{out}{error}");
        let run = world.only_run();
        let bytes = std::fs::metadata(world.runs().join(format!("{run}.drift"))).unwrap().len();
        let (code, out, error) = world.drift_host(&["show", &run, "--check"]);
        assert_eq!((code, out.contains("6000 scanned, 6000 changed")), (0, true), "{out}{error}");
        (world, run, bytes - std::fs::metadata(&echo).unwrap().len())
    };
    let (_, _, kept) = size(&[]).await;
    let (world, run, dropped) = size(&["--no-images"]).await;
    // A twelfth of the items, and what is small.
    assert!(dropped * 6 < kept, "{dropped} bytes beside {kept}");
    let (code, _, error) = world.drift_host(&["undo", "--run", &run]);
    assert_eq!((code, error.contains("--no-images")), (3, true), "{error}");
    let (code, _, error) = world.drift_host(&["show", &run, "--item", "Id=7"]);
    assert!(code == 2 && error.contains("dropped with its window"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_done_in_windows_is_refused_with_the_reason() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_rows(30);
    let asked = ["--table", "Things", "--segments", "4", "--window", "2"];
    let told = |verb: &[&str], more: &[&str]| {
        let arguments: Vec<&str> = verb.iter().chain(&asked).chain(more).copied().collect();
        let (code, _, error) = world.drift_host(&arguments);
        (code, error)
    };
    let (code, error) = told(&["plan", &echo], &[]);
    assert!(code == 2 && error.contains("--window: a plan is made of the whole table"), "{error}");
    for grant in ["insert:.", "insert:Th*", "update:."] {
        let (code, error) = told(&["run", &echo], &["--grant", grant]);
        assert!(code == 3 && error.contains("would meet them, and migrate them too") && error.contains(grant), "{error}");
    }
    assert!(touched(&world).await.is_empty());

    let (code, error) = told(&["run", &echo], &["--no-images"]);
    assert_eq!(code, 0, "{error}");
    let other = World::with_rows(30);
    let all = ["run", &echo, "--table", "Things", "--segments", "2", "--window", "2", "--no-images"];
    let (code, _, error) = other.drift_host(&all);
    assert!(code == 2 && error.contains("add --window N, less than --segments"), "one window is none: {error}");

    // A closure has no grants: what it makes in the table is a failed item, before any write.
    let copy = |item: Item| {
        let copy: Item = [("Id", Value::from(id(&item).parse::<u64>().unwrap() + 1_000))].into_iter().collect();
        Ok::<_, String>(vec![Action::Insert(Insert { table: None, item: copy, existing: Existing::Keep })])
    };
    let copies = Arc::new(Native::new(Description::new(9, "copies"), "1", copy));
    let refused = world.migrator().await.run(copies, &windowed(4, 2)).await.unwrap();
    assert_eq!(refused.state, "refused", "{:?}", refused.errors);
    assert!(refused.errors.iter().all(|error| error.message.contains("being migrated with --window")), "{:?}", refused.errors);
    assert_eq!(world.table("Things").await.len(), 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_in_object_storage_have_no_windows() {
    let world = World::with_rows(3);
    let settings = drift_host::store::Settings {
        region: "eu-west-1".into(),
        endpoint_url: Some("http://127.0.0.1:9".into()),
        credentials: world.migrator().await.database().credentials(),
        request_timeout: Duration::from_secs(1),
    };
    let store = drift_host::store::Store::open("s3://runs/here", world.dir.path().join("scratch"), settings).unwrap();
    let migrator = world.migrator().await.store(store);
    let touch = Arc::new(Native::new(Description::new(9, "touch"), "1", |_| Ok::<_, String>(set("touched", true))));
    let refused = migrator.run(touch, &windowed(4, 2)).await;
    assert!(matches!(&refused, Err(Error::Refused(why)) if why.contains("object storage")), "{refused:?}");
    assert!(touched(&world).await.is_empty());
}
