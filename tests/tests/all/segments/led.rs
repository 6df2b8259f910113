//! The leader stands for the run: hooks, gates and telemetry are its own.

use drift_tests::collector::{Answers, Collector};

use super::*;

impl Fleet {
    fn noted(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.world.dir.path().join("noted")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn note(&self, event: &str) -> String {
        let file = self.world.dir.path().join("noted");
        format!(
            "{event}=echo \"$DRIFT_EVENT $DRIFT_TABLE ${{DRIFT_CHANGED-none}} ${{DRIFT_EXIT-none}} $DRIFT_JOURNAL\" >> '{}'",
            file.display()
        )
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hooks_of_a_shared_run_are_called_once_each_by_its_leader() {
    let Some(echo) = guest("echo") else { return };
    let fleet = Fleet::new(World::with_rows(80));
    let hooks: Vec<String> = ["start", "planned", "failed", "done"].iter().map(|event| fleet.note(event)).collect();
    let hooks: Vec<&str> = hooks.iter().flat_map(|hook| ["--on", hook]).collect();
    let leader = fleet.lead(&echo, &hooks);
    fleet.plan_all(&echo, &[]);
    fleet.until_there("manifest.json").await;
    fleet.apply_all();
    let (code, said) = ended(leader);
    assert_eq!(code, 0, "{said}");
    let url = &fleet.url;
    let expected =
        [format!("start Things 0 none {url}"), format!("planned Things 80 none {url}"), format!("done Things 80 0 {url}")];
    assert_eq!(fleet.noted(), expected);
    // One process of many has none of its own.
    for child in [fleet.plan(&echo, 0, &["--on", "start=true"]), fleet.apply(0, &["--on", "done=true"])] {
        let (code, said) = ended(child);
        assert_eq!((code, said.contains("give it to `drift-host lead`")), (2, true), "{said}");
    }
    let (code, said) = ended(fleet.apply(0, &["--otlp", "http://127.0.0.1:9"]));
    assert_eq!((code, said.contains("--otlp")), (2, true), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_of_the_leader_that_says_no_leaves_the_plan_and_writes_nothing() {
    let Some(echo) = guest("echo") else { return };
    let fleet = Fleet::new(World::with_rows(80));
    let before = fleet.world.table("Things").await;
    let leader = fleet.lead(&echo, &["--on", "planned=exit 9", "--on", &fleet.note("failed")]);
    fleet.plan_all(&echo, &[]);
    let (code, said) = ended(leader);
    assert_eq!((code, said.contains("the hook on planned (--on) ended with exit code 9")), (3, true), "{said}");
    assert_eq!(fleet.noted(), [format!("failed Things 80 3 {}", fleet.url)]);
    assert!(!fleet.shared().join("manifest.json").exists());
    assert_eq!(ended(fleet.apply(0, &[])).0, 3);
    assert_eq!(fleet.world.table("Things").await, before);
    // Asked again, it may be carried out; by one process, which asks as well.
    let (code, out, error) = fleet.world.drift_host(&["apply", &fleet.url, "--on", "planned=true", "--on", &fleet.note("done")]);
    assert_eq!((code, out.starts_with("applied")), (0, true), "{out}{error}");
    assert_eq!(fleet.noted().last(), Some(&format!("done Things 80 0 {}", fleet.url)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shared_run_is_one_trace_of_its_leader_with_the_phases_and_the_counts_of_all() {
    let Some(echo) = guest("echo") else { return };
    let fleet = Fleet::new(World::with_rows(80));
    let collector = Collector::start(Answers::Well);
    let leader = fleet.lead(&echo, &["--otlp", &collector.url(), "--json"]);
    fleet.plan_all(&echo, &[]);
    fleet.until_there("manifest.json").await;
    fleet.apply_all();
    let output = leader.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let document: Json = serde_json::from_slice(&output.stdout).unwrap();
    let heard = collector.heard();
    let (run, scan, apply) = (heard.span("drift.run"), heard.span("drift.scan"), heard.span("drift.apply"));
    assert!(scan.is_within(&run) && apply.is_within(&run) && scan.end <= apply.start, "{:?}", heard.spans());
    assert_eq!((run.attributes["drift.state"].as_str(), run.attributes["drift.items.changed"].as_str()), ("applied", "80"));
    assert_eq!(heard.resource()["drift.run.id"].as_str(), document["run"].as_str().unwrap());
    let metrics = heard.metrics();
    assert_eq!((metrics["drift.items.scanned"][""], metrics["drift.items.applied"][""]), (80.0, 80.0), "{metrics:?}");
}
