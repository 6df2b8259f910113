//! The same for a run that processes share: two attempts at each segment at once, frozen and killed, beside the application.

use std::fs::File;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use drift_host::journal::Journal;
use fastrand::Rng;

use super::drive::{Ended, Site, images};

/// Longer than all of it takes: a lease that is waited out at the end, and its work.
const PATIENCE: Duration = Duration::from_secs(240);
/// Attempts at a segment, by one of those who start them, until all faults are mended.
const ATTEMPTS: u32 = 12;

impl Site {
    /// The whole run; an error if the binary did what it never may, whatever the tables say.
    pub(super) fn drive_shared(&mut self, random: &mut Rng) -> Result<Ended, String> {
        let stop = Arc::new(AtomicBool::new(false));
        let application = self.application(stop.clone(), random.fork());
        let ended = self.shared_until_the_end(random);
        stop.store(true, Ordering::Relaxed);
        application.join().unwrap();
        ended
    }

    fn shared_until_the_end(&self, random: &mut Rng) -> Result<Ended, String> {
        let segments = random.u32(1..=3);
        let url = format!("file://{}", self.folder().join("shared").display());
        let run_of = |verb: &str| {
            let mut arguments = self.first_arguments();
            arguments[0] = verb.to_owned();
            // Each segment is one of so many.
            let at = arguments.iter().position(|argument| argument == "--segments").unwrap();
            arguments.drain(at..at + 2);
            arguments.extend(["--journal".to_owned(), url.clone()]);
            arguments
        };
        // So slow that the application and the other attempt come between.
        let rate = (self.items / 5).to_string();
        let flags = ["--segments", &segments.to_string(), "--max-write-units", &rate, "--max-errors", "100%", "--json"];
        let lead = [run_of("lead"), flags.map(str::to_owned).into()].concat();
        let mut leader = Kept(self.process_at(&self.running.endpoint_url(), "lead", &lead).spawn().unwrap());
        for segment in 0..segments {
            let flags = ["--segment", &format!("{segment}/{segments}"), "--max-errors", "100%"].map(str::to_owned);
            let (name, plan) = (format!("plan-{segment}"), [run_of("plan"), flags.into()].concat());
            let code = self.process_at(&self.storm.proxy.endpoint_url(), &name, &plan).spawn().unwrap().wait().unwrap().code();
            if code != Some(0) {
                return Err(format!("planning ended with {code:?}: {}", self.said(&format!("plan-{segment}"))));
            }
        }
        let began = Instant::now();
        while !self.folder().join("shared/manifest.json").exists() {
            if began.elapsed() > PATIENCE || leader.0.try_wait().unwrap().is_some() {
                return Err(format!("no manifest is made: {}", self.said("lead")));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.storm.begun.store(true, Ordering::Relaxed);
        std::thread::scope(|scope| {
            let slots = (0..segments * 2).map(|slot| {
                let (random, url) = (random.fork(), &url);
                scope.spawn(move || self.slot(slot, (slot / 2, segments), url, random))
            });
            slots.collect::<Vec<_>>().into_iter().try_for_each(|slot| slot.join().unwrap())
        })?;
        self.storm.mend(&self.writer);
        while leader.0.try_wait().unwrap().is_none() {
            if began.elapsed() > PATIENCE {
                return Err(format!("the leader does not end: {}", self.said("lead")));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.shared_end(&mut leader, &url)
    }

    /// One who starts a segment again and again until it is done, as an engine does that takes the other attempt for lost.
    fn slot(&self, slot: u32, (segment, of): (u32, u32), url: &str, mut random: Rng) -> Result<(), String> {
        let began = Instant::now();
        for attempt in 0.. {
            let name = format!("apply-{slot}-{attempt}");
            let apply = ["apply", url, "--segment", &format!("{segment}/{of}"), "--attempt", &name, "--writes-in-flight", "3"];
            let apply = apply.map(str::to_owned);
            let mut child = Kept(self.process_at(&self.storm.proxy.endpoint_url(), &name, &apply).spawn().unwrap());
            let started = Instant::now();
            let fate = random.u32(..10);
            let mut at = Some(Duration::from_millis(random.u64(2_000..9_000))).filter(|_| attempt < ATTEMPTS);
            let code = loop {
                if let Some(status) = child.0.try_wait().unwrap() {
                    break status.code();
                }
                if at.is_some_and(|at| started.elapsed() > at) {
                    at = None;
                    match fate {
                        0..3 => {
                            child.0.kill().unwrap();
                            self.storm.killer.kills.fetch_add(1, Ordering::Relaxed);
                        }
                        3..7 => {
                            signal(&child.0, "-STOP");
                            std::thread::sleep(Duration::from_millis(random.u64(500..6_000)));
                            signal(&child.0, "-CONT");
                        }
                        _ => {}
                    }
                }
                if began.elapsed() > PATIENCE {
                    return Err(format!("segment {segment} does not end: {}", self.said(&name)));
                }
                std::thread::sleep(Duration::from_millis(5));
            };
            match code {
                Some(0 | 1) => return Ok(()),
                // Killed, or it says itself that it can go on.
                None | Some(75) => std::thread::sleep(Duration::from_millis(random.u64(..400))),
                code => return Err(format!("segment {segment}: exit code {code:?}: {}", self.said(&name))),
            }
            if attempt == ATTEMPTS {
                self.storm.mend(&self.writer);
            }
        }
        Ok(())
    }

    fn shared_end(&self, leader: &mut Kept, url: &str) -> Result<Ended, String> {
        let (code, said) = (leader.0.wait().unwrap().code(), self.said("lead"));
        let Some(code @ (0 | 1)) = code else { return Err(format!("the leader ended with {code:?}: {said}")) };
        let out = std::fs::read_to_string(self.folder().join("lead.out")).unwrap();
        let json: serde_json::Value =
            serde_json::from_str(&out).map_err(|error| format!("--json printed no JSON: {error}: {out}"))?;
        let run = json["run"].as_str().unwrap_or_default().to_owned();
        let show = ["show", url].map(str::to_owned);
        let shown = self.process_at(&self.running.endpoint_url(), "show", &show).spawn().unwrap().wait().unwrap();
        if !shown.success() {
            return Err(format!("it cannot be shown: {}", self.said("show")));
        }
        let file = format!("{run}.drift");
        let among = self.runs().join(&file);
        let path = if among.exists() { among } else { self.runs().join(format!("segments/{run}-as-it-stands/{file}")) };
        let journal = Journal::read(&path).map_err(|error| error.to_string())?;
        let listed = journal.outcomes(usize::MAX).map_err(|error| error.to_string())?;
        let images = images(&journal).map_err(|error| error.to_string())?;
        Ok(Ended { run, code, json, said, listed, images })
    }

    /// The binary with these arguments at this endpoint; what it says is kept under this name.
    fn process_at(&self, endpoint: &str, name: &str, arguments: &[String]) -> Command {
        let mut command = Command::new(crate::binary());
        command.args(arguments).args(["--endpoint-url", endpoint, "--runs-dir"]).arg(self.runs());
        let file = |end: &str| File::create(self.folder().join(format!("{name}.{end}"))).unwrap();
        command.stdin(Stdio::null()).stdout(file("out")).stderr(file("error"));
        command
    }

    fn said(&self, name: &str) -> String {
        let read = |end: &str| std::fs::read_to_string(self.folder().join(format!("{name}.{end}"))).unwrap_or_default();
        read("out") + &read("error")
    }
}

/// Ended with whoever started it.
struct Kept(Child);

impl Drop for Kept {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

fn signal(child: &Child, signal: &str) {
    // Whoever has ended meanwhile needs none.
    let _gone = Command::new("kill").args([signal, &child.id().to_string()]).stderr(Stdio::null()).status();
}
