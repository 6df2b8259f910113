//! What a page's commands are typed into: a scratch folder, a shell that stands in it, and an embedded DynamoDB.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use drift_tests::{World, binary};

/// So many strikes, where a page does not begin a server of its own.
const STRIKES: usize = 200;
/// What pages write for a server that was started as they say.
const USUAL: &str = "http://127.0.0.1:8000";

pub(crate) struct Shell {
    world: World,
    folder: PathBuf,
    variables: Vec<(String, String)>,
    /// Servers that the page started, and where the last one is.
    servers: Vec<Child>,
    started: Option<String>,
    /// In the order in which they began, which their ids do not tell within a second.
    runs: Vec<String>,
}

impl Shell {
    /// With `Strikes`, an empty `Claims`, the data and the components of the examples.
    pub(crate) fn new(guests: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let data = drift_tests::book::root().join("example-migrations/data");
        let all = fs::read_to_string(data.join("birdstrikes.csv")).unwrap();
        let some: Vec<&str> = all.lines().take(STRIKES + 1).collect();
        fs::write(dir.path().join("some.csv"), some.join("\n")).unwrap();
        fs::write(dir.path().join("no.json"), "[]").unwrap();
        let load = |table: &str, file: &str| format!("{table}={}", dir.path().join(file).display());
        let loads = [load("Strikes:+Id", "some.csv"), load("Claims:+Id", "no.json")];

        // A folder of its own, so that a page sees only what it speaks of.
        let folder = dir.path().join("here");
        fs::create_dir_all(folder.join("example-migrations")).unwrap();
        std::os::unix::fs::symlink(data, folder.join("example-migrations/data")).unwrap();
        for component in ["tidy_strikes.wasm", "claims.wasm", "quakes.wasm"] {
            fs::copy(PathBuf::from(guests).join(component), folder.join(component)).unwrap();
        }
        let world = World::serving(dir, &loads);
        let endpoint = world.running.endpoint_url();
        let home = world.dir.path().join("runs").display().to_string();
        let variables = [
            ("AWS_ENDPOINT_URL", endpoint.as_str()),
            ("AWS_ACCESS_KEY_ID", "nobody"),
            ("AWS_SECRET_ACCESS_KEY", "none"),
            ("AWS_REGION", "us-east-1"),
            ("DRIFT_RUNS_DIR", &home),
            ("NO_COLOR", "1"),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Self { world, folder, variables, servers: Vec::new(), started: None, runs: Vec::new() }
    }

    /// A file of the page.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A line of the page; its exit code and what it said. What stands for a run, a table or a plugin is put in.
    pub(crate) fn run(&mut self, line: &str) -> (i32, String) {
        let line = self.put_in(line);
        if let Some(folder) = line.strip_prefix("cd ") {
            self.folder = self.folder.join(folder.trim()).canonicalize().unwrap();
            return (0, String::new());
        }
        if let Some((name, value)) = line.strip_prefix("export ").and_then(|set| set.split_once('=')) {
            self.variables.push((name.to_owned(), value.to_owned()));
            return (0, String::new());
        }
        if line.starts_with("drift-host local ") {
            return self.serve(&line);
        }
        let output = self.shell(&line).output().unwrap();
        self.look_at_runs();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        // As a terminal shows it: progress goes before the result.
        (output.status.code().unwrap(), text(output.stderr) + &text(output.stdout))
    }

    /// A server, on a port of its own; it goes with the page.
    fn serve(&mut self, line: &str) -> (i32, String) {
        let line = line.trim_end_matches('&').replace("--port 8000", "");
        // `exec`, so that the child that is killed is the server.
        let mut child = self.shell(&format!("exec {line} --port 0")).stdout(Stdio::piped()).spawn().unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        self.servers.push(child);
        assert!(url.starts_with("http://"), "{line}: {url}");
        self.started = Some(url.trim().to_owned());
        (0, USUAL.to_owned())
    }

    fn shell(&self, line: &str) -> Command {
        let path = format!("{}:{}", binary().parent().unwrap().display(), std::env::var("PATH").unwrap());
        let mut command = Command::new("sh");
        command.args(["-c", line]).current_dir(&self.folder).stdin(Stdio::null()).env("PATH", path);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    fn put_in(&self, line: &str) -> String {
        let mut line = line.to_owned();
        if let Some(url) = &self.started {
            line = line.replace(USUAL, url);
        }
        if has_word(&line, "RUN") {
            let run = self.runs.last().unwrap_or_else(|| panic!("{line}: there is no run yet"));
            line = with_word(&line, "RUN", run);
        }
        for (stands, plugin) in [("PLUGIN", "tidy_strikes.wasm"), ("plugin.wasm", "tidy_strikes.wasm")] {
            line = with_word(&line, stands, plugin);
        }
        with_word(&line, "T", "Strikes")
    }

    /// What has begun since the last look.
    fn look_at_runs(&mut self) {
        let folder = self.variables.iter().rev().find(|(name, _)| name == "DRIFT_RUNS_DIR").map(|(_, value)| value);
        let files = folder.and_then(|folder| fs::read_dir(self.folder.join(folder)).ok()).into_iter().flatten().flatten();
        let names = files.filter_map(|file| file.file_name().into_string().ok());
        let runs = names.filter_map(|name| name.strip_suffix(".drift").map(str::to_owned));
        let new: Vec<String> = runs.filter(|run| !self.runs.contains(run)).collect();
        self.runs.extend(new);
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        for server in &mut self.servers {
            let _ = server.kill();
            let _ = server.wait();
        }
        let _ = &self.world;
    }
}

fn has_word(line: &str, word: &str) -> bool {
    with_word(line, word, "") != line
}

/// A line with something else in a word's place. A word ends at blanks and quotes.
fn with_word(line: &str, word: &str, other: &str) -> String {
    let ends = |c: char| c.is_whitespace() || "'\"".contains(c);
    line.split_inclusive(ends)
        .map(|piece| match piece.trim_end_matches(ends) == word {
            true => piece.replacen(word, other, 1),
            false => piece.to_owned(),
        })
        .collect()
}
