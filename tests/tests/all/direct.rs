//! DynamoDB at once, through the binary: only where granted, within limits, and never the item handed in.

use drift_host::model::Value;
use drift_tests::{World, guest, inspect};
use serde_json::Value as Json;

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
