//! One migration in five languages, by the way of an author: `new`, the example's source for the template's, `build`, `test` on the
//! shared fixtures, `run` and `undo` on the 10,000 strikes. Each gives the very same table, and asked 20,000 times an instance needs no more memory than
//! after a tenth of that; `cargo xtask soak` asks a million times.

use std::fs;
use std::path::{Path, PathBuf};

use drift_host::plugin::script_component;
use drift_tests::soak::{soak, verdict};
use drift_tests::{World, guest};
use tokio::sync::OnceCell;

use crate::author::{drift_host, has};

/// The strikes as the Rust example of the workspace tidies them; byte for byte, as DynamoDB keeps them.
static TIDIED: OnceCell<(Vec<String>, Vec<String>)> = OnceCell::const_new();

async fn table(world: &World) -> Vec<String> {
    world.table("Strikes").await.iter().map(|item| format!("{item:?}")).collect()
}

fn strikes() -> World {
    World::with_data(&["Strikes:+Id=birdstrikes.csv"])
}

async fn before_and_after(plugin: &str) -> &'static (Vec<String>, Vec<String>) {
    TIDIED
        .get_or_init(|| async {
            let world = strikes();
            let before = table(&world).await;
            let (code, out, error) = world.drift_host(&["run", plugin, "--table", "Strikes"]);
            assert_eq!(code, 0, "{out}{error}");
            (before, table(&world).await)
        })
        .await
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../example-migrations")
}

async fn strikes_in(language: &str, source: &str) {
    let Some(tidy) = guest("tidy_strikes") else { return };
    let (before, after) = before_and_after(&tidy).await;
    assert_ne!(before, after);

    let dir = tempfile::tempdir().unwrap();
    let (code, out, error) = drift_host(dir.path(), &["new", "tidy-strikes", "--lang", language]);
    assert_eq!(code, 0, "{language}: {out}{error}");
    let project = dir.path().join("tidy-strikes");
    assert!(project.join(source).is_file(), "{language}: the template has no {source}");
    fs::copy(examples().join(language).join("01-tidy-strikes").join(source), project.join(source)).unwrap();
    let (code, out, error) = drift_host(&project, &["build", "--json"]);
    assert_eq!(code, 0, "{language}: {out}{error}");
    let built: serde_json::Value = serde_json::from_str(&out).unwrap();
    let component = project.join(built["component"].as_str().unwrap()).display().to_string();
    let fixtures = examples().join("fixtures/01-tidy-strikes").display().to_string();
    let (code, out, error) = drift_host(&project, &["test", "--fixtures", &fixtures]);
    assert!(code == 0 && out.contains("3 of 3 fixtures passed"), "{language}: {out}{error}");

    let world = strikes();
    let (code, out, error) = world.drift_host(&["run", &component, "--table", "Strikes"]);
    assert!(code == 0 && out.contains("10000 scanned, 10000 changed"), "{language}: {out}{error}");
    let there = table(&world).await;
    let other = there.iter().zip(after).find(|(there, after)| there != after);
    assert!(other.is_none() && there.len() == after.len(), "{language}: {other:?}");
    let (code, out, error) = world.drift_host(&["undo", &component, "--table", "Strikes"]);
    assert_eq!(code, 0, "{language}: {out}{error}");
    assert!(table(&world).await == *before, "{language}: the way back gives the table that there was");

    let soaked = soak(Path::new(&component), &world.table("Strikes").await, 20_000).and_then(|points| verdict(&points));
    assert_eq!(soaked, Ok(()), "{language}");
}

#[tokio::test(flavor = "multi_thread")]
async fn strikes_in_rust() {
    strikes_in("rust", "src/lib.rs").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strikes_in_javascript() {
    strikes_in("js", "migration.js").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strikes_in_typescript() {
    if has("npm", &["--version"]) {
        strikes_in("ts", "migration.ts").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn strikes_in_go() {
    if has("go", &["version"]) {
        strikes_in("go", "migration.go").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn strikes_in_python() {
    if has("python3", &["-c", "import venv, ensurepip, sys; sys.exit(sys.version_info < (3, 10))"]) {
        strikes_in("python", "migration.py").await;
    }
}

/// What the soak is for: a guest that keeps something of each item, be it a few bytes, is found within the calls of the tests above.
#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_keeps_something_of_each_item_is_found_by_the_soak() {
    let world = strikes();
    let items = world.table("Strikes").await;
    for (kept, grows) in
        [("item", true), ("`${kept.length} is some text`", true), ("kept.length > 99 ? kept.pop() : item", false)]
    {
        let text =
            format!("const kept = [];\nexport default {{ number: 1, name: 'keeps', migrate(item) {{ kept.push({kept}); }} }};\n");
        let component = world.dir.path().join("keeps.wasm");
        fs::write(&component, script_component("keeps.js", &text)).unwrap();
        let found = soak(&component, &items, 20_000).and_then(|points| verdict(&points));
        assert_eq!(found.is_err(), grows, "{kept}: {found:?}");
        assert!(found.err().is_none_or(|words| words.contains("bytes a call")), "{kept}");
    }
}

/// A soak that sees another answer to the same item says so.
#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_answers_the_same_item_otherwise_is_found_by_the_soak() {
    let world = World::with_items(&[r#"{"Id": 1}"#, r#"{"Id": 2}"#]);
    let text = "let calls = 0;\nexport default { number: 1, name: 'counts', migrate(item) { item.calls = ++calls; } };\n";
    let component = world.dir.path().join("counts.wasm");
    fs::write(&component, script_component("counts.js", text)).unwrap();
    let found = soak(&component, &world.table("Things").await, 1_000);
    assert!(found.as_ref().is_err_and(|words| words.starts_with("call 3: the answer was")), "{found:?}");
}
