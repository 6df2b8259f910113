use std::fs;

use dynoxide::actions::scan::ScanRequest;

use super::*;

/// A file in a folder of its own, loaded into memory.
fn load_into(engine: &Database, spec: &str, file: &str, content: &str) -> Result<TableReport, LocalError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(file);
    fs::write(&path, content).unwrap();
    let load: Load = format!("{spec}={}", path.display()).parse().unwrap();
    fill::load(engine, &load, false)
}

fn items(engine: &Database, table: &str) -> Vec<String> {
    let request = ScanRequest { table_name: table.into(), ..ScanRequest::default() };
    let mut items: Vec<String> = engine
        .scan(request)
        .unwrap()
        .items
        .unwrap()
        .iter()
        .map(|item| {
            let sorted: std::collections::BTreeMap<_, _> = item.iter().collect();
            serde_json::to_string(&sorted).unwrap()
        })
        .collect();
    items.sort();
    items
}

fn problem(error: LocalError) -> String {
    // The folder is another one each time.
    let LocalError::Load { mut place, table } = error else { panic!("{error}") };
    place.file = place.file.file_name().unwrap().into();
    LocalError::Load { table, place }.to_string()
}

#[test]
fn rows_are_numbered_on_through_every_pass() {
    let engine = Database::memory().unwrap();
    let report = load_into(&engine, "Strikes:+Id*2", "s.csv", "Cost\n\n1\n\"\"\n").unwrap();
    assert_eq!(report, TableReport { name: "Strikes".into(), items: 4, rows: Some(4) });
    assert_eq!(
        items(&engine, "Strikes"),
        [
            r#"{"Cost":{"S":""},"Id":{"N":"2"}}"#,
            r#"{"Cost":{"S":""},"Id":{"N":"4"}}"#,
            r#"{"Cost":{"S":"1"},"Id":{"N":"1"}}"#,
            r#"{"Cost":{"S":"1"},"Id":{"N":"3"}}"#
        ]
    );
}

