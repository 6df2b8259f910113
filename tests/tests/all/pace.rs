//! The rates that an operator sets.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use drift_host::dynamo::{ConnectionSettings, PresentRate, Throttle, Waits};
use drift_host::model::{Action, Description, Patch, Value};
use drift_host::{Event, Migrator, Native, RunOptions};
use drift_tests::proxy::{Fault, Proxy, Rule};
use drift_tests::{World, guest};
use serde_json::Value as Json;

#[test]
fn a_run_takes_no_more_write_units_a_second_than_it_was_given() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_rows(600);
    let arguments = ["run", &echo, "--table", "Things", "--max-write-units", "200", "--json"];
    let (code, out, error) = world.drift_host(&arguments);
    assert_eq!(code, 0, "{error}");
    assert!(error.contains("at most any number of read and 200 write units a second"), "{error}");
    let document: Json = serde_json::from_str(&out).unwrap();
    let (seconds, units) = (document["seconds"]["apply"].as_f64().unwrap(), document["units"]["write"].as_f64().unwrap());
    assert!(units >= 600.0, "{out}");
    // A machine that is slow takes longer: only too little time would break the promise. A quarter of a second is saved up.
    assert!(seconds >= 600.0 / 200.0 - 0.25, "{units} units in {seconds} s");
}

#[test]
fn a_share_is_of_what_the_table_has_and_is_kept_with_the_run() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_rows(30);
    let (code, _, error) =
        world.drift_host(&["plan", &echo, "--table", "Things", "--max-read-units", "50%", "--max-write-units", "10%"]);
    assert_eq!(code, 0, "{error}");
    // An on-demand table begins with 12,000 and 4,000.
    assert!(error.contains("at most 6000 read and 400 write units a second"), "{error}");
    let run = world.only_run();
    let (code, _, error) = world.drift_host(&["apply", &run, "--max-read-units", "900"]);
    assert_eq!(code, 0, "{error}");
    assert!(error.contains("at most 900 read and 400 write units a second"), "{error}");
    let (code, _, error) = world.drift_host(&["run", &echo, "--table", "Things", "--max-write-units", "half"]);
    assert_eq!(code, 2, "{error}");
    assert!(error.contains("a share of what the table has (50%)"), "{error}");
}

#[test]
fn a_run_that_was_given_a_rate_is_gone_on_with_without_one() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_rows(30);
    let (code, _, error) = world.drift_host(&["plan", &echo, "--table", "Things", "--max-write-units", "400"]);
    assert_eq!(code, 0, "{error}");
    let run = world.only_run();
    let rates = ["--max-read-units", "900", "--max-write-units", "none"];
    let (code, _, error) = world.drift_host(&[&["apply", &run], &rates[..]].concat());
    assert_eq!(code, 0, "{error}");
    assert!(error.contains("at most 900 read and any number of write units a second"), "{error}");
}

#[tokio::test]
async fn a_rate_is_changed_while_a_run_waits_for_it() {
    let world = World::with_rows(600);
    let migrator = world.migrator().await;
    let options = RunOptions { max_write_units: Some("1".parse().unwrap()), ..RunOptions::new("Things") };
    let (rates, waited) = (migrator.rates(), Arc::new(AtomicBool::new(false)));
    let (control, has_waited) = (rates.clone(), waited.clone());
    let operator = tokio::spawn(async move {
        while control.present().write.waits != Some(Waits::Limit) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        has_waited.store(true, Ordering::Relaxed);
        control.set(None, Some(100_000));
    });
    // At one unit a second it would take ten minutes.
    let ran = tokio::time::timeout(Duration::from_secs(120), migrator.run(seen(), &options)).await;
    let summary = ran.expect("who waited went on by the new rate").unwrap();
    assert_eq!((summary.state.as_str(), summary.counts.changed), ("applied", 600));
    operator.await.unwrap();
    assert!(waited.load(Ordering::Relaxed));
    assert_eq!(rates.present().write.limit, Some(100_000));
}

/// Marks each item.
fn seen() -> Arc<Native> {
    Arc::new(Native::new(Description::new(1, "seen"), "1", |_| {
        let set = [("seen", Value::Bool(true))].into_iter().collect();
        Ok::<_, String>(vec![Action::Patch(Patch { set, remove: Vec::new() })])
    }))
}

