//! Plans that only ask, sweeps, and runs as files.

use std::sync::Arc;

use drift_host::Native;
use drift_host::model::{Action, Description, Item, Patch, Value};
use drift_host::run::RunOptions;
use drift_tests::plain::must;
use drift_tests::{World, guest};
use serde_json::{Value as Json, json};

fn parsed(text: &str) -> Json {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn journals(world: &World) -> usize {
    let files = std::fs::read_dir(world.runs()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    files.filter(|name| name.ends_with(".drift")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migrated_table_passes_the_check_and_one_old_write_is_named() {
    let Some(tidy) = guest("tidy_strikes") else { return };
    let world = World::with_data(&["Strikes:+Id=birdstrikes.csv"]);
    assert_eq!(world.drift_host(&["run", &tidy, "--table", "Strikes"]).0, 0);
    let check = ["plan", &tidy, "--table", "Strikes", "--check"];
    let (code, out, error) = world.drift_host(&check);
    assert_eq!((code, out.starts_with("nothing-to-change")), (0, true), "{out}{error}");
    assert_eq!(journals(&world), 1, "a check that finds nothing leaves nothing behind");

    let old = json!({ "Id": { "N": "4711" }, "Cost Repair": { "S": "5" }, "Effect Impact to flight": { "S": "None" } });
    must(&world.running.endpoint_url(), "PutItem", &json!({ "TableName": "Strikes", "Item": old }));
    let (code, out, error) = world.drift_host(&check);
    assert_eq!((code, out.contains("  items    Id=4711\n") && out.contains("Cost Repair")), (1, true), "{out}{error}");
    let (code, out, _) = world.drift_host(&["plan", &tidy, "--table", "Strikes", "--check", "--json"]);
    let would = &parsed(&out)["would_change"];
    assert_eq!((code, &would["items"], &would["samples"][0]["key"]), (1, &1.into(), &"Id=4711".into()), "{out}");

    let (code, out, error) = world.drift_host(&["run", &tidy, "--table", "Strikes", "--sweep"]);
    assert_eq!(code, 0, "{out}{error}");
    assert_eq!(world.drift_host(&check).0, 0);
    let (_, out, _) = world.drift_host(&["status", "--json"]);
    assert_eq!(parsed(&out)["applied"].as_array().unwrap().len(), 1, "recorded once");
}

fn marking(describe: Description) -> Arc<Native> {
    let set = |_: Item| {
        let set = [("mark", Value::from(1))].into_iter().collect();
        Ok::<_, String>(vec![Action::Patch(Patch { set, remove: vec![] })])
    };
    Arc::new(Native::new(describe, "1", set))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_repeats_until_nothing_is_left_and_is_only_for_repeatable_migrations() {
    let world = World::with_rows(30);
    let options = RunOptions::new("Things");
    // While the first round is applied, the application puts an item of the old shape.
    let endpoint = world.running.endpoint_url();
    let migrator = world.migrator().await.observe(move |event| {
        if let drift_host::Event::Sealed(30) = event {
            let late = json!({ "Id": { "N": "99" }, "name": { "S": "late" } });
            must(&endpoint, "PutItem", &json!({ "TableName": "Things", "Item": late }));
        }
    });
    let error = migrator.sweep(marking(Description::new(7, "mark")), &options, 3).await.unwrap_err();
    assert_eq!((error.exit_code(), error.to_string().contains("repeatable")), (2, true), "{error}");
    let (summary, none_left) = migrator.sweep(marking(Description::new(7, "mark").repeatable()), &options, 3).await.unwrap();
    assert_eq!((summary.state.as_str(), summary.counts.changed, none_left), ("applied", 1, true));
    assert!(world.table("Things").await.iter().all(|item| item.contains("mark")));
    assert_eq!((migrator.applied().await.unwrap().len(), journals(&world)), (1, 2));
    assert!(migrator.unfinished().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn status_lists_the_journals_and_prune_removes_those_that_are_over_and_no_more() {
    let world = World::with_rows(30);
    let migrator = world.migrator().await;
    let options = RunOptions::new("Things");
    let mut ids = Vec::new();
    for number in [1u32, 2] {
        let summary = migrator.run(marking(Description::new(number, "mark")), &options).await.unwrap();
        ids.push(summary.run().unwrap().to_owned());
        tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    }
    ids.push(migrator.plan(marking(Description::new(3, "mark")), &options).await.unwrap().run().unwrap().to_owned());
    std::fs::write(world.runs().join("20200101-000000-aaaa.drift"), "no journal").unwrap();
    let (code, out, error) = world.drift_host(&["status", "--json"]);
    assert_eq!(code, 0, "{error}");
    let status = parsed(&out);
    let runs = status["runs"].as_array().unwrap();
    let states: Vec<&Json> = runs.iter().filter(|run| run["error"].is_null()).map(|run| &run["state"]).collect();
    assert_eq!(states, ["applied", "applied", "planned"]);
    assert!(runs.iter().all(|run| run["bytes"].as_u64().unwrap() > 0));
    assert!(runs[0]["error"].as_str().unwrap().contains("not a journal"), "{out}");
    let (_, out, _) = world.drift_host(&["status"]);
    assert!(out.contains(&ids[0]) && out.contains("planned") && out.contains("damaged"), "{out}");

    let prune = |more: &[&str]| world.drift_host(&[&["status", "--prune"], more].concat());
    let (code, _, error) = prune(&[]);
    assert_eq!((code, error.contains("--yes")), (3, true), "{error}");
    let (code, out, _) = prune(&["--older-than", "1h", "--yes", "--json"]);
    assert_eq!((code, &parsed(&out)["removed"]), (0, &json!([])), "all are young");
    let (code, out, _) = prune(&["--yes", "--json"]);
    assert_eq!((code, &parsed(&out)["removed"]), (0, &json!([ids[0]])), "the newest applied one and the plan stay");
    let (_, out, _) = prune(&["--planned", "--all", "--yes", "--json"]);
    assert_eq!(parsed(&out)["removed"], json!([ids[1], ids[2]]));
    let left: Vec<String> =
        std::fs::read_dir(world.runs()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(left, ["20200101-000000-aaaa.drift"], "what is damaged is for people to look at");
}
