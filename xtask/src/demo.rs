//! The whole way on real data, each step printed as the command that a person would type.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::cargo::{self, target_dir};
use crate::{Result, exe, guests, root, scan};

const STRIKES: &str = "Strikes";
const CLAIMS: &str = "Claims";
const STRIKES_FILE: &str = "example-migrations/data/birdstrikes.csv";

/// One command of the tour.
struct Step {
    /// What it shows, in a line.
    title: &'static str,
    /// The verb and its own arguments.
    arguments: Vec<String>,
}

/// What a newcomer should see, in this order.
fn there(tidy: &str, claims: &str) -> Vec<Step> {
    let step = |title, line: &[&str]| Step { title, arguments: line.iter().map(|&word| word.to_owned()).collect() };
    let grant = format!("insert:{CLAIMS}");
    vec![
        step("A first look at a few items; nothing is written", &["try", tidy, "--table", STRIKES, "--sample", "3"]),
        step("Migrate every strike", &["run", tidy, "--table", STRIKES, "--yes"]),
        step(
            "A second migration writes into another table, which must be granted",
            &["run", claims, "--table", STRIKES, "--grant", &grant, "--yes"],
        ),
        step("What has been applied", &["status"]),
    ]
}

/// And back, the last migration first.
fn back(tidy: &str, claims: &str) -> Vec<Step> {
    let step = |title, line: &[&str]| Step { title, arguments: line.iter().map(|&word| word.to_owned()).collect() };
    let grant = format!("delete:{CLAIMS}");
    vec![
        step("Back: the claims go", &["undo", claims, "--table", STRIKES, "--grant", &grant, "--yes"]),
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

    let before = tour.count(STRIKES)?;
    tour.walk(&there(&tidy, &claims))?;
    let migrated = tour.count(STRIKES)?;
    tour.count(CLAIMS)?;
    tour.walk(&back(&tidy, &claims))?;
    let after = tour.count(STRIKES)?;

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
            title(step.title);
            println!("$ drift-host {} --endpoint-url {}", step.arguments.join(" "), self.endpoint);
            let status = Command::new(&self.host)
                .args(&step.arguments)
                .args(["--endpoint-url", &self.endpoint, "--runs-dir"])
                .arg(&self.runs)
                // The embedded DynamoDB asks for credentials of any kind, and no demo should find real ones.
                .envs([("AWS_ACCESS_KEY_ID", "demo"), ("AWS_SECRET_ACCESS_KEY", "demo"), ("AWS_REGION", "us-east-1")])
                .env_remove("AWS_PROFILE")
                .env_remove("AWS_SESSION_TOKEN")
                .stdin(Stdio::null())
                .status()
                .map_err(|error| format!("cannot start {}: {error}", self.host.display()))?;
            if !status.success() {
                return Err(format!("this step of the demo failed ({status}): {}", step.title));
            }
        }
        Ok(())
    }

    /// Every item of a table, read by other means than the program's own.
    fn count(&self, table: &str) -> Result<Vec<String>> {
        let address = self.endpoint.trim_start_matches("http://");
        let items = scan::table(address, table)?.ok_or_else(|| format!("there is no table {table}"))?;
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
