//! A run whose segments Spark does: the same table and the same history as on one machine, whoever is killed; one clear error for what cannot be.
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use drift_host::model::{Item, Value};
use drift_tests::spark::{Spark, Sparked, signal, source};
use drift_tests::{World, binary, guest};
use serde_json::Value as Json;

const STRIKES: &str = "Strikes:+Id=birdstrikes.csv";

/// As the README has it: the example, which takes no flags.
fn strikes<'a>(world: &World, tidy: &'a str) -> Sparked<'a> {
    Sparked { table: "Strikes", ..Sparked::of(world, tidy, &[]) }
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
    // Once more is once.
    let (code, out, said) = spark.run(&sparked, &strikes(&sparked, &tidy)).ended();
    assert_eq!(code, 0, "{out}{said}");
    recorded_once(&sparked).await;
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
    let (code, out, said) = spark.run(&many, &Sparked { segments: 16, ..strikes(&many, &tidy) }).ended();
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
    let mut driver = spark.run(&world, &Sparked::of(&world, &echo, &["--max-read-units", "10"]));
    driver.process("plan").await;
    driver.kill();
    let driver = spark.run(&world, &Sparked::of(&world, &echo, &["--max-write-units", "80"]));
    until_some(&world, touched).await;
    driver.kill();
    assert!(!world.table("Things").await.iter().all(touched), "it was done before it was killed");
    let (code, out, said) = spark.run(&world, &Sparked::of(&world, &echo, &[])).ended();
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
    let mut driver = spark.run(&world, &Sparked { master, ..Sparked::of(&world, &steps, &flags) });
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
    started_again("local[2,4]", false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_killed_is_started_again_by_the_driver_where_spark_does_not() {
    started_again("local[2]", true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_stopped_says_how_to_go_on() {
    let Some(echo) = guest("echo") else { return };
    let Some(spark) = Spark::get().await else { return };
    let world = World::with_rows(800);
    for (name, exit, verb) in [("INT", 130, "plan"), ("TERM", 143, "apply")] {
        let slow: &[&str] = if verb == "plan" { &["--max-read-units", "8"] } else { &["--max-write-units", "80"] };
        let mut driver = spark.run(&world, &Sparked::of(&world, &echo, slow));
        driver.process(verb).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        driver.signal(name);
        let (code, out, said) = driver.ended();
        assert_eq!((code, out.as_str()), (exit, ""), "{said}");
        assert!(said.contains("the same command again goes on with the run"), "{said}");
        assert!(!said.contains("Traceback"), "{said}");
    }
    // The leader gave the table back: nobody waits for its lease.
    let (code, out, said) = spark.run(&world, &Sparked::of(&world, &echo, &[])).ended();
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
sc = SparkContext("local[2,4]", "a notebook")
def call(*flags):
    return drift_spark.run(
        sc, plugin=plugin, table="Things", segments=8, journal=url, binary=binary, job_group="mine", flags=["--endpoint-url", endpoint, *flags]
    )
def cancel():
    while not sc.statusTracker().getJobIdsForGroup("mine"):
        time.sleep(0.1)
    time.sleep(8)
    sc.cancelJobGroup("mine")
threading.Thread(target=cancel, daemon=True).start()
try:
    call("--max-read-units", "8")
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
    let mut command = spark.python(&world);
    // Spark's own default is the first python3 of PATH.
    command.env("PYSPARK_PYTHON", command.get_program().to_owned());
    command.args(["-c", CANCELLED, &echo, &sparked.url, &world.running.endpoint_url()]).arg(binary());
    let output = command.output().unwrap();
    let (out, said) =
        (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned());
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines.len(), 3, "{out}{said}");
    assert!(lines[0].starts_with("130 the job was cancelled; the same call again goes on"), "{out}{said}");
    // The session is its owner's, before and after.
    assert_eq!(&lines[1..], ["0 applied 800 8 800", "45 None"], "{said}");
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

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_one_clear_error_before_anything_is_begun() {
    let (Some(echo), Some(steps)) = (guest("echo"), guest("steps")) else { return };
    let Some(spark) = Spark::get().await else { return };
    let world = World::with_rows(80);
    let before = world.table("Things").await;
    let usual = Sparked::of(&world, &echo, &[]);
    let refused = |sparked: Sparked<'_>, exit: i32, words: &[&str]| {
        let (code, out, said) = spark.run(&world, &sparked).ended();
        assert_eq!((code, out.as_str()), (exit, ""), "{said}");
        let errors: Vec<&str> = said.lines().filter(|line| line.starts_with("error")).collect();
        assert_eq!(errors.len(), 1, "{said}");
        assert!(words.iter().all(|words| errors[0].contains(words)), "{words:?}: {said}");
        assert!(!said.contains("Traceback"), "{said}");
    };
    let other = |name: &str, text: &str| Sparked { binary: stand_in(&world, name, text), ..usual.clone() };
    // The driver is given one that starts, so that it is the executors' that is missed.
    let there = binary().display().to_string();
    let version = String::from_utf8(Command::new(binary()).arg("--version").output().unwrap().stdout).unwrap();
    refused(
        Sparked { binary: "no/such/drift-host".into(), ..usual.clone() },
        2,
        &["there is no drift-host on", "no/such/drift-host", "--archives"],
    );
    refused(
        other("foreign", "\x7fELF of another machine"),
        2,
        &["foreign", "is for another kind of machine than", "exec format error"],
    );
    // The same path, which says one thing to the driver and another to an executor.
    let says = format!("#!/bin/sh\n[ -n \"$SPARK_REUSE_WORKER\" ] && echo drift-host 0.0.9 && exit\nexec {there} \"$@\"\n");
    refused(other("older", &says), 3, &["is drift-host 0.0.9, and the driver has", version.trim()]);
    refused(Sparked { flags: &["--conf", "spark.speculation=true"], ..usual.clone() }, 2, &["spark.speculation=false"]);
    refused(Sparked { flags: &["--segment", "1/8"], ..usual.clone() }, 2, &["--segment is said to each process by drift-spark"]);
    refused(Sparked { plugin: "no-such.wasm", ..usual.clone() }, 2, &["the plugin no-such.wasm is no file of the driver's"]);
    refused(Sparked { table: "Nowhere", ..usual.clone() }, 4, &["Nowhere"]);
    refused(Sparked { flags: &["--on", "done=true"], ..usual.clone() }, 2, &["--on"]);
    assert!(!world.dir.path().join("shared/run.json").exists(), "something was begun");
    // Another run's place.
    let (code, out, said) = spark.run(&world, &usual).ended();
    assert_eq!(code, 0, "{out}{said}");
    let migrated = world.table("Things").await;
    refused(
        Sparked { plugin: &steps, flags: &["--grant", "asked"], ..usual.clone() },
        3,
        &["began with another plugin", "another --journal"],
    );
    assert_eq!(world.table("Things").await, migrated);
    assert_ne!(before, migrated);
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_items_of_all_segments_are_one_list_and_too_many_stop_the_run() {
    let Some(panics) = guest("panics") else { return };
    let Some(spark) = Spark::get().await else { return };
    let world = World::with_rows(80);
    let before = world.table("Things").await;
    let (code, out, said) = spark.run(&world, &Sparked::of(&world, &panics, &["--arg", "id=7"])).ended();
    assert_eq!((code, out.starts_with("refused")), (1, true), "{out}{said}");
    assert_eq!(world.table("Things").await, before);
    let url = format!("file://{}", world.dir.path().join("another").display());
    let some = Sparked { url: url.clone(), ..Sparked::of(&world, &panics, &["--arg", "id=7", "--max-errors", "1"]) };
    let (code, out, said) = spark.run(&world, &some).ended();
    assert_eq!((code, out.starts_with("incomplete"), out.contains("1 failed")), (1, true, true), "{out}{said}");
    let command = format!("drift-host show {url} --errors");
    assert!(said.contains(&command), "{said}");
    let (code, out, error) = world.drift_host(&["show", &url, "--errors", "--json"]);
    let listed: Json = serde_json::from_str(&out).unwrap_or_default();
    assert_eq!(code, 0, "{out}{error}");
    assert!(listed.to_string().contains("\"7\""), "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_and_an_archive_travel_and_the_package_can_be_installed() {
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
    // The binary in an archive, under the name that the documentation gives it; the policy beside the driver.
    std::fs::create_dir(at("bundle")).unwrap();
    stand_in(&world, "bundle/drift-host", &format!("#!/bin/sh\nexec {} \"$@\"\n", binary().display()));
    let packed = Command::new("tar")
        .args(["-czf"])
        .arg(at("bundle.tar.gz"))
        .arg("-C")
        .arg(at("bundle"))
        .arg("drift-host")
        .status()
        .unwrap();
    assert!(packed.success());
    std::fs::write(at("strict.toml"), "[tables.Things]\n").unwrap();
    let archive = format!("spark.archives={}#drift", at("bundle.tar.gz").display());
    let flags = ["--conf", &archive, "--policy", "strict.toml"];
    let sparked = Sparked { binary: "drift/drift-host".into(), ..Sparked::of(&world, &echo, &flags) };
    let (code, out, said) = spark.run(&world, &sparked).ended();
    assert_eq!((code, out.contains("80 changed")), (0, true), "{out}{said}");
    assert!(world.table("Things").await.iter().all(touched));
}
