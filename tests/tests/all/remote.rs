//! Runs in S3: seen, gone on with and taken back from another machine, which here is another working folder.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use drift_host::model::{Item, Value};
use drift_tests::moto::Moto;
use drift_tests::{World, guest};
use serde_json::Value as Json;

struct Remote {
    world: World,
    moto: Arc<Moto>,
    bucket: String,
}

impl Remote {
    fn new(world: World) -> Option<Self> {
        let moto = Moto::get()?;
        let bucket = moto.bucket();
        Some(Self { world, moto, bucket })
    }

    /// The binary, on the machine of this name.
    fn command(&self, machine: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(drift_tests::binary());
        command.args(arguments).args(["--endpoint-url", &self.world.running.endpoint_url()]);
        command
            .args(["--runs-dir", &format!("s3://{}/team/runs", self.bucket), "--scratch-dir"])
            .arg(self.world.dir.path().join(machine));
        command.env("AWS_ENDPOINT_URL_S3", self.moto.endpoint_url()).env("AWS_REGION", "us-east-1");
        command
            .env("AWS_ACCESS_KEY_ID", "AKIDOFTHETESTS")
            .env("AWS_SECRET_ACCESS_KEY", "the-secret-of-the-tests")
            .env("NO_PROXY", "*");
        command.stdin(Stdio::null());
        command
    }

    fn run(&self, machine: &str, arguments: &[&str]) -> (i32, String, String) {
        let output = self.command(machine, arguments).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    }

