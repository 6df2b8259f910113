//! A run as an OpenTelemetry collector hears of it.

use std::process::Command;

use drift_host::telemetry::{Settings, Telemetry};
use drift_tests::collector::{Answers, Collector, Heard, Span};
use drift_tests::proxy::{Fault, Proxy, Rule};
use drift_tests::{World, guest};
use serde_json::Value as Json;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

/// Without what this test's own environment says.
fn alone(mut command: Command) -> Command {
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("OTEL_") || name.starts_with("TRACE")) {
        command.env_remove(name);
    }
    command
}

/// Exit code, standard output and standard error.
fn ended(mut command: Command) -> (i32, String, String) {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// What the metrics say of the items is what the summary says.
fn agrees(heard: &Heard, document: &Json) {
    let metrics = heard.metrics();
    for (what, count) in document["items"].as_object().unwrap() {
        assert_eq!(metrics["drift.run.items"][what], count.as_f64().unwrap(), "{what}: {document}");
    }
    for (what, count) in document["actions"].as_object().unwrap() {
        assert_eq!(metrics["drift.run.actions"][what], count.as_f64().unwrap(), "{what}: {document}");
    }
    assert_eq!(metrics["drift.items.scanned"][""], document["items"]["scanned"].as_f64().unwrap());
    assert_eq!(metrics["drift.items.conflicts"][""], document["items"]["conflicts"].as_f64().unwrap());
}

#[test]
fn a_run_is_one_trace_of_its_caller_and_its_metrics_are_its_summary() {
    let Some(tidy) = guest("tidy_strikes") else { return };
    let world = World::with_data(&["Strikes:+Id=birdstrikes.csv"]);
    let collector = Collector::start(Answers::Well);
    let mut command = alone(world.command(&["run", &tidy, "--table", "Strikes", "--json"]));
    command
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url())
        .env("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=a%20b")
        .env("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=staging")
        .env("TRACEPARENT", format!("00-{TRACE}-{CALLER}-01"));
    let (code, out, error) = ended(command);
    assert_eq!(code, 0, "{error}");
    assert!(!error.contains("telemetry"), "{error}");
    let document: Json = serde_json::from_str(&out).unwrap();
    let heard = collector.heard();
    agrees(&heard, &document);

    let metrics = heard.metrics();
    assert_eq!(metrics["drift.items.applied"][""], document["items"]["changed"].as_f64().unwrap());
    for direction in ["read", "write"] {
        // What the history takes at the end is counted as well.
        let (sent, summed) =
            (metrics["drift.dynamodb.consumed_capacity"][direction], document["units"][direction].as_f64().unwrap());
        assert!(sent >= summed && sent <= summed + 50.0, "{direction}: {sent} of {summed}");
    }
    let durations = &metrics["db.client.operation.duration"];
    assert!(durations["Scan,aws.dynamodb"] >= 4.0 && durations["BatchExecuteStatement,aws.dynamodb"] >= 400.0, "{durations:?}");
    assert!(metrics["drift.guest.time"][""] > 0.0 && metrics["drift.guest.memory"][""] >= 65_536.0, "{metrics:?}");
    assert!(metrics["drift.journal.size"][""] > 10_000.0 && metrics["drift.waiting"].values().sum::<f64>() > 0.0, "{metrics:?}");
    assert_eq!(metrics["drift.dynamodb.throttles"].values().sum::<f64>(), 0.0);

    let resource = heard.resource();
    let said = |name: &str| resource[name].as_str();
    assert_eq!((said("service.name"), said("deployment.environment.name")), ("drift-host", "staging"));
    assert_eq!((said("drift.run.id"), said("aws.dynamodb.table_name")), (document["run"].as_str().unwrap(), "Strikes"));
    assert_eq!(said("drift.migration.number"), document["migration"]["number"].as_str().unwrap());
    assert_eq!(said("drift.migration.name"), document["migration"]["name"].as_str().unwrap());
    assert!(resource.contains_key("service.version") && !resource.contains_key("cloud.region"), "{resource:?}");

    let (run, scan, seal, apply) =
        (heard.span("drift.run"), heard.span("drift.scan"), heard.span("drift.seal"), heard.span("drift.apply"));
    assert_eq!((run.trace.as_str(), run.parent.as_str()), (TRACE, CALLER));
    assert!([&scan, &seal, &apply].into_iter().all(|phase| phase.is_within(&run)), "{:?}", heard.spans());
    assert!(scan.end <= seal.start && seal.end <= apply.start);
    assert_eq!(heard.spans().len(), 4, "a span a phase, not an item");
    let said = &run.attributes;
    assert_eq!((said["drift.state"].as_str(), said["drift.items.changed"].as_str()), ("applied", "10000"));
    assert_eq!(run.status, 0);

    let paths: Vec<&str> = heard.requests.iter().map(|(path, _, _)| path.as_str()).collect();
    assert!(paths.contains(&"/v1/traces") && paths.contains(&"/v1/metrics"), "{paths:?}");
    let as_told = |(_, form, tenant): &(String, String, Option<String>)| {
        form == "application/x-protobuf" && tenant.as_deref() == Some("a b")
    };
    assert!(heard.requests.iter().all(as_told), "{:?}", heard.requests);
}

