//! A run whose segments Spark does: the same table and the same history as on one machine, whoever is killed; one clear error for what cannot be.
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use drift_host::model::{Item, Value};
use drift_tests::spark::{Spark, Sparked, signal, source};
use drift_tests::{World, binary, guest};
use serde_json::{Value as Json, json};

const STRIKES: &str = "Strikes:+Id=birdstrikes.csv";

/// As the README has it: the example, which takes no flags.
fn strikes<'a>(world: &World, tidy: &'a str) -> Sparked<'a> {
    Sparked { table: "Strikes", ..Sparked::of(world, tidy, &[]) }
}

/// Four segments at once: each takes up the leader's lease, which takes five seconds.
fn few<'a>(world: &World, plugin: &'a str, flags: &'a [&'a str]) -> Sparked<'a> {
    Sparked { master: "local[4,4]", segments: 4, ..Sparked::of(world, plugin, flags) }
}

fn touched(item: &Item) -> bool {
    item.get("touched") == Some(&Value::Bool(true))
}

fn number(item: &Item, name: &str) -> i64 {
    item.get(name).unwrap().as_n().unwrap().to_string().parse().unwrap()
}

async fn until_some(world: &World, changed: impl Fn(&Item) -> bool) {
    while !world.table("Things").await.iter().any(&changed) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// What is recorded: once, and of all items.
async fn recorded_once(world: &World) {
    let applied = world.migrator().await.applied().await.unwrap();
    assert_eq!(applied.len(), 1, "{applied:?}");
    let (_, status, _) = world.drift_host(&["status"]);
    assert!(!status.contains("unfinished"), "{status}");
}

/// The same by processes that a shell starts, as docs/segments.md has it.
async fn by_xargs(world: &World, tidy: &str) {
    let shared = world.dir.path().join("by-xargs");
    let url = format!("file://{}", shared.display());
    let lead = ["lead", tidy, "--table", "Strikes", "--segments", "8", "--journal", &url];
    let mut leader = world.command(&lead).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let each = |words: &str| {
        let script = format!(
            "seq 0 7 | xargs -P 8 -I{{}} {} {words} --endpoint-url {} --runs-dir {} >/dev/null 2>&1",
            binary().display(),
            world.running.endpoint_url(),
            world.runs().display()
        );
        assert!(Command::new("sh").args(["-c", &script]).status().unwrap().success(), "{script}");
    };
    each(&format!("plan {tidy} --table Strikes --segment {{}}/8 --journal {url}"));
    while !shared.join("manifest.json").exists() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    each(&format!("apply {url} --segment {{}}/8"));
    assert!(leader.wait().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_machine_spark_and_eight_processes_give_one_table_and_one_history() {
    let Some(tidy) = guest("tidy_strikes") else { return };
    let Some(spark) = Spark::get().await else { return };
    let [one, sparked, processes] = [(); 3].map(|()| World::with_data(&[STRIKES]));
    let (code, out, error) = one.drift_host(&["run", &tidy, "--table", "Strikes"]);
    assert_eq!(code, 0, "{out}{error}");
    let (code, out, said) = spark.run(&sparked, &strikes(&sparked, &tidy)).ended();
    assert_eq!(code, 0, "{out}{said}");
    by_xargs(&processes, &tidy).await;
    let tables = [one.table("Strikes").await, sparked.table("Strikes").await, processes.table("Strikes").await];
    assert_eq!(tables[0].len(), 10_000);
    assert!(tables[0] == tables[1], "Spark made another table than one machine: {said}");
    assert!(tables[0] == tables[2], "eight processes made another table than one machine");
    // In the words of one machine, on the driver; Spark's own log stands between them.
    assert!(out.starts_with("applied"), "{out}");
    for words in ["\nrun 20", "drift-spark: plan: 8 of 8 segments, 2 at a time", "drift-spark: apply: 8 of 8 segments"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    recorded_once(&sparked).await;
    let rows = [one.migrator().await.applied().await.unwrap(), sparked.migrator().await.applied().await.unwrap()];
    let told =
        |row: &drift_host::history::Applied| (row.name.clone(), row.digest.clone(), row.detail("changed").map(str::to_owned));
    assert_eq!(told(&rows[0][0]), told(&rows[1][0]));
}

/// An item without its number, for rows that were loaded twenty times.
fn unnumbered(item: &Item) -> BTreeMap<String, String> {
    item.iter().filter(|(name, _)| *name != "Id").map(|(name, value)| (name.to_string(), format!("{value:?}"))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_strikes_twenty_times_over_are_each_migrated_as_once() {
    let Some(tidy) = guest("tidy_strikes") else { return };
    let Some(spark) = Spark::get().await else { return };
    let (one, many) = (World::with_data(&[STRIKES]), World::with_data(&["Strikes:+Id*20=birdstrikes.csv"]));
    let (code, out, error) = one.drift_host(&["run", &tidy, "--table", "Strikes"]);
    assert_eq!(code, 0, "{out}{error}");
    let once: BTreeMap<i64, _> = one.table("Strikes").await.iter().map(|item| (number(item, "Id"), unnumbered(item))).collect();
    let (code, out, said) = spark.run(&many, &strikes(&many, &tidy)).ended();
    assert_eq!(code, 0, "{out}{said}");
    let items = many.table("Strikes").await;
    assert_eq!((items.len(), once.len()), (200_000, 10_000));
    for item in &items {
        let id = number(item, "Id");
        assert_eq!(unnumbered(item), once[&((id - 1) % 10_000 + 1)], "item {id}");
    }
    recorded_once(&many).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_driver_that_is_killed_leaves_nobody_and_the_same_command_goes_on() {
    let Some(echo) = guest("echo") else { return };
    let Some(spark) = Spark::get().await else { return };
    let world = World::with_rows(800);
    let driver = spark.run(&world, &few(&world, &echo, &["--max-write-units", "80"]));
    until_some(&world, touched).await;
    driver.kill();
    assert!(!world.table("Things").await.iter().all(touched), "it was done before it was killed");
    let (code, out, said) = spark.run(&world, &few(&world, &echo, &[])).ended();
    assert_eq!(code, 0, "{out}{said}");
    assert!(out.contains("800 changed"), "{out}");
    assert!(world.table("Things").await.iter().all(touched));
    recorded_once(&world).await;
}

/// A planner and an applier, killed; done all the same, without a word of the driver's own about it or with one.
async fn started_again(master: &str, by_the_driver: bool) {
    let Some(steps) = guest("steps") else { return };
    let Some(spark) = Spark::get().await else { return };
    let world = World::with_numbers(400);
    let flags = [
        "--arg",
        "mode=plus",
        "--grant",
        "asked",
        "--exactly-once",
        "receipts",
        "--max-write-units",
        "160",
        "--max-read-units",
        "40",
    ];
    let mut driver = spark.run(&world, &Sparked { master, ..few(&world, &steps, &flags) });
    for verb in ["plan", "apply"] {
        signal("KILL", driver.process(verb).await);
    }
    let (code, out, said) = driver.ended();
    assert_eq!(code, 0, "{master}: {out}{said}");
    assert_eq!(said.contains("segments are begun again"), by_the_driver, "{master}: {said}");
    assert!(said.contains("was killed by signal 9"), "{master}: {said}");
    let wrong: Vec<i64> =
        world.table("Things").await.iter().map(|item| number(item, "n") - number(item, "Id")).filter(|by| *by != 1).collect();
    assert!(wrong.is_empty(), "{master}: not counted once: {wrong:?}");
    recorded_once(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_killed_is_started_again_by_spark() {
    started_again("local[4,4]", false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_killed_is_started_again_by_the_driver_where_spark_does_not() {
    started_again("local[4]", true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_stopped_says_how_to_go_on() {
    let Some(echo) = guest("echo") else { return };
    let Some(spark) = Spark::get().await else { return };
    let world = World::with_rows(800);
    for (name, exit, verb) in [("INT", 130, "plan"), ("TERM", 143, "apply")] {
        let slow: &[&str] = if verb == "plan" { &["--max-read-units", "8"] } else { &["--max-write-units", "80"] };
        let mut driver = spark.run(&world, &few(&world, &echo, slow));
        driver.process(verb).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        driver.signal(name);
        let (code, out, said) = driver.ended();
        assert_eq!((code, out.as_str()), (exit, ""), "{said}");
        assert!(said.contains("the same command again goes on with the run"), "{said}");
        assert!(!said.contains("Traceback"), "{said}");
    }
    // The leader gave the table back: nobody waits for its lease.
    let (code, out, said) = spark.run(&world, &few(&world, &echo, &[])).ended();
    assert_eq!((code, out.contains("800 changed")), (0, true), "{out}{said}");
    assert!(world.table("Things").await.iter().all(touched));
    recorded_once(&world).await;
}

/// A library's use, and a cancel from another thread of the session's.
const CANCELLED: &str = r#"
import sys, threading, time
from pyspark import SparkContext
import drift_spark
from drift_spark import DriftError
plugin, url, endpoint, binary = sys.argv[1:]
sc = SparkContext("local[4,4]", "a notebook")
def call(*flags):
    return drift_spark.run(
        sc, plugin=plugin, table="Things", segments=4, journal=url, binary=binary, job_group="mine", flags=["--endpoint-url", endpoint, *flags]
    )
def cancel():
    while not sc.statusTracker().getJobIdsForGroup("mine"):
        time.sleep(0.1)
    time.sleep(8)
    sc.cancelJobGroup("mine")
threading.Thread(target=cancel, daemon=True).start()
try:
    call("--max-write-units", "40")
    print("it was not cancelled")
except DriftError as error:
    print(error.exit_code, error)
summary = call()
print(summary.exit_code, summary.document["state"], summary.document["items"]["done"], len(summary.planned), sum(line["applied"] for line in summary.applied.values()))
print(sc.parallelize(range(10)).sum(), sc.getLocalProperty("spark.jobGroup.id"))
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_notebook_gets_a_summary_and_can_cancel() {
    let Some(echo) = guest("echo") else { return };
    let Some(spark) = Spark::get().await else { return };
    let world = World::with_rows(800);
    let sparked = Sparked::of(&world, &echo, &[]);
    let mut command = spark.session(&world, CANCELLED);
    command.args([echo.as_str(), &sparked.url, &world.running.endpoint_url()]).arg(binary());
    let output = command.output().unwrap();
    let (out, said) =
        (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned());
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines.len(), 3, "{out}{said}");
    assert!(lines[0].starts_with("130 the job was cancelled; the same call again goes on"), "{out}{said}");
    // The session is its owner's, before and after.
    assert_eq!(&lines[1..], ["0 applied 800 4 800", "45 None"], "{said}");
    assert!(world.table("Things").await.iter().all(touched));
    recorded_once(&world).await;
}

/// Something in the binary's place.
fn stand_in(world: &World, name: &str, text: &str) -> PathBuf {
    let path = world.dir.path().join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// One session, and what a call of these words ends with: a line each, its exit code first.
const CALLS: &str = r#"
import json, sys
from pyspark import SparkContext
import drift_spark
sc = SparkContext("local[4,4]", "errors")
for words in json.load(sys.stdin):
    flags = words.pop("flags", [])
    try:
        summary = drift_spark.run(sc, table=words.pop("table", "Things"), segments=4, flags=flags, **words)
        print(json.dumps([summary.exit_code, summary.document["state"]]))
    except drift_spark.DriftError as error:
        print(json.dumps([error.exit_code, str(error)]))
"#;

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_one_clear_error() {
    let (Some(echo), Some(steps), Some(panics)) = (guest("echo"), guest("steps"), guest("panics")) else { return };
    let Some(spark) = Spark::get().await else { return };
    let world = World::with_rows(80);
    let before = world.table("Things").await;
    let usual = few(&world, &echo, &[]);
    let version = String::from_utf8(Command::new(binary()).arg("--version").output().unwrap().stdout).unwrap();
    // The same path, which says one thing to the driver and another to an executor.
    let says = format!(
        "#!/bin/sh\n[ -n \"$SPARK_REUSE_WORKER\" ] && echo drift-host 0.0.9 && exit\nexec {} \"$@\"\n",
        binary().display()
    );
    let (foreign, older) = (stand_in(&world, "foreign", "\x7fELF of another machine"), stand_in(&world, "older", &says));
    let endpoint = world.running.endpoint_url();
    let call = |plugin: &str, url: &str, binary: &Path, flags: &[&str]| {
        let flags: Vec<&str> = ["--endpoint-url", &endpoint].into_iter().chain(flags.iter().copied()).collect();
        json!({ "plugin": plugin, "journal": url, "binary": binary, "flags": flags })
    };
    let (there, other) = (binary(), format!("{}-other", usual.url));
    let mut nowhere = call(&echo, &usual.url, &there, &[]);
    nowhere["table"] = "Nowhere".into();
    let rows: Vec<(Json, i32, Vec<&str>)> = vec![
        (
            call(&echo, &usual.url, Path::new("no/such/drift-host"), &[]),
            2,
            vec!["there is no drift-host on", "no/such/drift-host", "--archives"],
        ),
        (call(&echo, &usual.url, &foreign, &[]), 2, vec!["is for another kind of machine than", "exec format error"]),
        (call(&echo, &usual.url, &older, &[]), 3, vec!["is drift-host 0.0.9, and the driver has", version.trim()]),
        (call("no-such.wasm", &usual.url, &there, &[]), 2, vec!["the plugin no-such.wasm is no file of the driver's"]),
        (nowhere, 4, vec!["Nowhere"]),
        (call(&echo, &usual.url, &there, &["--secret-arg", "key=env:DRIFT_UNSET"]), 2, vec!["DRIFT_UNSET"]),
        // Too many failed.
        (call(&panics, &usual.url, &there, &["--arg", "id=7"]), 1, vec!["refused"]),
        // Another run's place.
        (call(&steps, &usual.url, &there, &["--grant", "asked"]), 3, vec!["began with another plugin", "another --journal"]),
        // A hook is the leader's, and no process' that does a segment.
        (call(&echo, &other, &there, &["--on", "done=true"]), 0, vec!["applied"]),
        (call(&echo, &other, &there, &[]), 0, vec!["applied"]),
    ];
    let calls: Vec<&Json> = rows.iter().map(|(call, ..)| call).collect();
    let mut command = spark.session(&world, CALLS);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut session = command.spawn().unwrap();
    session.stdin.take().unwrap().write_all(json!(calls).to_string().as_bytes()).unwrap();
    let output = session.wait_with_output().unwrap();
    let (out, said) =
        (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned());
    assert_eq!(out.lines().count(), rows.len(), "{out}{said}");
    for (line, (call, exit, words)) in out.lines().zip(&rows) {
        let ended: Json = serde_json::from_str(line).unwrap();
        let text = ended[1].as_str().unwrap();
        assert_eq!(ended[0], *exit, "{call}: {text}\n{said}");
        assert!(words.iter().all(|words| text.contains(words)), "{call}: {words:?}: {text}\n{said}");
    }
    assert!(!said.contains("Traceback"), "{said}");
    assert_ne!(world.table("Things").await, before);
    recorded_once(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_is_one_line_and_failed_items_of_all_segments_are_one_list() {
    let Some(panics) = guest("panics") else { return };
    let Some(spark) = Spark::get().await else { return };
    let world = World::with_rows(80);
    for (sparked, words) in [
        (few(&world, &panics, &["--segment", "1/8"]), "--segment is said to each process by drift-spark"),
        (Sparked { binary: "no/such/drift-host".into(), ..few(&world, &panics, &[]) }, "there is no drift-host on"),
    ] {
        let (code, out, said) = spark.run(&world, &sparked).ended();
        let errors: Vec<&str> = said.lines().filter(|line| line.starts_with("error: ")).collect();
        assert_eq!((code, out.as_str(), errors.len(), said.contains("Traceback")), (2, "", 1, false), "{said}");
        assert!(errors[0].contains(words), "{said}");
    }
    let some = few(&world, &panics, &["--arg", "id=7", "--max-errors", "1"]);
    let (code, out, said) = spark.run(&world, &some).ended();
    assert_eq!((code, out.starts_with("incomplete"), out.contains("1 failed")), (1, true, true), "{out}{said}");
    assert!(said.contains(&format!("drift-host show {} --errors", some.url)), "{said}");
    let (code, out, error) = world.drift_host(&["show", &some.url, "--errors", "--json"]);
    let listed: Json = serde_json::from_str(&out).unwrap_or_default();
    assert_eq!(code, 0, "{out}{error}");
    assert!(listed.to_string().contains("\"7\""), "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_package_can_be_installed_and_submitted_with_the_binary_in_an_archive() {
    let Some(echo) = guest("echo") else { return };
    let Some(spark) = Spark::get().await else { return };
    let world = World::with_rows(80);
    let at = |name: &str| world.dir.path().join(name);
    // As pip installs it, with its command; the source folder stays as it is.
    let copied = Command::new("cp").arg("-r").arg(source().parent().unwrap()).arg(at("source")).status().unwrap();
    assert!(copied.success());
    let install =
        ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation", "--target"];
    let installed =
        spark.python(&world).env_remove("PYTHONPATH").args(install).arg(at("installed")).arg(at("source")).output().unwrap();
    assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
    let says = spark
        .python(&world)
        .env("PYTHONPATH", at("installed"))
        .arg(at("installed/bin/drift-spark"))
        .arg("--version")
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&says.stdout), format!("drift-spark {}\n", env!("CARGO_PKG_VERSION")));
    assert!(at("installed/drift_spark/py.typed").exists());
    // As on a cluster: the binary in an archive, under the name that the documentation gives it, the package in another, the policy beside the driver.
    std::fs::create_dir(at("bundle")).unwrap();
    stand_in(&world, "bundle/drift-host", &format!("#!/bin/sh\nexec {} \"$@\"\n", binary().display()));
    let packed =
        Command::new("tar").arg("-czf").arg(at("bundle.tar.gz")).arg("-C").arg(at("bundle")).arg("drift-host").status().unwrap();
    assert!(packed.success());
    let zip = ["-m", "zipfile", "-c", "drift_spark.zip", "source/src/drift_spark"];
    assert!(spark.python(&world).args(zip).status().unwrap().success());
    std::fs::write(at("strict.toml"), "[tables.Things]\n").unwrap();
    let url = few(&world, &echo, &[]).url;
    let mut submit = spark.submit(&world);
    submit.args(["--master", "local[4,4]", "--conf", "spark.ui.enabled=false", "--conf", "spark.driver.host=127.0.0.1"]);
    submit.args(["--archives", "bundle.tar.gz#drift", "--py-files", "drift_spark.zip"]).arg(at("source/submit.py"));
    submit.args(["run", "--table", "Things", "--plugin", &echo, "--segments", "4", "--journal", &url, "--policy", "strict.toml"]);
    let output = submit.args(["--endpoint-url", &world.running.endpoint_url()]).output().unwrap();
    let (out, said) =
        (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned());
    assert_eq!((output.status.code(), out.contains("80 changed")), (Some(0), true), "{out}{said}");
    assert!(world.table("Things").await.iter().all(touched));
    let run = std::fs::read_to_string(at("shared/run.json")).unwrap();
    assert!(run.contains("\"policy\":{"), "{run}");
}
