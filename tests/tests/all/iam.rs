//! What `inspect --iam-policy` prints is enough: each right that a plan, a run and an undo really use is in it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use drift_tests::proxy::{Fault, Proxy, Request, Rule};
use drift_tests::{World, guest, inspect};
use serde_json::Value as Json;

/// A right and the table that it is used on.
type Right = (String, String);

/// What AWS asks for before it carries a request out.
fn rights(request: &Request) -> Vec<Right> {
    let text = |json: &Json| json.as_str().unwrap().to_owned();
    match request.operation.as_str() {
        "TransactWriteItems" => {
            let actions = request.json["TransactItems"].as_array().unwrap().iter();
            let all = actions.flat_map(|action| action.as_object().unwrap());
            all.map(|(kind, action)| (format!("{kind}Item"), text(&action["TableName"]))).collect()
        }
        "BatchExecuteStatement" => {
            let texts = request.statements().iter().map(|statement| text(&statement["Statement"]));
            let right = |statement: &String| match statement.split(' ').next().unwrap() {
                "UPDATE" => "PartiQLUpdate",
                "DELETE" => "PartiQLDelete",
                other => panic!("{other}"),
            };
            texts.map(|statement| (right(&statement).to_owned(), statement.split('"').nth(1).unwrap().to_owned())).collect()
        }
        other => vec![(other.to_owned(), text(&request.json["TableName"]))],
    }
}

/// The rights that these halves of the printed policies give, `*` being none: the tables are named.
fn allowed(policies: &Json, halves: &[&str]) -> BTreeSet<Right> {
    let statements = halves.iter().flat_map(|half| policies[half]["Statement"].as_array().unwrap());
    let of = |statement: &Json| {
        let texts = |name: &str| -> Vec<String> {
            statement[name].as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
        };
        let (actions, resources) = (texts("Action"), texts("Resource"));
        let on = move |action: &String| {
            let right = action.strip_prefix("dynamodb:").unwrap().to_owned();
            resources.iter().map(|arn| (right.clone(), arn.rsplit('/').next().unwrap().to_owned())).collect::<Vec<_>>()
        };
        actions.iter().flat_map(on).collect::<Vec<_>>()
    };
    statements.flat_map(of).collect()
}

fn world() -> World {
    let dir = tempfile::tempdir().unwrap();
    let things: String = (1..=30).map(|n| format!("{{\"Id\": {n}, \"Cost Total $\": \"{n}\"}}\n")).collect();
    let load = |spec: &str, lines: &str| {
        let path = dir.path().join(format!("{}.jsonl", spec.split(':').next().unwrap()));
        std::fs::write(&path, lines).unwrap();
        format!("{spec}={}", path.display()).parse().unwrap()
    };
    let claim = "{\"Id\": 3, \"status\": \"open\"}\n";
    let loads =
        vec![load("Things:Id", &things), load("Claims:Id", claim), load("Numbers:kind,n", "{\"kind\": \"counter\", \"n\": 0}\n")];
    World { running: drift_tests::embedded(loads), dir }
}

/// Plans, runs and takes back through the proxy, and gives what was used that is not allowed.
fn lacking(plugin: &str, verbs: &[&str], grants: &[&str], more: &[&str]) -> Vec<(String, Right)> {
    let world = world();
    let grants: Vec<&str> = grants.iter().flat_map(|grant| ["--grant", grant]).collect();
    let (code, out, error) = inspect(&[&[plugin, "--iam-policy", "--table", "Things"], grants.as_slice()].concat());
    assert_eq!(code, 0, "{error}");
    let policies: Json = serde_json::from_str(&out).unwrap();
    let mut lacking = Vec::new();
    for verb in verbs {
        let proxy = Proxy::start(&world.running.endpoint_url());
        let used: Arc<Mutex<BTreeSet<Right>>> = Arc::default();
        let noting = used.clone();
        proxy.add(Rule::on(&[], Fault::Pass).before(move |request| noting.lock().unwrap().extend(rights(request))));
        let arguments = [&[*verb, plugin, "--table", "Things"], grants.as_slice(), more].concat();
        let (code, out, error) = world.drift_host_at(&proxy.endpoint_url(), &arguments);
        assert_eq!(code, 0, "{verb} {plugin}: {out}{error}");
        let halves: &[&str] = if *verb == "plan" { &["plan"] } else { &["plan", "apply"] };
        let allowed = allowed(&policies, halves);
        let used = used.lock().unwrap();
        assert!(used.contains(&("Scan".into(), "Things".into())), "{verb}: {used:?}");
        lacking.extend(used.difference(&allowed).map(|right| ((*verb).to_owned(), right.clone())));
    }
    lacking
}

const ALL: [&str; 3] = ["plan", "run", "undo"];

#[tokio::test(flavor = "multi_thread")]
async fn what_a_run_uses_is_in_the_printed_policy_whatever_was_granted() {
    let plugins = (guest("echo"), guest("claims"), guest("claim_status"), guest("numbering"));
    let (Some(echo), Some(claims), Some(status), Some(numbering)) = plugins else { return };
    let none: &[&str] = &[];
    for (plugin, verbs, grants, more) in [
        (&echo, &ALL[..], none, none),
        (&echo, &ALL, none, &["--exactly-once", "receipts"]),
        (&echo, &["plan", "run"], &["delete:."], &["--arg", "mode=delete"]),
        (&echo, &["plan", "run"], &["insert:Claims"], &["--arg", "mode=roundtrip", "--arg", "to=Claims", "--filter", "Id > 3"]),
        (&claims, &ALL, &["insert:Claims", "delete:Claims"], none),
        (&claims, &ALL, &["insert:Claims", "delete:Claims"], &["--check-source"]),
        (&status, &ALL, &["direct-read:Claims"], none),
        (&numbering, &["run"], &["direct-read:Numbers", "direct-write:Numbers"], none),
    ] {
        let lacking = lacking(plugin, verbs, grants, more);
        assert!(lacking.is_empty(), "{plugin} {grants:?} {more:?}: {lacking:?}");
    }
}
