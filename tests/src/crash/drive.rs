//! One run of the binary, killed and resumed, through faults, to its end.

use std::collections::HashMap;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use drift_host::journal::{Journal, OutcomeRecord};
use drift_host::local::{EmbeddedDynamoDb, Options, Running};
use drift_host::model::json::item_to_dynamodb_json;
use fastrand::Rng;
use serde_json::Value as Json;

use super::kind::{Item, Kind, Step, Way, id};
use super::rival::Rivals;
use super::storm::Storm;
use super::stream::create_table;
use super::writer::{Writer, usual};

/// Longer than a lease that has to be waited out, and its work.
const PATIENCE: Duration = Duration::from_secs(120);

/// A place for one run: tables, a proxy, a folder, an application.
pub struct Site {
    pub running: Running,
    pub kind: Kind,
    pub items: u64,
    /// Rows in which `add` counts.
    pub rows: u64,
    pub writer: Arc<Writer>,
    pub storm: Storm,
    pub rivals: Rivals,
    dir: tempfile::TempDir,
    guest: String,
    flags: Vec<String>,
}

/// How the whole run ended.
pub struct Ended {
    pub run: String,
    pub code: i32,
    pub json: Json,
    pub said: String,
    /// Every item that failed or is in doubt.
    pub listed: Vec<OutcomeRecord>,
    /// What each item's newest attempt is guarded by, as the journal has it.
    pub images: HashMap<u64, Item>,
}

enum When {
    /// So long after the start, or after the journal is there.
    Later(Duration),
    /// So long after the first page of the scan was asked for.
    Scan(Duration),
    Write {
        nth: i64,
        after: bool,
        few: bool,
    },
    Never,
}

impl Site {
    pub fn new(kind: Kind, random: &mut Rng) -> Self {
        let options = Options { port: 0, data: None, load: vec![], streams: true };
        let running = EmbeddedDynamoDb::start(options).unwrap();
        let endpoint = running.endpoint_url();
        ["Things", "Copies", "Totals"].iter().for_each(|table| create_table(&endpoint, table));
        let items = random.u64(100..=300);
        let rows = if random.bool() { items + 1 } else { items / 3 };
        let writer = Arc::new(Writer::new(&endpoint, kind, items));
        let storm = Storm::new(&endpoint, kind, &writer, random);
        let segments = if kind.in_windows() { random.u32(4..=7) } else { random.u32(1..=6) };
        let flags = [("--segments", segments), ("--writes-in-flight", random.u32(1..=8)), ("--concurrency", random.u32(1..=3))];
        let flags = flags.iter().flat_map(|(flag, value)| [(*flag).to_owned(), value.to_string()]).collect();
        let guest = crate::guest(kind.guest().0).unwrap();
        let rivals = Rivals::default();
        Self { running, kind, items, rows, writer, storm, rivals, dir: tempfile::tempdir().unwrap(), guest, flags }
    }

    /// The whole run; an error if the binary did what it never may, whatever the tables say.
    pub fn drive(&mut self, random: &mut Rng) -> Result<Ended, String> {
        let stop = Arc::new(AtomicBool::new(false));
        let application = self.application(stop.clone(), random.fork());
        let ended = self.until_the_end(random).and_then(|ended| self.rivals.all_sent_away().map(|()| ended));
        stop.store(true, Ordering::Relaxed);
        application.join().unwrap();
        ended
    }

    fn until_the_end(&mut self, random: &mut Rng) -> Result<Ended, String> {
        let kills = random.u32(1..=5);
        for at in 0..kills + 12 {
            let when = match at < kills {
                true if at == 0 && random.u32(..10) < 3 => When::Scan(Duration::from_millis(random.u64(..80))),
                true => self.instant(random),
                false => When::Never,
            };
            let rival = self.kind.way == Way::Hosts && (at == 0 || random.bool());
            let rival = rival.then(|| Duration::from_millis(random.u64(..60)));
            if let Some(ended) = self.process(when, rival)? {
                return Ok(ended);
            }
            if self.kind.way == Way::Hosts && at == 0 && random.u32(..4) == 0 && self.run_id().is_some() {
                // Nobody is at work: another host waits until the lease has run out, and finds that the run is not its own.
                self.rivals.start(self.rival(), self.dir.path());
                self.rivals.all_sent_away()?;
            }
            if random.bool() {
                self.storm.calm(&self.writer, random);
            }
        }
        self.storm.mend(&self.writer);
        for _ in 0..5 {
            if let Some(ended) = self.process(When::Never, None)? {
                return Ok(ended);
            }
        }
        Err("with all faults mended, it does not come to its end".into())
    }

    fn instant(&self, random: &mut Rng) -> When {
        let writes = if self.kind.batched() { 8 } else { 120 };
        match random.u32(..10) {
            0..3 => When::Later(Duration::from_millis(random.u64(..250))),
            3..6 if self.kind.batched() => When::Write { nth: random.i64(1..=2), after: random.bool(), few: true },
            _ => When::Write { nth: random.i64(1..=writes), after: random.bool(), few: false },
        }
    }

