//! The rates of a run, shared by whoever is at work; and how far they are, told meanwhile.

use drift_tests::proxy::{Fault, Proxy, Rule};
use drift_tests::shares::Shared;

use super::*;

#[test]
fn four_processes_of_which_one_is_slow_and_one_is_lost_take_no_more_than_the_run_may() {
    let Some(echo) = guest("echo") else { return };
    let shared = Shared {
        plugin: &echo,
        items: 6_000,
        limit: 160,
        slower: Duration::from_millis(1_500),
        lost_after: Duration::from_secs(6),
        again_after: Duration::from_secs(2),
    };
    let taken = shared.taken();
    assert!(taken.all() >= 6_000.0, "{}", taken.all());
    let most = taken.most_in_ten();
    assert!(most <= 160.0 * 10.0 * 1.05, "{most} units in ten seconds");
}

/// The rows of the runs' table whose id begins so.
async fn rows(fleet: &Fleet, begin: &str) -> Vec<Item> {
    let all = fleet.world.table("drift_migrations_runs").await;
    all.into_iter().filter(|row| row.get("Id").and_then(Value::as_s).is_some_and(|id| id.starts_with(begin))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_alone_at_work_has_the_whole_rate_and_leaves_no_row_behind() {
    let Some(echo) = guest("echo") else { return };
    let fleet = Fleet::new(World::with_rows(160));
    let leader = fleet.lead(&echo, &["--max-write-units", "80"]);
    fleet.plan_all(&echo, &[]);
    fleet.until_there("manifest.json").await;
    // Of eight segments that are not done, one is at work.
    let (code, said) = ended(fleet.apply(0, &[]));
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("and 80 write units a second"), "{said}");
    fleet.apply_all();
    let (code, said) = ended(leader);
    assert_eq!(code, 0, "{said}");
    let left = rows(&fleet, "worker").await;
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_is_kept_for_those_who_will_come_where_somebody_says_how_many() {
    let Some(echo) = guest("echo") else { return };
    let fleet = Fleet::new(World::with_rows(160));
    let leader = fleet.lead(&echo, &["--max-write-units", "80", "--at-once", "4"]);
    fleet.plan_all(&echo, &[]);
    fleet.until_there("manifest.json").await;
    let (code, said) = ended(fleet.apply(0, &[]));
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("and 20 write units a second"), "{said}");
    fleet.apply_all();
    assert_eq!(ended(leader).0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_planner_that_may_not_tell_of_itself_plans_all_the_same() {
    let Some(echo) = guest("echo") else { return };
    let fleet = Fleet::new(World::with_rows(80));
    let proxy = Proxy::start(&fleet.world.running.endpoint_url());
    let denied = Fault::error(400, "AccessDeniedException");
    proxy.add(Rule::on(&["UpdateItem"], denied).table("drift_migrations_runs"));
    let leader = fleet.lead(&echo, &["--max-read-units", "800"]);
    fleet.until_there("run.json").await;
    let plan = |segment: u32| {
        let segment = format!("{segment}/{SEGMENTS}");
        let plan = ["plan", &echo, "--table", "Things", "--segment", &segment, "--journal", &fleet.url];
        let mut command = fleet.world.command_at(&proxy.endpoint_url(), &plan);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let planned: Vec<Child> = (0..SEGMENTS).map(plan).collect();
    let planned: Vec<Json> = planned.into_iter().map(|child| line(child.wait_with_output().unwrap(), 0)).collect();
    assert_eq!(sum(&planned, "scanned"), 80, "{planned:?}");
    fleet.until_there("manifest.json").await;
    fleet.apply_all();
    assert_eq!(ended(leader).0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn how_far_segments_are_is_told_while_they_are_at_work() {
    let Some(echo) = guest("echo") else { return };
    // An item is done when its chunk is, some two hundred of them.
    let fleet = Fleet::new(World::with_rows(8_000));
    let leader = fleet.lead(&echo, &["--max-write-units", "100", "--json-progress"]);
    fleet.plan_all(&echo, &[]);
    fleet.until_there("manifest.json").await;
    let appliers: Vec<Child> = (0..2).map(|segment| fleet.apply(segment, &[])).collect();
    let run = fleet.world.drift_host(&["status", "--json"]).1;
    let run = serde_json::from_str::<Json>(&run).unwrap()["unfinished"][0]["run"].as_str().unwrap().to_owned();
    let some = async {
        loop {
            let (code, out, error) = fleet.world.drift_host(&["ctl", &run, "status", "--json"]);
            assert_eq!(code, 0, "{out}{error}");
            let status = serde_json::from_str::<Json>(&out).unwrap()["runs"][0].clone();
            let done = status["done"].as_u64().unwrap();
            let is_on_the_way = done > 0 && status["phase"] == "apply" && !fleet.shared().join("applied/0000000.json").exists();
            if is_on_the_way {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    let status = tokio::time::timeout(Duration::from_secs(60), some).await.expect("it is told before a segment is done");
    assert_eq!(status["of"], 8_000, "{status}");
    assert!(status["pace"].as_str().unwrap().contains("of 8 segments, 2 at work"), "{status}");
    let (_, out, _) = fleet.world.drift_host(&["status"]);
    assert!(out.contains("applied") && out.contains("of 8000"), "{out}");
    let (code, out, error) = fleet.world.drift_host(&["ctl", &run, "set", "max-write-units=none"]);
    assert_eq!(code, 0, "{out}{error}");
    for applier in appliers {
        line(applier.wait_with_output().unwrap(), 0);
    }
    fleet.apply_all();
    let output = leader.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let events = String::from_utf8(output.stderr).unwrap();
    let events = events.lines().filter_map(|line| serde_json::from_str::<Json>(line).ok());
    let applied: Vec<u64> =
        events.filter(|event| event["event"] == "applied").map(|event| event["items"].as_u64().unwrap()).collect();
    assert!(applied.len() > SEGMENTS as usize, "more often than segments end: {applied:?}");
    assert_eq!(applied.iter().sum::<u64>(), 8_000, "each once: {applied:?}");
}
