//! `cargo xtask bench`: drift-host's run and a bare loop over the SDK, in turn, each on a fresh table of a fresh server.
//!
//! What it gives are the figures of this run on this machine, and ratios; only the latter mean something elsewhere. The
//! server is a process of its own, and the processor's time is the client's alone.

mod measure;
mod report;
mod rows;

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::cargo::{self, target_dir};
use crate::{Result, exe, guests, scan};
use report::{Case, Round};
use rows::Rows;

/// The table, its key, and the attribute that every way of writing adds.
const TABLE: &str = "Rows";
const KEY: &str = "Id";

/// What was asked for on the command line.
struct Options {
    items: usize,
    rounds: usize,
    data: Option<PathBuf>,
    json: bool,
}

impl Options {
    fn parse(arguments: &[String]) -> Result<Self> {
        let mut options = Self { items: 50_000, rounds: 3, data: None, json: false };
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} wants a value"));
            let count = |text: &String| {
                let count = text.parse::<usize>().ok().filter(|count| *count > 0);
                count.ok_or_else(|| format!("{word} {text}: that is no count"))
            };
            match word.as_str() {
                "--items" => options.items = count(value()?)?,
                "--rounds" => options.rounds = count(value()?)?,
                "--data" => options.data = Some(std::path::absolute(value()?).map_err(|error| format!("--data: {error}"))?),
                "--json" => options.json = true,
                _ => return Err(format!("bench takes --items N, --rounds N, --data FILE.csv and --json, not {word}")),
            }
        }
        Ok(options)
    }
}

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let options = Options::parse(arguments)?;
    if !Path::new("/proc/self/stat").is_file() {
        return Err("bench reads what processes used from /proc, which this system does not have".into());
    }
    let guests = guests::build()?;
    let work = Folder::fresh()?;
    let programs = Programs::build(&work.0)?;
    let rows = Rows::find(options.data.as_deref(), options.items, &work.0)?;
    let bench = Bench { programs, rows, work: work.0.clone() };

    let mut cases = vec![Case::new("drift-host run, echo", Way::Host(guests.component("echo")?), Some("touched"))];
    // The example reads the strikes' own attributes.
    if let Ok(tidy) = guests.component("tidy-strikes")
        && bench.rows.name == "birdstrikes.csv"
    {
        cases.push(Case::new("drift-host run, tidy-strikes", Way::Host(tidy), None));
    }
    cases.push(Case::new("bare loop, guarded batches of 25", Way::Bare("batches"), Some("touched")));
    cases.push(Case::new("bare loop, UpdateItem", Way::Bare("updates"), Some("touched")));
    for case in &cases {
        // Compiled code is cached, as it is from a plugin's second use on.
        if let Way::Host(plugin) = &case.way {
            bench.programs.host(&["inspect"]).arg(plugin).stdout(Stdio::null()).status().map_err(|error| error.to_string())?;
        }
    }
    for round in 1..=options.rounds {
        for case in &mut cases {
            eprintln!("xtask: round {round} of {}: {}", options.rounds, case.name);
            let measured = bench.round(case)?;
            case.rounds.push(measured);
        }
    }
    let report = report::Report { cases: &cases, data: &bench.rows.name };
    if options.json {
        println!("{}", report.json());
    } else {
        print!("{}", report.table());
    }
    Ok(())
}

