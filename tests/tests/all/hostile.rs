//! Guests written to do harm, a folder each: `tests/tests/hostile/CASE/case.toml`, with `guest.wat` where it needs a component
//! of its own (or `guest`, the name of a guest of the tests), or `core.wat` for a core module that answers without any bindings; with
//! `answer` it is a guest of the contract's text form that answers this of the item 7: texts, and texts with how often they are repeated. Each costs its own item and no more: the exact error, the exit code, the other items done, the memory of the
//! host, and a run afterwards that knows nothing of it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Mutex;
use std::time::Duration;

use drift_host::model::{Item, Value};
use drift_tests::fuzz::{encoded, encoded_as_text};
use drift_tests::plain::must;
use drift_tests::{World, guest};

const ROWS: usize = 20;

/// One folder's `case.toml`.
struct Case {
    name: String,
    file: toml::Table,
    folder: PathBuf,
}

/// What one call of the binary did.
struct Ended {
    code: i32,
    said: String,
    /// The most memory that was resident, in KiB; nothing where the system does not tell.
    peak: u64,
}

impl Case {
    fn all() -> Vec<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile");
        let read = |path: PathBuf| {
            let file = fs::read_to_string(path.join("case.toml")).unwrap().parse().unwrap();
            Self { name: path.file_name().unwrap().to_string_lossy().into_owned(), file, folder: path }
        };
        let mut cases: Vec<Self> = fs::read_dir(folder).unwrap().map(|entry| read(entry.unwrap().path())).collect();
        cases.sort_by(|a, b| a.name.cmp(&b.name));
        for case in &cases {
            let known = BTreeSet::from([
                "about",
                "guest",
                "mark",
                "case",
                "flags",
                "verb",
                "code",
                "failed",
                "says",
                "says-not",
                "peak-mib",
                "attribute",
                "logs-apart",
                "answer",
            ]);
            assert!(case.file.keys().all(|key| known.contains(key.as_str())), "{}: an unknown key", case.name);
        }
        cases
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.file.get(key).map(|value| value.as_str().unwrap())
    }

    fn texts(&self, key: &str) -> Vec<&str> {
        let list = self.file.get(key).map(|value| value.as_array().unwrap());
        list.into_iter().flatten().map(|value| value.as_str().unwrap()).collect()
    }

    fn number(&self, key: &str) -> Option<i64> {
        self.file.get(key).map(|value| value.as_integer().unwrap())
    }

    /// The component: of the folder, or a guest of the tests, else the hostile one, describing itself as the case says.
    fn component(&self, hostile: &[u8], world: &World) -> String {
        let (component, core) = (self.folder.join("guest.wat"), self.folder.join("core.wat"));
        let mut bytes = match (component.is_file(), core.is_file(), self.text("guest"), self.file.get("answer")) {
            (true, ..) => wat::parse_file(component).unwrap(),
            (_, true, ..) => encoded(&wat::parse_file(core).unwrap()),
            (.., Some(name), _) => fs::read(guest(name).unwrap()).unwrap(),
            (.., Some(answer)) => answers_in_text(answer.as_array().unwrap()),
            _ => hostile.to_vec(),
        };
        if let Some(mark) = self.text("mark") {
            let plain = b"DESCRIBES ITSELF: as it should  ";
            let at = bytes.windows(plain.len()).position(|window| window == plain).unwrap();
            bytes[at + 18..at + 18 + mark.len()].copy_from_slice(mark.as_bytes());
        }
        let path = world.dir.path().join("plugin.wasm");
        fs::write(&path, bytes).unwrap();
        path.display().to_string()
    }

    async fn run(&self, hostile: &[u8]) {
        let name = &self.name;
        let world = World::with_rows(ROWS);
        let before = world.table("Things").await;
        let plugin = self.component(hostile, &world);
        let failed = usize::try_from(self.number("failed").unwrap_or(0)).unwrap();
        let most = failed.to_string();
        let case = format!("case={}", self.text("case").unwrap_or("touch"));
        let mut arguments = match self.text("verb") {
            Some(verb) => vec![verb, &plugin],
            None => vec!["run", &plugin, "--table", "Things", "--max-errors", &most, "--arg", &case],
        };
        arguments.extend(self.texts("flags"));
        let ended = match self.text("verb") {
            Some(_) => ended(&mut command(&arguments)),
            None => ended(&mut world.command(&arguments)),
        };
        let code = self.number("code").unwrap_or(i64::from(failed > 0));
        let mut said = ended.said;
        if code < 2 && self.text("verb").is_none() {
            said += &self::ended(&mut world.command(&["show", &world.only_run(), "--errors"])).said;
        }
        assert_eq!(i64::from(ended.code), code, "{name}: {said}");
        for words in self.texts("says") {
            assert!(said.contains(words), "{name}: {words:?} is not in\n{said}");
        }
        for words in self.texts("says-not") {
            assert!(!said.contains(words) || self.is_logs_apart(), "{name}: {words:?} is in\n{said}");
        }
        nothing_moves_the_cursor(name, &said);
        if let Some(most) = self.number("peak-mib") {
            assert!(ended.peak <= u64::try_from(most).unwrap() << 10, "{name}: {} KiB of memory", ended.peak);
        }
        let after = world.table("Things").await;
        match code {
            0 | 1 if self.text("verb").is_none() => {
                assert_eq!(done(&after), ROWS - failed, "{name}: the other items are done\n{said}");
            }
            _ => assert_eq!(after, before, "{name}: nothing was written"),
        }
        if let Some((attribute, wanted)) = self.text("attribute").and_then(|text| text.split_once(" = ")) {
            assert!(after.iter().any(|item| item.get(attribute) == Some(&wanted.into())), "{name}: {after:?}");
        }
        if self.is_logs_apart() {
            logs_apart(&said);
        }
        self.next_run_is_unaffected(hostile, &world).await;
    }

    fn is_logs_apart(&self) -> bool {
        self.file.contains_key("logs-apart")
    }

    /// The same world, the same cache of compiled code, another history.
    async fn next_run_is_unaffected(&self, hostile: &[u8], world: &World) {
        let path = world.dir.path().join("good.wasm");
        fs::write(&path, hostile).unwrap();
        let good = path.display().to_string();
        let arguments = ["run", &good, "--table", "Things", "--arg", "case=touch", "--meta-table", "clean_history"];
        let ended = ended(&mut world.command(&arguments));
        assert_eq!((ended.code, done(&world.table("Things").await)), (0, ROWS), "{}: {}", self.name, ended.said);
    }
}

