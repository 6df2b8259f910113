//! The binary: bad input, status, and its exit codes.

use drift_tests::{World, guest};

#[test]
fn a_text_file_and_a_core_module_are_refused_as_plugins() {
    let world = World::with_rows(1);
    let write = |name: &str, bytes: &[u8]| {
        let path = world.dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.display().to_string()
    };
    let text = write("text.wasm", b"hello, this is no component");
    let core = write("core.wasm", &wat::parse_str("(module)").unwrap());
    let empty = write("empty.wasm", &wat::parse_str("(component)").unwrap());
    let mistyped = wat::parse_str(
        r#"(component
            (core module $module (func (export "f")))
            (core instance $instance (instantiate $module))
            (func (export "describe") (canon lift (core func $instance "f")))
            (func (export "migrate-json") (canon lift (core func $instance "f"))))"#,
    );
    let mistyped = write("mistyped.wasm", &mistyped.unwrap());
    for (plugin, word) in [
        (text, "is not WebAssembly"),
        (core, "core WebAssembly module"),
        (empty, "another world"),
        (mistyped, "`migrate-json` is no func(item: string) -> result<string, string>"),
        ("nowhere.wasm".into(), "cannot be read"),
    ] {
        let (code, out, error) = world.drift_host(&["run", &plugin, "--table", "Things"]);
        assert_eq!((code, out.as_str()), (2, ""), "{error}");
        assert!(error.contains(word), "{error}");
    }
}

#[test]
fn status_of_nothing_is_nothing_and_writes_nothing() {
    let world = World::with_rows(1);
    let (code, out, _) = world.drift_host(&["status"]);
    assert_eq!((code, out.as_str()), (0, "no migration is applied\n"));
    let (code, out, _) = world.drift_host(&["status", "--json"]);
    assert_eq!((code, out.trim()), (0, r#"{"v":1,"applied":[],"unfinished":[],"runs":[],"audit":[]}"#));
    let (code, _, error) = world.drift_host(&["show", "20260101"]);
    assert_eq!(code, 3, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_table_an_empty_one_and_no_region_each_have_their_code() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_rows(1);
    let (code, out, error) = world.drift_host(&["run", &echo, "--table", "Nowhere"]);
    assert_eq!((code, out.as_str(), error.contains("Nowhere")), (4, "", true), "{error}");

    let empty = world.dir.path().join("empty.json");
    std::fs::write(&empty, "[]").unwrap();
    let load = format!("Empty:+Id={}", empty.display()).parse().unwrap();
    let other = World { running: drift_tests::embedded(vec![load]), dir: tempfile::tempdir().unwrap() };
    let (code, out, error) = other.drift_host(&["run", &echo, "--table", "Empty"]);
    assert_eq!((code, out.contains("0 scanned")), (0, true), "{out}{error}");

    let output = std::process::Command::new(drift_tests::binary())
        .arg("status")
        .env_clear()
        .envs([("HOME", "/nonexistent"), ("AWS_EC2_METADATA_DISABLED", "true")])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((output.status.code(), said.contains("--region")), (Some(2), true), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_near_400_kb_is_migrated_and_one_that_would_grow_past_it_is_named() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_rows(2);
    let migrator = world.migrator().await;
    let client = migrator.database().client();
    let item = |id: i32, bytes: usize| {
        [("Id", drift_host::model::Value::from(id)), ("big", "x".repeat(bytes).into())].into_iter().collect()
    };
    client.put_item("Things", &item(1, 409_500), None).await.unwrap();
    let (code, out, error) = world.drift_host(&["run", &echo, "--table", "Things"]);
    assert_eq!((code, out.contains("2 changed")), (0, true), "{out}{error}");

    client.put_item("Things", &item(2, 409_590), None).await.unwrap();
    let world_before = world.table("Things").await;
    world.drift_host(&["undo", &echo, "--table", "Things"]);
    client.put_item("Things", &item(2, 409_590), None).await.unwrap();
    let (code, out, error) = world.drift_host(&["run", &echo, "--table", "Things"]);
    assert_eq!((code, out.contains("Id=2: ") && out.contains("400 KB")), (1, true), "{out}{error}");
    assert_eq!(world.table("Things").await.len(), world_before.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn exactly_once_says_what_it_costs_and_what_defeats_it_and_is_kept_with_the_run() {
    let (code, help, _) = World::with_rows(1).drift_host(&["run", "--help"]);
    assert_eq!(code, 0);
    for words in
        ["--exactly-once", "about four write units", "defeats it", "A delete needs receipts", "--no-atomic", "--check-source"]
    {
        assert!(help.split_whitespace().collect::<Vec<_>>().join(" ").contains(words), "{words}: {help}");
    }
    let Some(echo) = guest("echo") else { return };
    for (proof, units) in [("stamp=by", 3), ("receipts", 12)] {
        let world = World::with_rows(3);
        let given = ["--table", "Things", "--exactly-once", proof];
        let (code, out, error) = world.drift_host(&[&["plan", &echo], &given[..]].concat());
        assert_eq!((code, out.contains(&format!("needs    about {units} write units"))), (0, true), "{proof}: {out}{error}");
        let run = world.only_run();
        let (code, out, error) = world.drift_host(&["apply", &run]);
        assert_eq!((code, out.contains("applied")), (0, true), "{proof}: {out}{error}");
        let stamped =
            world.table("Things").await.iter().filter(|item| item.get("by").and_then(|by| by.as_s()) == Some(&run)).count();
        match proof {
            "receipts" => assert_eq!((stamped, world.table("drift_migrations_receipts").await.len()), (0, 3)),
            _ => assert_eq!(stamped, 3),
        }
    }
    let world = World::with_rows(1);
    for wrong in
        [&["--exactly-once", "always"][..], &["--exactly-once", "receipts", "--no-atomic"], &["--exactly-once", "stamp=Id"]]
    {
        let (code, _, error) = world.drift_host(&[&["run", &echo, "--table", "Things"], wrong].concat());
        assert_eq!((code, error.is_empty()), (2, false), "{wrong:?}: {error}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let world = World::with_rows(1);
    let (nobody, writer) = std::io::pipe().unwrap();
    drop(nobody);
    let output = world.command(&["status"]).stdout(writer).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((output.status.code(), said.as_str()), (Some(0), ""));
}
