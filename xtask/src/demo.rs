//! The whole way on real data, each step printed as the command that a person would type.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::cargo::{self, target_dir};
use crate::{Result, exe, guests, root, scan};

const STRIKES: &str = "Strikes";
const CLAIMS: &str = "Claims";
/// An attribute that only tidied strikes have.
const TIDIED: &str = "airport";
const STRIKES_FILE: &str = "example-migrations/data/birdstrikes.csv";

/// One command of the tour.
struct Step {
    /// What it shows, in a line.
    title: &'static str,
    /// The verb and its own arguments.
    arguments: Vec<String>,
}

fn step(title: &'static str, line: &[&str]) -> Step {
    Step { title, arguments: line.iter().map(|&word| word.to_owned()).collect() }
}

/// What a newcomer should see first: nothing is written yet.
fn look(tidy: &str) -> Vec<Step> {
    vec![step("A first look at a few items; nothing is written", &["try", tidy, "--table", STRIKES, "--sample", "3"])]
}

/// The run that is killed.
fn migrate(tidy: &str) -> Step {
    step(
        "Migrate every strike, and pull the plug as soon as it writes",
        &["run", tidy, "--table", STRIKES, "--writes-in-flight", "1", "--yes"],
    )
}

fn go_on(run: &str) -> Vec<Step> {
    vec![step("What is left of it", &["status"]), step("Go on from where it stands", &["apply", run, "--yes"])]
}

/// What follows, each a line.
fn there(tidy: &str, claims: &str, grants: [&str; 4]) -> Vec<Step> {
    let claim: Vec<&str> = ["run", claims, "--table", STRIKES].into_iter().chain(grants).chain(["--yes"]).collect();
    vec![
        step("Run again, it changes nothing", &["run", tidy, "--table", STRIKES, "--yes"]),
        step("A second migration writes into another table, which must be granted", &claim),
        step("What has been applied", &["status"]),
    ]
}

/// And back, the last migration first.
fn back(tidy: &str, claims: &str, grants: [&str; 4]) -> Vec<Step> {
    let withdraw: Vec<&str> = ["undo", claims, "--table", STRIKES].into_iter().chain(grants).chain(["--yes"]).collect();
    vec![
        step("Back: the claims go", &withdraw),
        step("Back: the strikes are as they were", &["undo", tidy, "--table", STRIKES, "--yes"]),
        step("Nothing is applied any more", &["status"]),
    ]
}

pub(crate) fn run() -> Result<()> {
    let strikes = root().join(STRIKES_FILE);
    if !strikes.is_file() {
        return Err(format!("the demo's data is missing: {STRIKES_FILE}"));
    }
    // With the whole workspace selected, so that the tests find their dependencies built.
    cargo::here(&["build", "--locked", "--workspace", "--bin", "drift-host"]).run()?;
    let guests = guests::build()?;
    let shown = |path: PathBuf| path.display().to_string();
    let (tidy, claims) = (shown(guests.component("tidy-strikes")?), shown(guests.component("claims")?));

    let work = Folder::fresh()?;
    let no_claims = work.0.join("no-claims.json");
    fs::write(&no_claims, "[]").map_err(|error| format!("cannot write {}: {error}", no_claims.display()))?;
    let mut tour = Tour::start(&strikes, &no_claims, &work.0)?;

    // Its undo deletes, and what a migration asks for it asks for as a whole.
    let (insert, delete) = (format!("insert:{CLAIMS}"), format!("delete:{CLAIMS}"));
    let grants = ["--grant", &insert, "--grant", &delete];

    let before = tour.count(STRIKES)?;
    tour.walk(&look(&tidy))?;
    match tour.kill_half_way(&migrate(&tidy), STRIKES, TIDIED)? {
        Some(run) => tour.walk(&go_on(&run))?,
        None => println!("  (it was done before the plug was pulled)"),
    }
    tour.walk(&there(&tidy, &claims, grants))?;
    let migrated = tour.count(STRIKES)?;
    let claimed = tour.count(CLAIMS)?;
    tour.walk(&back(&tidy, &claims, grants))?;
    let after = tour.count(STRIKES)?;
    if claimed.is_empty() || !tour.count(CLAIMS)?.is_empty() {
        return Err(format!("{CLAIMS} should have had claims after the migration and none after its undo"));
    }

    if before == migrated {
        return Err(format!("the demo changed nothing: {STRIKES} was the same after the migrations"));
    }
    if let Some((was, is)) = before.iter().zip(&after).find(|(was, is)| was != is) {
        return Err(format!("{STRIKES} is not what it was:\n  before: {was}\n  after:  {is}"));
    }
    if before.len() != after.len() {
        return Err(format!("{STRIKES} had {} items and now has {}", before.len(), after.len()));
    }
    println!("\nAll {} items of {STRIKES} are, byte for byte, what they were before the first migration.", after.len());
    Ok(())
}

/// The embedded DynamoDB and the commands against it.
struct Tour {
    host: PathBuf,
    server: Child,
    endpoint: String,
    runs: PathBuf,
}

