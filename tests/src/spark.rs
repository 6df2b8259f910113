//! Runs on Spark, in one machine's processes: drift-spark as a process of its own, and who of drift-host is alive under it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, MutexGuard};

use crate::{World, binary};

/// No process may outlive its task by more.
const ORPHANED: Duration = Duration::from_secs(5);
/// Longer than a lease that has to be waited out, and the work of a machine that has much of it.
const PATIENCE: Duration = Duration::from_secs(900);

/// A Spark is a Java and several Pythons: on two cores one at a time is enough.
static ONE: Mutex<()> = Mutex::const_new(());

/// A Python that has Spark; nobody else uses one meanwhile.
pub struct Spark {
    python: PathBuf,
    _alone: MutexGuard<'static, ()>,
}

impl Spark {
    /// `None`, said aloud, where Spark is not installed.
    pub async fn get() -> Option<Self> {
        let Some(python) = std::env::var_os("DRIFT_SPARK_PYTHON") else {
            println!("skipped: no Spark (`cargo xtask test` installs it, where there are Python 3.9 and Java 17 or newer)");
            return None;
        };
        Some(Self { python: python.into(), _alone: ONE.lock().await })
    }

    /// Python with the package of this clone.
    pub fn python(&self, world: &World) -> Command {
        let mut command = Command::new(&self.python);
        command.env("PYTHONPATH", source()).env("SPARK_LOCAL_IP", "127.0.0.1").env("PYTHONDONTWRITEBYTECODE", "1");
        command.env_remove("SPARK_HOME").env_remove("DRIFT_HOST").current_dir(world.dir.path()).stdin(Stdio::null());
        command
    }

    /// A program of somebody's own.
    pub fn session(&self, world: &World, program: &str) -> Command {
        let mut command = self.python(world);
        // Spark's own default is the first python3 of PATH.
        command.env("PYSPARK_PYTHON", &self.python).args(["-c", program]);
        command
    }

    /// `spark-submit`, beside that Python.
    pub fn submit(&self, world: &World) -> Command {
        let mut command = Command::new(self.python.with_file_name("spark-submit"));
        command.env("PYSPARK_PYTHON", &self.python).env("SPARK_LOCAL_IP", "127.0.0.1").env_remove("SPARK_HOME");
        command.env_remove("DRIFT_HOST").current_dir(world.dir.path()).stdin(Stdio::null());
        command
    }

    /// `drift-spark run` of a plugin on a table of this world.
    pub fn run(&self, world: &World, run: &Sparked<'_>) -> Driver {
        let local = world.dir.path().join("spark");
        std::fs::create_dir_all(&local).unwrap();
        let (out, said) = (world.dir.path().join("spark-out"), world.dir.path().join("spark-said"));
        let mut command = self.python(world);
        command.args(["-m", "drift_spark", "run", "--master", run.master, "--table", run.table, "--plugin", run.plugin]);
        command.args(["--segments", &run.segments.to_string(), "--journal", &run.url]).arg("--binary").arg(&run.binary);
        command.args(["--endpoint-url", run.endpoint.as_deref().unwrap_or(&world.running.endpoint_url())]).args(run.flags);
        for setting in ["spark.ui.enabled=false", "spark.driver.host=127.0.0.1", "spark.driver.memory=512m"] {
            command.args(["--conf", setting]);
        }
        command.arg("--conf").arg(format!("spark.local.dir={}", local.display()));
        command.stdout(File::create(&out).unwrap()).stderr(File::create(&said).unwrap());
        Driver { child: command.spawn().unwrap(), out, said, url: run.url.clone() }
    }
}

/// The folder of the package's source.
pub fn source() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../spark/src"))
}

/// What is to be run.
#[derive(Clone)]
pub struct Sparked<'a> {
    pub master: &'a str,
    pub table: &'a str,
    pub plugin: &'a str,
    pub segments: u32,
    pub url: String,
    pub binary: PathBuf,
    pub endpoint: Option<String>,
    pub flags: &'a [&'a str],
}

impl<'a> Sparked<'a> {
    /// Eight segments of this plugin on two cores, whose tasks Spark starts four times at most.
    pub fn of(world: &World, plugin: &'a str, flags: &'a [&'a str]) -> Self {
        let url = format!("file://{}", world.dir.path().join("shared").display());
        Self { master: "local[2,4]", table: "Things", plugin, segments: 8, url, binary: binary(), endpoint: None, flags }
    }
}

/// A driver at work, or over.
pub struct Driver {
    child: Child,
    out: PathBuf,
    said: PathBuf,
    url: String,
}

impl Driver {
    /// Its exit code, standard output and standard error, once it is over and none of its processes is left.
    pub fn ended(mut self) -> (i32, String, String) {
        let begun = Instant::now();
        let status = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break status,
                None if begun.elapsed() > PATIENCE => panic!("it does not end: {}", self.said()),
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        };
        let read = |path: &Path| std::fs::read_to_string(path).unwrap();
        assert_nobody_left(&self.url);
        (status.code().unwrap_or(-1), read(&self.out), read(&self.said))
    }

    /// What it has told so far.
    pub fn said(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.said).unwrap()).into_owned()
    }

    pub fn is_over(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// As nobody expects it.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        assert_nobody_left(&self.url);
    }

    /// As an operator, or whoever stops a cluster.
    pub fn signal(&self, name: &str) {
        signal(name, self.child.id());
    }

    /// Waits for a process of this verb at work; gives its id.
    pub async fn process(&mut self, verb: &str) -> u32 {
        let begun = Instant::now();
        loop {
            if let Some((id, _)) = processes(&self.url).iter().find(|(_, words)| words.get(1).is_some_and(|word| word == verb)) {
                return *id;
            }
            assert!(!self.is_over(), "it ended before anybody did {verb}: {}", self.said());
            assert!(begun.elapsed() < PATIENCE, "nobody did {verb}: {}", self.said());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// By its name, as `kill` has it: `KILL`.
pub fn signal(name: &str, process: u32) {
    let sent = Command::new("kill").args([&format!("-{name}"), &process.to_string()]).status().unwrap();
    assert!(sent.success(), "kill -{name} {process}");
}

/// The processes of drift-host that are at work on the run kept here: their ids and words.
pub fn processes(url: &str) -> Vec<(u32, Vec<String>)> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let found = entries.filter_map(|entry| {
        let id: u32 = entry.file_name().to_str()?.parse().ok()?;
        let line = std::fs::read(entry.path().join("cmdline")).ok()?;
        let words: Vec<String> = line.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect();
        // The driver has the place among its words too, and so has a shell that stands for the binary.
        let verb = words.get(1).is_some_and(|word| ["lead", "plan", "apply"].contains(&word.as_str()));
        (verb && words.iter().any(|word| word.contains(url))).then_some((id, words))
    });
    found.collect()
}

fn assert_nobody_left(url: &str) {
    let begun = Instant::now();
    loop {
        let left = processes(url);
        if left.is_empty() {
            return;
        }
        assert!(begun.elapsed() < ORPHANED, "after {ORPHANED:?} there are still {left:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
