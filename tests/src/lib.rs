//! Support for the end-to-end tests: an embedded DynamoDB with rows, and a whole table read back.

pub mod book;
pub mod browser;
pub mod collector;
pub mod crash;
pub mod fuzz;
pub mod items;
pub mod moto;
pub mod plain;
pub mod proxy;
pub mod schema;
pub mod shares;
pub mod soak;
#[cfg(target_os = "linux")]
pub mod spark;

use std::path::PathBuf;

use drift_host::Migrator;
use drift_host::dynamo::{ConnectionSettings, ScanRequest};
use drift_host::local::{EmbeddedDynamoDb, Options, Running};
use drift_host::model::Item;

mod native;

pub use native::native;

/// An embedded DynamoDB with tables, and a folder for runs.
pub struct World {
    pub running: Running,
    pub dir: tempfile::TempDir,
}

impl World {
    /// With a table `Things` of so many rows (`Id`, `name`, `n`).
    pub fn with_rows(rows: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let csv = dir.path().join("things.csv");
        let lines: String = (1..=rows).map(|n| format!("name {n},{n}\n")).collect();
        std::fs::write(&csv, format!("name,n\n{lines}")).unwrap();
        Self::serving(dir, &[format!("Things:+Id={}", csv.display())])
    }

    /// With a table `Things` of so many rows, of numbers: `n` is `Id` (`Id`, `name`, `n`).
    pub fn with_numbers(rows: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("things.jsonl");
        let lines: String = (1..=rows).map(|n| format!("{{\"Id\": {n}, \"name\": \"name {n}\", \"n\": {n}}}\n")).collect();
        std::fs::write(&file, lines).unwrap();
        Self::serving(dir, &[format!("Things:Id={}", file.display())])
    }

    /// With a table `Things` (key `Id`, a number) of these items, as plain or DynamoDB JSON.
    pub fn with_items(items: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("things.jsonl");
        std::fs::write(&file, items.join("\n")).unwrap();
        Self::serving(dir, &[format!("Things:Id={}", file.display())])
    }