#[test]
fn windows_and_a_canary_nest_and_json_says_the_same() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_rows(200);
    let collector = Collector::start(Answers::Well);
    let arguments = [
        "run",
        &echo,
        "--table",
        "Things",
        "--segments",
        "2",
        "--window",
        "1",
        "--canary",
        "5",
        "--yes",
        "--json",
        "--otlp",
        &collector.url(),
    ];
    let mut command = alone(world.command(&arguments));
    command.env("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json").env("OTEL_SERVICE_NAME", "ours");
    let (code, out, error) = ended(command);
    assert_eq!(code, 0, "{error}");
    let heard = collector.heard();
    agrees(&heard, &serde_json::from_str(&out).unwrap());
    assert!(heard.requests.iter().all(|(_, form, _)| form == "application/json"), "{:?}", heard.requests);
    assert_eq!(heard.resource()["service.name"], "ours");

    let spans = heard.spans();
    let named = |name: &str| spans.iter().filter(|span| span.name == name).collect::<Vec<_>>();
    let run = heard.span("drift.run");
    assert!(run.parent.is_empty() && run.trace.len() == 32);
    let windows = named("drift.window");
    assert!(windows.len() == 2 && windows.iter().all(|window| window.is_within(&run)), "{spans:?}");
    for phase in ["drift.scan", "drift.seal", "drift.apply"] {
        let of_windows = |span: &&Span| windows.iter().filter(|window| span.is_within(window)).count() == 1;
        assert!(named(phase).len() == 2 && named(phase).iter().all(of_windows), "{phase}: {spans:?}");
    }
    let canary = heard.span("drift.canary");
    assert!(canary.is_within(windows[0]) && canary.attributes["drift.canary.done"] == "5", "{canary:?}");
}

#[test]
fn throttlings_are_told_by_their_reason() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_rows(300);
    let proxy = Proxy::start(&world.running.endpoint_url());
    let writes = ["BatchExecuteStatement"];
    proxy.add(Rule::on(&writes, Fault::throttled("TableWriteProvisionedThroughputExceeded")).nth(1));
    proxy.add(Rule::on(&writes, Fault::throttled("IndexWriteProvisionedThroughputExceeded")).nth(2));
    proxy.add(Rule::on(&writes, Fault::throttled("TableWriteKeyRangeThroughputExceeded")).nth(3));
    let collector = Collector::start(Answers::Well);
    let arguments = ["run", &echo, "--table", "Things", "--json", "--otlp", &collector.url(), "--max-write-units", "2000"];
    let (code, out, error) = ended(alone(world.command_at(&proxy.endpoint_url(), &arguments)));
    assert_eq!((code, proxy.faults()), (0, 3), "{error}");
    let heard = collector.heard();
    agrees(&heard, &serde_json::from_str(&out).unwrap());
    let metrics = heard.metrics();
    let throttles = &metrics["drift.dynamodb.throttles"];
    assert_eq!([throttles["table"], throttles["index"], throttles["key-range"], throttles["account"]], [1.0, 1.0, 1.0, 0.0]);
    assert_eq!(metrics["db.client.operation.duration"]["BatchExecuteStatement,aws.dynamodb,throttled"], 3.0);
    assert!(
        metrics["drift.dynamodb.retries"][""] >= 3.0 && metrics["drift.dynamodb.rate_limit"]["write"] == 2000.0,
        "{metrics:?}"
    );
}

