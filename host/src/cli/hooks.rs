//! Commands of the operator's own, at moments of a run: `--on EVENT=COMMAND`, and those of the environment.
//!
//! Promised: they are taken from flags and from the environment's file, and from nowhere else. One that fails at `start` or `planned`
//! ends the run there; at `failed` and `done` that is a warning. Each has a bounded time, has no keyboard, and says what it says on
//! standard error. It has this process's environment, credentials too, for it is the operator's own; the variables of secret
//! arguments are taken out.

use std::collections::BTreeMap;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::Args;
use tokio_util::sync::CancellationToken;

use super::connection::Connection;
use super::signals;
use crate::Error;
use crate::config::{Environment, Moment};
use crate::explain::Code;
use crate::journal::{Counts, Manifest};
use crate::migration::SecretArgument;
use crate::run::{Migrator, Request, Stage, Summary};

/// How long one command may take where nobody says otherwise.
const TIMEOUT: Duration = Duration::from_secs(60);
/// How long it may take to end when it is told to.
const GRACE: Duration = Duration::from_secs(2);
/// How often is looked whether it has ended.
const LOOK: Duration = Duration::from_millis(20);
/// Where one is from that is no environment's.
const GIVEN: &str = "--on";
/// An error that a plugin had a word in may be long, and variables may not.
const LONGEST: usize = 4_000;

/// What runs when.
#[derive(Args, Clone)]
pub(super) struct Hooked {
    /// Run a command of your own at an event of the run: start, planned, failed or done; may be given more than once [default: those of
    /// the environment]
    ///
    /// By `sh -c`, with the run in its environment (DRIFT_EVENT, DRIFT_RUN, DRIFT_TABLE and more: docs/hooks.md), after those that the
    /// environment has for the event. At `start`, before the scan, and `planned`, before the first write, another exit code than 0
    /// ends the run there (exit code 3); at `failed` and `done` it is a warning.
    #[arg(long = "on", value_name = "EVENT=COMMAND", value_parser = hook)]
    on: Vec<(Moment, String)>,
    /// How long each such command may take: 90s, 2h [default: that of the environment, else 60s]
    #[arg(long, value_name = "SPAN", value_parser = crate::model::span)]
    hook_timeout: Option<Duration>,
}

fn hook(text: &str) -> Result<(Moment, String), String> {
    let form = "the form is EVENT=COMMAND: planned=./approved.sh, say";
    let (moment, command) = text.split_once('=').ok_or_else(|| form.to_owned())?;
    let moment = moment.parse::<Moment>().map_err(|error| format!("{error}; {form}"))?;
    if command.trim().is_empty() { Err(form.into()) } else { Ok((moment, command.to_owned())) }
}

/// One command, and where it is from.
#[derive(Clone, Debug)]
struct Hook {
    moment: Moment,
    command: String,
    /// For people: the command itself may hold what nobody should read.
    origin: String,
    /// By a flag.
    is_given: bool,
}

/// All that is to run, and what is known of the run so far.
#[derive(Clone)]
pub(super) struct Hooks {
    hooks: Arc<Vec<Hook>>,
    timeout: Duration,
    /// Of the place, the same for all runs.
    place: BTreeMap<&'static str, String>,
    known: Arc<Mutex<BTreeMap<&'static str, String>>>,
    /// Variables with secrets.
    hidden: Arc<Vec<String>>,
    stop: CancellationToken,
}

impl Hooked {
    /// With those of the environment before them.
    pub(super) fn hooks(&self, connection: &Connection, secrets: &[SecretArgument]) -> Result<Hooks, Error> {
        let environment = connection.environment()?;
        let mut hooks = Vec::new();
        for moment in Moment::ALL {
            let those = environment.iter().flat_map(|environment| environment.hooks(moment));
            let those = those.map(|command| (command.clone(), "the environment's"));
            let flags = self.on.iter().filter(|(of, _)| *of == moment).map(|(_, command)| (command.clone(), GIVEN));
            for (command, of) in those.chain(flags) {
                let origin = format!("the hook on {} ({of})", moment.as_str());
                hooks.push(Hook { moment, command, origin, is_given: of == GIVEN });
            }
        }
        let timeout = self.hook_timeout.or(environment.as_ref().and_then(Environment::hook_timeout)).unwrap_or(TIMEOUT);
        let mut place = BTreeMap::from([
            ("DRIFT_RUNS_DIR", connection.runs_place()),
            ("DRIFT_RUNS_FOLDER", connection.runs_dir().display().to_string()),
        ]);
        place.extend(environment.map(|environment| ("DRIFT_ENVIRONMENT", environment.name().to_owned())));
        let hidden = secrets.iter().map(|secret| secret.variable.clone()).collect();
        Ok(Hooks {
            hooks: Arc::new(hooks),
            timeout,
            place,
            known: Arc::default(),
            hidden: Arc::new(hidden),
            stop: signals::stop(),
        })
    }
}

