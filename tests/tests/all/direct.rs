//! DynamoDB at once, through the binary: only where granted, within limits, and never the item handed in.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use drift_host::migration::{DirectClient, DirectCondition, DirectFailure, DirectQuery};
use drift_host::model::{Action, Description, Item, Patch, Value};
use drift_host::{AtOnce, Migrator, Native, RunOptions};
use drift_tests::plain::must;
use drift_tests::{World, guest, inspect};
use serde_json::{Value as Json, json};

/// Things and Owners, with the same keys; two things have no owner.
fn world() -> World {
    let dir = tempfile::tempdir().unwrap();
    let load = |name: &str, rows: u32| {
        let file = dir.path().join(format!("{name}.jsonl"));
        let lines: String = (1..=rows)
            .map(|n| format!("{{\"Id\": {n}, \"name\": \"{name} {n}\", \"deep\": {{\"a\": [1, {{\"b\": {n}}}]}}}}\n"))
            .collect();
        std::fs::write(&file, lines).unwrap();
        format!("{name}:Id={}", file.display())
    };
    let loads = [load("Things", 5), load("Owners", 3)];
    World { running: drift_tests::embedded(loads.iter().map(|load| load.parse().unwrap()).collect()), dir }
}

fn run(world: &World, verb: &str, direct: &str, mode: &str, more: &[&str]) -> (i32, String, String) {
    let mode = format!("mode={mode}");
    let arguments: Vec<&str> =
        [verb, direct, "--table", "Things", "--arg", &mode].into_iter().chain(more.iter().copied()).collect();
    world.drift_host(&arguments)
}