#[test]
fn key_types_are_those_of_the_first_row_and_batches_lose_nothing() {
    let engine = Database::memory().unwrap();
    let rows: String = (0..2 * 1000 + 1).map(|n| format!("{{\"pk\":\"a\",\"at\":{n}.50,\"flag\":true}}\n")).collect();
    let report = load_into(&engine, "Events:pk,at", "e.jsonl", &rows).unwrap();
    assert_eq!((report.items, report.rows), (2001, Some(2001)));
    let kept = items(&engine, "Events");
    assert!(
        kept.contains(&r#"{"at":{"N":"2000.5"},"flag":{"BOOL":true},"pk":{"S":"a"}}"#.to_owned()),
        "numbers as DynamoDB keeps them"
    );
}

#[test]
fn rows_of_one_key_are_counted_as_what_they_are() {
    let engine = Database::memory().unwrap();
    let report = load_into(&engine, "Users:id", "u.json", r#"[{"id":1,"v":1},{"id":1.0,"v":2}]"#).unwrap();
    assert_eq!((report.items, report.rows), (1, Some(2)));
    assert_eq!(items(&engine, "Users"), [r#"{"id":{"N":"1"},"v":{"N":"2"}}"#]);
}

#[test]
fn a_table_that_exists_is_left_as_it_is() {
    let engine = Database::memory().unwrap();
    load_into(&engine, "Users:id", "u.json", r#"{"id":1}"#).unwrap();
    let again = load_into(&engine, "Users:id", "u.json", r#"[{"id":2},{"id":3}]"#).unwrap();
    assert_eq!((again.items, again.rows), (1, None));
    assert_eq!(items(&engine, "Users"), [r#"{"id":{"N":"1"}}"#]);
}

#[test]
fn a_load_that_fails_leaves_no_table_and_one_that_was_killed_is_done_again() {
    let engine = Database::memory().unwrap();
    load_into(&engine, "Users:id", "u.jsonl", "{\"id\":1}\n{\"id\":\"x\"}\n").unwrap_err();
    assert_eq!(engine.table_count().unwrap(), 0);

    load_into(&engine, "Users:id", "u.json", r#"{"id":1}"#).unwrap();
    let tag = dynoxide::types::Tag { key: "drift-host:loading".into(), value: "true".into() };
    let arn = Some("arn:aws:dynamodb:dynoxide:000000000000:table/Users".to_owned());
    engine.tag_resource(dynoxide::actions::tag_resource::TagResourceRequest { resource_arn: arn, tags: vec![tag] }).unwrap();
    let again = load_into(&engine, "Users:id", "u.json", r#"{"id":2}"#).unwrap();
    assert_eq!(again.rows, Some(1));
    assert_eq!(items(&engine, "Users"), [r#"{"id":{"N":"2"}}"#]);
}

#[test]
fn an_empty_file_makes_an_empty_table_where_the_key_is_known() {
    let engine = Database::memory().unwrap();
    for (spec, file, content) in [("One:+id", "a.json", "[]"), ("Two:a,b", "b.csv", "a,b\n"), ("Three:+id*9", "c.jsonl", "")] {
        let report = load_into(&engine, spec, file, content);
        // `Three` has no extension's guess to go by but its name.
        assert_eq!(report.unwrap().items, 0, "{spec}");
    }
    let error = load_into(&engine, "Four:id", "d.json", "[]").unwrap_err();
    assert!(problem(error).starts_with("cannot load Four from d.json: has no items, so the types of the key cannot be told"));
}

#[test]
fn rows_without_a_usable_key_are_named() {
    let engine = Database::memory().unwrap();
    let of = |spec: &str, file: &str, content: &str| problem(load_into(&engine, spec, file, content).unwrap_err());
    assert_eq!(
        of("Users:id", "u.csv", "Id,Name\n1,x\n"),
        "cannot load Users from u.csv, line 2, column \"id\": the row has no such attribute to be a key; it has Id, Name"
    );
    assert_eq!(
        of("Users:id", "u.csv", "id\n1\n\"\"\n"),
        "cannot load Users from u.csv, line 3: the key attribute \"id\" is empty"
    );
    assert_eq!(
        of("Users:id", "u.jsonl", "{\"id\":true}"),
        "cannot load Users from u.jsonl, line 1, column \"id\": a key is a string, a number or binary (S, N or B), and here it is BOOL"
    );
    assert_eq!(
        of("Users:id", "u.jsonl", "{\"id\":1}\n{\"id\":\"1\"}"),
        "cannot load Users from u.jsonl, line 2: the key attribute \"id\" is of type S, and the table wants N"
    );
    assert_eq!(
        of("Users:+id", "u.csv", "id\n1\n"),
        "cannot load Users from u.csv, line 2, column \"id\": the row has this attribute already: number the rows under another name than +id"
    );
    assert_eq!(engine.table_count().unwrap(), 0);
}

#[test]
fn tables_kept_in_a_file_are_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let rows = folder.path().join("u.json");
    fs::write(&rows, r#"[{"id":1},{"id":2}]"#).unwrap();
    let options = || Options {
        port: 0,
        data: Some(folder.path().join("tables.db")),
        load: vec![format!("Users:id={}", rows.display()).parse().unwrap()],
        streams: false,
    };
    let first = EmbeddedDynamoDb::start(options()).unwrap();
    assert_eq!(first.tables()[0].rows, Some(2));
    first.stop().unwrap();
    let second = EmbeddedDynamoDb::start(options()).unwrap();
    assert_eq!(second.tables(), [TableReport { name: "Users".into(), items: 2, rows: None }]);
}

#[test]
fn a_port_in_use_a_table_named_twice_and_a_file_of_another_kind_are_refused() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = EmbeddedDynamoDb::start(Options { port, ..Options::default() }).unwrap_err();
    assert!(matches!(error, LocalError::PortInUse { port: named } if named == port));
    assert!(error.to_string().contains("--port 0"));

    let load: Load = "Users:id=u.json".parse().unwrap();
    let error = EmbeddedDynamoDb::start(Options { port: 0, load: vec![load.clone(), load], ..Options::default() }).unwrap_err();
    assert!(matches!(error, LocalError::TableTwice { table } if table == "Users"));

    let folder = tempfile::tempdir().unwrap();
    let foreign = folder.path().join("notes.txt");
    fs::write(&foreign, "not a database, but longer than the head of one would be: ".repeat(20)).unwrap();
    let error = EmbeddedDynamoDb::start(Options { port: 0, data: Some(foreign), ..Options::default() }).unwrap_err();
    assert!(matches!(error, LocalError::Data { .. }), "{error}");
}
