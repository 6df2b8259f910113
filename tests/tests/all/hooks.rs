//! Commands of the operator's own at moments of a run, and what becomes of the run where one says no.

use std::path::PathBuf;

use drift_tests::{World, guest};

/// A world, and a file in which a hook notes the variables that it was given.
struct Noted {
    world: World,
    echo: String,
}

impl Noted {
    fn new() -> Option<Self> {
        Some(Self { world: World::with_rows(4), echo: guest("echo")? })
    }

    fn file(&self) -> PathBuf {
        self.world.dir.path().join("noted")
    }

    /// `--on EVENT=…` that notes these variables in a line.
    fn note(&self, event: &str, variables: &[&str]) -> String {
        let shown: Vec<String> = variables.iter().map(|name| format!("{name}=${{{name}-none}}")).collect();
        format!("{event}=echo \"{event}: {}\" >> '{}'; echo said by a hook", shown.join(" "), self.file().display())
    }

    fn noted(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.file()).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// The binary with these arguments and one `--on` for each of these hooks.
    fn with(&self, arguments: &[&str], hooks: &[&str]) -> (i32, String, String) {
        let hooks: Vec<&str> = hooks.iter().flat_map(|hook| ["--on", hook]).collect();
        self.world.drift_host(&[arguments, &hooks].concat())
    }

    async fn applied(&self) -> usize {
        self.world.migrator().await.applied().await.unwrap().len()
    }
}

const RUN: [&str; 5] = ["DRIFT_EVENT", "DRIFT_TABLE", "DRIFT_DIRECTION", "DRIFT_SCANNED", "DRIFT_EXIT"];

#[test]
fn each_event_has_its_command_with_the_run_in_its_environment() {
    let Some(noted) = Noted::new() else { return };
    let hooks: Vec<String> = ["start", "planned", "failed", "done"].iter().map(|event| noted.note(event, &RUN)).collect();
    let hooks: Vec<&str> = hooks.iter().map(String::as_str).collect();
    let (code, out, error) = noted.with(&["run", &noted.echo, "--table", "Things"], &hooks);
    assert_eq!(code, 0, "{error}");
    assert_eq!(
        noted.noted(),
        [
            "start: DRIFT_EVENT=start DRIFT_TABLE=Things DRIFT_DIRECTION=migrate DRIFT_SCANNED=0 DRIFT_EXIT=none",
            "planned: DRIFT_EVENT=planned DRIFT_TABLE=Things DRIFT_DIRECTION=migrate DRIFT_SCANNED=4 DRIFT_EXIT=none",
            "done: DRIFT_EVENT=done DRIFT_TABLE=Things DRIFT_DIRECTION=migrate DRIFT_SCANNED=4 DRIFT_EXIT=0",
        ]
    );
    assert!(!out.contains("said by a hook") && error.contains("said by a hook"), "{out}{error}");
    assert!(error.contains("the hook on start (--on): 60 s at most"), "{error}");

    std::fs::remove_file(noted.file()).unwrap();
    let (code, _, error) = noted.with(&["undo", &noted.echo, "--table", "Things"], &hooks);
    assert_eq!(code, 0, "{error}");
    assert!(noted.noted().iter().all(|line| line.contains("DRIFT_DIRECTION=undo")), "{:?}", noted.noted());
    assert_eq!(noted.noted().len(), 3);

    std::fs::remove_file(noted.file()).unwrap();
    let (code, _, error) = noted.with(&["run", &noted.echo, "--table", "Nowhere"], &hooks);
    assert_eq!((code, noted.noted().len()), (4, 1), "{error}");
    assert!(noted.noted()[0].starts_with("failed: ") && noted.noted()[0].ends_with("DRIFT_EXIT=4"), "{:?}", noted.noted());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_fails_at_start_leaves_no_trace_of_a_run() {
    let Some(noted) = Noted::new() else { return };
    let failed = noted.note("failed", &["DRIFT_CODE", "DRIFT_EXIT", "DRIFT_STATE"]);
    for verb in ["run", "plan"] {
        let (code, out, error) = noted.with(&[verb, &noted.echo, "--table", "Things"], &["start=exit 7", &failed]);
        assert_eq!((code, out.as_str()), (3, ""), "{error}");
        assert!(
            error.contains("the hook on start (--on) ended with exit code 7, so that nothing was scanned or written"),
            "{error}"
        );
        assert!(error.trim_end().ends_with("(drift-host explain hook-refused)"), "{error}");
    }
    assert_eq!(noted.noted(), ["failed: DRIFT_CODE=hook-refused DRIFT_EXIT=3 DRIFT_STATE=none"; 2]);
    let migrator = noted.world.migrator().await;
    assert!(migrator.unfinished().await.unwrap().is_empty());
    let journals = std::fs::read_dir(noted.world.runs()).map_or(0, |files| {
        files.filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|end| end == "drift")).count()
    });
    assert_eq!(journals, 0);
    let (code, _, error) = noted.with(&["run", &noted.echo, "--table", "Things"], &[]);
    assert_eq!(code, 0, "nobody holds the table: {error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_on_planned_holds_the_writes_and_apply_asks_it_again() {
    let Some(noted) = Noted::new() else { return };
    let before = noted.world.table("Things").await;
    let open = noted.world.dir.path().join("approved");
    let gate = format!("planned=test -e '{}'", open.display());
    let (code, _, error) = noted.with(&["run", &noted.echo, "--table", "Things"], &[&gate]);
    assert_eq!((code, error.contains("so that nothing of the plan was written")), (3, true), "{error}");
    assert_eq!((noted.world.table("Things").await, noted.applied().await), (before, 0));
    let run = noted.world.only_run();
    assert!(error.contains(&format!("drift-host apply {run}")), "{error}");

    let (code, _, error) = noted.with(&["apply", &run], &[&gate]);
    assert_eq!(code, 3, "asked again: {error}");
    std::fs::write(&open, "").unwrap();
    let (code, out, error) = noted.with(&["apply", &run], &[&gate]);
    assert_eq!((code, out.contains("applied"), noted.applied().await), (0, true, 1), "{out}{error}");
}