    fn begin(&self, machine: &str, arguments: &[&str]) -> Child {
        self.command(machine, arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// The runs that are listed: id and state.
    fn runs(&self, machine: &str) -> Vec<(String, String)> {
        let (code, out, error) = self.run(machine, &["status", "--json"]);
        assert_eq!(code, 0, "{error}");
        let status: Json = serde_json::from_str(&out).unwrap();
        let text = |run: &Json, name: &str| run[name].as_str().unwrap_or_default().to_owned();
        status["runs"].as_array().unwrap().iter().map(|run| (text(run, "run"), text(run, "state"))).collect()
    }

    async fn wait_until_some(&self, at_least: usize, changed: impl Fn(&Item) -> bool) {
        for _ in 0..3_000 {
            if self.world.table("Things").await.iter().filter(|item| changed(item)).count() >= at_least {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("nothing was written");
    }

    fn objects(&self, part: &str) -> Vec<String> {
        self.moto.objects(&self.bucket).into_iter().filter(|name| name.contains(part)).collect()
    }
}

fn touched(item: &Item) -> bool {
    item.get("touched") == Some(&Value::Bool(true))
}

fn n(item: &Item) -> i64 {
    item.get("n").unwrap().as_n().unwrap().to_string().parse().unwrap()
}

fn id(item: &Item) -> i64 {
    item.get("Id").unwrap().as_n().unwrap().to_string().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_seen_taken_back_and_removed_from_any_machine() {
    let Some(echo) = guest("echo") else { return };
    let Some(remote) = Remote::new(World::with_rows(500)) else { return };
    let before = remote.world.table("Things").await;
    // A plan of one machine is applied by another.
    let (code, out, error) = remote.run("one", &["plan", &echo, "--table", "Things"]);
    assert_eq!(code, 0, "{out}{error}");
    let [(run, state)] = remote.runs("two").try_into().unwrap();
    assert_eq!(state, "planned");
    let (code, out, error) = remote.run("two", &["apply", &run]);
    assert_eq!((code, out.starts_with("applied")), (0, true), "{out}{error}");
    assert!(out.contains("500 changed") && out.contains("0 in doubt"), "{out}");
    let (code, out, error) = remote.run("three", &["show", &run, "--check"]);
    assert_eq!((code, out.starts_with("applied")), (0, true), "{out}{error}");
    let (code, out, error) = remote.run("one", &["apply", &run]);
    assert_eq!((code, out.starts_with("applied")), (0, true), "the planner's own copy is not what counts: {out}{error}");
    let (code, out, error) = remote.run("four", &["undo", "--run", &run, "--yes"]);
    assert_eq!((code, out.starts_with("undone")), (0, true), "{out}{error}");
    assert_eq!(remote.world.table("Things").await, before);
    assert!(remote.runs("five").iter().all(|(_, state)| state == "undone"), "{:?}", remote.runs("five"));
    // Nothing of who did it is in what is kept.
    for object in remote.objects("") {
        assert!(!remote.moto.object(&remote.bucket, &object).windows(10).any(|some| some == b"the-secret"), "{object}");
    }
    let (code, out, error) = remote.run("five", &["status", "--prune", "--all", "--yes"]);
    assert_eq!((code, out.as_str()), (0, "removed 2 journals\n"), "{error}");
    assert!(remote.objects("").is_empty(), "{:?}", remote.objects(""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_killed_on_one_machine_goes_on_from_another_and_nothing_is_done_twice() {
    let Some(steps) = guest("steps") else { return };
    let Some(remote) = Remote::new(World::with_numbers(600)) else { return };
    let grants = ["--grant", "insert:Copies", "--grant", "update:Totals", "--grant", "delete:."];
    let plus = ["--table", "Things", "--arg", "mode=plus", "--exactly-once", "receipts", "--max-write-units", "200"];
    let arguments: Vec<&str> = ["run", &steps].into_iter().chain(plus).chain(grants).collect();
    let mut first = remote.begin("one", &arguments);
    // Every item began with n = Id.
    remote.wait_until_some(60, |item| n(item) == id(item) + 1).await;
    first.kill().unwrap();
    first.wait().unwrap();
    let [(run, _)] = remote.runs("two").try_into().unwrap();
    // The newest word of what was done is lost as well.
    for object in remote.objects("/progress").iter().filter(|name| !name.contains("0000000001-0000000000")) {
        remote.moto.delete(&remote.bucket, object);
    }
    let (code, out, error) = remote.run("two", &["apply", &run]);
    assert_eq!((code, out.starts_with("applied")), (0, true), "{out}{error}");
    assert!(
        remote.world.table("Things").await.iter().all(|item| n(item) == id(item) + 1),
        "an item was done twice, or not at all"
    );
    let (code, out, _) = remote.run("one", &["status"]);
    assert_eq!((code, out.contains("applied")), (0, true), "{out}");
}

#[test]
fn what_a_machine_left_that_died_before_its_word_counted_is_in_nobodys_way() {
    let Some(echo) = guest("echo") else { return };
    let Some(remote) = Remote::new(World::with_rows(50)) else { return };
    let (code, out, error) = remote.run("one", &["plan", &echo, "--table", "Things"]);
    assert_eq!(code, 0, "{out}{error}");
    let [(run, _)] = remote.runs("two").try_into().unwrap();
    // Pieces of the first generation under every number that it will use, and no object that names them.
    for number in (0..4).chain((1 << 20)..(1 << 20) + 8) {
        let left = format!("team/runs/{run}/progress-0000000001-{number:010}/00000");
        remote.moto.put(&remote.bucket, &left, b"not what is published next");
    }
    let (code, out, error) = remote.run("two", &["apply", &run]);
    assert_eq!((code, out.starts_with("applied")), (0, true), "{out}{error}");
    let (code, out, error) = remote.run("four", &["show", &run, "--check"]);
    assert_eq!((code, out.starts_with("applied")), (0, true), "{out}{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_machines_one_works_and_the_other_goes_on_only_with_the_journal() {
    let Some(echo) = guest("echo") else { return };
    let Some(remote) = Remote::new(World::with_rows(3_000)) else { return };
    let mut first = remote.begin("one", &["run", &echo, "--table", "Things", "--max-write-units", "100"]);
    remote.wait_until_some(1, touched).await;
    let [(run, _)] = remote.runs("two").try_into().unwrap();
    for again in [vec!["run", &echo, "--table", "Things"], vec!["apply", &run]] {
        let (code, out, error) = remote.run("two", &again);
        assert_eq!((code, out.as_str(), error.contains(&run) && error.contains("since")), (75, "", true), "{again:?}: {error}");
    }
    first.kill().unwrap();
    first.wait().unwrap();
    // A machine with a folder of its own has no journal of it.
    let (code, _, error) = remote.world.drift_host(&["apply", &run]);
    assert_eq!((code, error.contains("--runs-dir")), (3, true), "{error}");
    let (code, _, error) = remote.world.drift_host(&["run", &echo, "--table", "Things"]);
    assert_eq!((code, error.contains(&format!("drift-host apply {run}"))), (3, true), "{error}");
    let (code, out, error) = remote.run("two", &["apply", &run]);
    assert_eq!((code, out.starts_with("applied")), (0, true), "{out}{error}");
    assert!(remote.world.table("Things").await.iter().all(touched));
}

#[test]
fn what_is_wrong_with_the_place_is_said_with_its_exit_code() {
    let Some(echo) = guest("echo") else { return };
    let Some(remote) = Remote::new(World::with_rows(20)) else { return };
    let plan = ["plan", &echo, "--table", "Things"];
    let other = Remote { bucket: "nobodys-bucket".into(), world: World::with_rows(20), moto: remote.moto.clone() };
    let (code, _, error) = other.run("one", &plan);
    assert_eq!((code, error.contains("no such bucket")), (4, true), "{error}");
    let mut nowhere = remote.command("one", &plan);
    let output = nowhere.env("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1").output().unwrap();
    assert_eq!(output.status.code(), Some(75), "{}", String::from_utf8_lossy(&output.stderr));
    let mut plain = remote.command("one", &plan);
    let output = plain.env("AWS_ENDPOINT_URL_S3", "http://192.0.2.1:1").output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((output.status.code(), error.contains("not encrypted")), (Some(2), true), "{error}");
    let (code, _, error) = remote.run("one", &["show", "20000101-000000-aaaa"]);
    assert_eq!((code, error.contains("no run")), (3, true), "{error}");
}

#[test]
fn what_was_published_and_damaged_since_is_not_gone_on_with() {
    let Some(echo) = guest("echo") else { return };
    let Some(remote) = Remote::new(World::with_rows(50)) else { return };
    let (code, out, error) = remote.run("one", &["run", &echo, "--table", "Things"]);
    assert_eq!(code, 0, "{out}{error}");
    let [(run, _)] = remote.runs("two").try_into().unwrap();
    let piece = remote.objects("/progress-").pop().unwrap();
    let json = remote.objects("/progress/").pop().unwrap();
    for (at, object) in [&piece, &json].into_iter().enumerate() {
        let content = remote.moto.object(&remote.bucket, object);
        let mut flipped = content.clone();
        flipped[content.len() / 2] ^= 1;
        for wrong in [flipped, content[..content.len() / 2].to_vec(), Vec::new()] {
            remote.moto.put(&remote.bucket, object, &wrong);
            let (code, _, error) = remote.run(&format!("other-{at}-{}", wrong.len()), &["show", &run]);
            assert_eq!((code, error.contains("damaged")), (65, true), "{object}: {error}");
        }
        remote.moto.put(&remote.bucket, object, &content);
    }
    remote.moto.delete(&remote.bucket, &piece);
    let (code, _, error) = remote.run("another", &["show", &run]);
    assert_eq!((code, error.contains("missing")), (65, true), "{error}");
    let (code, _, _) = remote.run("one", &["show", &run]);
    assert_eq!(code, 0, "the machine that has it does not need it");
}
