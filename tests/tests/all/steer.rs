//! A run that is at work is steered from another process.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::Duration;

use drift_host::model::Value;
use drift_tests::{World, guest};
use serde_json::Value as Json;

/// Long enough for a lease to be renewed several times.
const PATIENCE: Duration = Duration::from_secs(60);

async fn touched(world: &World) -> usize {
    let items = world.table("Things").await;
    items.iter().filter(|item| item.get("touched") == Some(&Value::Bool(true))).count()
}

/// A run that would take half an hour, at work, and its id.
async fn at_work(world: &World, echo: &str) -> (Child, String) {
    let mut run = world.command(&["run", echo, "--table", "Things", "--max-write-units", "2"]);
    let child = run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while touched(world).await == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    (child, world.only_run())
}

fn ctl(world: &World, words: &[&str]) -> Json {
    let (code, out, error) = world.drift_host(&[&["ctl"], words, &["--json"]].concat());
    assert_eq!(code, 0, "{words:?}: {out}{error}");
    let document: Json = serde_json::from_str(&out).unwrap();
    assert_eq!(document["runs"].as_array().map(Vec::len), Some(1), "{out}");
    document["runs"][0].clone()
}

/// Asks for the status until it is so.
async fn until(world: &World, run: &str, is_so: impl Fn(&Json) -> bool) -> Json {
    let asked = async {
        loop {
            let status = ctl(world, &[run, "status"]);
            if is_so(&status) {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.unwrap_or_else(|_| panic!("at last: {}", ctl(world, &[run, "status"])))
}

fn paused(status: &Json) -> bool {
    status["pace"].as_str().is_some_and(|pace| pace.contains("(paused)"))
}

fn ended(child: Child) -> (i32, String) {
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap(), said)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_pauses_goes_on_and_goes_faster_as_another_machine_wants() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_rows(3_000);
    let (child, run) = at_work(&world, &echo).await;
    let wanted = ctl(&world, &[&run[..10], "pause"]);
    assert_eq!((wanted["paused"].as_bool(), wanted["run"].as_str()), (Some(true), Some(run.as_str())), "{wanted}");
    let status = until(&world, &run, paused).await;
    assert_eq!((status["phase"].as_str(), status["of"].as_u64()), (Some("apply"), Some(3_000)), "{status}");
    let before = touched(&world).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(touched(&world).await, before, "a paused run writes nothing, where six items would have been due");

    ctl(&world, &[&run, "set", "max-write-units=none"]);
    ctl(&world, &["--all", "resume"]);
    let (code, said) = ended(child);
    assert_eq!(code, 0, "{said}");
    assert!(
        said.contains("paused by") && said.contains(&format!("drift-host ctl {run} resume")) && said.contains("resumed by"),
        "{said}"
    );
    assert_eq!(touched(&world).await, 3_000);
    let (code, _, error) = world.drift_host(&["ctl", &run, "pause"]);
    assert_eq!(code, 2, "{error}");
    assert!(error.contains("no unfinished run"), "{error}");
    let (code, out, _) = world.drift_host(&["ctl", "--all", "stop"]);
    assert_eq!((code, out.trim()), (0, "no run is at work"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_stopped_from_elsewhere_can_be_gone_on_with() {
    let Some(echo) = guest("echo") else { return };
    for first in ["", "pause"] {
        let world = World::with_rows(1_000);
        let (child, run) = at_work(&world, &echo).await;
        if !first.is_empty() {
            ctl(&world, &[&run, first]);
            until(&world, &run, paused).await;
        }
        ctl(&world, &["--all", "stop"]);
        let (code, said) = ended(child);
        assert_eq!(code, 75, "{said}");
        assert!(said.contains("stopping, by") && said.contains(&format!("drift-host apply {run}")), "{said}");
        let done = touched(&world).await;
        assert!((1..1_000).contains(&done), "{done}");
        let (code, _, error) = world.drift_host(&["ctl", &run, "resume"]);
        assert_eq!(code, 3, "{error}");
        assert!(error.contains("not at work") && error.contains(&format!("drift-host apply {run}")), "{error}");

        // A pause outlives the process; the stop does not.
        let mut apply = world.command(&["apply", &run, "--max-write-units", "100000"]);
        let mut child = apply.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut told = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        if !first.is_empty() {
            told.find(|line| line.starts_with("paused by")).expect("it is paused still, and says so");
            assert_eq!(touched(&world).await, done);
            ctl(&world, &[&run, "resume"]);
        }
        let rest: Vec<String> = told.collect();
        assert!(child.wait().unwrap().success(), "{rest:?}");
        assert_eq!(touched(&world).await, 1_000);
    }
}

#[test]
fn what_no_run_does_is_refused_with_the_right_form() {
    let world = World::with_rows(1);
    for wrong in [&["ctl", "x", "halt"] as &[&str], &["ctl", "x", "set", "max-write-units=fast"], &["ctl", "x"], &["ctl"]] {
        let (code, _, error) = world.drift_host(wrong);
        assert_eq!(code, 2, "{wrong:?}: {error}");
        assert!(error.contains("max-write-units") || error.contains("RUN ACTION"), "{wrong:?}: {error}");
    }
}
