//! `--policy`: the most that a plugin gets, narrowed by flags, kept with the run.

use std::path::PathBuf;

use drift_tests::{World, guest};
use serde_json::Value as Json;

fn policy(world: &World, text: &str) -> String {
    let path = world.dir.path().join("policy.toml");
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// The example of the documentation.
fn documented() -> String {
    let docs = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/policy.md"));
    let text = std::fs::read_to_string(docs).unwrap();
    text.split("```toml\n").nth(1).unwrap().split("```").next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_example_grants_what_is_asked_and_is_kept_with_the_run() {
    let Some(claims) = guest("claims") else { return };
    let world = World::with_data(&["Strikes:+Id=birdstrikes.csv", "Claims:+Id=no.json"]);
    let strict = documented().replace("max_inserts = 1000", "max_inserts = 208");
    let strict = policy(&world, &strict);
    let (code, out, error) = world.drift_host(&["run", &claims, "--table", "Strikes", "--policy", &strict]);
    assert_eq!(code, 3, "{out}{error}");
    assert!(out.starts_with("refused") && out.contains("the policy's max_inserts is 208, and the plan has 209"), "{out}");
    assert!(world.table("Claims").await.is_empty());
    let (code, out, _) = world.drift_host(&["plan", &claims, "--table", "Strikes", "--policy", &strict, "--json"]);
    let plan: Json = serde_json::from_str(&out).unwrap();
    assert_eq!(code, 3);
    let (code, _, _) = world.drift_host(&["apply", plan["run"].as_str().unwrap()]);
    assert_eq!((code, world.table("Claims").await.len()), (3, 0), "the plan is for reading only");

    let example = policy(&world, &documented());
    let (code, out, error) = world.drift_host(&["run", &claims, "--table", "Strikes", "--policy", &example, "--json"]);
    assert_eq!(code, 0, "{out}{error}");
    assert_eq!(world.table("Claims").await.len(), 209);
    let run: Json = serde_json::from_str(&out).unwrap();
    let (_, shown, _) = world.drift_host(&["show", run["run"].as_str().unwrap(), "--json"]);
    let manifest = &serde_json::from_str::<Json>(&shown).unwrap()["manifest"];
    assert!(manifest["policy"]["digest"].as_str().unwrap().starts_with("sha256:"), "{manifest}");
    assert_eq!(manifest["grants"], serde_json::json!(["insert:Claims", "delete:Claims"]));
    assert_eq!(manifest["limits"], serde_json::json!(["item-time=2s", "memory=128MiB"]));
    assert_eq!(manifest["policy"]["bounds"]["max_inserts"], 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn flags_narrow_a_policy_and_never_widen_it() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_rows(3);
    let file = policy(
        &world,
        "[limits]\nitem-time = \"2s\"\n[tables.Things]\ngrants = [\"insert:audit-*\"]\nset = [\"touched\"]\nremove = []\n",
    );
    let run = |more: &[&str]| {
        let arguments: Vec<&str> =
            ["run", &echo, "--table", "Things", "--policy", &file].into_iter().chain(more.iter().copied()).collect();
        world.drift_host(&arguments)
    };
    for (more, words) in [
        (["--grant", "delete:."], "--grant delete:. is more than it has for the table Things: insert:audit-*"),
        (["--grant", "insert:*"], "--grant insert:* is more than it has"),
        (["--grant", "insert:audit-*-x"], "--grant insert:audit-*-x is more than it has"),
        (["--limit", "item-time=3s"], "--limit item-time=3s is more than its item-time=2s"),
        (["--limit", "memory=512MiB"], "--limit memory=512MiB is more than its memory=256MiB"),
    ] {
        let (code, _, error) = run(&more);
        assert_eq!(code, 3, "{error}");
        assert!(error.contains(words) && error.contains("policy.toml forbids it"), "{error}");
    }
    let narrow = policy(&world, "[tables.Things]\nset = [\"claim_*\"]\n");
    let (code, out, _) = world.drift_host(&["run", &echo, "--table", "Things", "--policy", &narrow]);
    assert!(code == 1 && out.contains("the policy does not let a patch set the attribute \"touched\""), "{out}");
    policy(&world, "[tables.Things]\nset = [\"touch*\"]\n");
    let (code, out, error) =
        world.drift_host(&["run", &echo, "--table", "Things", "--policy", &narrow, "--limit", "item-time=1s"]);
    assert_eq!(code, 0, "{out}{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_policy_does_not_know_is_an_error_with_its_line() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_rows(1);
    for (text, code, words) in [
        ("[tables.Things]\ngrants = []\ngrant = []\n", 2, "line 3"),
        ("[tables.Things.bounds]\nmax_change = 1\n", 2, "line 2"),
        ("[limits]\ntime = \"2s\"\n", 2, "\"time=2s\" is not a limit"),
        ("[tables.Things]\ngrants = [\"read:X\"]\n", 2, "\"read:X\" is not a grant"),
        ("[tables.Other]\n", 3, "it has no [tables.\"Things\"], but Other"),
        ("allowed_digests = [\"sha256:00\"]\n[tables.Things]\n", 3, "is not among its 1 allowed_digests"),
    ] {
        let file = policy(&world, text);
        let (found, _, error) = world.drift_host(&["run", &echo, "--table", "Things", "--policy", &file]);
        assert_eq!(found, code, "{error}");
        assert!(error.contains(words), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_back_is_held_by_the_policy_too() {
    let Some(claims) = guest("claims") else { return };
    let world = World::with_data(&["Strikes:+Id=birdstrikes.csv", "Claims:+Id=no.json"]);
    let before = world.table("Strikes").await;
    let example = policy(&world, &documented());
    let (code, out, error) = world.drift_host(&["run", &claims, "--table", "Strikes", "--policy", &example]);
    assert_eq!(code, 0, "{out}{error}");
    let undo = ["undo", &claims, "--table", "Strikes", "--policy", &example];

    policy(&world, &documented().replace("\"delete:Claims\"", ""));
    let (code, _, error) = world.drift_host(&undo);
    assert!(code == 3 && error.contains("delete:Claims"), "{error}");
    policy(&world, &documented());
    let (code, out, error) = world.drift_host(&undo);
    assert!(code == 3 && out.contains("the policy's max_deletes is 0, and the plan has 209"), "{out}{error}");
    assert_eq!(world.table("Claims").await.len(), 209);
    policy(&world, &documented().replace("max_deletes = 0", "max_deletes = 209"));
    let (code, out, error) = world.drift_host(&undo);
    assert_eq!(code, 0, "{out}{error}");
    assert!(world.table("Claims").await.is_empty());
    assert_eq!(world.table("Strikes").await, before);
}