/// A component of the text form, without bindings: it answers the item 7 with these parts, and marks all others as done.
fn answers_in_text(parts: &[toml::Value]) -> Vec<u8> {
    const DONE: &str = r#"[{"patch":{"set":{"touched":true}}}]"#;
    const ANSWER: usize = 1 << 16;
    let part = |part: &toml::Value| match part {
        toml::Value::Array(pair) => (pair[0].as_str().unwrap().to_owned(), pair[1].as_integer().unwrap()),
        text => (text.as_str().unwrap().to_owned(), 1),
    };
    let parts: Vec<(String, i64)> = parts.iter().map(part).collect();
    let escaped = |bytes: &[u8]| bytes.iter().map(|byte| format!("\\{byte:02x}")).collect::<String>();
    let word = |number: usize| escaped(&u32::try_from(number).unwrap().to_le_bytes());
    let length: usize = parts.iter().map(|(text, times)| text.len() * usize::try_from(*times).unwrap()).sum();
    let (mut data, mut calls, mut at) = (String::new(), String::new(), 1024);
    for (text, times) in &parts {
        data += &format!("(data (i32.const {at}) \"{}\")\n", escaped(text.as_bytes()));
        calls += &format!("(call $repeat (i32.const {at}) (i32.const {}) (i32.const {times}))\n", text.len());
        at += text.len();
    }
    assert!(at < 4096, "the item is put behind the parts");
    let seventh = i64::from_le_bytes(*b"{\"Id\":7,");
    let module = format!(
        r#"(module
  (memory (export "memory") {pages})
  (data (i32.const 0) "\80\00\00\00\03\00\00\00\84\00\00\00\04\00\00\00")
  (data (i32.const 128) "781\00text")
  (data (i32.const 256) "\00\00\00\00{done_at}{done_length}")
  (data (i32.const 272) "\00\00\00\00{answer_at}{answer_length}")
  (data (i32.const 512) "{done}")
  {data}
  (global $to (mut i32) (i32.const {ANSWER}))
  (func $repeat (param $from i32) (param $length i32) (param $times i32)
    (loop $again
      (memory.copy (global.get $to) (local.get $from) (local.get $length))
      (global.set $to (i32.add (global.get $to) (local.get $length)))
      (br_if $again (local.tee $times (i32.sub (local.get $times) (i32.const 1))))))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 4096))
  (func (export "describe") (result i32) (i32.const 0))
  (func (export "migrate-json") (param i32 i32) (result i32)
    (if (result i32) (i64.eq (i64.load (local.get 0)) (i64.const {seventh}))
      (then (global.set $to (i32.const {ANSWER})) {calls} (i32.const 272))
      (else (i32.const 256)))))"#,
        pages = 2 + length.div_ceil(1 << 16),
        done = escaped(DONE.as_bytes()),
        done_at = word(512),
        done_length = word(DONE.len()),
        answer_at = word(ANSWER),
        answer_length = word(length),
    );
    encoded_as_text(&wat::parse_str(module).unwrap())
}