const READ: [&str; 2] = ["--grant", "direct-read:Owners"];

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_looks_rows_up_in_another_table_once_it_is_granted() {
    let Some(direct) = guest("direct") else { return };
    let world = world();
    let (code, _, error) = run(&world, "run", &direct, "read", &[]);
    assert_eq!(code, 3, "{error}");
    assert!(error.contains("--grant direct-read:Owners   looks owners up"), "{error}");

    let (code, out, error) = run(&world, "try", &direct, "read", &READ);
    assert!(code == 0 && out.contains("owner name"), "{out}{error}");
    let (code, out, error) = run(&world, "run", &direct, "read", &[&READ[..], &["--json"]].concat());
    assert_eq!(code, 0, "{out}{error}");
    let document: Json = serde_json::from_str(&out).unwrap();
    assert_eq!((&document["items"]["changed"], &document["items"]["unchanged"]), (&3.into(), &2.into()));
    assert_eq!((&document["accesses"][0]["grant"], &document["accesses"][0]["used"]), (&"direct-read:Owners".into(), &5.into()));
    let owners = world.table("Owners").await;
    for thing in world.table("Things").await.iter().filter(|thing| thing.contains("owner name")) {
        let owner = owners.iter().find(|owner| owner.get("Id") == thing.get("Id")).unwrap();
        assert_eq!(thing.get("owner name"), owner.get("name"));
        assert_eq!(thing.get("owner deep"), owner.get("deep"), "lists and maps come whole");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_strikes_look_up_the_claims_of_those_that_cost_money() {
    let (Some(claims), Some(status), Some(tidy)) = (guest("claims"), guest("claim_status"), guest("tidy_strikes")) else {
        return;
    };
    let world = World::with_data(&["Strikes:+Id=birdstrikes.csv", "Claims:+Id=no.json"]);
    let (code, _, error) = world.drift_host(&["run", &claims, "--table", "Strikes", "--grant", "asked"]);
    assert_eq!(code, 0, "{error}");
    let before = world.table("Strikes").await;

    let (code, out, error) = world.drift_host(&["run", &status, "--table", "Strikes", "--grant", "asked"]);
    assert_eq!(code, 0, "{out}{error}");
    assert!(out.contains("10000 scanned, 209 changed") && out.contains("direct-read:Claims, used 209 times"), "{out}");
    let claims = world.table("Claims").await;
    let after = world.table("Strikes").await;
    let looked_up = |strike: &&drift_host::model::Item| strike.contains("claim_status");
    for strike in after.iter().filter(looked_up) {
        let claim = claims.iter().find(|claim| claim.get("Id") == strike.get("Id")).unwrap();
        assert_eq!((strike.get("claim_status"), strike.get("claim_amount")), (claim.get("status"), claim.get("amount")));
    }
    assert_eq!(after.iter().filter(looked_up).count(), 209);

    let (code, out, error) = world.drift_host(&["undo", &status, "--table", "Strikes", "--grant", "asked"]);
    assert_eq!(code, 0, "{out}{error}");
    assert_eq!(world.table("Strikes").await, before);

    let (_, inspected, _) = inspect(&[&status, "--json"]);
    assert!(inspected.contains("drift:migration/dynamodb@0.1.0"), "{inspected}");
    let (_, inspected, _) = inspect(&[&tidy, "--json"]);
    assert!(!inspected.contains("dynamodb@"), "only who calls it imports it: {inspected}");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_sdk_a_counter_hands_out_each_number_once() {
    let Some(numbering) = guest("numbering") else { return };
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, lines: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, lines).unwrap();
        path.display().to_string()
    };
    let things: String = (1..=40).map(|n| format!("{{\"Id\": {n}}}\n")).collect();
    let loads = [
        format!("Things:Id={}", file("things.jsonl", &things)),
        format!("Numbers:kind,n={}", file("numbers.jsonl", "{\"kind\": \"counter\", \"n\": 0}\n")),
    ];
    let world = World { running: drift_tests::embedded(loads.iter().map(|load| load.parse().unwrap()).collect()), dir };
    let arguments = ["run", &numbering, "--table", "Things", "--grant", "asked", "--concurrency", "4"];
    let (code, out, error) = world.drift_host(&arguments);
    assert_eq!(code, 0, "{out}{error}");
    let numbers = |things: Vec<drift_host::model::Item>| {
        let mut numbers: Vec<String> = things.iter().map(|thing| format!("{:?}", thing.get("number").unwrap())).collect();
        numbers.sort();
        numbers
    };
    let given = numbers(world.table("Things").await);
    let all = (1..=40).map(|n| [("number", Value::from(n))].into_iter().collect::<drift_host::model::Item>()).collect();
    assert_eq!(given, numbers(all), "forty numbers, none twice");
    assert_eq!(world.table("Numbers").await.len(), 41);
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_give_pages_however_many_items_are_asked_for() {
    let Some(direct) = guest("direct") else { return };
    let world = world();
    let (code, out, error) = run(&world, "run", &direct, "query", &[&READ[..], &["--arg", "limit=4294967295"]].concat());
    assert_eq!(code, 0, "{out}{error}");
    let found = |number: i64| move |thing: &&drift_host::model::Item| thing.get("found") == Some(&Value::from(number));
    let things = world.table("Things").await;
    assert_eq!((things.iter().filter(found(1)).count(), things.iter().filter(found(0)).count()), (3, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn direct_writes_have_no_plan_and_are_read_at_once() {
    let Some(direct) = guest("direct") else { return };
    let world = world();
    let granted = ["--grant", "direct-read:Owners", "--grant", "direct-write:Owners"];
    for verb in ["plan", "try"] {
        let (code, _, error) = run(&world, verb, &direct, "write", &granted);
        assert!(code == 3 && error.contains("nothing of it can be previewed"), "{verb}: {error}");
    }
    assert!(world.table("Owners").await.iter().all(|owner| !owner.contains("count")), "nothing was written");
    let (code, out, error) = run(&world, "run", &direct, "write", &granted);
    assert!(code == 0 && error.contains("cannot be previewed"), "{out}{error}");
    assert!(out.contains("direct-write:Owners, used 16 times"), "{out}");
    let owners = world.table("Owners").await;
    assert_eq!(owners.len(), 4, "five were put, and one of them deleted");
    assert!(owners.iter().all(|owner| owner.get("count") == Some(&Value::from(2))), "{owners:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_granted_is_denied_by_name_and_counted() {
    let Some(direct) = guest("direct") else { return };
    let world = world();
    let pattern = ["--grant", "direct-read:Own*", "--arg"];
    for (mode, table, words) in [
        ("read", "table=Things", "denied: not granted: direct-read:."),
        (
            "read",
            "table=Other",
            "denied: not granted: direct-read:Other. If this is wanted, run again with `--grant direct-read:Other`",
        ),
        ("read", "table=Own*", "denied: \"Own*\" is no table's name or ARN"),
        ("read", "table=", "is no table's name or ARN"),
        ("only-write", "table=Owners", "denied: not granted: direct-write:Owners"),
        ("wrong-key", "table=Owners", "that is no key of the table Owners: the key attribute \"Id\" is missing"),
        ("read", "table=Owned", "ResourceNotFound"),
    ] {
        let (code, out, error) = run(&world, "run", &direct, mode, &[&pattern[..], &[table]].concat());
        assert_eq!(code, 1, "{out}{error}");
        assert!(out.starts_with("refused") && out.contains(words), "{mode} {table}: {out}");
        if words.contains("not granted") {
            assert!(out.contains("refused 5 times, first for Id="), "{out}");
        }
    }
    assert_eq!(world.table("Owners").await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_item_handed_in_is_never_written_at_once() {
    let Some(direct) = guest("direct") else { return };
    let world = world();
    let granted = [&READ[..], &["--grant", "direct-write:."]].concat();
    let (code, out, error) = run(&world, "run", &direct, "this", &granted);
    assert_eq!(code, 1, "{out}{error}");
    assert!(out.contains("the item that was handed in is not written at once"), "{out}");
    assert_eq!(world.table("Things").await.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loop_of_calls_ends_at_its_limit() {
    let Some(direct) = guest("direct") else { return };
    let world = world();
    for (limit, words) in [
        ("direct-calls=100", "made more than 100 calls to DynamoDB for one item, the limit (--limit direct-calls)"),
        ("direct-bytes=1KiB", "moved more than 1 KiB by calls to DynamoDB for one item, the limit (--limit direct-bytes)"),
    ] {
        let (code, out, error) = run(&world, "run", &direct, "loop", &[&READ[..], &["--limit", limit]].concat());
        assert_eq!(code, 1, "{out}{error}");
        assert!(out.contains(words), "{out}");
    }
    let endless =
        [&READ[..], &["--limit", "direct-calls=1000000", "--limit", "direct-bytes=4GiB", "--limit", "item-time=300ms"]].concat();
    let (code, out, error) = run(&world, "run", &direct, "loop", &endless);
    assert_eq!(code, 1, "{out}{error}");
    assert!(out.contains("took longer than 0.3 s, the limit (--limit item-time)"), "{out}");
}

/// Seven visits for each of three things, by the thing and by an index that turns them round; every second one is a `short` one.
fn visits(world: &World) {
    let endpoint = world.running.endpoint_url();
    let (key, number, text) = (
        |name: &str, kind: &str| json!({ "AttributeName": name, "KeyType": kind }),
        |value: u32| json!({ "N": value.to_string() }),
        |value: String| json!({ "S": value }),
    );
    let index = json!({
        "IndexName": "by-place", "KeySchema": [key("of", "HASH"), key("place", "RANGE")], "Projection": { "ProjectionType": "ALL" },
    });
    let table = json!({
        "TableName": "Visits", "BillingMode": "PAY_PER_REQUEST", "KeySchema": [key("of", "HASH"), key("at", "RANGE")],
        "AttributeDefinitions": [
            { "AttributeName": "of", "AttributeType": "N" }, { "AttributeName": "at", "AttributeType": "N" },
            { "AttributeName": "place", "AttributeType": "S" },
        ],
        "GlobalSecondaryIndexes": [index],
    });
    must(&endpoint, "CreateTable", &table);
    for of in 1..=3 {
        for at in 1..=7 {
            let kind = if at % 2 == 0 { "short" } else { "long" };
            let item = json!({
                "of": number(of), "at": number(at), "place": text(format!("place {}", 9 - at)), "kind": text(kind.into()),
            });
            must(&endpoint, "PutItem", &json!({ "TableName": "Visits", "Item": item }));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_goes_on_page_by_page_by_an_index_too_and_a_filter_leaves_out() {
    let Some(direct) = guest("direct") else { return };
    let numbers = |found: i64, pages: i64| (Some(Value::from(found)), Some(Value::from(pages)));
    for (more, found) in [
        (&[][..], 7),
        (&["--arg", "kind=short"][..], 3),
        (&["--arg", "index=by-place"][..], 7),
        (&["--arg", "index=by-place", "--arg", "kind=long"][..], 4),
    ] {
        let world = world();
        visits(&world);
        let granted = ["--grant", "direct-read:Visits", "--grant", "direct-read:Owners", "--arg", "table=Visits"];
        let (code, out, error) = run(&world, "run", &direct, "pages", &[&granted[..], more].concat());
        assert_eq!(code, 0, "{out}{error}");
        for thing in world.table("Things").await {
            let id = thing.get("Id").unwrap().as_n().unwrap().to_string();
            let wanted = if ["1", "2", "3"].contains(&id.as_str()) { numbers(found, 3) } else { numbers(0, 1) };
            assert_eq!((thing.get("found").cloned(), thing.get("pages").cloned()), wanted, "{more:?}: {thing:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_may_call_at_once_as_well_where_it_is_granted() {
    let Some(direct) = guest("direct") else { return };
    let world = world();
    let before = (world.table("Things").await, world.table("Owners").await.len());
    let granted = ["--grant", "direct-read:Owners", "--grant", "direct-write:Owners"];
    let (code, out, error) = run(&world, "run", &direct, "only-write", &granted);
    assert_eq!(code, 0, "{out}{error}");
    assert_eq!(world.table("Owners").await.len(), before.1 + 2);
    let (code, _, error) = run(&world, "undo", &direct, "only-write", &READ);
    assert_eq!(code, 1, "{error}");
    assert_eq!(world.table("Owners").await.len(), before.1 + 2, "nothing was deleted without the grant");
    let unfinished = || {
        let (_, status, _) = world.drift_host(&["status", "--json"]);
        let status: Json = serde_json::from_str(&status).unwrap();
        status["unfinished"].as_array().map_or(0, Vec::len)
    };
    assert_eq!(unfinished(), 0, "a refused way back is not in the way of the next");
    let (code, out, error) = run(&world, "undo", &direct, "only-write", &granted);
    assert_eq!(code, 0, "{out}{error}");
    assert!(error.contains("cannot be previewed"), "{error}");
    assert_eq!((world.table("Things").await, world.table("Owners").await.len()), (before.0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_half_way_a_run_with_direct_writes_goes_on_and_what_was_written_stays() {
    let Some(numbering) = guest("numbering") else { return };
    const THINGS: usize = 150;
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, lines: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, lines).unwrap();
        path.display().to_string()
    };
    let things: String = (1..=THINGS).map(|n| format!("{{\"Id\": {n}}}\n")).collect();
    let loads = [
        format!("Things:Id={}", file("things.jsonl", &things)),
        format!("Numbers:kind,n={}", file("numbers.jsonl", "{\"kind\": \"counter\", \"n\": 0}\n")),
    ];
    let world = World { running: drift_tests::embedded(loads.iter().map(|load| load.parse().unwrap()).collect()), dir };
    let arguments = ["run", &numbering, "--table", "Things", "--grant", "asked", "--max-write-units", "200"];
    let mut child = world.command(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while world.table("Numbers").await.len() < 20 {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let given = world.table("Numbers").await.len();
    assert!(given < THINGS, "it was killed half-way: {given}");
    let (code, out, error) = world.drift_host(&["apply", &world.only_run()]);
    assert_eq!((code, out.starts_with("applied")), (0, true), "{out}{error}");
    let things = world.table("Things").await;
    let numbers: BTreeSet<String> = things.iter().map(|thing| format!("{:?}", thing.get("number").unwrap())).collect();
    assert_eq!((things.len(), numbers.len()), (THINGS, THINGS), "each has a number, and none twice");
    // The migration looks first whether a thing has its number already: written so, a replay does nothing twice.
    assert_eq!(world.table("Numbers").await.len(), 1 + THINGS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_calls_at_once_and_asks_for_nothing_is_not_started() {
    let Some(direct) = guest("direct") else { return };
    let world = world();
    let mut bytes = std::fs::read(&direct).unwrap();
    let asks = b"ASKS FOR: direct-read of Owners ";
    let at = bytes.windows(asks.len()).position(|window| window == asks).unwrap();
    bytes[at..at + asks.len()].copy_from_slice(b"ASKS FOR: nothing               ");
    let path = world.dir.path().join("silent.wasm");
    std::fs::write(&path, bytes).unwrap();
    let silent = path.display().to_string();
    let (code, out, error) = run(&world, "run", &silent, "read", &[]);
    assert_eq!(code, 3, "{out}{error}");
    assert!(error.contains("was granted no table for it") && error.contains("add --grant direct-read:TABLE"), "{error}");
    let (code, out, error) = run(&world, "run", &silent, "read", &READ);
    assert_eq!(code, 0, "{out}{error}");
}

/// What a closure answers about a thing that has an owner.
fn named(owner: &Item) -> Vec<Action> {
    let set = [("owner name", owner.get("name").unwrap().clone())].into_iter().collect();
    vec![Action::Patch(Patch { set, remove: vec![] })]
}

fn id_of(item: &Item) -> Item {
    [("Id", item.get("Id").unwrap().clone())].into_iter().collect()
}

async fn run_native(migrator: &Migrator, migration: Native) -> drift_host::Summary {
    migrator.run(Arc::new(migration), &RunOptions::new("Things")).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closure_is_given_the_client_too() {
    let world = world();
    let migrator = world.migrator().await;
    let reads =
        Native::with_client(Description::new(1, "owners"), "1", AtOnce::Reads, |thing: Item, client: &DirectClient<'_>| {
            let by_id = DirectCondition {
                expression: "#id = :id".into(),
                names: vec![("#id".into(), "Id".into())],
                values: [(":id", thing.get("Id").unwrap().clone())].into_iter().collect(),
            };
            let query =
                DirectQuery { table: "Owners".into(), key: by_id, forward: true, consistent: true, ..DirectQuery::default() };
            let (found, next) = client.query(query)?;
            assert!(next.is_none());
            let owner = client.get("Owners", id_of(&thing), true)?;
            assert_eq!(found.first(), owner.as_ref());
            Ok::<_, DirectFailure>(owner.as_ref().map(named).unwrap_or_default())
        });
    let summary = run_native(&migrator, reads).await;
    assert_eq!((summary.counts.changed, summary.counts.unchanged, summary.counts.failed), (3, 2, 0));

    // Whoever says that it only reads has a plan of all that it writes; and nobody writes the item at hand.
    for (at_once, words) in [(AtOnce::Reads, "only reads at once"), (AtOnce::Writes, "handed in is not written at once")] {
        let wrong = Native::with_client(Description::new(2, "wrong"), "1", at_once, |thing: Item, client: &DirectClient<'_>| {
            client.delete("Things", id_of(&thing), None).map(|()| Vec::<Action>::new())
        });
        let summary = run_native(&migrator, wrong).await;
        assert_eq!(summary.counts.failed, 5);
        let journal = migrator.open(summary.run().unwrap()).unwrap();
        let told = format!("{:?}", journal.outcomes(10).unwrap());
        assert!(told.contains(words), "{told}");
    }
    assert_eq!(world.table("Things").await.len(), 5);

    let count = |thing: Item, client: &DirectClient<'_>| {
        client.put("Owners", thing.clone(), None)?;
        let one = DirectCondition {
            expression: "ADD #count :one".into(),
            names: vec![("#count".into(), "count".into())],
            values: [(":one", 1.into())].into_iter().collect(),
        };
        let after = client.update("Owners", id_of(&thing), one, None)?;
        assert_eq!(client.get("Owners", id_of(&thing), true)?.as_ref(), Some(&after), "what was written is read at once");
        let absent = DirectCondition { expression: "attribute_not_exists(Id)".into(), ..DirectCondition::default() };
        match client.put("Owners", thing.clone(), Some(absent)) {
            Err(DirectFailure::ConditionFailed(Some(present))) => assert_eq!(present, after),
            other => panic!("{other:?}"),
        }
        Ok::<_, DirectFailure>(Vec::new())
    };
    let uncount =
        |thing: Item, client: &DirectClient<'_>| client.delete("Owners", id_of(&thing), None).map(|()| Vec::<Action>::new());
    let writes = || {
        Native::with_client(Description::new(3, "count"), "1", AtOnce::Writes, count).with_client_undo(AtOnce::Writes, uncount)
    };
    let refused = migrator.plan(Arc::new(writes()), &RunOptions::new("Things")).await.unwrap_err();
    assert!(refused.to_string().contains("previewed"), "{refused}");
    let summary = run_native(&migrator, writes()).await;
    assert_eq!((summary.counts.failed, world.table("Owners").await.len()), (0, 5));
    let summary = migrator.undo(Arc::new(writes()), &RunOptions::new("Things")).await.unwrap();
    assert_eq!((summary.counts.failed, world.table("Owners").await.len()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_drift_host_keeps_for_itself_is_not_migrated() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_rows(3);
    let (code, _, error) = world.drift_host(&["run", &echo, "--table", "Things"]);
    assert_eq!(code, 0, "{error}");
    for table in ["drift_migrations", "drift_migrations_runs"] {
        let before = world.table(table).await;
        let (code, _, error) = world.drift_host(&["run", &echo, "--table", table]);
        assert!(code == 3 && error.contains("drift-host's own"), "{error}");
        assert_eq!(world.table(table).await, before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_lets_the_item_at_hand_finish_its_calls_and_none_begin() {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    let world = world();
    let migrator = world.migrator().await;
    let rates = migrator.rates();
    let (over, looked, too_soon) =
        (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (has_ended, looks, early) = (over.clone(), looked.clone(), too_soon.clone());
    let closure = move |thing: Item, client: &DirectClient<'_>| {
        let is_first = looks.load(Ordering::SeqCst) == 0;
        if is_first {
            rates.pause(true);
        } else if !has_ended.load(Ordering::SeqCst) {
            early.fetch_add(1, Ordering::SeqCst);
        }
        // The pause of the first one does not end before this.
        client.get("Owners", id_of(&thing), true)?;
        looks.fetch_add(1, Ordering::SeqCst);
        if is_first {
            let (rates, has_ended) = (rates.clone(), has_ended.clone());
            std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(300));
                has_ended.store(true, Ordering::SeqCst);
                rates.pause(false);
            });
        }
        Ok::<_, DirectFailure>(Vec::new())
    };
    let options = RunOptions { concurrency: 1, segments: 1, ..RunOptions::new("Things") };
    let native = Native::with_client(Description::new(7, "looks"), "1", AtOnce::Reads, closure);
    let ran = tokio::time::timeout(Duration::from_secs(60), migrator.run(Arc::new(native), &options)).await;
    let summary = ran.expect("a pause that is over holds nothing up").unwrap();
    assert_eq!((summary.state.as_str(), summary.counts.failed), ("applied", 0), "{:?}", summary.errors);
    assert_eq!((looked.load(Ordering::SeqCst), too_soon.load(Ordering::SeqCst)), (5, 0));
}