#[test]
fn a_failed_run_is_told_as_failed_and_nothing_of_its_items_is() {
    let Some(echo) = guest("echo") else { return };
    // In a name, in a value, in a key, in an argument's value, in a filter; and so in what the guest logs and fails with.
    let poison = ["poisonous-name", "poisonous-value", "7770077700777", "poisonous-argument"];
    let item = r#"{"Id": 7770077700777, "poisonous-name": "poisonous-value", "n": 1}"#;
    for protocol in ["http/protobuf", "http/json"] {
        let world = World::with_items(&[item, r#"{"Id": 2, "n": 2}"#]);
        let collector = Collector::start(Answers::Well);
        let url = collector.url();
        let arguments = ["run", &echo, "--table", "Things", "--json", "--otlp", &url, "--max-errors", "1"];
        let mut command = alone(world.command(&arguments));
        command.args(["--arg", "mode=tell", "--arg", "token=poisonous-argument", "--arg", "id=7770077700777"]);
        command.args(["--filter", "n < 7770077700777"]).env("OTEL_EXPORTER_OTLP_PROTOCOL", protocol);
        let (code, out, error) = ended(command);
        assert_eq!(code, 1, "{error}");
        assert!(out.contains(poison[2]) && out.contains(poison[3]), "the run itself does tell them: {out}");
        let heard = collector.heard();
        agrees(&heard, &serde_json::from_str(&out).unwrap());
        assert_eq!(heard.metrics()["drift.items.failed"]["scan"], 1.0);
        let run = heard.span("drift.run");
        assert_eq!((run.status, run.attributes["error.type"].as_str()), (2, "items"));
        let has = |word: &str| heard.bytes.windows(word.len()).any(|window| window == word.as_bytes());
        assert!(has("drift.scan") && has("Things"));
        for word in poison {
            assert!(!has(word), "{word} was sent, as {protocol}");
        }
    }
}

#[test]
fn a_collector_that_is_away_refuses_or_hangs_changes_nothing_but_one_line() {
    let Some(echo) = guest("echo") else { return };
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let collectors = [Answers::With(500), Answers::With(503), Answers::With(404), Answers::Nothing].map(Collector::start);
    let urls = collectors.iter().map(Collector::url).chain([format!("http://{nobody}")]);
    for url in urls {
        let world = World::with_rows(40);
        let (code, out, error) = ended(alone(world.command(&["run", &echo, "--table", "Things", "--json", "--otlp", &url])));
        assert_eq!(code, 0, "{url}: {error}");
        let document: Json = serde_json::from_str(&out).unwrap();
        assert_eq!((&document["state"], &document["items"]["changed"]), (&"applied".into(), &40.into()), "{out}");
        assert_eq!(error.lines().filter(|line| line.contains("telemetry")).count(), 1, "{url}: {error}");
    }
    assert!(collectors.iter().all(|collector| !collector.heard().requests.is_empty()));
}

#[test]
fn what_a_collector_could_not_take_for_now_is_sent_once_more() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_rows(40);
    let collector = Collector::start(Answers::Late(2));
    let arguments = ["run", &echo, "--table", "Things", "--json", "--otlp", &collector.url()];
    let (code, out, error) = ended(alone(world.command(&arguments)));
    assert_eq!(code, 0, "{error}");
    let heard = collector.heard();
    assert!(heard.requests.len() >= 4, "{:?}", heard.requests);
    agrees(&heard, &serde_json::from_str(&out).unwrap());
    assert_eq!(heard.spans().len(), 4, "each once: {:?}", heard.spans());
}

#[test]
fn nothing_is_sent_unasked_and_what_cannot_be_used_is_said() {
    let Some(echo) = guest("echo") else { return };
    let collector = Collector::start(Answers::Well);
    let run = |variables: &[(&str, &str)], flags: &[&str]| {
        let world = World::with_rows(3);
        let mut command = alone(world.command(&[&["run", &echo, "--table", "Things"], flags].concat()));
        command.envs(variables.iter().copied());
        ended(command)
    };
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url());
    let endpoint = (endpoint.0, endpoint.1.as_str());
    for variables in [&[][..], &[endpoint, ("OTEL_SDK_DISABLED", "true")]] {
        let (code, _, error) = run(variables, &[]);
        assert!(code == 0 && !error.contains("telemetry"), "{error}");
    }
    let (code, _, error) = run(&[endpoint, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")], &[]);
    assert!(code == 0 && error.contains("no telemetry is sent: OTEL_EXPORTER_OTLP_PROTOCOL is \"grpc\""), "{error}");
    assert!(collector.heard().requests.is_empty());
    let (code, _, error) = run(&[], &["--otlp", "localhost:4318"]);
    assert!(code == 2 && error.contains("no http:// or https:// URL of a collector"), "{error}");
    // A caller that does not record its trace wants none of this one either; the metrics are no part of it.
    let (code, ..) = run(&[endpoint, ("TRACEPARENT", &format!("00-{TRACE}-{CALLER}-00"))], &[]);
    let heard = collector.heard();
    assert!(code == 0 && heard.traces.is_empty() && !heard.metrics.is_empty(), "{:?}", heard.requests);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_has_it_where_it_wants_it_beside_its_own_observer() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_rows(30);
    let collector = Collector::start(Answers::Well);
    let (code, _, error) = world.drift_host(&["plan", &echo, "--table", "Things"]);
    assert_eq!(code, 0, "{error}");
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let note = seen.clone();
    let migrator = world.migrator().await.observe(move |event| note.lock().unwrap().push(event));
    let telemetry = Telemetry::start(Settings::find(Some(&collector.url())).unwrap().unwrap(), &migrator, |_| {}).unwrap();
    let migrator = telemetry.watch(migrator);
    let journal = migrator.open(&world.only_run()).unwrap();
    let plugin = drift_host::plugin::Plugin::load_file(std::path::Path::new(&echo), &Default::default()).unwrap();
    let summary = migrator.apply(journal, std::sync::Arc::new(plugin), &drift_host::RunOptions::new("Things")).await.unwrap();
    assert_eq!(summary.state, "applied");
    tokio::task::spawn_blocking(move || drop(telemetry)).await.unwrap();
    let heard = collector.heard();
    agrees_of_apply(&heard, 30.0);
    let begun =
        seen.lock().unwrap().iter().any(|event| matches!(event, drift_host::Event::Begun(about) if about.table == "Things"));
    assert!(begun, "its own observer is told as well");
}

/// What went on with a plan has scanned nothing itself.
fn agrees_of_apply(heard: &Heard, items: f64) {
    let metrics = heard.metrics();
    assert_eq!([metrics["drift.items.scanned"][""], metrics["drift.items.applied"][""]], [0.0, items]);
    assert_eq!(metrics["drift.run.items"]["scanned"], items);
    let names: Vec<String> = heard.spans().into_iter().map(|span| span.name).collect();
    assert_eq!(names, ["drift.apply", "drift.run"]);
}