fn nothing_moves_the_cursor(name: &str, said: &str) {
    let moves = said.chars().find(|c| c.is_control() && *c != '\n' && *c != '\t' || ('\u{202a}'..='\u{202e}').contains(c));
    assert_eq!(moves, None, "{name}: it reached the terminal");
}

fn done(items: &[Item]) -> usize {
    items.iter().filter(|item| ["touched", "calls"].iter().any(|name| item.contains(name))).count()
}

/// Each line of a log stands under its own item.
fn logs_apart(said: &str) {
    let logged =
        said.lines().zip(said.lines().skip(1)).filter_map(|(before, line)| Some((before, line.trim().strip_prefix("| about ")?)));
    let ids: BTreeSet<&str> = logged
        .map(|(before, id)| {
            assert!(before.ends_with(&format!("as asked for {id}")), "{before}, and then {id}");
            id
        })
        .collect();
    assert_eq!(ids.len(), ROWS / 2, "{said}");
}

fn command(arguments: &[&str]) -> std::process::Command {
    let mut command = std::process::Command::new(drift_tests::binary());
    command.args(arguments);
    command
}

fn ended(command: &mut std::process::Command) -> Ended {
    let out = tempfile::NamedTempFile::new().unwrap();
    // One file for both, so that all is there however much it is; each writes at its end.
    let append = || Stdio::from(fs::OpenOptions::new().append(true).open(out.path()).unwrap());
    let mut child = command.stdin(Stdio::null()).stdout(append()).stderr(append()).spawn().unwrap();
    let mut peak = 0;
    let code = loop {
        // The kernel keeps the peak; of a process that has ended nothing is left, so the last look before counts.
        let text = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak = line.map_or(peak, |line| line.trim().trim_end_matches(" kB").parse().unwrap());
        if let Some(status) = child.try_wait().unwrap() {
            break status.code().expect("it was ended by a signal");
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    Ended { code, said: String::from_utf8(fs::read(out.path()).unwrap()).unwrap(), peak }
}

#[test]
fn each_hostile_guest_costs_its_own_item_and_no_more() {
    let Some(hostile) = guest("hostile") else { return };
    let hostile = fs::read(hostile).unwrap();
    let only = std::env::var("DRIFT_HOSTILE_CASE").ok();
    let mut cases = Case::all();
    assert!(cases.len() > 40, "{} cases", cases.len());
    cases.retain(|case| only.as_ref().is_none_or(|only| case.name == *only));
    let cases = Mutex::new(cases);
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
                loop {
                    let Some(case) = cases.lock().unwrap().pop() else { return };
                    let run = std::panic::AssertUnwindSafe(|| runtime.block_on(case.run(&hostile)));
                    if std::panic::catch_unwind(run).is_err() {
                        failed.lock().unwrap().push(case.name.clone());
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{failed:?}; DRIFT_HOSTILE_CASE=NAME runs one of them");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_fresh_instances_no_state_passes_from_item_to_item() {
    let Some(hostile) = guest("hostile") else { return };
    for fresh in [false, true] {
        let world = World::with_rows(ROWS);
        let mut arguments = vec!["run", &hostile, "--table", "Things", "--concurrency", "1", "--arg", "case=count"];
        arguments.extend(fresh.then_some("--fresh-instances"));
        let ended = ended(&mut world.command(&arguments));
        assert_eq!(ended.code, 0, "{}", ended.said);
        let counts: BTreeSet<String> = world.table("Things").await.iter().map(|item| shown(item, "calls")).collect();
        let wanted = if fresh { 1 } else { ROWS };
        assert_eq!((counts.len(), counts.contains("1")), (wanted, true), "{counts:?}");
    }
}

fn shown(item: &Item, name: &str) -> String {
    match item.get(name) {
        Some(Value::S(text)) => text.clone(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_is_replaced_after_so_many_calls() {
    let Some(hostile) = guest("hostile") else { return };
    let world = World::with_rows(ROWS);
    let flags = ["--concurrency", "1", "--arg", "case=count", "--limit", "instance-calls=5"];
    let ended = ended(&mut world.command(&[&["run", &hostile, "--table", "Things"], &flags[..]].concat()));
    assert_eq!(ended.code, 0, "{}", ended.said);
    let counts: BTreeSet<String> = world.table("Things").await.iter().map(|item| shown(item, "calls")).collect();
    assert_eq!(counts, ["1", "2", "3", "4", "5"].map(str::to_owned).into());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_grows_is_replaced_past_a_mark() {
    let Some(hostile) = guest("hostile") else { return };
    let world = World::with_rows(ROWS);
    let flags = ["--concurrency", "1", "--arg", "case=leak", "--limit", "instance-memory=4MiB"];
    let ended = ended(&mut world.command(&[&["run", &hostile, "--table", "Things"], &flags[..]].concat()));
    assert_eq!(ended.code, 0, "{}", ended.said);
    let counts: BTreeSet<String> = world.table("Things").await.iter().map(|item| shown(item, "calls")).collect();
    assert!((2..6).contains(&counts.len()), "{counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn time_stands_the_environment_is_empty_and_random_numbers_are_the_items_own() {
    let Some(hostile) = guest("hostile") else { return };
    let world = World::with_rows(ROWS);
    let run = |case: &str, meta: &str| {
        let case = format!("case={case}");
        let arguments = ["run", &hostile, "--table", "Things", "--arg", &case, "--meta-table", meta];
        let ended = ended(world.command(&arguments).env("DRIFT_TEST_SECRET", "seen"));
        assert_eq!(ended.code, 0, "{}", ended.said);
    };
    run("environment", "history_one");
    for item in world.table("Things").await {
        let said = shown(&item, "environment");
        let [variables, seconds, started] = said.split(' ').collect::<Vec<_>>()[..] else { panic!("{said}") };
        let started: i64 = jiff_seconds(started);
        assert_eq!((variables, seconds.parse::<i64>().unwrap()), ("[]", started));
    }
    run("random", "history_two");
    let first: BTreeSet<String> = world.table("Things").await.iter().map(|item| shown(item, "random")).collect();
    assert_eq!(first.len(), ROWS, "each item draws its own");
    run("random", "history_three");
    let second: BTreeSet<String> = world.table("Things").await.iter().map(|item| shown(item, "random")).collect();
    assert!(first.is_disjoint(&second), "another run draws others");
}

/// Seconds since 1970 of a time in RFC 3339.
fn jiff_seconds(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().unwrap().as_second()
}

/// A component of a gigabyte is refused by its size, before it is read.
#[test]
fn a_component_of_a_gigabyte_is_refused_by_its_size() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.wasm");
    let file = fs::File::create(&path).unwrap();
    file.set_len(1 << 30).unwrap();
    let ended = ended(&mut command(&["inspect", &path.display().to_string()]));
    assert_eq!(ended.code, 2, "{}", ended.said);
    assert!(ended.said.contains("is larger than 64MiB, the limit of a component"), "{}", ended.said);
    assert!(ended.peak < 200 << 10, "{} KiB", ended.peak);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_that_is_asked_about_again_draws_the_same_under_the_same_limits() {
    let Some(hostile) = guest("hostile") else { return };
    let world = World::with_rows(ROWS);
    let flags = ["--arg", "case=random", "--limit", "actions=3", "--fresh-instances"];
    let planned = ended(&mut world.command(&[&["plan", &hostile, "--table", "Things"], &flags[..]].concat()));
    assert_eq!(planned.code, 0, "{}", planned.said);
    let run = world.only_run();
    let shown = ended(&mut world.command(&["show", &run, "--item", "Id=3"])).said;
    let endpoint = world.running.endpoint_url();
    let changed = serde_json::json!({
        "TableName": "Things", "Key": { "Id": { "N": "3" } },
        "UpdateExpression": "SET n = :n", "ExpressionAttributeValues": { ":n": { "N": "33" } },
    });
    must(&endpoint, "UpdateItem", &changed);
    let applied = ended(&mut world.command(&["apply", &run]));
    assert!(applied.code == 0 && applied.said.contains("1 conflicts"), "{}", applied.said);
    let items = world.table("Things").await;
    let item = items.iter().find(|item| matches!(item.get("n"), Some(Value::N(_)))).unwrap();
    assert!(shown.contains(&self::shown(item, "random")), "{item:?} is not what was planned: {shown}");
    // What the run began with is what it goes on with.
    let kept = drift_host::journal::Journal::read(&world.runs().join(format!("{run}.drift"))).unwrap();
    assert_eq!(kept.manifest().limits, ["actions=3", "fresh-instances"]);
}

#[test]
fn a_wrong_limit_is_told_with_those_that_there_are() {
    let ended = ended(&mut command(&["inspect", "nowhere.wasm", "--limit", "time=5s"]));
    assert_eq!(ended.code, 2);
    assert!(ended.said.contains("there is none of that name, but item-time, start-time"), "{}", ended.said);
}

#[test]
fn inspect_says_what_a_plugin_is_wants_and_may_take() {
    let Some(hostile) = guest("hostile") else { return };
    let arguments = ["inspect", &hostile, "--json", "--limit", "item-time=1500ms", "--fresh-instances"];
    let output = command(&arguments).output().unwrap();
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let list = |key: &str| said[key].as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert!(said["digest"].as_str().unwrap().starts_with("sha256:") && said["grants"].is_array(), "{said}");
    assert!(list("imports").contains(&"drift:migration/run@0.1.0".to_owned()), "{said}");
    assert_eq!(list("exports"), ["describe", "migrate"]);
    for import in list("imports") {
        assert!(!said["allows"][&import].as_str().unwrap().is_empty(), "{import}");
    }
    let producers: Vec<&str> = said["producers"].as_array().unwrap().iter().map(|made| made["name"].as_str().unwrap()).collect();
    assert!(producers.contains(&"wit-bindgen-rust"), "{producers:?}");
    assert!(said["compile_seconds"].as_f64().unwrap() > 0.0 && said["memory_floor_bytes"].as_u64().unwrap() >= 1 << 16);
    let limits = &said["limits"];
    assert_eq!((&limits["item-time"], &limits["memory"]), (&"1500ms".into(), &"256MiB".into()));
    assert_eq!((&limits["fresh-instances"], &said["has_lines"]), (&true.into(), &true.into()));
    let shown = String::from_utf8(command(&arguments[..2]).output().unwrap().stdout).unwrap();
    for words in ["limit       stack=512KiB", "imports     wasi:random/random@0.2", "made by     wit-bindgen-rust 0.61.1"] {
        assert!(shown.contains(words), "{shown}");
    }
}

#[test]
fn what_a_guest_would_write_cannot_move_the_cursor_either() {
    let Some(hostile) = guest("hostile") else { return };
    let world = World::with_rows(ROWS);
    let arguments =
        ["try", &hostile, "--table", "Things", "--key", "Id=7", "--arg", "case=control-in-actions", "--grant", "update:."];
    for more in [&[][..], &["--json"][..]] {
        let ended = ended(&mut world.command(&[&arguments[..], more].concat()));
        nothing_moves_the_cursor("try", &ended.said);
        assert!(ended.code == 0 && ended.said.contains("\\u009b2J\\u202e\\u001b[2J"), "{}", ended.said);
        assert!(ended.said.contains("SET a = b \\u001b[2J\\u202e"), "{}", ended.said);
    }
}
