//! `cargo xtask bench`: drift-host's run beside bare loops over the SDK, a loop in Go, and what its own parts cost; in turn, each on a
//! fresh table of a fresh server.
//!
//! What it gives are the figures of this run on this machine, and ratios; only the latter mean something elsewhere. The
//! server is a process of its own, and the processor's time is the client's alone.

mod case;
mod measure;
mod programs;
mod report;
mod rows;
mod servers;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Map, Value};

use crate::Result;
use crate::cargo::target_dir;
use case::{Against, Case, Round, Way};
use programs::Programs;
use rows::Rows;
pub(crate) use rows::made_up;
pub(crate) use servers::Server;

/// The table, its key, and the attribute that every way of writing adds.
const TABLE: &str = "Rows";
const KEY: &str = "Id";
const ADDED: &str = "touched";
/// The name of what the parts of drift-host cost one by one.
const LAYERS: &str = "layers";

const USAGE: &str = "bench takes --items N, --rounds N, --data FILE, --json, and names of what is to be measured: floor, go_loop, drift, null, \
                     memory, start, layers, or one of their parts (drift_rust, memory_2m)";

/// What was asked for on the command line.
struct Options {
    items: usize,
    rounds: usize,
    data: Option<PathBuf>,
    json: bool,
    /// Names of cases, or the first words of such; all where none is given.
    names: Vec<String>,
}

impl Options {
    fn parse(arguments: &[String]) -> Result<Self> {
        let mut options = Self { items: 50_000, rounds: 3, data: None, json: false, names: Vec::new() };
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
                flag if flag.starts_with('-') => return Err(format!("{USAGE}; not {flag}")),
                name => options.names.push(name.replace('-', "_")),
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
    let mut plans = case::all(options.items as u64);
    let is_known = |name: &String| name == LAYERS || plans.iter().any(|plan| plan.is_called(name));
    if let Some(unknown) = options.names.iter().find(|name| !is_known(name)) {
        return Err(format!("nothing is called {unknown}: {USAGE}"));
    }
    plans.retain(|plan| options.names.is_empty() || options.names.iter().any(|name| plan.is_called(name)));

    let work = Folder::fresh()?;
    let programs = Programs::build(&work.0)?;
    let rows = Rows::find(options.data.as_deref(), options.items, &work.0)?;
    let mut bench = Bench { programs, rows, work: work.0.clone() };
    let mut skipped = Vec::new();
    let (mut cases, mut failed) = (Vec::new(), Vec::new());
    for plan in plans {
        // What needs a toolchain that is not here is left out; the figures that are there mean the same without it.
        match bench.prepare(&plan) {
            Ok(()) => cases.push(plan),
            Err(why) => {
                eprintln!("xtask: SKIPPED {}: {why}", plan.name);
                skipped.push((plan.key, why));
            }
        }
    }
    for round in 1..=options.rounds {
        for case in cases.iter_mut().filter(|case| round <= case.rounds_at_most) {
            eprintln!("xtask: round {round} of {}: {}", options.rounds.min(case.rounds_at_most), case.name);
            match bench.round(case) {
                Ok(measured) => case.rounds.push(measured),
                Err(why) => failed.push(format!("{}: {why}", case.name)),
            }
        }
    }
    let mut layers = Map::new();
    if options.names.is_empty() || options.names.iter().any(|name| name == LAYERS) {
        match bench.layers() {
            Ok(figures) => layers = figures,
            Err(why) => failed.push(why),
        }
    }
    cases.retain(|case| !case.rounds.is_empty());
    let report = report::Report { cases: &cases, layers: &layers, data: &bench.rows.name, skipped: &skipped };
    if options.json {
        println!("{}", report.json());
    } else {
        print!("{}", report.table());
    }
    // What was measured is told whatever became of the rest: it took long.
    if failed.is_empty() { Ok(()) } else { Err(failed.join("; ")) }
}

struct Bench {
    programs: Programs,
    rows: Rows,
    work: PathBuf,
}

impl Bench {
    /// The figures of the parts, by name.
    fn layers(&mut self) -> Result<Map<String, Value>> {
        eprintln!("xtask: the parts, one by one");
        let guest = self.programs.guest("rust")?;
        let journals = self.work.join("journals");
        let output = Command::new(&self.programs.layers).arg(guest).arg(journals).stderr(Stdio::inherit()).output();
        let output = output.map_err(|error| format!("cannot start {}: {error}", self.programs.layers.display()))?;
        let said = String::from_utf8_lossy(&output.stdout);
        serde_json::from_str(&said).map_err(|error| format!("layers ended with {} and said {said:?}: {error}", output.status))
    }

    /// Builds what a case needs beyond the programs. Compiled plugins are cached, as they are from their second use on.
    fn prepare(&mut self, case: &Case) -> Result<()> {
        if case.cores.is_some_and(|cores| cores > measure::cores().len()) {
            return Err("there are not enough cores".into());
        }
        match &case.way {
            Way::Host { language, .. } => self.programs.guest(language).map(|_| ()),
            Way::Go { .. } => self.programs.go_loop().map(|_| ()),
            Way::Bare(_) | Way::Native => Ok(()),
        }
    }

    /// One measurement, on a table that nobody has touched.
    fn round(&mut self, case: &Case) -> Result<Round> {
        let server = match case.against {
            Against::Embedded => Server::embedded(&self.programs, &self.rows)?,
            Against::Null { items } => Server::null(&self.programs, &self.rows, items, case.cores)?,
        };
        let said = self.work.join("said");
        let output = || File::create(&said).map_err(|error| format!("cannot write {}: {error}", said.display()));
        let runs = self.work.join("runs");
        let mut command = match &case.way {
            Way::Host { language, concurrency } => {
                let plugin = self.programs.guest(language)?;
                let mut command = self.programs.host(case.cores);
                command.arg("run").arg(plugin).args(["--table", TABLE, "--yes", "--json", "--endpoint-url", &server.endpoint()]);
                command.arg("--runs-dir").arg(&runs);
                command.args(concurrency.iter().flat_map(|slots| ["--concurrency".to_owned(), slots.to_string()]));
                command
            }
            Way::Native => {
                let mut command = Command::new(&self.programs.native);
                command.args([server.endpoint().as_str(), TABLE]).arg(&runs);
                command
            }
            Way::Bare(way) => {
                let mut command = Command::new(&self.programs.bare);
                command.args([server.endpoint().as_str(), TABLE, KEY, way]);
                command
            }
            Way::Go { concurrency } => {
                let mut command = Command::new(self.programs.go_loop()?);
                command.args([server.endpoint().as_str(), TABLE, KEY, &concurrency.to_string()]);
                command
            }
        };
        let before = server.cpu_seconds();
        command.stdin(Stdio::null()).stdout(output()?).stderr(output()?);
        let used = measure::run(&mut command, || fs::read_to_string(&said).unwrap_or_default())?;
        let server_seconds = server.cpu_seconds() - before;
        // A way that wrote less would look fast.
        let written = server.written()?;
        if written != server.items {
            return Err(format!("{} wrote {written} of {} items", case.name, server.items));
        }
        // Journals of rounds before would only fill the disk.
        let _ = fs::remove_dir_all(&runs);
        Ok(Round { items: server.items, used, server_seconds })
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
