//! Progress on standard error: one line drawn anew on a terminal, plain lines with decaying cadence where there is none, and events for
//! machines.

mod bar;
mod events;

use std::io::IsTerminal;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use self::bar::Rate;
use crate::dynamo::{Meter, RateControl, Rates};
use crate::run::{Event, Migrator, Progress, Steered};

/// The first plain line comes after this time, the next ones ever more rarely.
const FIRST: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_secs(60);
/// How often the line on a terminal is drawn anew.
const FRAME: Duration = Duration::from_millis(200);

/// For whom progress is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum For {
    /// People: a line on a terminal, else lines.
    #[default]
    People,
    /// Machines: a JSON object an event, a line each.
    Machines,
}

/// Which half of a run is at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Half {
    Scan,
    Apply,
}

/// What people are told of a run.
struct View {
    half: Half,
    done: u64,
    /// Of so many; DynamoDB's count of a table is hours old.
    of: u64,
    failed: u64,
    conflicts: u64,
    /// The present rate, and why it waits.
    pace: String,
    rate: Rate,
}

impl View {
    fn of(half: Half, of: u64) -> Self {
        Self { half, done: 0, of, failed: 0, conflicts: 0, pace: String::new(), rate: Rate::begin(Instant::now()) }
    }

    /// What it waits for now, between two steps.
    fn look(&mut self, rates: &Rates) {
        let (rate, units) = match self.half {
            Half::Scan => (rates.read, "read"),
            Half::Apply => (rates.write, "write"),
        };
        if rate.waits.is_some() {
            self.pace = rate.in_words(units);
        }
    }

    fn step(&mut self, progress: &Progress) {
        let rates = &progress.rates;
        self.done += progress.step.items;
        self.failed += progress.step.failed;
        self.conflicts += progress.step.conflicts;
        self.pace = match self.half {
            Half::Scan => rates.read.in_words("read"),
            Half::Apply => rates.write.in_words("write"),
        };
        self.rate.add(Instant::now(), progress.step.items);
    }

    /// `scanned 5000 of about 10000 (50 %), 2500 a second, 2 s left; 3 failed; waits for reads`.
    fn line(&self) -> String {
        let (what, about) = match self.half {
            Half::Scan => ("scanned", "about "),
            Half::Apply => ("applied", ""),
        };
        let rate = self.rate.of_late(Instant::now());
        let mut line = match self.done < self.of {
            true => format!(
                "{what} {} of {about}{} ({} %), {rate:.0} a second{}",
                self.done,
                self.of,
                self.done * 100 / self.of.max(1),
                left(self.of - self.done, rate).map_or_else(String::new, |left| format!(", {left} left"))
            ),
            false => format!("{what} {}, {rate:.0} a second", self.done),
        };
        for (count, what) in [(self.failed, "failed"), (self.conflicts, "conflicts")] {
            if count > 0 {
                line += &format!("; {count} {what}");
            }
        }
        if self.pace.is_empty() { line } else { format!("{line}; {}", self.pace) }
    }
}

/// How long so many take; `None` where that is anybody's guess.
fn left(items: u64, rate: f64) -> Option<String> {
    (rate >= 0.01).then(|| span(Duration::from_secs_f64(items as f64 / rate)))
}

/// What one run has told so far.
struct State {
    /// When the run was begun, or gone on with.
    began: Instant,
    estimated: u64,
    scanned: u64,
    view: Option<View>,
    next: Instant,
    pause: Duration,
}

/// `, and 3 windows that are not scanned yet`.
pub fn windows_left(windows: u32) -> String {
    match windows {
        0 => String::new(),
        1 => ", and one window that is not scanned yet".into(),
        windows => format!(", and {windows} windows that are not scanned yet"),
    }
}

/// The same migrator, whose events are told.
pub fn watched(migrator: Migrator, told: For) -> Migrator {
    if told == For::Machines {
        let meter = migrator.database().meter().clone();
        return migrator.observe(move |event| events::tell(&event, &meter));
    }
    let now = Instant::now();
    let state = Arc::new(Mutex::new(State { began: now, estimated: 0, scanned: 0, view: None, next: now + FIRST, pause: FIRST }));
    let is_drawn = is_drawn();
    if is_drawn {
        let (state, meter, rates) = (Arc::downgrade(&state), migrator.database().meter().clone(), migrator.rates());
        // Ends with the migrator; a thread of its own, since what is drawn waits for the terminal.
        let _undrawn = std::thread::Builder::new().name("progress".into()).spawn(move || keep_drawing(&state, &meter, &rates));
    }
    let drawn = Drawn(is_drawn.then(|| state.clone()));
    migrator.observe(move |event| {
        let _until_dropped = &drawn;
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        say(&event);
        let State { began, estimated, scanned, view, next, pause } = &mut *state;
        match &event {
            Event::Started { items_estimated, .. } => (*began, *estimated) = (Instant::now(), *items_estimated),
            Event::Scanned(progress) => {
                *scanned += progress.step.items;
                // The first page took its time as well.
                let begin = || View { rate: Rate::begin(*began), ..View::of(Half::Scan, *estimated) };
                view.get_or_insert_with(begin).step(progress);
            }
            // Of the table's items those that the windows before had are scanned.
            Event::Window { .. } => *view = Some(View { done: *scanned, ..View::of(Half::Scan, *estimated) }),
            Event::Sealed(items) => *view = Some(View::of(Half::Apply, *items)),
            Event::Applied(progress) => view.get_or_insert_with(|| View::of(Half::Apply, 0)).step(progress),
            _ => {}
        }
        let now = Instant::now();
        if let Some(view) = view.as_ref().filter(|_| !is_drawn && now >= *next) {
            *pause = (*pause * 5 / 4).min(LONGEST);
            *next = now + *pause;
            tell!("{}", view.line());
        }
    })
}

