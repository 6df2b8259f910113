//! Keys that steer a run from the terminal that it was started in.
//!
//! Only where both the keyboard and what is drawn are a terminal, and this process is in front. What a key wants holds at once, and is
//! written where `ctl` writes it, so that the two never disagree for longer than a look. The terminal is given back as it was, also
//! while something is asked, and when the process ends by a second Ctrl-C.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr};
use tokio::sync::mpsc::UnboundedSender;

use super::signals;
use crate::history::Wish;
use crate::model::Rate;
use crate::run::Migrator;

/// How long a key is waited for before a look at what else happened.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 150_000_000 };
/// A step of the rate, up and down.
const FASTER: f64 = 1.25;

pub(super) const HELP: &str = "keys: p pause and go on, + faster, - slower, d details, q stop (apply RUN goes on), ? these keys";

/// How the terminal was before.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// At work until it is dropped.
pub(super) struct Keys {
    over: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Keys {
    /// Listens, if there is somebody to listen to.
    pub(super) fn listen(migrator: &Migrator) -> Option<Self> {
        let heard = std::io::stdin().is_terminal() && crate::report::is_drawn();
        if !heard {
            return None;
        }
        let over = Arc::new(AtomicBool::new(false));
        let (ended, migrator, others) = (over.clone(), migrator.clone(), tell_others(migrator.clone()));
        let thread = std::thread::Builder::new().name("keys".into()).spawn(move || {
            let mut helm = Helm { migrator, others, paused: false, said: false };
            while !ended.load(Ordering::Relaxed) {
                // Whoever asks waits for this look to end, and then has the terminal as it was.
                match crate::output::unless_asking(|| look(&ended)) {
                    Some(Some(key)) => helm.press(key),
                    Some(None) => {}
                    None => std::thread::sleep(Duration::from_millis(100)),
                }
            }
        });
        Some(Self { over, thread: Some(thread.ok()?) })
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // It has the migrator, with which the drawn line goes.
        let _ended = self.thread.take().map(std::thread::JoinHandle::join);
        give_back();
    }
}

/// Gives the terminal back as it was.
pub(super) fn give_back() {
    if let Some(before) = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take() {
        let _gone = tcsetattr(std::io::stdin(), OptionalActions::Now, &before);
    }
}

/// Takes keys one by one and unseen, if that is not so yet. Not from behind: there the terminal is another's.
fn take() -> bool {
    let stdin = std::io::stdin();
    if tcgetpgrp(&stdin).ok() != Some(rustix::process::getpgrp()) {
        return false;
    }
    let mut before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner);
    if before.is_some() {
        return true;
    }
    let Ok(modes) = tcgetattr(&stdin) else { return false };
    let mut single = modes.clone();
    single.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
    *before = Some(modes);
    tcsetattr(&stdin, OptionalActions::Now, &single).is_ok()
}

/// A key that is pressed within the time of a look.
fn look(ended: &AtomicBool) -> Option<u8> {
    if ended.load(Ordering::Relaxed) || !take() {
        std::thread::sleep(Duration::from_millis(100));
        return None;
    }
    let stdin = std::io::stdin();
    let mut waits = [PollFd::new(&stdin, PollFlags::IN)];
    if poll(&mut waits, Some(&LOOK)).ok()? == 0 {
        return None;
    }
    let mut key = [0];
    match rustix::io::read(&stdin, &mut key) {
        Ok(1) => Some(key[0]),
        // The terminal is gone.
        _ => {
            ended.store(true, Ordering::Relaxed);
            None
        }
    }
}

struct Helm {
    migrator: Migrator,
    /// What is wanted, on its way to where others look.
    others: UnboundedSender<Wish>,
    paused: bool,
    said: bool,
}

impl Helm {
    fn press(&mut self, key: u8) {
        match key {
            b'p' | b'P' | b' ' => {
                self.paused = !self.paused;
                self.migrator.rates().pause(self.paused);
                match self.paused {
                    true => tell!("paused: nothing is read or written; p goes on"),
                    false => tell!("going on"),
                }
                self.also(if self.paused { Wish::Pause } else { Wish::Resume });
            }
            b'+' | b'=' => self.change(FASTER),
            b'-' | b'_' => self.change(1.0 / FASTER),
            b'd' | b'D' => self.details(),
            b'q' | b'Q' => signals::stop_by_key(),
            b'?' | b'h' => tell!("{HELP}"),
            _ if !self.said => {
                self.said = true;
                tell!("{HELP}");
            }
            _ => {}
        }
    }

    /// Another limit of the writes, or of the reads while nothing is written yet.
    fn change(&mut self, by: f64) {
        let (control, units) = (self.migrator.rates(), self.migrator.database().meter().snapshot());
        let rates = control.present();
        let is_write = units.write > 0.0;
        let (now, what) = if is_write { (rates.write, "write") } else { (rates.read, "read") };
        let Some(limit) = now.limit else {
            tell!("there is no limit of {what} units; set one: drift-host ctl RUN set max-{what}-units=RATE");
            return;
        };
        // Cut to what fits, and at least one; by at least one, too.
        let moved = if by > 1.0 { (f64::from(limit) * by).ceil() } else { (f64::from(limit) * by).floor() };
        let moved = std::num::NonZeroU32::new(moved as u32).unwrap_or(std::num::NonZeroU32::MIN);
        let (read, write) = if is_write { (rates.read.limit, Some(moved.get())) } else { (Some(moved.get()), rates.write.limit) };
        control.set(read, write);
        tell!("at most {moved} {what} units a second");
        let pace = Rate::Units(moved);
        self.also(if is_write { Wish::Write(pace) } else { Wish::Read(pace) });
    }

    fn details(&self) {
        let (units, rates) = (self.migrator.database().meter().snapshot(), self.migrator.rates().present());
        tell!(
            "{:.0} read and {:.0} write units in {} calls, {} sent again, {} throttled; reads {}; writes {}",
            units.read,
            units.write,
            units.calls,
            units.retries,
            units.throttles,
            rates.read.in_words("read"),
            rates.write.in_words("write")
        );
    }

    /// Where others look, too; a plan is at work for nobody else.
    fn also(&self, wish: Wish) {
        let _ended = self.others.send(wish);
    }
}

/// Writes what keys want where others look, one after the other.
fn tell_others(migrator: Migrator) -> UnboundedSender<Wish> {
    let (sender, mut wishes) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(wish) = wishes.recv().await {
            if let Err(error) = migrator.steer_own(wish).await {
                tell!("others do not see it: {error}");
            }
        }
    });
    sender
}
