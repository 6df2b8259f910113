//! Memory does not grow with the table: the peak of a whole run, read from the kernel, with the table in another process.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use drift_tests::binary;

/// A `drift-host local` with the rows of a file, read so many times over.
struct Server {
    child: Child,
    endpoint: String,
}

impl Server {
    fn start(rows: &Path, times: usize) -> Self {
        let load = format!("Strikes:+Id*{times}={}", rows.display());
        let mut child = Command::new(binary())
            .args(["local", "--port", "0", "--load", &load])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut endpoint = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut endpoint).unwrap();
        Self { child, endpoint: endpoint.trim().to_owned() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The strikes where the tree has them, else 10,000 rows of the same kind.
fn rows(folder: &Path) -> PathBuf {
    let strikes = Path::new(env!("CARGO_MANIFEST_DIR")).join("../example-migrations/data/birdstrikes.csv");
    if strikes.is_file() {
        return strikes;
    }
    let mut text: String =
        (0..14).map(|column| if column == 0 { "column 0".into() } else { format!(",column {column}") }).collect();
    for row in 0..10_000 {
        for column in 0..14 {
            write!(text, "{}text {} of {column}", if column == 0 { '\n' } else { ',' }, row * (column + 1) % 9_973).unwrap();
        }
    }
    let file = folder.join("rows.csv");
    fs::write(&file, text + "\n").unwrap();
    file
}

/// The most memory, in KiB, that was resident at a time in a whole run over the rows, read so many times over.
fn peak_of_a_run(echo: &str, rows: &Path, times: usize, folder: &Path) -> u64 {
    let server = Server::start(rows, times);
    let mut run = Command::new(binary())
        .args(["run", echo, "--table", "Strikes", "--json", "--endpoint-url", &server.endpoint, "--runs-dir"])
        .arg(folder.join(times.to_string()))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut peak = 0;
    let status = loop {
        // The kernel keeps the peak; of a process that has ended nothing is left, so the last look before counts.
        let text = fs::read_to_string(format!("/proc/{}/status", run.id())).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak = line.map_or(peak, |line| line.trim().trim_end_matches(" kB").parse().unwrap());
        if let Some(status) = run.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let document: serde_json::Value = serde_json::from_reader(run.stdout.take().unwrap()).unwrap();
    let items = u64::try_from(10_000 * times).unwrap();
    assert_eq!((status.code(), &document["state"], &document["items"]["changed"]), (Some(0), &"applied".into(), &items.into()));
    println!("{items} items: {peak} KiB at most");
    peak
}

#[test]
fn memory_does_not_grow_with_the_table() {
    if !Path::new("/proc/self/status").is_file() {
        println!("skipped: this system has no /proc, from which the peak is read");
        return;
    }
    let Some(guests) = std::env::var_os("DRIFT_GUESTS_DIR") else {
        println!("skipped: no guests were built (run `cargo xtask test`, which says what is missing)");
        return;
    };
    let echo = PathBuf::from(guests).join("echo.wasm").display().to_string();
    let folder = tempfile::tempdir().unwrap();
    let rows = rows(folder.path());
    let (few, many) = (peak_of_a_run(&echo, &rows, 5, folder.path()), peak_of_a_run(&echo, &rows, 20, folder.path()));
    assert!(few > 0 && many * 100 <= few * 120, "{few} KiB for 50,000 items, {many} KiB for 200,000");
}