    /// With a table `Things` of so many rows (`Id`, `text`) of 300 letters that nothing compresses; the same each time.
    pub fn with_noise(rows: usize) -> Self {
        let mut random = fastrand::Rng::with_seed(7);
        let rows: Vec<String> = (1..=rows)
            .map(|n| {
                let text: String = (0..300).map(|_| random.alphanumeric()).collect();
                format!("{{\"Id\": {n}, \"text\": \"{text}\"}}")
            })
            .collect();
        Self::with_items(&rows.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// With the real data of the examples: `TABLE:KEY=FILE`, the file of `example-migrations/data`, or `no.json` for an empty table.
    pub fn with_data(loads: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("no.json"), "[]").unwrap();
        let data = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../example-migrations/data"));
        let loads = loads.iter().map(|load| {
            let (table, file) = load.split_once('=').unwrap();
            let folder = if file == "no.json" { dir.path() } else { &data };
            format!("{table}={}", folder.join(file).display())
        });
        let loads: Vec<String> = loads.collect();
        Self::serving(dir, &loads)
    }

    /// With these tables, `TABLE:KEY=FILE` each.
    pub fn serving(dir: tempfile::TempDir, loads: &[String]) -> Self {
        Self { running: embedded(loads.iter().map(|load| load.parse().unwrap()).collect()), dir }
    }

    pub fn runs(&self) -> PathBuf {
        self.dir.path().join("runs")
    }

    pub async fn migrator(&self) -> Migrator {
        let settings = ConnectionSettings { endpoint_url: Some(self.running.endpoint_url()), ..ConnectionSettings::default() };
        Migrator::connect(settings).await.unwrap().runs_dir(self.runs())
    }

    /// All items of a table, in the order of their text.
    pub async fn table(&self, name: &str) -> Vec<Item> {
        let migrator = self.migrator().await;
        let mut items = Vec::new();
        let mut start = None;
        loop {
            let request =
                ScanRequest { table: name.into(), segment: 0, segments: 1, consistent: true, limit: 1000, filter: None, start };
            let page = migrator.database().client().scan_page(&request).await.unwrap();
            items.extend(page.items);
            start = page.cursor;
            if start.is_none() {
                break;
            }
        }
        items.sort_by_key(|item| format!("{item:?}"));
        items
    }

    /// The binary with these arguments, on this world.
    pub fn command(&self, arguments: &[&str]) -> std::process::Command {
        self.command_at(&self.running.endpoint_url(), arguments)
    }

    /// The same through another endpoint.
    pub fn command_at(&self, endpoint: &str, arguments: &[&str]) -> std::process::Command {
        let mut command = std::process::Command::new(binary());
        command.args(arguments).args(["--endpoint-url", endpoint, "--runs-dir"]).arg(self.runs());
        command
    }

    /// Every byte of the runs folder, file by file, and what its journals have compressed, as JSON.
    pub fn kept(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let files = std::fs::read_dir(self.runs()).unwrap().map(|file| file.unwrap().path());
        let mut kept: Vec<(PathBuf, Vec<u8>)> = files.map(|path| (path.clone(), std::fs::read(&path).unwrap())).collect();
        let journals: Vec<PathBuf> = kept.iter().map(|(path, _)| path.clone()).collect();
        for path in journals.into_iter().filter(|path| path.extension().is_some_and(|end| end == "drift")) {
            let journal = drift_host::journal::Journal::read(&path).unwrap();
            for state in journal.segments().unwrap() {
                for page in 0..state.pages {
                    let entries = journal.page(state.segment, page).unwrap().entries;
                    kept.push((path.clone(), serde_json::to_vec(&entries).unwrap()));
                }
            }
        }
        assert!(!kept.is_empty());
        kept
    }

    /// The id of the one run in the folder of runs.
    pub fn only_run(&self) -> String {
        let files = std::fs::read_dir(self.runs()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
        let runs: Vec<String> = files.filter_map(|name| name.strip_suffix(".drift").map(str::to_owned)).collect();
        assert_eq!(runs.len(), 1, "{runs:?}");
        runs[0].clone()
    }

    /// Runs the binary with these arguments, on this world; gives exit code, standard output and standard error.
    pub fn drift_host(&self, arguments: &[&str]) -> (i32, String, String) {
        self.drift_host_at(&self.running.endpoint_url(), arguments)
    }

    /// The same through another endpoint.
    pub fn drift_host_at(&self, endpoint: &str, arguments: &[&str]) -> (i32, String, String) {
        let output = self.command_at(endpoint, arguments).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }
}

/// `drift-host inspect` with these arguments, which needs no world; gives exit code, standard output and standard error.
pub fn inspect(arguments: &[&str]) -> (i32, String, String) {
    let output = std::process::Command::new(binary()).arg("inspect").args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// An embedded DynamoDB on any free port, with these tables.
pub fn embedded(load: Vec<drift_host::local::Load>) -> Running {
    EmbeddedDynamoDb::start(Options { port: 0, data: None, load, streams: false }).unwrap()
}

/// The binary under test: `cargo xtask test` names it; else it stands beside the test's own folder.
pub fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("DRIFT_HOST_BIN") {
        return path.into();
    }
    let test = std::env::current_exe().unwrap();
    test.parent().and_then(|deps| deps.parent()).unwrap().join("drift-host")
}

/// The component of a test guest; `None`, said aloud, where there is no toolchain for guests.
pub fn guest(name: &str) -> Option<String> {
    let Some(dir) = std::env::var_os("DRIFT_GUESTS_DIR") else {
        println!("skipped: no guests were built (run `cargo xtask test`, which says what is missing)");
        return None;
    };
    Some(PathBuf::from(dir).join(format!("{name}.wasm")).display().to_string())
}
