//! Ctrl-C and SIGTERM half-way: a stated exit code, nothing recorded, nothing lost.
#![cfg(unix)]

use std::process::{Command, Stdio};
use std::time::Duration;

use drift_host::model::Value;
use drift_tests::{World, guest};

async fn touched(world: &World) -> usize {
    let items = world.table("Things").await;
    items.iter().filter(|item| item.get("touched") == Some(&Value::Bool(true))).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_half_way_has_its_exit_code_and_apply_finishes() {
    let Some(echo) = guest("echo") else { return };
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let world = World::with_rows(5_000);
        let mut run = world.command(&["run", &echo, "--table", "Things", "--writes-in-flight", "1"]);
        let child = run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        while touched(&world).await == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(Command::new("kill").arg(signal).arg(child.id().to_string()).status().unwrap().success());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{said}");
        let id = world.only_run();
        assert!(said.contains(&format!("drift-host apply {id}")), "{said}");
        assert!(touched(&world).await < 5_000, "it was stopped half-way");
        let (_, status, _) = world.drift_host(&["status"]);
        assert!(status.starts_with("no migration is applied") && status.contains(&id), "{status}");

        let (code, out, error) = world.drift_host(&["apply", &id]);
        assert_eq!((code, out.starts_with("applied")), (0, true), "{out}{error}");
        assert_eq!(touched(&world).await, 5_000);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_beside_a_live_one_is_told_who_works_and_to_try_again() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_rows(3_000);
    let mut run = world.command(&["run", &echo, "--table", "Things", "--max-write-units", "50"]);
    let mut first = run.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while touched(&world).await == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (code, out, error) = world.drift_host(&["run", &echo, "--table", "Things"]);
    assert!(first.try_wait().unwrap().is_none(), "the first one is still at work");
    assert_eq!((code, out.as_str(), error.contains(&world.only_run()) && error.contains("since")), (75, "", true), "{error}");
    first.kill().unwrap();
    first.wait().unwrap();
}