impl Tour {
    fn start(strikes: &Path, no_claims: &Path, work: &Path) -> Result<Self> {
        let host = target_dir()?.join("debug").join(exe("drift-host"));
        let loads = [format!("{STRIKES}:+Id={}", strikes.display()), format!("{CLAIMS}:+Id={}", no_claims.display())];
        title("A DynamoDB on this machine, with 10,000 wildlife strikes");
        println!("$ drift-host local --port 0 --load {} --load {} &", loads[0], loads[1]);
        let mut server = Command::new(&host)
            .args(["local", "--port", "0", "--load", &loads[0], "--load", &loads[1]])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}", host.display()))?;
        let mut endpoint = String::new();
        let read = server.stdout.take().map(|out| BufReader::new(out).read_line(&mut endpoint));
        // From here on it is stopped whatever happens.
        let tour = Self { host, server, endpoint: endpoint.trim().to_owned(), runs: work.join("runs") };
        match read {
            Some(Ok(_)) if tour.endpoint.starts_with("http://") => {
                println!("{}", tour.endpoint);
                Ok(tour)
            }
            _ => Err("the embedded DynamoDB did not start; it says above why".into()),
        }
    }

    fn walk(&mut self, steps: &[Step]) -> Result<()> {
        for step in steps {
            self.announce(step);
            let status = self.command(step).status().map_err(|error| self.unstarted(&error))?;
            if !status.success() {
                return Err(format!("this step of the demo failed ({status}): {}", step.title));
            }
        }
        Ok(())
    }

    /// Starts a step and kills it as soon as the first change is in the table; gives the run's id. `None` if it was done
    /// before.
    fn kill_half_way(&self, step: &Step, table: &str, attribute: &str) -> Result<Option<String>> {
        self.announce(step);
        let mut child = self.command(step).spawn().map_err(|error| self.unstarted(&error))?;
        let seen = loop {
            match child.try_wait() {
                Ok(None) => {}
                Ok(Some(status)) if status.success() => return Ok(None),
                other => return Err(format!("this step of the demo failed ({other:?}): {}", step.title)),
            }
            match scan::count(self.address(), table, attribute).map(|count| count > 0) {
                Ok(false) => std::thread::sleep(Duration::from_millis(10)),
                seen => break seen,
            }
        };
        // SIGKILL: no handler runs, nothing is tidied up.
        let killed = child.kill().and_then(|()| child.wait()).map_err(|error| format!("cannot kill {}: {error}", step.title));
        if !seen? || killed?.success() {
            return Ok(None);
        }
        let needle = format!("{attribute:?}:");
        let items = scan::table(self.address(), table)?.unwrap_or_default();
        let changed = items.iter().filter(|item| item.contains(&needle)).count();
        println!("  (killed: {changed} of {} items are changed)", items.len());
        let files = fs::read_dir(&self.runs).map_err(|error| format!("cannot read {}: {error}", self.runs.display()))?;
        let names = files.flatten().filter_map(|file| file.file_name().into_string().ok());
        let run = names.filter_map(|name| name.strip_suffix(".drift").map(str::to_owned)).max();
        run.map(Some).ok_or_else(|| format!("the killed run left no journal in {}", self.runs.display()))
    }

    fn announce(&self, step: &Step) {
        title(step.title);
        let words = step.arguments.iter().map(|word| {
            Path::new(word).file_name().filter(|_| word.ends_with(".wasm")).map_or(word.into(), |name| name.to_string_lossy())
        });
        println!("$ drift-host {} --endpoint-url {}", words.collect::<Vec<_>>().join(" "), self.endpoint);
    }

    fn command(&self, step: &Step) -> Command {
        let mut command = Command::new(&self.host);
        command
            .args(&step.arguments)
            .args(["--endpoint-url", &self.endpoint, "--runs-dir"])
            .arg(&self.runs)
            // The embedded DynamoDB asks for credentials of any kind, and no demo should find real ones.
            .envs([("AWS_ACCESS_KEY_ID", "demo"), ("AWS_SECRET_ACCESS_KEY", "demo"), ("AWS_REGION", "us-east-1")])
            .env_remove("AWS_PROFILE")
            .env_remove("AWS_SESSION_TOKEN")
            .stdin(Stdio::null());
        command
    }

    fn unstarted(&self, error: &std::io::Error) -> String {
        format!("cannot start {}: {error}", self.host.display())
    }

    fn address(&self) -> &str {
        self.endpoint.trim_start_matches("http://")
    }

    /// Every item of a table, read by other means than the program's own.
    fn count(&self, table: &str) -> Result<Vec<String>> {
        let items = scan::table(self.address(), table)?.ok_or_else(|| format!("there is no table {table}"))?;
        println!("  ({table} has {} items, read by a plain HTTP client)", items.len());
        Ok(items)
    }
}

impl Drop for Tour {
    fn drop(&mut self) {
        // Its tables are in memory: nothing is lost by stopping it so.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn title(text: &str) {
    println!("\n── {text}");
}

/// A folder for the runs of this demo, gone with it.
struct Folder(PathBuf);

impl Folder {
    fn fresh() -> Result<Self> {
        let path = target_dir()?.join("demo").join(std::process::id().to_string());
        fs::create_dir_all(&path).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