/// Runs it with the first writes throttled for a reason; gives the rates of all writes that events told.
async fn rates_when_throttled(reason: &str) -> Vec<PresentRate> {
    let world = World::with_rows(300);
    let proxy = Proxy::start(&world.running.endpoint_url());
    proxy.add(Rule::on(&["BatchExecuteStatement"], Fault::throttled(reason)).first(2));
    let told = Arc::new(Mutex::new(Vec::new()));
    let note = told.clone();
    let settings = ConnectionSettings { endpoint_url: Some(proxy.endpoint_url()), ..ConnectionSettings::default() };
    let migrator = Migrator::connect(settings).await.unwrap().runs_dir(world.runs()).observe(move |event| {
        if let Event::Applied(progress) = event {
            note.lock().unwrap().push(progress.rates.write);
        }
    });
    let options = RunOptions { segments: 2, max_write_units: Some("2000".parse().unwrap()), ..RunOptions::new("Things") };
    let summary = migrator.run(seen(), &options).await.unwrap();
    assert_eq!((summary.state.as_str(), summary.counts.changed), ("applied", 300));
    assert_eq!(proxy.faults(), 2);
    let told = told.lock().unwrap().clone();
    assert!(!told.is_empty() && told.iter().all(|rate| rate.limit == Some(2000)), "{told:?}");
    told
}

#[tokio::test]
async fn a_throttled_table_slows_all_and_events_say_so() {
    let reasons = [
        ("TableWriteProvisionedThroughputExceeded", Throttle::Table),
        ("IndexWriteProvisionedThroughputExceeded", Throttle::Index),
        ("TableWriteAccountLimitExceeded", Throttle::Account),
    ];
    for (reason, throttle) in reasons {
        let told = rates_when_throttled(reason).await;
        let slowed = |rate: &PresentRate| rate.present < rate.limit && rate.waits == Some(Waits::Throttled(throttle));
        assert!(told.iter().any(slowed), "{reason}: {told:?}");
    }
}

#[tokio::test]
async fn a_throttled_range_of_keys_leaves_the_rate_as_it_is() {
    let told = rates_when_throttled("TableWriteKeyRangeThroughputExceeded").await;
    assert!(told.iter().all(|rate| rate.present == rate.limit), "{told:?}");
    assert!(told.iter().any(|rate| rate.waits == Some(Waits::Throttled(Throttle::KeyRange))), "{told:?}");
}

#[test]
fn what_a_run_will_take_is_said_before_it_and_compared_after_it() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_numbers(12_000);
    let rates = ["--max-read-units", "5000", "--max-write-units", "100000"];
    let arguments = ["run", &echo, "--table", "Things", "--filter", "n > 6000", "--json"];
    let (code, out, error) = world.drift_host(&[&arguments[..], &rates[..]].concat());
    assert_eq!(code, 0, "{error}");
    assert!(error.contains("estimate: 12000 items") && error.contains("and a sample of 200"), "{error}");
    assert!(error.contains("the first write in about"), "{error}");
    let document: Json = serde_json::from_str(&out).unwrap();
    let number = |pointer: &str| document.pointer(pointer).and_then(Json::as_f64).unwrap_or_else(|| panic!("{pointer}: {out}"));
    // Half of the items match, and of a sample of 200 more or less.
    assert!((4_200.0..=7_800.0).contains(&number("/estimate/matching")), "{out}");
    assert_eq!(number("/estimate/write_units"), number("/estimate/matching"), "an item of less than a kilobyte is a unit: {out}");
    let (expected, read) = (number("/estimate/read_units"), number("/units/read"));
    assert!((0.8 * read..=1.2 * read).contains(&expected), "{expected} of {read}");
    let run = document["run"].as_str().unwrap();
    let (code, shown, error) = world.drift_host(&["show", run]);
    assert_eq!(code, 0, "{error}");
    assert!(shown.contains("  estimate 12000 items, ") && shown.contains("it took"), "{shown}");
    // A small table is not sampled: its scan costs hardly more.
    let small = World::with_rows(30);
    let (code, _, error) = small.drift_host(&["plan", &echo, "--table", "Things"]);
    assert_eq!(code, 0, "{error}");
    assert!(error.contains("estimate: 30 items") && !error.contains("a sample"), "{error}");
}
