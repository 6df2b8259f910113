//! A run whose segments are planned and carried out by processes of their own, under one that leads it: the same table, the same
//! history, whoever is killed, and clear words where something does not belong together.
#![cfg(unix)]

mod again;
mod led;
mod rates;
mod refused;
mod two;

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use drift_host::model::{Item, Value};
use drift_tests::moto::Moto;
use drift_tests::{World, guest};
use serde_json::Value as Json;

const SEGMENTS: u32 = 8;

/// A world, and a place that all processes of a run see.
struct Fleet {
    world: World,
    url: String,
}

impl Fleet {
    fn new(world: World) -> Self {
        let url = format!("file://{}", world.dir.path().join("shared").display());
        Self { world, url }
    }

    fn shared(&self) -> PathBuf {
        self.world.dir.path().join("shared")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.world.command(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// The leader of a run of this plugin with these flags.
    fn lead(&self, plugin: &str, flags: &[&str]) -> Child {
        let segments = SEGMENTS.to_string();
        let lead = ["lead", plugin, "--table", "Things", "--segments", &segments, "--journal", &self.url];
        self.command(&[&lead, flags].concat()).spawn().unwrap()
    }

    fn plan(&self, plugin: &str, segment: u32, flags: &[&str]) -> Child {
        let segment = format!("{segment}/{SEGMENTS}");
        let plan = ["plan", plugin, "--table", "Things", "--segment", &segment, "--journal", &self.url, "--attempt", "a1"];
        self.command(&[&plan, flags].concat()).spawn().unwrap()
    }

    fn apply(&self, segment: u32, flags: &[&str]) -> Child {
        let segment = format!("{segment}/{SEGMENTS}");
        let apply = ["apply", &self.url, "--segment", &segment, "--attempt", "a1"];
        self.command(&[&apply, flags].concat()).spawn().unwrap()
    }

    /// Plans every segment at once, as an engine does.
    fn plan_all(&self, plugin: &str, flags: &[&str]) -> Vec<Json> {
        let children: Vec<Child> = (0..SEGMENTS).map(|segment| self.plan(plugin, segment, flags)).collect();
        children.into_iter().map(|child| line(child.wait_with_output().unwrap(), 0)).collect()
    }

    /// Carries every segment out at once; each is to end with 0.
    fn apply_all(&self) -> Vec<Json> {
        let children: Vec<Child> = (0..SEGMENTS).map(|segment| self.apply(segment, &[])).collect();
        children.into_iter().map(|child| line(child.wait_with_output().unwrap(), 0)).collect()
    }

    /// The same once somebody leads the run, which takes a lease's length after one who was killed: until then each is told to try again.
    async fn apply_when_led(&self) -> Vec<Json> {
        let mut lines = Vec::new();
        for segment in 0..SEGMENTS {
            let mut output = self.apply(segment, &[]).wait_with_output().unwrap();
            while output.status.code() == Some(75) {
                tokio::time::sleep(Duration::from_millis(500)).await;
                output = self.apply(segment, &[]).wait_with_output().unwrap();
            }
            lines.push(line(output, 0));
        }
        lines
    }

    async fn until_there(&self, object: &str) {
        for _ in 0..6_000 {
            if self.shared().join(object).exists() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{object} was never made");
    }

    async fn until_some(&self, changed: impl Fn(&Item) -> bool) {
        while !self.world.table("Things").await.iter().any(&changed) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The one line on standard output.
fn line(output: Output, code: i32) -> Json {
    assert_eq!(output.status.code(), Some(code), "{}", said(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    serde_json::from_str(&text).unwrap()
}

/// What a process ends with that is to be refused.
fn ended(child: Child) -> (i32, String) {
    let output = child.wait_with_output().unwrap();
    (output.status.code().unwrap_or(-1), said(&output))
}

fn sum(lines: &[Json], name: &str) -> u64 {
    lines.iter().map(|line| line[name].as_u64().unwrap()).sum()
}

fn touched(item: &Item) -> bool {
    item.get("touched") == Some(&Value::Bool(true))
}

fn number(item: &Item, name: &str) -> i64 {
    item.get(name).unwrap().as_n().unwrap().to_string().parse().unwrap()
}

/// Each began with n = Id, and was counted up once.
async fn counted_once(world: &World) {
    let wrong: Vec<String> = world
        .table("Things")
        .await
        .iter()
        .filter(|item| number(item, "n") != number(item, "Id") + 1)
        .map(|item| format!("{} has {}", number(item, "Id"), number(item, "n")))
        .collect();
    assert!(wrong.is_empty(), "not counted once: {wrong:?}");
}

const PLUS: [&str; 8] = ["--arg", "mode=plus", "--grant", "insert:Copies", "--grant", "update:Totals", "--grant", "delete:."];

fn plus(proof: &str) -> Vec<&str> {
    PLUS.into_iter().chain(["--exactly-once", proof]).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_processes_give_the_table_and_the_history_that_one_machine_gives() {
    let Some(echo) = guest("echo") else { return };
    let (one, fleet) = (World::with_rows(600), Fleet::new(World::with_rows(600)));
    let (code, out, error) = one.drift_host(&["run", &echo, "--table", "Things"]);
    assert_eq!(code, 0, "{out}{error}");
    let leader = fleet.lead(&echo, &[]);
    let planned = fleet.plan_all(&echo, &[]);
    assert_eq!((sum(&planned, "scanned"), sum(&planned, "actions"), sum(&planned, "applied")), (600, 600, 0), "{planned:?}");
    assert!(planned.iter().all(|line| line["status"] == "sealed" && line["v"] == 1 && line["cmd"] == "plan"), "{planned:?}");
    fleet.until_there("manifest.json").await;
    let applied = fleet.apply_all();
    assert_eq!(sum(&applied, "applied"), 600, "{applied:?}");
    let output = leader.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("600 changed"), "{}", said(&output));
    assert_eq!(fleet.world.table("Things").await, one.table("Things").await);
    // Recorded once, in the same words, and nothing is left of what was under way.
    let rows = |world: World| async move { world.migrator().await.applied().await.unwrap() };
    let (_, status, _) = fleet.world.drift_host(&["status"]);
    assert!(!status.contains("unfinished"), "{status}");
    // Once more is once.
    let again = line(fleet.apply(3, &[]).wait_with_output().unwrap(), 0);
    assert_eq!(again, applied[3]);
    let planned_again = line(fleet.plan(&echo, 3, &[]).wait_with_output().unwrap(), 0);
    assert_eq!(planned_again, planned[3]);
    let (code, said) = ended(fleet.lead(&echo, &[]));
    assert_eq!(code, 0, "{said}");
    // What it was is shown as of one machine, and taken back.
    let (code, out, error) = fleet.world.drift_host(&["show", &fleet.url]);
    assert_eq!((code, out.contains("600 changed")), (0, true), "{out}{error}");
    let (theirs, ours) = (rows(one).await, rows(fleet.world).await);
    assert_eq!((ours.len(), theirs.len()), (1, 1));
    assert_eq!(
        (&ours[0].name, &ours[0].digest, ours[0].detail("changed")),
        (&theirs[0].name, &theirs[0].digest, theirs[0].detail("changed"))
    );
}

async fn killed_and_started_again(proof: Option<&str>) {
    let (Some(echo), Some(steps)) = (guest("echo"), guest("steps")) else { return };
    let (plugin, flags) = match proof {
        None => (&echo, vec![]),
        Some(proof) => (&steps, plus(proof)),
    };
    let fleet = Fleet::new(World::with_numbers(800));
    let mut leader = fleet.lead(plugin, &[&flags[..], &["--max-write-units", "160"]].concat());
    let mut first = fleet.plan(plugin, 0, &[&flags[..], &["--max-read-units", "2"]].concat());
    fleet.until_there("run.json").await;
    first.kill().unwrap();
    first.wait().unwrap();
    fleet.plan_all(plugin, &flags);
    fleet.until_there("manifest.json").await;
    let is_done = |item: &Item| if proof.is_none() { touched(item) } else { number(item, "n") != number(item, "Id") };
    let mut appliers: Vec<Child> = (0..SEGMENTS).map(|segment| fleet.apply(segment, &[])).collect();
    fleet.until_some(is_done).await;
    for applier in &mut appliers {
        applier.kill().unwrap();
        applier.wait().unwrap();
    }
    // The leader too: whoever comes next goes on with the run.
    leader.kill().unwrap();
    leader.wait().unwrap();
    let leader = fleet.lead(plugin, &flags);
    let applied = fleet.apply_when_led().await;
    assert_eq!((sum(&applied, "applied"), sum(&applied, "doubtful")), (800, 0), "{proof:?}: {applied:?}");
    let (code, said) = ended(leader);
    assert_eq!(code, 0, "{proof:?}: {said}");
    match proof {
        None => assert!(fleet.world.table("Things").await.iter().all(touched)),
        Some(_) => counted_once(&fleet.world).await,
    }
    let applied = fleet.world.migrator().await.applied().await.unwrap();
    assert_eq!(applied.len(), 1, "{applied:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_killed_in_plan_and_in_apply_is_started_again_and_nothing_is_left_out() {
    killed_and_started_again(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_killed_in_plan_and_in_apply_is_started_again_and_receipts_have_each_item_done_once() {
    killed_and_started_again(Some("receipts")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_killed_in_plan_and_in_apply_is_started_again_and_a_stamp_has_each_item_done_once() {
    killed_and_started_again(Some("stamp=done_by")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_engine_left_is_finished_by_one_process_shown_and_taken_back() {
    let Some(echo) = guest("echo") else { return };
    let fleet = Fleet::new(World::with_rows(300));
    let before = fleet.world.table("Things").await;
    let mut leader = fleet.lead(&echo, &[]);
    let (code, said) = ended(fleet.command(&["show", &fleet.url]).spawn().unwrap());
    assert_eq!((code, said.contains("segments are planned") || said.contains("no run has begun")), (3, true), "{said}");
    fleet.plan_all(&echo, &[]);
    fleet.until_there("manifest.json").await;
    line(fleet.apply(5, &[]).wait_with_output().unwrap(), 0);
    leader.kill().unwrap();
    leader.wait().unwrap();
    let (code, out, error) = fleet.world.drift_host(&["show", &fleet.url]);
    assert_eq!((code, out.starts_with("interrupted")), (0, true), "{out}{error}");
    let (code, _, error) = fleet.world.drift_host(&["undo", "--run", &fleet.url, "--yes"]);
    assert_eq!((code, error.contains("drift-host apply")), (3, true), "{error}");
    let (code, out, error) = fleet.world.drift_host(&["apply", &fleet.url]);
    assert_eq!((code, out.starts_with("applied"), out.contains("300 changed")), (0, true, true), "{out}{error}");
    assert!(fleet.world.table("Things").await.iter().all(touched));
    let (code, out, error) = fleet.world.drift_host(&["show", &fleet.url, "--check", "--json"]);
    let whole: Json = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &whole["state"], whole["items"]["done"].as_u64()), (0, &"applied".into(), Some(300)), "{out}{error}");
    let (code, out, error) = fleet.world.drift_host(&["undo", "--run", &fleet.url, "--yes"]);
    assert_eq!((code, out.starts_with("undone")), (0, true), "{out}{error}");
    assert_eq!(fleet.world.table("Things").await, before);
    assert!(fleet.world.migrator().await.applied().await.unwrap().is_empty());
}

/// The shell's part of the containers' commands in the documentation, for eight segments.
fn documented() -> Vec<String> {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/segments.md")).unwrap();
    let commands = page.lines().filter(|line| line.contains("[\"sh\", \"-c\", "));
    let scripts = commands.map(|line| {
        let list = &line[line.find("[\"sh\"").unwrap()..=line.rfind(']').unwrap()];
        let words: Vec<String> = serde_json::from_str(list).unwrap();
        words[2].replace("/64", &format!("/{SEGMENTS}"))
    });
    scripts.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_commands_of_batch_and_kubernetes_carry_segments_out() {
    let Some(echo) = guest("echo") else { return };
    let fleet = Fleet::new(World::with_rows(80));
    let leader = fleet.lead(&echo, &[]);
    fleet.plan_all(&echo, &[]);
    fleet.until_there("manifest.json").await;
    let scripts = documented();
    assert_eq!(scripts.len(), 2, "{scripts:?}");
    // Whatever the file is called, the commands call it by its name.
    let bin = fleet.world.dir.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink(drift_tests::binary(), bin.join("drift-host")).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let begin = |segment: u32| {
        let mut command = Command::new("sh");
        command.args(["-c", &scripts[segment as usize % scripts.len()]]).env("PATH", &path).env("URI", &fleet.url);
        command.env("AWS_BATCH_JOB_ARRAY_INDEX", segment.to_string()).env("JOB_COMPLETION_INDEX", segment.to_string());
        command
            .env("HOSTNAME", format!("pod-{segment}"))
            .env("DRIFT_RUNS_DIR", fleet.world.runs())
            .env("AWS_REGION", "us-east-1");
        command.env("AWS_ACCESS_KEY_ID", "x").env("AWS_SECRET_ACCESS_KEY", "y");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let children: Vec<Child> = (0..SEGMENTS).map(begin).collect();
    let applied: Vec<Json> = children.into_iter().map(|child| line(child.wait_with_output().unwrap(), 0)).collect();
    assert_eq!(sum(&applied, "applied"), 80, "{applied:?}");
    let (code, said) = ended(leader);
    assert_eq!(code, 0, "{said}");
    assert!(fleet.world.table("Things").await.iter().all(touched));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_where_more_failed_over_all_segments_than_may() {
    let Some(panics) = guest("panics") else { return };
    let fleet = Fleet::new(World::with_rows(80));
    let before = fleet.world.table("Things").await;
    let leader = fleet.lead(&panics, &["--arg", "id=7"]);
    let planned = fleet.plan_all(&panics, &["--arg", "id=7"]);
    assert_eq!(sum(&planned, "failed"), 1, "{planned:?}");
    let (code, said) = ended(leader);
    assert_eq!((code, said.contains("refused")), (1, true), "{said}");
    assert_eq!(ended(fleet.apply(0, &[])).0, 3);
    assert_eq!(fleet.world.table("Things").await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_ends_with_its_standard_input_and_with_its_parent() {
    let Some(echo) = guest("echo") else { return };
    let fleet = Fleet::new(World::with_rows(2_000));
    let lead = ["lead", &echo, "--table", "Things", "--segments", "8", "--journal", &fleet.url, "--stdin-lifeline"];
    let mut leader = fleet.command(&lead).stdin(Stdio::piped()).spawn().unwrap();
    fleet.until_there("run.json").await;
    drop(leader.stdin.take());
    let (code, said) = ended(leader);
    assert_eq!((code, said.contains("standard input has ended")), (143, true), "{said}");
    // A shell that starts it and is killed.
    let mut lead = fleet.command(&lead[..lead.len() - 1]);
    lead.arg("--exit-with-parent");
    let text = |part: &std::ffi::OsStr| format!("'{}'", part.to_str().unwrap());
    let words: Vec<String> = std::iter::once(text(lead.get_program())).chain(lead.get_args().map(text)).collect();
    let script = format!("{} & echo $!; wait", words.join(" "));
    let mut shell = Command::new("sh").args(["-c", &script]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut pid = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(shell.stdout.as_mut().unwrap()), &mut pid).unwrap();
    let alive = || std::path::Path::new(&format!("/proc/{}/exe", pid.trim())).exists();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(alive());
    shell.kill().unwrap();
    shell.wait().unwrap();
    for _ in 0..1_000 {
        if !alive() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it outlived its parent");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_shared_in_object_storage_as_in_a_folder() {
    let (Some(echo), Some(moto)) = (guest("echo"), Moto::get()) else { return };
    let world = World::with_rows(80);
    let bucket = moto.bucket();
    let url = format!("s3://{bucket}/team/run-1");
    let begin = |arguments: &[&str]| {
        let mut command = world.command(arguments);
        command.env("AWS_ENDPOINT_URL_S3", moto.endpoint_url()).env("AWS_REGION", "us-east-1").env("NO_PROXY", "*");
        command.env("AWS_ACCESS_KEY_ID", "AKIDOFTHETESTS").env("AWS_SECRET_ACCESS_KEY", "the-secret-of-the-tests");
        command.env("JOB_COMPLETION_INDEX", "1").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let nowhere = ["plan", &echo, "--table", "Things", "--segment", "0/2", "--journal", "s3://nobodys-bucket/x"];
    let (code, said) = ended(begin(&nowhere));
    assert_eq!((code, said.contains("no such bucket")), (4, true), "{said}");
    let leader = begin(&["lead", &echo, "--table", "Things", "--segments", "2", "--journal", &url]);
    for segment in ["0/2", "env:JOB_COMPLETION_INDEX/2"] {
        let plan = ["plan", &echo, "--table", "Things", "--segment", segment, "--journal", &url];
        line(begin(&plan).wait_with_output().unwrap(), 0);
    }
    for _ in 0..3_000 {
        if moto.objects(&bucket).iter().any(|name| name.ends_with("manifest.json")) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for segment in ["0/2", "env:JOB_COMPLETION_INDEX/2"] {
        line(begin(&["apply", &url, "--segment", segment]).wait_with_output().unwrap(), 0);
    }
    let (code, said) = ended(leader);
    assert_eq!(code, 0, "{said}");
    assert!(world.table("Things").await.iter().all(touched));
    for object in moto.objects(&bucket) {
        assert!(!moto.object(&bucket, &object).windows(10).any(|some| some == b"the-secret"), "{object}");
    }
}