impl Hooks {
    /// What is done of a run by segment asks no hooks: whoever leads it does, those of the environment as well. One that was given here must
    /// not be passed over.
    pub(super) fn must_not_be_given(&self) -> Result<(), Error> {
        match self.hooks.iter().find(|hook| hook.is_given) {
            None => Ok(()),
            Some(hook) => Err(Error::Usage(format!(
                "{} would not be run by a process that does one segment: give it to `drift-host lead`, which stands for the run (docs/segments.md)",
                hook.origin
            ))),
        }
    }

    /// The same, which tell of this place of a run that processes share.
    pub(super) fn at(mut self, url: &str) -> Self {
        self.place.insert("DRIFT_JOURNAL", url.to_owned());
        self
    }

    /// The same migrator, whose runs ask the hooks on `start` and `planned`.
    pub(super) fn gated(&self, migrator: Migrator) -> Migrator {
        if self.hooks.is_empty() {
            return migrator;
        }
        let hooks = self.clone();
        let endpoint = migrator.database().endpoint();
        migrator.gate(move |request: &Request| {
            let Request { stage, manifest, counts } = request;
            let moment = match stage {
                Stage::Start => Moment::Start,
                Stage::Planned => Moment::Planned,
            };
            let mut known = of_run(manifest);
            known.insert("DRIFT_ENDPOINT", endpoint.clone());
            known.extend(of_counts(counts));
            known.clone_into(&mut hooks.known.lock().unwrap_or_else(PoisonError::into_inner));
            hooks.ask(moment)
        })
    }

    /// Every hook of the moment, of which the first that fails is the answer.
    fn ask(&self, moment: Moment) -> Result<(), Error> {
        for hook in self.hooks.iter().filter(|hook| hook.moment == moment) {
            self.call(hook, &self.stop).map_err(|problem| {
                let what = match moment {
                    Moment::Start => "nothing was scanned or written",
                    _ => "nothing of the plan was written",
                };
                let code = if self.stop.is_cancelled() { Code::Stopped } else { Code::HookRefused };
                Error::Known(code, format!("{} {problem}, so that {what}", hook.origin))
            })?;
        }
        Ok(())
    }

    /// What a run came to, told by `tell`, which has its exit code; then the hooks on `done` or `failed`.
    pub(super) fn end(&self, ended: Result<Summary, Error>, tell: impl FnOnce(&Summary) -> u8) -> Result<(Summary, u8), Error> {
        match ended {
            Ok(summary) => {
                let code = tell(&summary);
                self.ended(Some(&summary), Ok(code));
                Ok((summary, code))
            }
            Err(error) => {
                self.ended(None, Err(&error));
                Err(error)
            }
        }
    }

    /// The same, of what was told already.
    pub(super) fn ended(&self, summary: Option<&Summary>, ended: Result<u8, &Error>) {
        let mut known = std::mem::take(&mut *self.known.lock().unwrap_or_else(PoisonError::into_inner));
        let exit = signals::exit_code(ended.unwrap_or_else(Error::exit_code));
        let moment = if exit == 0 { Moment::Done } else { Moment::Failed };
        if !self.hooks.iter().any(|hook| hook.moment == moment) {
            return;
        }
        if let Some(summary) = summary {
            let (number, name, digest) = &summary.migration;
            known.extend(summary.manifest.iter().flat_map(of_run));
            known.extend([
                ("DRIFT_MIGRATION", number.clone()),
                ("DRIFT_NAME", name.clone()),
                ("DRIFT_DIGEST", digest.clone()),
                ("DRIFT_TABLE", summary.table.clone()),
                ("DRIFT_STATE", summary.state.clone()),
            ]);
            known.extend(of_counts(&summary.counts));
        }
        if let Err(error) = ended {
            known.extend([("DRIFT_CODE", error.code().to_string()), ("DRIFT_ERROR", error.to_string())]);
            if let Error::Interrupted { run, .. } = error {
                known.insert("DRIFT_RUN", run.clone());
            }
        }
        known.insert("DRIFT_EXIT", exit.to_string());
        known.clone_into(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner));
        for hook in self.hooks.iter().filter(|hook| hook.moment == moment) {
            // Whatever stopped the run does not stop the word about it.
            if let Err(problem) = self.call(hook, &CancellationToken::new()) {
                caution!("warning: {} {problem}", hook.origin);
            }
        }
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Runs one to its end; the error says how it ended instead.
    fn call(&self, hook: &Hook, stop: &CancellationToken) -> Result<(), String> {
        tell!("{}: {} s at most (--hook-timeout)", hook.origin, self.timeout.as_secs());
        let _no_line_meanwhile = crate::output::asking();
        let mut command = Command::new("sh");
        command.arg("-c").arg(&hook.command).stdin(Stdio::null()).stdout(to_stderr());
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        command.env("DRIFT_EVENT", hook.moment.as_str());
        for (name, value) in self.place.iter().chain(&known) {
            command.env(name, fit(value));
        }
        for name in self.hidden.iter() {
            command.env_remove(name);
        }
        // A group of its own: what it starts is ended with it.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn().map_err(|error| format!("could not be started: {error}"))?;
        let until = Instant::now() + self.timeout;
        loop {
            match child.try_wait() {
                Ok(Some(status)) if status.success() => return Ok(()),
                Ok(Some(status)) => return Err(how(status)),
                Ok(None) => {}
                Err(error) => return Err(format!("cannot be waited for: {error}")),
            }
            if stop.is_cancelled() {
                end(&mut child);
                return Err("was stopped, for the run is".into());
            }
            if Instant::now() >= until {
                end(&mut child);
                return Err(format!("took longer than {} s, and was ended", self.timeout.as_secs()));
            }
            std::thread::sleep(LOOK);
        }
    }
}

