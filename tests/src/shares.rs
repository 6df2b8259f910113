//! What several processes that share a run take of its rate together, as it comes to DynamoDB.

use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::World;
use crate::proxy::{Fault, Proxy, Rule};

/// A run whose four segments are carried out at once: one by a process with a slow way to DynamoDB, another by one that is killed and, a
/// while later, started again. Once the first has come to its end the slow one is slow no more: what all four take is told by then.
pub struct Shared<'a> {
    /// The component of the guest `echo`.
    pub plugin: &'a str,
    /// Items of 400 bytes: each is a write unit.
    pub items: usize,
    /// Write units a second of the whole run.
    pub limit: u32,
    /// How long each call of the slow one takes longer.
    pub slower: Duration,
    /// So many seconds after the first write one is killed.
    pub lost_after: Duration,
    /// So long after that it is started again.
    pub again_after: Duration,
}

/// The writes, as they came: seconds after the first, and units.
#[derive(Default)]
pub struct Taken {
    first: Option<Instant>,
    each: Vec<(f64, f64)>,
    /// When the first process came to its end.
    pub until: f64,
    /// Units of the slow one, until then.
    pub slow: f64,
    /// The rates that each process was told, for people.
    pub told: Vec<String>,
}

impl Taken {
    fn now(&mut self) -> f64 {
        self.first.get_or_insert_with(Instant::now).elapsed().as_secs_f64()
    }

    fn add(&mut self, units: f64) {
        let at = self.now();
        self.each.push((at, units));
    }

    /// Units that came between two moments.
    pub fn between(&self, from: f64, to: f64) -> f64 {
        self.each.iter().filter(|(at, _)| *at >= from && *at < to).map(|(_, units)| units).sum()
    }

    /// The most in any ten seconds.
    pub fn most_in_ten(&self) -> f64 {
        self.each.iter().map(|(at, _)| self.between(*at, at + 10.0)).fold(0.0, f64::max)
    }

    /// All that came.
    pub fn all(&self) -> f64 {
        self.each.iter().map(|(_, units)| units).sum()
    }
}

const SEGMENTS: u32 = 4;
const SLOW: u32 = 1;
const LOST: u32 = 2;

impl Shared<'_> {
    /// Carries it out to its end, which is to be a good one.
    pub fn taken(&self) -> Taken {
        let filler = "x".repeat(370);
        let items: Vec<String> =
            (0..self.items).map(|id| format!("{{\"Id\": {id}, \"text\": \"{filler}\", \"n\": {id}}}")).collect();
        let world = World::with_items(&items.iter().map(String::as_str).collect::<Vec<_>>());
        let url = format!("file://{}", world.dir.path().join("shared").display());
        let taken = Arc::new(Mutex::new(Taken::default()));
        let (straight, slow) = (Proxy::start(&world.running.endpoint_url()), Proxy::start(&world.running.endpoint_url()));
        let (counted, also_counted, slower) = (taken.clone(), taken.clone(), self.slower);
        let over = Arc::new(AtomicBool::new(false));
        let is_over = over.clone();
        let units = |request: &crate::proxy::Request| request.statements().len() as f64;
        straight.add(
            Rule::on(&["BatchExecuteStatement"], Fault::Pass).before(move |request| counted.lock().unwrap().add(units(request))),
        );
        slow.add(Rule::on(&["BatchExecuteStatement"], Fault::Pass).before(move |request| {
            if !is_over.load(Ordering::Relaxed) {
                std::thread::sleep(slower);
            }
            let mut taken = also_counted.lock().unwrap();
            taken.add(units(request));
            taken.slow += if is_over.load(Ordering::Relaxed) { 0.0 } else { units(request) };
        }));
        let begin =
            |mut command: Command| command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (limit, of) = (self.limit.to_string(), SEGMENTS.to_string());
        let lead = ["lead", self.plugin, "--table", "Things", "--segments", &of, "--journal", &url, "--at-once", &of];
        let leader = begin(world.command(&[&lead[..], &["--max-write-units", &limit]].concat()));
        let plan = |segment: u32| {
            let segment = format!("{segment}/{SEGMENTS}");
            begin(world.command(&["plan", self.plugin, "--table", "Things", "--segment", &segment, "--journal", &url]))
        };
        for planner in (0..SEGMENTS).map(plan).collect::<Vec<_>>() {
            good(planner, "plan");
        }
        while !world.dir.path().join("shared/manifest.json").exists() {
            std::thread::sleep(Duration::from_millis(20));
        }
        let apply = |segment: u32| {
            let (way, of) = (if segment == SLOW { &slow } else { &straight }, format!("{segment}/{SEGMENTS}"));
            begin(world.command_at(&way.endpoint_url(), &["apply", &url, "--segment", &of, "--writes-in-flight", "2"]))
        };
        let mut appliers: Vec<Child> = (0..SEGMENTS).map(apply).collect();
        while taken.lock().unwrap().first.is_none_or(|first| first.elapsed() < self.lost_after) {
            std::thread::sleep(Duration::from_millis(20));
        }
        let mut lost = appliers.remove(LOST as usize);
        lost.kill().unwrap();
        lost.wait().unwrap();
        std::thread::sleep(self.again_after);
        appliers.push(apply(LOST));
        while appliers.iter_mut().all(|applier| applier.try_wait().unwrap().is_none()) {
            std::thread::sleep(Duration::from_millis(20));
        }
        let until = taken.lock().unwrap().now();
        over.store(true, Ordering::Relaxed);
        let told: Vec<String> = appliers.into_iter().map(|applier| good(applier, "apply")).collect();
        good(leader, "lead");
        drop((straight, slow));
        Taken { until, told, ..Arc::into_inner(taken).unwrap().into_inner().unwrap() }
    }
}

/// What it was told of its rates.
fn good(child: Child, what: &str) -> String {
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{what}: {}{said}", String::from_utf8_lossy(&output.stdout));
    let rates = said.lines().filter_map(|line| line.split(" read and ").nth(1)?.split(" write").next());
    rates.collect::<Vec<_>>().join(" ")
}
