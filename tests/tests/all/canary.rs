//! `--canary N`: the first items are carried out and looked at, and nothing beyond them is written without a yes.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use drift_host::dynamo::Billing;
use drift_host::migration::DirectFailure;
use drift_host::model::{Action, Description, Existing, Insert, Item, KeyAttribute, KeySchema, KeyType, Patch, Value};
use drift_host::{AtOnce, Canary, Event, Native, RunOptions, Summary};
use drift_tests::{World, guest};

async fn touched(world: &World) -> usize {
    world.table("Things").await.iter().filter(|item| item.get("touched") == Some(&Value::Bool(true))).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_yes_only_the_first_items_are_written_and_the_run_goes_on_or_back() {
    let Some(echo) = guest("echo") else { return };
    for back in [false, true] {
        let world = World::with_rows(2_500);
        let (code, out, error) = world.drift_host(&["run", &echo, "--table", "Things", "--canary", "30"]);
        assert_eq!(code, 1, "{out}{error}");
        let looked = "canary: 30 items carried out: 30 are as planned, 0 were changed since; 0 failed, 0 in doubt; 2470 are left";
        assert!(error.contains(looked), "{error}");
        assert!(out.starts_with("incomplete") && out.contains("stopped after its canary with 2470 items to go"), "{out}");
        assert!(error.contains("add --yes where nobody can be asked"), "{error}");
        assert_eq!(touched(&world).await, 30);
        let run = world.only_run();
        let (_, status, _) = world.drift_host(&["status"]);
        assert!(status.starts_with("no migration is applied") && status.contains(&run), "{status}");
        if back {
            let (code, out, error) = world.drift_host(&["undo", "--run", &run]);
            assert_eq!((code, touched(&world).await), (0, 0), "{out}{error}");
        } else {
            let (code, out, error) = world.drift_host(&["apply", &run]);
            assert_eq!((code, out.starts_with("applied"), touched(&world).await), (0, true, 2_500), "{out}{error}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_yes_in_advance_the_rest_follows_and_a_plan_may_have_a_canary_too() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_rows(200);
    let (code, out, error) = world.drift_host(&["plan", &echo, "--table", "Things"]);
    assert_eq!(code, 0, "{out}{error}");
    let run = world.only_run();
    let (code, out, error) = world.drift_host(&["apply", &run, "--canary", "7"]);
    assert_eq!((code, touched(&world).await), (1, 7), "{out}{error}");
    let (code, out, error) = world.drift_host(&["apply", &run, "--canary", "7", "--yes"]);
    assert_eq!((code, touched(&world).await), (0, 200), "{out}{error}");
    assert!(error.contains("canary: 7 items carried out") && error.contains("186 are left"), "{error}");
}

/// Runs a migration with a canary of five; gives the summary, what was found, and whether anybody was asked.
async fn with_canary(world: &World, migration: Native) -> (Summary, Canary, bool) {
    let asked = Arc::new(AtomicBool::new(false));
    let (ask, seen) = (asked.clone(), Arc::new(Mutex::new(Vec::new())));
    let told = seen.clone();
    let migrator = world.migrator().await.approve(move |_| {
        ask.store(true, Relaxed);
        true
    });
    let migrator = migrator.observe(move |event| {
        if let Event::Canary(canary) = event {
            told.lock().unwrap().push(canary);
        }
    });
    let options = RunOptions { canary: Some(5), ..RunOptions::new("Things") };
    let summary = migrator.run(Arc::new(migration), &options).await.unwrap();
    let seen: Vec<Canary> = seen.lock().unwrap().clone();
    let [canary] = seen.try_into().unwrap();
    (summary, canary, asked.load(Relaxed))
}

fn repeatable(number: u32, name: &str) -> Description {
    Description { repeatable: true, ..Description::new(number, name) }
}

fn n(item: &Item) -> i64 {
    item.get("n").unwrap().as_n().unwrap().to_string().parse().unwrap()
}

fn set(name: &str, value: impl Into<Value>) -> Vec<Action> {
    vec![Action::Patch(Patch { set: [(name, value.into())].into_iter().collect(), remove: vec![] })]
}

async fn changed(world: &World) -> usize {
    world.table("Things").await.iter().filter(|item| item.get("n") != item.get("Id") || item.contains("marked")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_called_repeatable_and_is_not_is_found_by_its_canary_and_nobody_is_asked() {
    let world = World::with_numbers(300);
    let grow = Native::new(repeatable(4, "grow"), "1", |item: Item| Ok::<_, String>(set("n", n(&item) + 1)));
    let (summary, canary, asked) = with_canary(&world, grow).await;
    assert_eq!((summary.state.as_str(), asked), ("incomplete", false));
    assert_eq!((canary.done, canary.as_planned, canary.not_settled, canary.left), (5, 5, 5, 295));
    assert!(!canary.is_clean() && canary.to_string().contains("would change 5 of them once more"), "{canary}");
    assert_eq!(changed(&world).await, 5, "nothing further was written");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_fails_on_its_own_result_is_found_by_its_canary() {
    let world = World::with_numbers(300);
    let once = Native::new(repeatable(4, "once"), "1", |item: Item| match item.contains("marked") {
        false => Ok(set("marked", true)),
        true => Err("it is marked already"),
    });
    let (summary, canary, asked) = with_canary(&world, once).await;
    assert_eq!((summary.state.as_str(), asked, canary.not_settled), ("incomplete", false, 5));
    assert_eq!(changed(&world).await, 5, "nothing further was written");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_that_cannot_be_written_ends_the_run_and_nothing_further_is_written() {
    let world = World::with_numbers(300);
    let migrator = world.migrator().await;
    // The place in the other table is taken for each.
    let key = KeySchema { partition: KeyAttribute { name: "Id".into(), kind: KeyType::N }, sort: None };
    let client = migrator.database().client();
    client.create_table("Others", &key, &Billing::OnDemand).await.unwrap();
    client.wait_until_active("Others", Duration::from_secs(10)).await.unwrap();
    let planned = |item: &Item| {
        let insert = Insert {
            table: Some("Others".into()),
            item: [("Id", item.get("Id").unwrap().clone())].into_iter().collect(),
            existing: Existing::Fail,
        };
        [set("marked", true), vec![Action::Insert(insert)]].concat()
    };
    for item in world.table("Things").await {
        client.put_item("Others", &[("Id", item.get("Id").unwrap().clone())].into_iter().collect(), None).await.unwrap();
    }
    let copy = Native::new(Description::new(4, "copy"), "1", move |item: Item| Ok::<_, String>(planned(&item)));
    let (summary, canary, asked) = with_canary(&world, copy).await;
    assert_eq!((summary.state.as_str(), asked, canary.failed, canary.done, canary.left), ("incomplete", false, 5, 0, 295));
    assert_eq!(changed(&world).await, 0);
    let told = drift_host::report::summary(&summary);
    assert!(told.contains("stopped after its canary with 295 items to go") && told.contains("failed   Id="), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_writes_at_once_is_not_asked_again() {
    let world = World::with_numbers(300);
    let calls = Arc::new(AtomicUsize::new(0));
    let count = calls.clone();
    let writes = Native::with_client(repeatable(4, "writes"), "1", AtOnce::Writes, move |item: Item, _| {
        count.fetch_add(1, Relaxed);
        Ok::<_, DirectFailure>(if item.contains("marked") { vec![] } else { set("marked", true) })
    });
    let (summary, canary, asked) = with_canary(&world, writes).await;
    assert_eq!((summary.state.as_str(), asked, canary.as_planned, canary.left), ("applied", true, 5, 295));
    assert_eq!((calls.load(Relaxed), changed(&world).await), (300, 300));
}

#[tokio::test(flavor = "multi_thread")]
async fn inserts_that_keep_what_exists_are_repeated_for_nothing_and_not_held_against_it() {
    let Some(claims) = guest("claims") else { return };
    let world = World::with_data(&["Strikes:+Id=birdstrikes.csv", "Claims:+Id=no.json"]);
    let arguments = ["run", &claims, "--table", "Strikes", "--grant", "asked", "--canary", "20", "--yes"];
    let (code, out, error) = world.drift_host(&arguments);
    assert_eq!(code, 0, "{out}{error}");
    assert!(error.contains("canary: 20 items carried out") && error.contains("189 are left"), "{error}");
    assert!(out.contains("insert:Claims, used 209 times"), "being asked again is no use of a grant: {out}");
    assert_eq!(world.table("Claims").await.len(), 209);
}
