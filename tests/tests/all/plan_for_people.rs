//! What a plan shows: counts, attributes, an item of each shape of change, and what to be warned of before anything is written.

use drift_host::insight::Code;
use drift_tests::World;
use drift_tests::plain::must;
use drift_tests::proxy::{Fault, Proxy, Rule};
use serde_json::{Value as Json, json};

fn document(out: &str) -> Json {
    serde_json::from_str(out).unwrap_or_else(|error| panic!("{error}: {out}"))
}

/// A world with a file of JavaScript in it; gives the file's path.
fn script(world: &World, body: &str) -> String {
    let file = world.dir.path().join("change.js");
    let grants = if body.contains("insert") { "{ insert: 'Others', why: 'a copy' }" } else { "" };
    let text = format!(
        "import {{ num }} from 'drift-sdk';\nexport default {{\n  number: 9, name: 'change',\n  grants: [{grants}],\n  migrate(item, context) {{ {body} }},\n}};\n"
    );
    std::fs::write(&file, text).unwrap();
    file.display().to_string()
}

const MIXED: &str = "const id = Number(item.Id.toString());
    if (id % 10 === 0) return;
    item.touched = true;
    if (id % 3 === 0) item.n = num(item.n);
    if (id % 4 === 0) delete item.name;";

fn mixed() -> World {
    let items: Vec<String> = (1..=120).map(|n| format!("{{\"Id\": {n}, \"name\": \"name {n}\", \"n\": \"{n}\"}}")).collect();
    World::with_items(&items.iter().map(String::as_str).collect::<Vec<_>>())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_counts_by_attribute_and_shows_one_item_of_each_shape() {
    let world = mixed();
    let plugin = script(&world, MIXED);
    let (code, out, error) = world.drift_host(&["plan", &plugin, "--table", "Things"]);
    assert_eq!(code, 0, "{out}{error}");
    assert!(out.contains("changes  108 items in 4 ways; 12 with no change"), "{out}");
    // Of 1 to 120 without the tens: 36 are divisible by 3, 24 by 4, 8 by 12.
    let rows: Vec<Vec<&str>> = out.lines().map(|line| line.split_whitespace().collect()).collect();
    for row in [
        vec!["Things", "patch", "108"],
        vec!["touched", "108", "108", "-", "-"],
        vec!["n", "-", "-", "-", "S", "→", "N", "36"],
        vec!["name", "-", "-", "24", "-"],
    ] {
        assert!(rows.contains(&row), "{row:?} in {out}");
    }
    let shapes: Vec<&str> = out.lines().filter(|line| line.starts_with("──")).collect();
    assert_eq!(
        shapes,
        [
            "── 1 of 4: 56 items: set touched",
            "── 2 of 4: 28 items: set touched; n S → N",
            "── 3 of 4: 16 items: set touched; remove name",
            "── 4 of 4: 8 items: set touched; remove name; n S → N"
        ]
    );
    assert_eq!(out.matches("+ touched: ").count(), 4, "an item of each: {out}");
    assert!(!out.contains('\u{1b}'), "no colour where nobody sees it");

    let run = world.only_run();
    let (_, shown, _) = world.drift_host(&["show", &run]);
    assert!(shapes.iter().all(|shape| shown.contains(shape)), "{shown}");

    let (_, priced, _) = world.drift_host(&["show", &run, "--price", "1000000,2000000"]);
    let price = priced.lines().find(|line| line.starts_with("  price")).unwrap_or_else(|| panic!("{priced}"));
    assert!(price.contains(" 216.00 for about 108 write units;"), "{price}");
    let (code, _, error) = world.drift_host(&["show", &run, "--price", "cheap"]);
    assert!(code == 2 && error.contains("is not READ,WRITE"), "{error}");

    let (_, out, _) = world.drift_host(&["show", &run, "--json", "--price", "0,2000000"]);
    assert_eq!(document(&out)["price"], json!({ "read": 0.0, "write": 216.0, "at_most": 216.0 }));
    let changes = &document(&out)["changes"];
    assert_eq!((&changes["items"], &changes["unchanged"]), (&json!(108), &json!(12)));
    assert_eq!(changes["actions"], json!([{ "table": "Things", "action": "patch", "count": 108 }]));
    let n = changes["attributes"].as_array().unwrap().iter().find(|line| line["attribute"] == "n").unwrap();
    assert_eq!(n["type_changed"], json!([{ "from": "S", "to": "N", "items": 36 }]));
    let last = &changes["shapes"][3];
    assert_eq!((&last["items"], last["parts"].as_array().unwrap().len()), (&json!(8), 3));
    let example = &last["example"];
    let id: u32 = example["image"]["Id"]["N"].as_str().unwrap().parse().unwrap();
    assert!(
        id.is_multiple_of(12)
            && example["after"].get("name").is_none()
            && example["after"]["n"] == json!({ "N": id.to_string() }),
        "{example}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_has_colour_unless_no_color_says_otherwise() {
    let world = mixed();
    let plugin = script(&world, MIXED);
    let (code, out, error) = world.drift_host(&["plan", &plugin, "--table", "Things"]);
    assert_eq!(code, 0, "{out}{error}");
    let show = format!("{} show {} --runs-dir {}", drift_tests::binary().display(), world.only_run(), world.runs().display());
    let on_a_terminal = |no_color: &str| {
        let mut script = std::process::Command::new("script");
        script.args(["-qec", &show, "/dev/null"]).env("NO_COLOR", no_color).stdin(std::process::Stdio::null());
        script.output().map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let Ok(coloured) = on_a_terminal("") else {
        println!("skipped: there is no `script` here, which makes a terminal");
        return;
    };
    assert!(coloured.contains("\u{1b}[32m   + touched") && coloured.contains("\u{1b}[31m   - name"), "{coloured}");
    assert!(!on_a_terminal("1").unwrap().contains('\u{1b}'));
}

/// A table with an index, a time to live and a stream, and one row.
fn with_everything() -> World {
    let world = World::with_rows(0);
    let url = world.running.endpoint_url();
    let attribute = |name: &str, kind: &str| json!({ "AttributeName": name, "AttributeType": kind });
    let hash = |name: &str| json!([{ "AttributeName": name, "KeyType": "HASH" }]);
    for name in ["Full", "Others"] {
        must(
            &url,
            "CreateTable",
            &json!({ "TableName": name, "BillingMode": "PAY_PER_REQUEST", "KeySchema": hash("Id"),
                "AttributeDefinitions": [attribute("Id", "N"), attribute("status", "S")],
                "GlobalSecondaryIndexes": [{ "IndexName": "by-status", "KeySchema": hash("status"), "Projection": { "ProjectionType": "ALL" } }],
                "StreamSpecification": { "StreamEnabled": true, "StreamViewType": "KEYS_ONLY" } }),
        );
    }
    must(
        &url,
        "UpdateTimeToLive",
        &json!({ "TableName": "Full", "TimeToLiveSpecification": { "Enabled": true, "AttributeName": "expires" } }),
    );
    for id in 1..=5 {
        let item = json!({ "Id": { "N": id.to_string() }, "status": { "S": "new" }, "version": { "N": "3" } });
        must(&url, "PutItem", &json!({ "TableName": "Full", "Item": item }));
    }
    world
}

/// The codes of the warnings of a document.
fn codes(document: &Json) -> Vec<String> {
    document["warnings"].as_array().unwrap().iter().map(|warning| warning["code"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_table_has_is_warned_of_where_the_plan_meets_it() {
    let world = with_everything();
    let quiet = script(&world, "item.touched = true;");
    let (code, out, error) = world.drift_host(&["plan", &quiet, "--table", "Full", "--guard", "version=version", "--json"]);
    assert_eq!(code, 0, "{out}{error}");
    assert_eq!(codes(&document(&out)), ["stream", "not-checked"], "{out}");

    let loud = script(
        &world,
        "item.status = 'done'; item.expires = num(1000); context.insert('Others', { Id: item.Id, status: 'copied' }, 'keep');",
    );
    let plan = ["plan", &loud, "--table", "Full", "--grant", "asked"];
    let (_, out, _) = world.drift_host(&[&plan[..], &["--json"]].concat());
    assert_eq!(
        codes(&document(&out)),
        ["index-key", "ttl-attribute", "version-attribute", "transactions", "stream", "not-checked"],
        "{out}"
    );
    let (code, out, error) = world.drift_host(&plan);
    assert_eq!(code, 0, "{out}{error}");
    for said in [
        "warning  5 items write \"status\", a key of the index by-status",
        "5 items write \"expires\", by which items expire; 5 give it a time that is past",
        "--guard version=version guards by it and increments it",
        "5 items are written in a transaction each",
        "Full has a stream",
        "point-in-time recovery: this endpoint does not know DescribeContinuousBackups (docs/warnings.md#not-checked)",
    ] {
        assert!(out.contains(said), "{said} in {out}");
    }
    let (code, out, error) = world.drift_host(&["run", &loud, "--table", "Full", "--grant", "asked"]);
    assert_eq!(code, 0, "{out}{error}");
    let at = |said: &str| error.find(said).unwrap_or_else(|| panic!("{said} in {error}"));
    assert!(at("warning: Full has a stream") < at("warning: 5 items write \"status\""), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_lacks_is_said_and_stops_nothing() {
    let world = with_everything();
    let proxy = Proxy::start(&world.running.endpoint_url());
    proxy.add(Rule::on(&["DescribeTimeToLive", "DescribeContinuousBackups"], Fault::error(400, "AccessDeniedException")));
    let plugin = script(&world, "item.touched = true;");
    let (code, out, error) = world.drift_host_at(&proxy.endpoint_url(), &["plan", &plugin, "--table", "Full"]);
    assert_eq!(code, 0, "{out}{error}");
    for said in [
        "not checked: time to live: these credentials may not call dynamodb:DescribeTimeToLive",
        "dynamodb:DescribeContinuousBackups",
    ] {
        assert!(out.contains(said), "{said} in {out}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_without_point_in_time_recovery_is_warned_of_and_refused_where_it_is_required() {
    let world = with_everything();
    let plugin = script(&world, "item.touched = true;");
    let plan = ["plan", &plugin, "--table", "Full"];
    let required = [&plan[..], &["--require-pitr"]].concat();
    let (code, _, error) = world.drift_host(&required);
    assert!(code == 3 && error.contains("it was not checked: this endpoint does not know"), "{error}");
    for (status, code) in [("DISABLED", 3), ("ENABLED", 0)] {
        let proxy = Proxy::start(&world.running.endpoint_url());
        let recovery = json!({ "ContinuousBackupsDescription": { "ContinuousBackupsStatus": "ENABLED",
            "PointInTimeRecoveryDescription": { "PointInTimeRecoveryStatus": status } } });
        proxy.add(Rule::on(&["DescribeContinuousBackups"], Fault::Answer(recovery)));
        let (_, out, _) = world.drift_host_at(&proxy.endpoint_url(), &plan);
        assert_eq!(out.contains("has no point-in-time recovery"), status == "DISABLED", "{out}");
        let (exit, _, error) = world.drift_host_at(&proxy.endpoint_url(), &required);
        assert_eq!(exit, code, "{error}");
        assert_eq!(error.contains("update-continuous-backups"), code == 3, "{error}");
        let (exit, _, error) = world.drift_host_at(&proxy.endpoint_url(), &[&["run"], &required[1..]].concat());
        assert_eq!(exit, code, "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_made_before_the_first_write_and_without_it_nothing_is_written() {
    let world = with_everything();
    let plugin = script(&world, "item.touched = true;");
    let (code, _, error) = world.drift_host(&["run", &plugin, "--table", "Full", "--backup"]);
    assert!(code == 3 && error.contains("could not be backed up, so that nothing was written"), "{error}");
    let touched = async || world.table("Full").await.iter().filter(|item| item.contains("touched")).count();
    assert_eq!(touched().await, 0);

    // Gone on with where there are backups: made once, waited for, and before anything is written.
    let run = world.only_run();
    let proxy = Proxy::start(&world.running.endpoint_url());
    let details = |status: &str| {
        json!({ "BackupArn": "arn:aws:dynamodb:us-east-1:1:table/Full/backup/7", "BackupName": "x", "BackupStatus": status,
            "BackupType": "USER", "BackupCreationDateTime": 1_700_000_000.0 })
    };
    proxy.add(Rule::on(&["CreateBackup"], Fault::Answer(json!({ "BackupDetails": details("CREATING") }))));
    let described = |status: &str| Fault::Answer(json!({ "BackupDescription": { "BackupDetails": details(status) } }));
    proxy.add(Rule::on(&["DescribeBackup"], described("CREATING")).first(1));
    proxy.add(Rule::on(&["DescribeBackup"], described("AVAILABLE")));
    let (code, out, error) = world.drift_host_at(&proxy.endpoint_url(), &["apply", &run]);
    assert_eq!((code, touched().await), (0, 5), "{out}{error}");
    assert!(error.contains("backed up before anything is written: arn:aws:dynamodb:us-east-1:1:table/Full/backup/7"), "{error}");
    let log = proxy.log();
    let at = |operation: &str| log.iter().position(|passed| passed.operation == operation).unwrap();
    assert!(at("DescribeBackup") < at("BatchExecuteStatement"), "before anything is written");
    assert_eq!((proxy.calls("CreateBackup"), proxy.calls("DescribeBackup")), (1, 2));

    // Where it is can be found without the journal: in the history and in the audit.
    let arn = "arn:aws:dynamodb:us-east-1:1:table/Full/backup/7";
    let (_, out, _) = world.drift_host(&["status", "--audit"]);
    assert!(out.contains(&format!("backup before it: {arn}")), "{out}");
    assert!(out.contains(&format!("made before it wrote anything: {arn}")), "{out}");
    let (_, out, _) = world.drift_host(&["status", "--json"]);
    let status: Json = serde_json::from_str(&out).unwrap();
    assert_eq!(status["applied"][0]["details"]["backup"], arn, "{out}");
    let (_, out, _) = world.drift_host(&["show", &run]);
    assert!(out.contains(&format!("drift-host-{run}; `drift-host status --audit` has its ARN")), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_global_table_is_migrated_at_home_and_nowhere_else() {
    let world = with_everything();
    let proxy = Proxy::start(&world.running.endpoint_url());
    let replicated = |answer: &mut Json| {
        if answer["Table"]["TableName"] == "Full" {
            answer["Table"]["Replicas"] = json!([{ "RegionName": "eu-west-1", "ReplicaStatus": "ACTIVE" }]);
        }
    };
    proxy.add(Rule::on(&["DescribeTable"], Fault::Rewrite(Box::new(replicated))));
    let plugin = script(&world, "item.touched = true;");
    let at = |verb: &str, more: &[&str]| {
        let arguments = [&[verb, &plugin, "--table", "Full", "--region", "us-west-2"], more].concat();
        world.drift_host_at(&proxy.endpoint_url(), &arguments)
    };
    for verb in ["plan", "run"] {
        let (code, _, error) = at(verb, &[]);
        assert!(code == 3 && error.contains("replicated to eu-west-1") && error.contains("--home-region us-west-2"), "{error}");
        let (code, _, error) = at(verb, &["--home-region", "eu-west-1"]);
        assert!(code == 3 && error.contains("Run it there: --region eu-west-1"), "{error}");
    }
    assert_eq!(proxy.calls("Scan"), 0, "nothing of the table was read");
    let (code, out, error) = at("plan", &["--home-region", "us-west-2"]);
    assert!(code == 0 && out.contains("conditions hold in us-west-2 only"), "{out}{error}");
    let run = world.only_run();
    let (code, _, error) = world.drift_host_at(&proxy.endpoint_url(), &["apply", &run, "--region", "eu-west-1"]);
    assert!(code == 3 && error.contains("Run it there: --region us-west-2"), "{error}");
    let (code, out, error) = world.drift_host_at(&proxy.endpoint_url(), &["apply", &run]);
    assert_eq!(code, 0, "{out}{error}");
}

#[test]
fn each_warning_has_its_page() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/warnings.md")).unwrap();
    let sections: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(sections, codes, "docs/warnings.md has a section for each code, in their order");
    for part in page.split("\n## ").skip(1) {
        let (code, text) = part.split_once('\n').unwrap();
        assert!(text.split_whitespace().count() > 40, "{code} is explained");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_is_shown_before_with_what_was_logged_what_is_done_and_after() {
    let world = World::with_items(&[r#"{"Id": 1, "name": "Ann", "old": [1, 2]}"#, r#"{"Id": 2, "name": "Bob"}"#]);
    let plugin = script(&world, "context.log.warn('about ' + item.name); item.name = item.name + '!'; delete item.old;");
    let (code, out, error) = world.drift_host(&["plan", &plugin, "--table", "Things"]);
    assert_eq!(code, 0, "{out}{error}");
    let run = world.only_run();
    let (code, out, error) = world.drift_host(&["show", &run, "--item", "Id=1"]);
    assert_eq!(code, 0, "{error}");
    let at = |said: &str| out.find(said).unwrap_or_else(|| panic!("{said} in {out}"));
    let order = [
        "Id=1: planned",
        "   before:",
        "     name: {\"S\":\"Ann\"}",
        "     old: ",
        "   | warn about Ann",
        "   actions: patch",
        "   - name: {\"S\":\"Ann\"}",
        "   + name: {\"S\":\"Ann!\"}",
        "   - old: ",
        "   after:",
        "     name: {\"S\":\"Ann!\"}",
    ];
    assert!(order.windows(2).all(|pair| at(pair[0]) < at(pair[1])), "{out}");
    let place = out.lines().find_map(|line| line.strip_prefix("in the plan at ")).unwrap().to_owned();
    assert_eq!(world.drift_host(&["show", &run, "--item", &place]).1, out, "by its place too");
    let (_, json, _) = world.drift_host(&["show", &run, "--item", "Id=1", "--json"]);
    assert_eq!(document(&json)["log"], json!([{ "level": "warn", "message": "about Ann" }]));
    for (wrong, said) in
        [("@9/0/0", "has nothing about an item"), ("@1/2", "its form is @SEGMENT/PAGE/POSITION"), ("Id=3", "has nothing about")]
    {
        let (code, _, error) = world.drift_host(&["show", &run, "--item", wrong]);
        assert!(code == 2 && error.contains(said), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_page_that_logs_much_some_logs_are_left_out_and_that_is_said() {
    let items: Vec<String> = (1..=300).map(|n| format!("{{\"Id\": {n}}}")).collect();
    let world = World::with_items(&items.iter().map(String::as_str).collect::<Vec<_>>());
    let plugin = script(&world, "context.log.info('x'.repeat(1000)); item.touched = true;");
    let (code, out, error) = world.drift_host(&["plan", &plugin, "--table", "Things", "--segments", "1"]);
    assert_eq!(code, 0, "{out}{error}");
    let run = world.only_run();
    let said = |position: u32| world.drift_host(&["show", &run, "--item", &format!("@0/0/{position}")]).1;
    assert!(said(0).contains("| info xxxx"), "{}", said(0));
    assert!(said(299).contains("| no log of it is kept") && !said(299).contains("xxxx"), "{}", said(299));
}