/// How the items of a case are written.
pub(super) enum Way {
    /// By drift-host with this plugin.
    Host(PathBuf),
    /// By the bare loop.
    Bare(&'static str),
}

struct Bench {
    programs: Programs,
    rows: Rows,
    work: PathBuf,
}

impl Bench {
    /// One measurement, on a table that nobody has touched.
    fn round(&self, case: &Case) -> Result<Round> {
        let server = Server::start(&self.programs, &self.rows)?;
        let said = self.work.join("said");
        let output = || File::create(&said).map_err(|error| format!("cannot write {}: {error}", said.display()));
        let mut command = match &case.way {
            Way::Host(plugin) => {
                let mut command = self.programs.host(&["run"]);
                command.arg(plugin).args(["--table", TABLE, "--yes", "--json", "--endpoint-url", &server.endpoint, "--runs-dir"]);
                command.arg(self.work.join("runs"));
                command
            }
            Way::Bare(way) => {
                let mut command = Command::new(&self.programs.bare);
                command.args([server.endpoint.as_str(), TABLE, KEY, way]);
                command
            }
        };
        let before = measure::cpu_seconds(&server.child);
        command.stdin(Stdio::null()).stdout(output()?).stderr(output()?);
        let used = measure::run(&mut command, || fs::read_to_string(&said).unwrap_or_default())?;
        let server_seconds = measure::cpu_seconds(&server.child) - before;
        // A way that wrote less would look fast.
        if let Some(attribute) = case.adds {
            let written = scan::count(&server.address, TABLE, attribute)?;
            if written != server.items {
                return Err(format!("{} wrote {written} of {} items", case.name, server.items));
            }
        }
        // Journals of rounds before would only fill the disk.
        let _ = fs::remove_dir_all(self.work.join("runs"));
        Ok(Round { items: server.items, used, server_seconds })
    }
}

/// Both programs, built for speed and kept apart from what tests build.
struct Programs {
    host: PathBuf,
    bare: PathBuf,
}

impl Programs {
    /// Ours at opt-level 3; dependencies are at it in every build, and are not built again.
    fn build(work: &Path) -> Result<Self> {
        cargo::here(&["build", "--locked", "--workspace", "--bin", "drift-host", "--bin", "bare-loop"])
            .env("CARGO_PROFILE_DEV_OPT_LEVEL", "3")
            .env("CARGO_INCREMENTAL", "0")
            .run()?;
        let built = target_dir()?.join("debug");
        // Another build puts another program in its place, also while this one is measured.
        let kept = |name: &str| {
            let (from, to) = (built.join(exe(name)), work.join(exe(name)));
            fs::copy(&from, &to).map_err(|error| format!("cannot copy {} to {}: {error}", from.display(), to.display()))?;
            Ok::<_, String>(to)
        };
        Ok(Self { host: kept("drift-host")?, bare: kept("bare-loop")? })
    }

    fn host(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.host);
        command
            .args(arguments)
            // The embedded DynamoDB asks for credentials of any kind, and no bench should find real ones.
            .envs([("AWS_ACCESS_KEY_ID", "bench"), ("AWS_SECRET_ACCESS_KEY", "bench"), ("AWS_REGION", "us-east-1")])
            .env_remove("AWS_PROFILE")
            .env_remove("AWS_SESSION_TOKEN");
        command
    }
}

/// `drift-host local` with the rows loaded.
struct Server {
    child: Child,
    endpoint: String,
    address: String,
    items: u64,
}

impl Server {
    fn start(programs: &Programs, rows: &Rows) -> Result<Self> {
        let load = format!("{TABLE}:+{KEY}*{}={}", rows.times, rows.file.display());
        let mut child = programs
            .host(&["local", "--port", "0", "--json", "--load", &load])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}", programs.host.display()))?;
        let mut line = String::new();
        let read = child.stdout.take().map(|out| BufReader::new(out).read_line(&mut line));
        let mut server = Self { child, endpoint: String::new(), address: String::new(), items: 0 };
        let document: serde_json::Value = match read {
            Some(Ok(1..)) => serde_json::from_str(&line).map_err(|error| format!("drift-host local said {line:?}: {error}"))?,
            _ => return Err(format!("drift-host local --load {load} did not start")),
        };
        let items = document.pointer("/tables/0/items").and_then(serde_json::Value::as_u64);
        let endpoint = document.pointer("/endpoint").and_then(serde_json::Value::as_str).map(str::to_owned);
        let (Some(items), Some(endpoint)) = (items, endpoint) else {
            return Err(format!("drift-host local said {line:?}"));
        };
        server.address = endpoint.trim_start_matches("http://").to_owned();
        (server.items, server.endpoint) = (items, endpoint);
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its tables are in memory: nothing is lost by stopping it so.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder for this bench, gone with it.
struct Folder(PathBuf);

impl Folder {
    fn fresh() -> Result<Self> {
        let path = target_dir()?.join("bench").join(std::process::id().to_string());
        fs::create_dir_all(&path).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
