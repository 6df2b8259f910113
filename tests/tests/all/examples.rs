//! The examples on their real data, through the binary; and the SDK's promises that only a host can show.

use std::path::PathBuf;
use std::sync::Arc;

use drift_host::model::{Item, Number, Value};
use drift_host::run::RunOptions;
use drift_tests::World;

/// The component of an example or a test guest; `None`, said aloud, where there is no toolchain for guests.
fn guest(name: &str) -> Option<String> {
    let Some(dir) = std::env::var_os("DRIFT_GUESTS_DIR") else {
        println!("skipped: no guests were built (run `cargo xtask test`, which says what is missing)");
        return None;
    };
    Some(PathBuf::from(dir).join(format!("{name}.wasm")).display().to_string())
}

fn strikes() -> World {
    World::with_data(&["Strikes:+Id=birdstrikes.csv", "Claims:+Id=no.json"])
}

fn count(items: &[Item], holds: impl Fn(&Item) -> bool) -> usize {
    items.iter().filter(|item| holds(item)).count()
}

fn map<'a>(item: &'a Item, name: &str) -> &'a Item {
    match item.get(name) {
        Some(Value::M(map)) => map,
        other => panic!("{name} is {other:?} in {item:?}"),
    }
}

/// As DynamoDB keeps it: `7` and `7.0` differ here.
fn byte_for_byte(items: &[Item]) -> Vec<String> {
    items.iter().map(|item| format!("{item:?}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_strikes_are_tidied_once_and_come_back_byte_for_byte() {
    let Some(tidy) = guest("tidy_strikes") else { return };
    let world = strikes();
    let before = world.table("Strikes").await;
    let (code, out, error) = world.drift_host(&["run", &tidy, "--table", "Strikes", "--json"]);
    assert_eq!(code, 0, "{error}");
    let document: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (&document["state"], &document["items"]["changed"], &document["actions"]["patch"]),
        (&"applied".into(), &10_000.into(), &10_000.into())
    );

    let after = world.table("Strikes").await;
    assert_eq!(after.len(), 10_000);
    let snake = |name: &str| name == "Id" || name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    assert!(after.iter().all(|strike| strike.names().all(snake)), "no name with a blank, a capital or a $");
    let blank = |value: &Value| matches!(value.as_s(), Some("" | "None" | "Unknown"));
    assert!(after.iter().all(|strike| strike.iter().all(|(_, value)| !blank(value))));
    // Counted in the CSV: 2,836 rows without a speed, 8,939 damages "None", 1,084 of US AIRWAYS*, 8,009 unknown species.
    assert_eq!(count(&after, |strike| !strike.contains("speed_knots")), 2_836);
    assert_eq!(count(&after, |strike| !strike.contains("damage")), 8_939);
    assert_eq!(count(&after, |strike| strike.get("operator").and_then(Value::as_s) == Some("US AIRWAYS")), 1_084);
    assert_eq!(count(&after, |strike| !strike.contains("species")), 8_009);
    let zero = Number::from(0);
    assert_eq!(count(&after, |strike| map(strike, "costs").get("total").and_then(Value::as_n).unwrap() > &zero), 209);

    let (code, out, _) = world.drift_host(&["run", &tidy, "--table", "Strikes"]);
    assert_eq!((code, out.starts_with("already-applied")), (0, true), "{out}");
    assert_eq!(byte_for_byte(&world.table("Strikes").await), byte_for_byte(&after));

    let (code, out, error) = world.drift_host(&["undo", &tidy, "--table", "Strikes"]);
    assert_eq!((code, out.starts_with("undone")), (0, true), "{out}{error}");
    assert_eq!(byte_for_byte(&world.table("Strikes").await), byte_for_byte(&before));
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_are_inserted_where_granted_once_a_strike_that_cost_money_and_existing_ones_are_kept() {
    let (Some(tidy), Some(claims)) = (guest("tidy_strikes"), guest("claims")) else { return };
    let world = strikes();
    let granted = ["--grant", "insert:Claims", "--grant", "delete:Claims"];
    let run = |verb: &'static str| {
        let arguments: Vec<&str> = [verb, &claims, "--table", "Strikes"].into_iter().chain(granted).collect();
        world.drift_host(&arguments)
    };
    let (code, _, error) = world.drift_host(&["run", &claims, "--table", "Strikes"]);
    assert_eq!(code, 3, "{error}");
    assert!(error.contains("--grant insert:Claims") && error.contains("--grant delete:Claims"), "{error}");
    assert!(world.table("Claims").await.is_empty());

    assert_eq!(run("run").0, 0);
    let untidy = world.table("Claims").await;
    assert_eq!(untidy.len(), 209);
    assert!(untidy.iter().all(|claim| claim.get("amount").and_then(Value::as_n).is_some_and(|amount| *amount > Number::from(0))));
    assert_eq!(run("undo").0, 0);
    assert!(world.table("Claims").await.is_empty());

    assert_eq!(world.drift_host(&["run", &tidy, "--table", "Strikes"]).0, 0);
    let strikes = world.table("Strikes").await;
    assert_eq!(run("run").0, 0);
    let tidied = world.table("Claims").await;
    assert_eq!(tidied.len(), 209, "the same claims of tidied strikes");
    assert_eq!(world.table("Strikes").await, strikes, "the strikes themselves are not touched");
}

#[tokio::test(flavor = "multi_thread")]
async fn earthquakes_are_flattened_exactly_and_come_back_byte_for_byte() {
    let Some(quakes) = guest("quakes") else { return };
    let world = World::with_data(&["Quakes:id=earthquakes.jsonl"]);
    let before = world.table("Quakes").await;
    let (code, out, error) = world.drift_host(&["run", &quakes, "--table", "Quakes"]);
    assert_eq!((code, out.starts_with("applied")), (0, true), "{out}{error}");
    let after = world.table("Quakes").await;
    assert_eq!(after.len(), 1_707);
    assert!(after.iter().all(|quake| !quake.contains("properties") && quake.iter().all(|(_, value)| *value != Value::Null)));
    let castaic = after.iter().find(|quake| quake.get("id").and_then(Value::as_s) == Some("ci37868143")).unwrap();
    assert_eq!(map(castaic, "position").get("longitude").and_then(Value::as_n).unwrap().as_str(), "-118.6671667");
    assert_eq!(castaic.get("time").and_then(Value::as_s), Some("2018-02-07T01:26:13.84Z"));
    let (code, out, error) = world.drift_host(&["undo", &quakes, "--table", "Quakes"]);
    assert_eq!((code, out.starts_with("undone")), (0, true), "{out}{error}");
    assert_eq!(byte_for_byte(&world.table("Quakes").await), byte_for_byte(&before));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_migration_as_plugin_and_as_native_closure_gives_byte_identical_tables() {
    let Some(tidy) = guest("tidy_strikes") else { return };
    let world = World::with_data(&["Strikes:+Id=birdstrikes.csv", "Native:+Id=birdstrikes.csv"]);
    let before = world.table("Native").await;
    let (code, _, error) = world.drift_host(&["run", &tidy, "--table", "Strikes"]);
    assert_eq!(code, 0, "{error}");
    // Another history, where the number is free.
    let migrator = world.migrator().await.meta_table("native_migrations");
    let native = || Arc::new(drift_tests::native(tidy_strikes::MIGRATION));
    let summary = migrator.run(native(), &RunOptions::new("Native")).await.unwrap();
    assert_eq!((summary.state.as_str(), summary.counts.changed), ("applied", 10_000));
    assert_eq!(byte_for_byte(&world.table("Native").await), byte_for_byte(&world.table("Strikes").await));
    assert_eq!(migrator.undo(native(), &RunOptions::new("Native")).await.unwrap().state.as_str(), "undone");
    assert_eq!(byte_for_byte(&world.table("Native").await), byte_for_byte(&before));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_is_that_items_error_with_its_message_and_place() {
    let Some(panics) = guest("panics") else { return };
    let world = World::with_rows(40);
    let (code, out, error) = world.drift_host(&["run", &panics, "--table", "Things", "--arg", "id=7", "--max-errors", "1"]);
    assert_eq!(code, 1, "{error}");
    assert!(
        out.contains("Id=7: panicked at ") && out.contains("panics/src/lib.rs:") && out.contains("no luck with this item"),
        "{out}"
    );
    let touched = world.table("Things").await;
    assert_eq!(count(&touched, |thing| thing.get("touched") == Some(&Value::Bool(true))), 39, "the others are done");
    let (_, out, _) = world.drift_host(&["try", &panics, "--table", "Things", "--arg", "id=7", "--sample", "40"]);
    assert!(out.contains("about to panic on 7 of Things"), "{out}");
}
