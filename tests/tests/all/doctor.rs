//! Whether a run would work, looked at before.

use drift_tests::World;
use drift_tests::plain::must;
use drift_tests::proxy::{Fault, Proxy, Rule};
use serde_json::{Value as Json, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_can_be_worked_on_is_well_and_nothing_was_written() {
    let world = World::with_rows(5);
    for (table, keys) in [("Named", [("name", "S", "HASH")].as_slice()), ("Sorted", &[("id", "B", "HASH"), ("at", "N", "RANGE")])]
    {
        let schema: Vec<Json> = keys.iter().map(|(name, _, role)| json!({ "AttributeName": name, "KeyType": role })).collect();
        let kinds: Vec<Json> =
            keys.iter().map(|(name, kind, _)| json!({ "AttributeName": name, "AttributeType": kind })).collect();
        let create =
            json!({ "TableName": table, "KeySchema": schema, "AttributeDefinitions": kinds, "BillingMode": "PAY_PER_REQUEST" });
        must(&world.running.endpoint_url(), "CreateTable", &create);
    }
    let before = world.table("Things").await;
    for table in ["Things", "Named", "Sorted"] {
        let (code, out, error) = world.drift_host(&["doctor", "--table", table]);
        assert_eq!(code, 0, "{out}{error}");
        for part in [
            "endpoint",
            "ACTIVE",
            "ok      scan",
            "ok      write in batches",
            "ok      write an item",
            "not there yet",
            "runs folder",
        ] {
            assert!(out.contains(part), "{part}: {out}");
        }
    }
    let (code, _, error) = world.drift_host(&["init"]);
    assert_eq!(code, 0, "{error}");
    let (code, out, _) = world.drift_host(&["doctor", "--table", "Things", "--json"]);
    let document: Json = serde_json::from_str(&out).unwrap();
    assert_eq!((code, document["well"].as_bool()), (0, Some(true)), "{out}");
    let good =
        |what: &str| document["findings"].as_array().unwrap().iter().any(|it| it["what"] == what && it["verdict"] == "good");
    assert!(good("drift_migrations") && good("drift_migrations_runs"), "{out}");
    let migrator = world.migrator().await;
    assert!(migrator.applied().await.unwrap().is_empty() && migrator.unfinished().await.unwrap().is_empty());
    assert!(world.table("Named").await.is_empty() && world.table("Sorted").await.is_empty());
    assert_eq!(world.table("Things").await, before);
}

#[test]
fn what_is_missing_is_named_with_what_mends_it() {
    let world = World::with_rows(3);
    let (code, out, _) = world.drift_host(&["doctor", "--table", "Thigns"]);
    assert_eq!(code, 4, "{out}");
    assert!(out.contains("MISSING table") && out.contains("right region and account"), "{out}");

    let cases = [
        ("Scan", "MISSING scan", "allow dynamodb:Scan", 4),
        ("GetItem", "MISSING read an item", "allow dynamodb:GetItem", 4),
        ("UpdateItem", "MISSING write an item", "allow dynamodb:UpdateItem", 4),
        ("DescribeTable", "MISSING table", "allow dynamodb:DescribeTable", 4),
        ("DeleteItem", "note    delete an item", "only migrations that delete", 0),
        ("BatchExecuteStatement", "note    write in batches", "dynamodb:PartiQLUpdate", 0),
    ];
    for (operation, found, mended, expected) in cases {
        let proxy = Proxy::start(&world.running.endpoint_url());
        proxy.add(Rule::on(&[operation], Fault::error(400, "AccessDeniedException")));
        let (code, out, error) = world.drift_host_at(&proxy.endpoint_url(), &["doctor", "--table", "Things"]);
        assert_eq!(code, expected, "{operation}: {out}{error}");
        let line = out.lines().find(|line| line.starts_with(found)).unwrap_or_else(|| panic!("{operation}: {out}"));
        assert!(line.contains(mended), "{operation}: {line}");
    }
}