fn how(status: ExitStatus) -> String {
    status.code().map_or_else(|| format!("was ended: {status}"), |code| format!("ended with exit code {code}"))
}

/// Asks it to end, and ends it.
fn end(child: &mut Child) {
    signal(child, false);
    let until = Instant::now() + GRACE;
    while Instant::now() < until && matches!(child.try_wait(), Ok(None)) {
        std::thread::sleep(LOOK);
    }
    signal(child, true);
    let _ended_before = child.wait();
}

/// To it and to all that it started.
#[cfg(unix)]
fn signal(child: &mut Child, now: bool) {
    use rustix::process::{Pid, Signal, kill_process_group};
    // Gone already is as good.
    let _gone = kill_process_group(Pid::from_child(child), if now { Signal::KILL } else { Signal::TERM });
}

#[cfg(not(unix))]
fn signal(child: &mut Child, now: bool) {
    if now {
        let _gone = child.kill();
    }
}

/// Standard output is for results.
fn to_stderr() -> Stdio {
    #[cfg(unix)]
    if let Ok(stderr) = std::os::fd::AsFd::as_fd(&std::io::stderr()).try_clone_to_owned() {
        return stderr.into();
    }
    Stdio::null()
}

/// What can be a variable's value: no control characters, and not endless.
fn fit(value: &str) -> String {
    value.chars().take(LONGEST).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn of_run(manifest: &Manifest) -> BTreeMap<&'static str, String> {
    BTreeMap::from([
        ("DRIFT_RUN", manifest.run.clone()),
        ("DRIFT_TABLE", manifest.context.table.clone()),
        ("DRIFT_TABLE_ARN", manifest.table_arn.clone()),
        ("DRIFT_MIGRATION", manifest.number.to_string()),
        ("DRIFT_NAME", manifest.name.clone()),
        ("DRIFT_DIGEST", manifest.digest.clone()),
        ("DRIFT_DIRECTION", manifest.direction.as_str().to_owned()),
        ("DRIFT_META_TABLE", manifest.meta_table.clone()),
    ])
}

fn of_counts(counts: &Counts) -> [(&'static str, String); 7] {
    [
        ("DRIFT_SCANNED", counts.scanned),
        ("DRIFT_CHANGED", counts.changed),
        ("DRIFT_FAILED", counts.failed),
        ("DRIFT_CONFLICTS", counts.conflicts),
        ("DRIFT_SKIPPED", counts.skipped),
        ("DRIFT_DOUBTFUL", counts.doubtful),
        ("DRIFT_DONE", counts.done),
    ]
    .map(|(name, count)| (name, count.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_is_an_event_and_a_command_or_the_form_is_shown() {
        assert_eq!(hook("planned=./ok.sh --for=ann"), Ok((Moment::Planned, "./ok.sh --for=ann".to_owned())));
        for wrong in ["planned", "begun=true", "start=", "start= ", "=true"] {
            assert!(hook(wrong).unwrap_err().contains("EVENT=COMMAND"), "{wrong}");
        }
    }

    #[test]
    fn what_a_plugin_says_fits_a_variable() {
        assert_eq!(fit("one\ntwo\0three"), "one two three");
        assert_eq!(fit(&"x".repeat(9_000)).len(), LONGEST);
    }
}