#[test]
fn a_plan_is_shown_to_the_gate_which_can_make_a_page_of_it() {
    let Some(noted) = Noted::new() else { return };
    let page = noted.world.dir.path().join("page.html");
    let show = format!("planned='{}' show \"$DRIFT_RUN\" -o '{}'", drift_tests::binary().display(), page.display());
    let (code, _, error) = noted.with(&["plan", &noted.echo, "--table", "Things"], &[&show]);
    assert_eq!(code, 0, "{error}");
    assert!(std::fs::read_to_string(&page).unwrap().contains(&noted.world.only_run()));
    let (code, _, error) = noted.with(&["plan", &noted.echo, "--table", "Things"], &["planned=false"]);
    assert_eq!(code, 3, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_fails_in_the_end_is_a_warning() {
    let Some(noted) = Noted::new() else { return };
    let (code, out, error) = noted.with(&["run", &noted.echo, "--table", "Things"], &["done=exit 9"]);
    assert_eq!((code, out.contains("applied"), noted.applied().await), (0, true, 1), "{error}");
    assert!(error.contains("warning: the hook on done (--on) ended with exit code 9"), "{error}");
    let (code, _, error) = noted.with(&["run", &noted.echo, "--table", "Nowhere"], &["failed=no-such-command-here"]);
    assert_eq!((code, error.contains("warning: the hook on failed (--on) ended with exit code 127")), (4, true), "{error}");
}

#[test]
fn one_that_takes_too_long_is_ended_with_all_that_it_started() {
    let Some(noted) = Noted::new() else { return };
    let endless = format!("start=(sleep 600; echo late >> '{0}') & echo $! > '{0}'; wait", noted.file().display());
    let (code, _, error) = noted.with(&["run", &noted.echo, "--table", "Things", "--hook-timeout", "1s"], &[&endless]);
    assert_eq!((code, error.contains("took longer than 1 s, and was ended")), (3, true), "{error}");
    let child = noted.noted()[0].clone();
    // Whoever inherits it may take a while to notice that it has ended.
    let state = || {
        let output = std::process::Command::new("ps").args(["-o", "stat=", "-p", &child]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    assert!(matches!(state().chars().next(), None | Some('Z')), "{child} is {}", state());
}

#[test]
fn what_is_no_hook_is_refused_and_a_secret_argument_is_not_told() {
    let Some(noted) = Noted::new() else { return };
    for wrong in ["begun=true", "start", "start="] {
        let (code, _, error) = noted.with(&["run", &noted.echo, "--table", "Things"], &[wrong]);
        assert_eq!((code, error.contains("EVENT=COMMAND")), (2, true), "{wrong}: {error}");
    }
    let note = noted.note("start", &["SERVICE_TOKEN", "AWS_SESSION_TOKEN"]);
    let mut command = noted.world.command(&["run", &noted.echo, "--table", "Things", "--secret-arg", "token=env:SERVICE_TOKEN"]);
    command.args(["--on", &note]).env("SERVICE_TOKEN", "sesame-open").env("AWS_SESSION_TOKEN", "mine");
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(noted.noted(), ["start: SERVICE_TOKEN=none AWS_SESSION_TOKEN=mine"], "credentials are the operator's own");
}

#[test]
fn those_of_the_environment_come_first_and_no_flag_replaces_them() {
    let Some(noted) = Noted::new() else { return };
    let endpoint = noted.world.running.endpoint_url();
    let path = noted.world.dir.path().join("drift.toml");
    let file = noted.file();
    let text = format!(
        "[env.here]\nendpoint-url = \"{endpoint}\"\nhook-timeout = \"5s\"\n[env.here.hooks]\nstart = \"echo file $DRIFT_ENVIRONMENT >> '{0}'\"\n\
         planned = [\"echo one >> '{0}'\", \"echo two >> '{0}'; exit 1\", \"echo three >> '{0}'\"]\n",
        file.display()
    );
    std::fs::write(&path, text).unwrap();
    let (path, start) = (path.display().to_string(), format!("start=echo flag >> '{}'", file.display()));
    let arguments = ["run", &noted.echo, "--table", "Things", "--config", &path, "--env", "here"];
    let (code, _, error) = noted.with(&arguments, &[&start, "planned=true"]);
    assert_eq!(noted.noted(), ["file here", "flag", "one", "two"], "{error}");
    assert_eq!((code, error.contains("the hook on planned (the environment's) ended with exit code 1")), (3, true), "{error}");
    assert!(error.contains("5 s at most"), "{error}");
}

#[test]
fn each_migration_of_a_folder_has_its_own_events() {
    let Some(noted) = Noted::new() else { return };
    let folder = noted.world.dir.path().join("migrations");
    std::fs::create_dir(&folder).unwrap();
    for number in [1, 2] {
        let text = format!(
            "export default {{ number: {number}, name: 'm{number}', repeatable: true, migrate(item) {{ item.by = {number}; }} }};\n"
        );
        std::fs::write(folder.join(format!("{number}.js")), text).unwrap();
    }
    let hooks: Vec<String> = ["start", "done"].iter().map(|event| noted.note(event, &["DRIFT_MIGRATION"])).collect();
    let hooks: Vec<&str> = hooks.iter().map(String::as_str).collect();
    let folder = folder.display().to_string();
    let (code, _, error) = noted.with(&["up", &folder, "--table", "Things"], &hooks);
    assert_eq!(code, 0, "{error}");
    let expected = ["start: DRIFT_MIGRATION=1", "done: DRIFT_MIGRATION=1", "start: DRIFT_MIGRATION=2", "done: DRIFT_MIGRATION=2"];
    assert_eq!(noted.noted(), expected);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_signal_ends_the_gate_and_the_run_with_its_exit_code_and_the_plan_stands() {
    let Some(noted) = Noted::new() else { return };
    let before = noted.world.table("Things").await;
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let gate = format!("planned=echo waiting >> '{}'; sleep 600", noted.file().display());
        let (verb, of) = if code == 130 { ("run", noted.echo.clone()) } else { ("apply", noted.world.only_run()) };
        let mut command = noted.world.command(&[verb, &of, "--on", &gate, "--hook-timeout", "20m"]);
        if verb == "run" {
            command.args(["--table", "Things"]);
        }
        let child = command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped()).spawn().unwrap();
        while noted.noted().is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        std::fs::remove_file(noted.file()).unwrap();
        assert!(std::process::Command::new("kill").arg(signal).arg(child.id().to_string()).status().unwrap().success());
        let output = child.wait_with_output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), error.contains("(drift-host explain stopped)")), (Some(code), true), "{error}");
        assert_eq!(noted.world.table("Things").await, before);
    }
    let (code, out, error) = noted.with(&["apply", &noted.world.only_run()], &[]);
    assert_eq!((code, out.contains("applied")), (0, true), "{out}{error}");
}