    /// One process; none if it is to be gone on with. `rival`: so long after it has a journal, another host wants the table.
    fn process(&mut self, when: When, mut rival: Option<Duration>) -> Result<Option<Ended>, String> {
        let run = self.run_id();
        let mut command = Command::new(crate::binary());
        match &run {
            Some(run) => drop(command.args(["apply", run])),
            None => drop(command.args(self.first_arguments())),
        }
        command.args(["--json", "--yes", "--endpoint-url", &self.storm.proxy.endpoint_url(), "--runs-dir"]).arg(self.runs());
        let file = |name: &str| self.dir.path().join(name);
        let (out, error) = (file("out"), file("error"));
        command.stdin(Stdio::null()).stdout(File::create(&out).unwrap()).stderr(File::create(&error).unwrap());
        if let When::Write { nth, after, few } = when {
            self.storm.killer.arm(Some(nth), after, few);
        } else {
            self.storm.killer.arm(None, false, false);
        }
        self.storm.killer.takes(command.spawn().unwrap());
        let started = Instant::now();
        let mut since = run.as_ref().map(|_| started);
        let status = loop {
            if let Some(status) = self.storm.killer.ended() {
                break status;
            }
            if since.is_none() && self.run_id().is_some() {
                since = Some(Instant::now());
                self.storm.begun.store(true, Ordering::Relaxed);
            }
            let due = match &when {
                When::Later(pause) => since.is_some_and(|since| since.elapsed() >= *pause),
                When::Scan(pause) => self.storm.reading.get().is_some_and(|reading| reading.elapsed() >= *pause),
                When::Write { .. } | When::Never => false,
            };
            if rival.is_some_and(|pause| since.is_some_and(|since| since.elapsed() >= pause)) {
                self.rivals.start(self.rival(), self.dir.path());
                rival = None;
            }
            if due {
                self.storm.killer.kill();
            }
            if started.elapsed() > PATIENCE {
                self.storm.killer.kill();
                return Err(format!("it does not end: {}", std::fs::read_to_string(&error).unwrap()));
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        let read = |path| std::fs::read_to_string(path).unwrap();
        let said = read(&out) + &read(&error);
        match (status.code(), self.run_id()) {
            // Killed, or it says itself that it can go on.
            (None | Some(75), _) => Ok(None),
            (Some(code @ (0 | 1)), Some(run)) => Ok(Some(self.ended(run, code, &read(&out), said)?)),
            (code, _) => Err(format!("exit code {code:?}: {said}")),
        }
    }

    fn ended(&self, run: String, code: i32, out: &str, said: String) -> Result<Ended, String> {
        let json = serde_json::from_str(out).map_err(|error| format!("--json printed no JSON: {error}: {out}"))?;
        let journal = Journal::read(&self.runs().join(format!("{run}.drift"))).map_err(|error| error.to_string())?;
        let listed = journal.outcomes(usize::MAX).map_err(|error| error.to_string())?;
        let images = images(&journal).map_err(|error| error.to_string())?;
        Ok(Ended { run, code, json, said, listed, images })
    }

    /// The same migration by somebody else.
    fn rival(&self) -> Command {
        let mut command = Command::new(crate::binary());
        command.args(self.first_arguments()).args(["--json", "--yes", "--endpoint-url", &self.storm.proxy.endpoint_url()]);
        command
    }

    pub(super) fn first_arguments(&self) -> Vec<String> {
        let mut arguments: Vec<String> = ["run", &self.guest, "--table", "Things", "--grant", "asked"].map(str::to_owned).into();
        arguments.extend(["--arg".into(), format!("mode={}", self.kind.guest().1)]);
        if self.kind.step == Step::Add {
            arguments.extend(["--arg".into(), format!("rows={}", self.rows)]);
        }
        arguments.extend(self.kind.arguments());
        arguments.extend(self.flags.iter().cloned());
        arguments
    }

    pub(super) fn folder(&self) -> &std::path::Path {
        self.dir.path()
    }

    pub(super) fn runs(&self) -> PathBuf {
        self.dir.path().join("runs")
    }

    /// The run in the folder, once it has a journal.
    fn run_id(&self) -> Option<String> {
        let files = std::fs::read_dir(self.runs()).into_iter().flatten().flatten();
        files.filter_map(|file| file.file_name().into_string().ok()?.strip_suffix(".drift").map(str::to_owned)).next()
    }

    /// An application that writes to any item at any time, half as much again as there are items.
    pub(super) fn application(&self, stop: Arc<AtomicBool>, mut random: Rng) -> std::thread::JoinHandle<()> {
        let (writer, items) = (self.writer.clone(), self.items);
        // Processes that share a run take seconds before the first of them writes.
        let longest = if self.kind.way == Way::Shared { 120 } else { 12 };
        std::thread::spawn(move || {
            for _ in 0..items * 3 / 2 {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                writer.act(random.u64(1..=items), usual(&mut random), random.u64(..));
                std::thread::sleep(Duration::from_millis(random.u64(..longest)));
            }
        })
    }
}

pub(super) fn images(journal: &Journal) -> Result<HashMap<u64, Item>, drift_host::journal::Error> {
    let mut images = HashMap::new();
    for state in journal.segments()? {
        for page in 0..state.pages {
            let first = journal.page(state.segment, page)?.entries.into_iter().map(|entry| entry.image);
            let newer = journal.attempts(state.segment, page)?.into_iter().map(|attempt| attempt.image);
            for image in first.chain(newer) {
                let image = item_to_dynamodb_json(&image).as_object().unwrap().clone();
                images.insert(id(&image), image);
            }
        }
    }
    Ok(images)
}
