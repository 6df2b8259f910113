//! What a person meets at the start: endpoints that hang or are others, credentials, the table's state. One clear message
//! and the exit code, through the binary where no plugin is needed for it.

use std::process::Command;
use std::time::Duration;

use drift_host::run::RunOptions;
use drift_tests::binary;
use drift_tests::plain::must;
use drift_tests::proxy::{Fault, Moment, Rule};
use serde_json::{Value as Json, json};

use crate::place::{Place, Row, ending, thing};

/// `drift-host init` against an endpoint; gives the exit code and standard error.
fn init(endpoint: &str, variables: &[(&str, &str)]) -> (i32, String) {
    let mut command = Command::new(binary());
    command.args(["init", "--endpoint-url", endpoint, "--request-timeout", "1"]).envs(variables.iter().copied());
    let output = command.output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

fn says(error: &str, words: &[&str]) {
    assert_eq!(error.lines().filter(|line| line.starts_with("error")).count(), 1, "one message: {error}");
    words.iter().for_each(|word| assert!(error.contains(word), "{word:?} is not in {error}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_hangs_is_given_up_with_75() {
    let row = Row::new(Place::Patch);
    row.proxy.add(Rule::on(&[], Fault::Hang(Moment::Before)));
    let (code, error) = init(&row.proxy.endpoint_url(), &[]);
    assert_eq!(code, 75, "{error}");
    says(&error, &["TimedOut", "--request-timeout", &row.proxy.endpoint_url()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_is_not_dynamodb_is_called_so_with_75() {
    for status in [200, 404, 502] {
        let row = Row::new(Place::Patch);
        row.proxy.add(Rule::on(&[], Fault::Foreign { status }));
        let (code, error) = init(&row.proxy.endpoint_url(), &[]);
        assert_eq!(code, 75, "{error}");
        says(&error, &["is this DynamoDB's endpoint?", &row.proxy.endpoint_url()]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_where_nobody_listens_is_75() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (code, error) = init(&format!("http://{nobody}"), &[]);
    assert_eq!(code, 75, "{error}");
    says(&error, &["Unreachable", "check the endpoint"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_credentials_and_denied_operations_are_4() {
    for (code, words) in [
        ("UnrecognizedClientException", "check the access key"),
        ("InvalidSignatureException", "this machine's clock"),
        ("AccessDeniedException", "IAM policy"),
    ] {
        let row = Row::new(Place::Patch);
        row.proxy.add(Rule::on(&[], Fault::error(400, code)));
        let (exit, error) = init(&row.proxy.endpoint_url(), &[]);
        assert_eq!(exit, 4, "{error}");
        says(&error, &[code, words]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_credentials_are_renewed_where_there_are_new_ones_and_else_75() {
    let row = Row::new(Place::Patch);
    let credentials = row.world.dir.path().join("credentials");
    let profile = |key: &str| format!("[default]\naws_access_key_id = {key}\naws_secret_access_key = secret\n");
    let variables = [("AWS_SHARED_CREDENTIALS_FILE", credentials.to_str().unwrap()), ("AWS_CONFIG_FILE", "/dev/null")];
    std::fs::write(&credentials, profile("OLD")).unwrap();
    let expired =
        |of: &'static str| Rule::on(&[], Fault::error(400, "ExpiredTokenException")).only(move |it| it.access_key() == of);
    row.proxy.add(expired("OLD"));
    let (code, error) = init(&row.proxy.endpoint_url(), &variables);
    assert_eq!(code, 75, "{error}");
    says(&error, &["ExpiredTokenException", "renew the credentials"]);
    assert!(row.proxy.calls("CreateTable") <= 2, "it stops early");

    row.proxy.mend();
    let (path, renewed) = (credentials.clone(), profile("NEW"));
    let renewing = expired("OLD").before(move |_| std::fs::write(&path, &renewed).unwrap());
    row.proxy.add(renewing);
    let (code, error) = init(&row.proxy.endpoint_url(), &variables);
    assert_eq!((code, error.contains("error")), (0, false), "{error}");
    assert!(row.proxy.log().iter().any(|passed| passed.access_key == "NEW" && passed.fault.is_none()));
}

fn state(status: &'static str) -> Fault {
    Fault::Rewrite(Box::new(move |answer: &mut Json| answer["Table"]["TableStatus"] = json!(status)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_being_made_is_waited_for_and_one_that_is_updated_is_used() {
    let row = Row::new(Place::Patch);
    row.proxy.add(Rule::on(&["DescribeTable"], state("CREATING")).table("Things").nth(1));
    row.proxy.add(Rule::on(&["DescribeTable"], state("UPDATING")).table("Things"));
    let waited = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = waited.clone();
    let migrator = row.migrator().await.observe(move |event| {
        if let drift_host::Event::Waiting { table, status } = event {
            seen.lock().unwrap().push((table, status));
        }
    });
    let summary = migrator.run(Place::Patch.migration(), &Row::options()).await.unwrap();
    assert_eq!(ending(&summary), "applied");
    assert_eq!(*waited.lock().unwrap(), [("Things".to_owned(), "CREATING".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_being_deleted_is_refused_with_4() {
    let row = Row::new(Place::Patch);
    row.proxy.add(Rule::on(&["DescribeTable"], state("DELETING")).table("Things"));
    let error = row.run().await.unwrap_err();
    assert_eq!(error.exit_code(), 4);
    assert!(error.to_string().contains("DELETING"), "{error}");
    assert_eq!(row.proxy.calls("CreateTable"), 0, "nothing was made for it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_deleted_half_way_stops_the_run_with_4_and_a_new_one_is_not_taken_for_it() {
    let row = Row::new(Place::Patch);
    let direct = row.direct();
    let delete = move |_: &_| drop(must(&direct, "DeleteTable", &json!({ "TableName": "Things" })));
    row.proxy.add(Place::Patch.rule(Fault::Pass).nth(1).after(delete));
    let error = row.run().await.unwrap_err();
    assert_eq!(error.exit_code(), 4, "{error}");
    let create = json!({ "TableName": "Things", "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{ "AttributeName": "Id", "KeyType": "HASH" }],
        "AttributeDefinitions": [{ "AttributeName": "Id", "AttributeType": "N" }] });
    must(&row.direct(), "CreateTable", &create);
    must(&row.direct(), "PutItem", &json!({ "TableName": "Things", "Item": thing(1, 10) }));
    let migrator = row.migrator().await;
    let journal = migrator.open(&row.started()).unwrap();
    let error = migrator.apply(journal, Place::Patch.migration(), &RunOptions::new("Things")).await.unwrap_err();
    assert_eq!(error.exit_code(), 3, "{error}");
    let item = must(&row.direct(), "GetItem", &json!({ "TableName": "Things", "Key": { "Id": { "N": "1" } } }))["Item"].clone();
    assert_eq!(item, thing(1, 10), "the new table is left alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_migrator_goes_on_after_an_error() {
    let row = Row::new(Place::Patch);
    row.proxy.add(Place::Patch.rule(Fault::error(400, "ResourceNotFoundException")).first(1));
    let migrator = row.migrator().await;
    migrator.run(Place::Patch.migration(), &Row::options()).await.unwrap_err();
    tokio::time::sleep(Duration::from_millis(1)).await;
    let journal = migrator.open(&row.started()).unwrap();
    let summary = migrator.apply(journal, Place::Patch.migration(), &Row::options()).await.unwrap();
    assert_eq!(ending(&summary), "applied");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_stops_says_why_and_how_to_go_on_and_goes_on() {
    let Some(echo) = drift_tests::guest("echo") else { return };
    for (fault, code, words) in [
        (Fault::error(400, "ExpiredTokenException"), 75, "renew the credentials"),
        (Fault::error(400, "ResourceNotFoundException"), 4, "check the table's name"),
        (Fault::Foreign { status: 404 }, 75, "is this DynamoDB's endpoint?"),
        (Fault::Reset(Moment::Before), 75, "check the endpoint"),
    ] {
        let row = Row::new(Place::Patch);
        row.proxy.add(Place::Patch.rule(fault).from_nth(2));
        let endpoint = row.proxy.endpoint_url();
        let (exit, out, error) = row.world.drift_host_at(&endpoint, &["run", &echo, "--table", "Things", "--segments", "1"]);
        assert_eq!((exit, out.as_str()), (code, ""), "{error}");
        let run = error.lines().find_map(|line| line.strip_prefix("run ")).unwrap().to_owned();
        says(&error, &[words, &format!("The run {run} is interrupted; go on with `drift-host apply {run}`")]);
        assert!(row.world.drift_host(&["status"]).1.starts_with("no migration is applied"));
        let (exit, out, error) = row.world.drift_host(&["apply", &run]);
        assert_eq!((exit, out.starts_with("applied")), (0, true), "{out}{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_summary_says_that_partiql_is_denied() {
    let Some(echo) = drift_tests::guest("echo") else { return };
    let row = Row::new(Place::Patch);
    row.proxy.add(Place::Patch.rule(Fault::error(400, "AccessDeniedException")));
    let (exit, out, error) = row.world.drift_host_at(&row.proxy.endpoint_url(), &["run", &echo, "--table", "Things"]);
    assert_eq!(exit, 0, "{error}");
    assert!(out.contains("60 writes went one by one") && out.contains("dynamodb:PartiQLUpdate"), "{out}");
}