#[test]
fn a_run_with_windows_is_asked_about_once_and_a_way_back_is_asked_about_too() {
    let Some(noted) = Noted::new() else { return };
    let planned = noted.note("planned", &["DRIFT_DIRECTION", "DRIFT_SCANNED"]);
    let done = noted.note("done", &["DRIFT_STATE"]);
    let windows = ["run", &noted.echo, "--table", "Things", "--segments", "4", "--window", "1"];
    let (code, _, error) = noted.with(&windows, &[&planned, &done]);
    let said = noted.noted();
    assert_eq!((code, said.len()), (0, 2), "{said:?} {error}");
    assert!(said[0].starts_with("planned: DRIFT_DIRECTION=migrate") && said[1] == "done: DRIFT_STATE=applied", "{said:?}");
    std::fs::remove_file(noted.file()).unwrap();
    let run = noted.world.only_run();
    let (code, _, error) = noted.with(&["undo", "--run", &run], &["planned=exit 4", &done]);
    assert_eq!((code, error.contains("ended with exit code 4")), (3, true), "{error}");
    let (code, out, error) = noted.with(&["undo", "--run", &run], &[&planned, &done]);
    // The way back that was refused a moment ago has a plan that stands, and is gone on with by its own id.
    assert_eq!(code, 3, "{out}{error}");
    let back = error.split("drift-host apply ").nth(1).unwrap().split(['`', ' ', ',', ';']).next().unwrap().to_owned();
    let (code, out, error) = noted.with(&["apply", &back], &[&planned, &done]);
    assert_eq!((code, out.contains("undone")), (0, true), "{out}{error}");
    assert_eq!(noted.noted().last().unwrap(), "done: DRIFT_STATE=undone");
}