/// What is told once.
fn say(event: &Event) {
    match event {
        Event::Started { run, .. } => tell!("run {run}"),
        Event::Waiting { table, status } => tell!("the table {table} is {status}; waiting until it is ACTIVE"),
        Event::Paced { read, write } => {
            let units = |units: &Option<u32>| units.map_or_else(|| "any number of".into(), |units| units.to_string());
            let (read, write) = (units(read), units(write));
            tell!("at most {read} read and {write} write units a second (--max-read-units, --max-write-units)");
        }
        Event::Estimated(estimate) => super::estimate::lines(estimate).iter().for_each(|line| tell!("{line}")),
        Event::Warned(warnings) => warnings.iter().for_each(|warning| tell!("{warning}")),
        Event::BackedUp(arn) => tell!("backed up before anything is written: {arn}"),
        Event::Canary(canary) => tell!("{canary}; {} are left{}", canary.left, windows_left(canary.windows_left)),
        Event::Window { window, of } => tell!("window {window} of {of}"),
        Event::Steered { run, what, by } => match what {
            Steered::Paused => tell!("paused by {by}: nothing is read or written until `drift-host ctl {run} resume`"),
            Steered::Resumed => tell!("resumed by {by}"),
            Steered::Stopping => tell!("stopping, by {by}: what is under way is finished, and the run can be gone on with"),
        },
        Event::NotPublished(why) => tell!("what was done is on this machine only for now: {why}"),
        Event::Scanned(_) | Event::Sealed(_) | Event::Applied(_) | Event::Begun(_) | Event::Ended(_) => {}
    }
}

/// Whether a line is drawn: on a terminal that can take it away again, and where no machine keeps what it shows.
pub fn is_drawn() -> bool {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    std::io::stderr().is_terminal() && set("CI").is_none() && set("TERM").is_none_or(|term| term != "dumb")
}

/// Takes the drawn line away in the end.
struct Drawn(Option<Arc<Mutex<State>>>);

impl Drop for Drawn {
    fn drop(&mut self) {
        if let Some(state) = &self.0 {
            // Under the lock under which it is drawn: it does not come back.
            state.lock().unwrap_or_else(PoisonError::into_inner).view = None;
            crate::output::draw(None);
        }
    }
}

fn keep_drawing(state: &Weak<Mutex<State>>, meter: &Meter, rates: &RateControl) {
    while let Some(told) = state.upgrade() {
        let mut state = told.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(view) = &mut state.view {
            view.look(&rates.present());
            // Each time anew: the window may have another size.
            let width = terminal_size::terminal_size_of(std::io::stderr()).map_or(80, |(width, _)| width.0);
            crate::output::draw(Some(&bar::bar(view, meter.snapshot(), Instant::now(), width.into())));
        }
        drop(state);
        drop(told);
        std::thread::sleep(FRAME);
    }
}

pub(super) fn span(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..=119 => format!("{seconds} s"),
        seconds @ 120..=7_199 => format!("{} min", seconds / 60),
        seconds => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_far_how_fast_how_long_and_what_it_waits_for() {
        let began = Instant::now().checked_sub(Duration::from_secs(2)).unwrap();
        let mut view = View { rate: Rate::begin(began), done: 5_000, ..View::of(Half::Scan, 10_000) };
        view.rate.add(Instant::now(), 5_000);
        let said = view.line();
        assert!(said.starts_with("scanned 5000 of about 10000 (50 %), 2") && said.ends_with(" left"), "{said}");
        (view.done, view.failed, view.pace) = (12_000, 3, "waits for guest".into());
        let said = view.line();
        assert!(said.starts_with("scanned 12000, 2") && said.ends_with(" a second; 3 failed; waits for guest"), "{said}");
        view = View { conflicts: 7, done: 1, ..View::of(Half::Apply, 100_000) };
        assert_eq!(view.line(), "applied 1 of 100000 (0 %), 0 a second; 7 conflicts");
    }
}
