//! The rules of delivery, looked at in the streams: what happened to every item, by whom, and whether it may.

use std::collections::{BTreeMap, HashMap};

use drift_host::journal::OutcomeKind;

use super::kind::{Item, Kind, Proof, STAMP, State, Step, Way, contains, copy};
use super::storm::Sent;
use super::stream::Transition;
use super::writer::{Deed, Write};

/// Who made a transition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Host,
    Application(Deed),
}

/// One transition of an item and who made it, in the stream's order.
#[derive(Clone, Debug)]
pub struct Event {
    pub who: Who,
    pub old: State,
    pub new: State,
}

/// All that is known of a run when it has ended.
pub struct Facts {
    pub kind: Kind,
    pub run: String,
    /// The transitions of each item of `Things`, and of the other table.
    pub things: BTreeMap<u64, Vec<Event>>,
    pub elsewhere: BTreeMap<u64, Vec<Event>>,
    /// What the application had written when the scan was over, and afterwards.
    pub before: Vec<Write>,
    pub since: Vec<Write>,
    /// What is listed, by item: its kind and message.
    pub listed: HashMap<u64, (OutcomeKind, String)>,
    /// What each item's newest attempt is guarded by, as the journal has it.
    pub images: HashMap<u64, Item>,
    pub rows: u64,
    /// Every copy that was sent.
    pub sent: Vec<Sent>,
}

/// A rule that does not hold, and the item of which it does not.
#[derive(Clone, Debug)]
pub struct Violation {
    pub id: u64,
    pub rule: String,
}

/// Tells the application's transitions from the host's, by what the application knows of its own.
pub fn attribute(stream: BTreeMap<u64, Vec<Transition>>, table: &str, writes: &[Write]) -> BTreeMap<u64, Vec<Event>> {
    let mut theirs: HashMap<u64, Vec<&Write>> = HashMap::new();
    for write in writes.iter().filter(|write| write.table == table && write.old != write.new) {
        theirs.entry(write.id).or_default().push(write);
    }
    let mut events = BTreeMap::new();
    for (id, transitions) in stream {
        let mut left = theirs.remove(&id).unwrap_or_default();
        let of = |(old, new): Transition| {
            let own = left.iter().position(|write| write.old == old && write.new == new);
            let who = own.map_or(Who::Host, |at| Who::Application(left.remove(at).deed));
            Event { who, old, new }
        };
        events.insert(id, transitions.into_iter().map(of).collect());
        assert!(left.is_empty(), "the stream of {table} lacks what was written: {left:?}");
    }
    assert!(theirs.is_empty(), "the stream of {table} lacks what was written: {theirs:?}");
    events
}

/// Every rule for every item.
pub fn violations(facts: &Facts) -> Vec<Violation> {
    let mut found = Vec::new();
    for (id, events) in &facts.things {
        let item = One { facts, id: *id, events, elsewhere: facts.elsewhere.get(id).map_or(&[], Vec::as_slice) };
        found.extend(item.rules().into_iter().map(|rule| Violation { id: *id, rule }));
    }
    if facts.kind.step == Step::Add {
        found.extend(sums(facts));
    }
    for id in facts.elsewhere.keys().filter(|id| facts.kind.step != Step::Add && !facts.things.contains_key(id)) {
        found.push(Violation { id: *id, rule: "an item elsewhere comes from no item".into() });
    }
    found
}

/// Whether an item was surely scanned, and surely had to be migrated whenever it was read.
pub fn expected(facts: &Facts, id: u64) -> bool {
    let mut before = facts.before.iter().filter(|write| write.table == "Things" && write.id == id).peekable();
    // One that came later was not there to be scanned.
    before.peek().is_some() && before.all(|write| write.new.as_ref().is_some_and(|item| facts.kind.wants(item)))
}

/// One item and all that happened to it.
struct One<'a> {
    facts: &'a Facts,
    id: u64,
    events: &'a [Event],
    elsewhere: &'a [Event],
}

impl One<'_> {
    fn rules(&self) -> Vec<String> {
        let kind = self.facts.kind;
        let mut broken = Vec::new();
        for event in self.hosts(self.events) {
            match &event.old {
                None => broken.push("an item that was gone was made again".to_owned()),
                Some(old) if !kind.is_step(old, &event.new, &self.facts.run) => {
                    broken.push("a transition is no migration of its old image: something was lost, or added".to_owned());
                }
                Some(_) => {}
            }
        }
        if kind.is_on_this() {
            broken.extend(self.twice());
            broken.extend(self.unjournaled());
        }
        if matches!(kind.step, Step::CopyKeep | Step::CopyFail | Step::Move) {
            broken.extend(self.copies());
        }
        broken.extend(self.missing());
        broken.extend(self.failed());
        broken
    }

    fn hosts<'a>(&self, events: &'a [Event]) -> impl Iterator<Item = &'a Event> + use<'a> {
        events.iter().filter(|event| event.who == Who::Host)
    }

    /// All states that the item ever had.
    fn states(&self) -> impl Iterator<Item = &Item> {
        self.events.iter().filter_map(|event| event.new.as_ref())
    }

    /// How often it was done.
    fn done(&self) -> usize {
        match self.facts.kind.is_on_this() {
            true => self.hosts(self.events).count(),
            false => self.hosts(self.elsewhere).count(),
        }
    }

    /// Done twice: only where the application made it impossible to tell.
    fn twice(&self) -> Option<String> {
        let kind = self.facts.kind;
        if kind.repeatable() {
            // That it was wanted each time is looked at transition by transition.
            return None;
        }
        let hosts: Vec<usize> = (0..self.events.len()).filter(|at| self.events[*at].who == Who::Host).collect();
        let excused = |first: usize, second: usize| {
            let between = &self.events[first + 1..second];
            let Some(old) = &self.events[first].old else { return false };
            // What the migration may have seen when it was done first: attributes that came later are not guarded.
            let images = self.events[..first].iter().filter_map(|event| event.new.as_ref());
            let images: Vec<&Item> = images.filter(|image| kind.wants(image) && contains(old, image)).collect();
            let as_seen = |present: &Item| images.iter().any(|image| contains(present, image));
            match kind.proof {
                Proof::Receipts => false,
                Proof::Stamp => between.iter().any(|event| has_stamp(&event.old) && !has_stamp(&event.new)),
                Proof::None => between.iter().any(|event| event.new.as_ref().is_some_and(as_seen)),
            }
        };
        let pairs = hosts.iter().zip(hosts.iter().skip(1));
        let wrong = pairs.filter(|(first, second)| !excused(**first, **second)).count();
        (wrong > 0).then(|| format!("it was done {} times", hosts.len()))
    }

    /// What was done last is what the journal has as the newest attempt. A repeatable migration, and one whose stamp was taken
    /// away, may have an attempt after the one that was done.
    fn unjournaled(&self) -> Option<String> {
        let kind = self.facts.kind;
        // What is dropped with its window cannot be asked. Of two at one segment one has the journal that counts, and with a proof the
        // other may have run the migration again on what was there, and have done it.
        let others = kind.way == Way::Shared && kind.proof != Proof::None;
        let kept = !others && !kind.repeatable() && kind.proof != Proof::Stamp && kind.way != Way::Passing;
        let last = self.hosts(self.events).last().filter(|_| kept)?;
        let journaled = self.facts.images.get(&self.id).zip(last.old.as_ref()).is_some_and(|(image, old)| contains(old, image));
        (!journaled).then(|| "what was done is not the attempt that the journal has".to_owned())
    }

    /// What was put elsewhere is the copy of a state that the item had, once; in one transaction with its delete.
    fn copies(&self) -> Vec<String> {
        let mut broken = Vec::new();
        let copies: Vec<&Event> = self.hosts(self.elsewhere).collect();
        if copies.iter().any(|event| event.old.is_some()) {
            broken.push("what was elsewhere already was replaced".to_owned());
        }
        if copies.len() > 1 {
            broken.push("it was put elsewhere twice".to_owned());
        }
        let of = |event: &&Event| self.states().any(|state| event.new.as_ref() == Some(&copy(state)));
        if !copies.iter().all(of) {
            broken.push("what was put elsewhere is no copy of the item".to_owned());
        }
        if self.facts.kind.way == Way::Checked && !copies.iter().all(|event| self.was_so(event)) {
            broken.push("it was put elsewhere as it no longer was".to_owned());
        }
        if self.facts.kind.way == Way::Apart {
            // The copy goes first, so that there may be one whose item stayed.
            let copied = |event: &Event| {
                let image = event.old.as_ref().map(copy);
                copies.iter().any(|it| it.new == image)
            };
            if !self.hosts(self.events).all(copied) {
                broken.push("it was deleted, and there is no copy of what was deleted".to_owned());
            }
        } else if self.facts.kind.step == Step::Move {
            let moved: Vec<State> = self.hosts(self.events).map(|event| event.old.as_ref().map(copy)).collect();
            let put: Vec<State> = copies.iter().map(|event| event.new.clone()).collect();
            if moved != put {
                broken.push("of a move, one half happened and not the other, or with another image".to_owned());
            }
        }
        broken
    }

    /// Whether the item was as it was copied when the copy was sent for the first time, or later.
    fn was_so(&self, copied: &Event) -> bool {
        let sent = self.facts.sent.iter().filter(|(id, item, _)| *id == self.id && copied.new.as_ref() == Some(item));
        let Some(first) = sent.map(|(.., written)| *written).min() else { return false };
        let log = self.facts.before.iter().chain(&self.facts.since).enumerate();
        let states: Vec<(usize, &State)> =
            log.filter(|(_, write)| write.table == "Things" && write.id == self.id).map(|(at, write)| (at, &write.new)).collect();
        let then = states.iter().rposition(|(at, _)| *at < first).unwrap_or(0);
        states[then..].iter().any(|(_, state)| state.as_ref().map(copy) == copied.new)
    }

    /// Neither done nor listed.
    fn missing(&self) -> Option<String> {
        let kind = self.facts.kind;
        let listed = self.facts.listed.contains_key(&self.id);
        if kind.step == Step::Add || listed || self.done() > 0 || !expected(self.facts, self.id) {
            return None;
        }
        let since = || self.facts.since.iter().filter(|write| write.id == self.id);
        let mine = || since().filter(|write| write.table == "Things");
        // Deleted meanwhile, or changed so that nothing was left to do.
        let let_alone = kind.is_guarded() && mine().any(|write| !write.new.as_ref().is_some_and(|item| kind.wants(item)));
        // Not to be told from done.
        let alike = kind.is_on_this() && kind.proof == Proof::None && self.made_alike();
        let all = || self.facts.before.iter().chain(&self.facts.since).filter(|write| write.id == self.id);
        let there = all().filter(|write| Some(write.table) == kind.elsewhere()).any(|write| match kind.step {
            Step::CopyKeep => true,
            // In doubt, and equal.
            Step::CopyFail => self.states().any(|state| write.new.as_ref() == Some(&copy(state))),
            _ => false,
        });
        (!let_alone && !alike && !there).then(|| "neither done nor listed".to_owned())
    }

    /// Whether the application itself brought about what the migration would have made of an earlier state.
    fn made_alike(&self) -> bool {
        let theirs = (0..self.events.len()).filter(|at| self.events[*at].who != Who::Host);
        theirs.into_iter().any(|at| {
            let earlier = self.events[..at].iter().filter_map(|event| event.new.as_ref());
            earlier.into_iter().any(|image| self.facts.kind.looks_done(image, &self.events[at].new))
        })
    }

    /// What failed was not done, and there was a reason to fail.
    fn failed(&self) -> Option<String> {
        let (kind, (outcome, message)) = (self.facts.kind, self.facts.listed.get(&self.id)?);
        if *outcome != OutcomeKind::Failed {
            // How often it was done is looked at whatever is listed.
            return None;
        }
        let changed = message.contains("while it was being migrated") || message.contains("InternalServerError");
        // One part of it was carried out, and then the application was there.
        let theirs = || {
            self.events
                .iter()
                .chain(self.elsewhere)
                .any(|event| matches!(event.who, Who::Application(deed) if deed != Deed::Insert))
        };
        let changed = changed || kind.way == Way::Apart && message.contains("of 2 parts the 2. one") && theirs();
        let met = message.contains("must not meet one") && self.elsewhere.iter().any(|event| event.who != Who::Host);
        if !changed && !met {
            return Some("it failed, and nothing was wrong with it".into());
        }
        (self.done() > 0 && !kind.repeatable() && kind.step != Step::Add).then(|| "it is listed as failed, and was done".into())
    }
}

fn has_stamp(state: &State) -> bool {
    state.as_ref().is_some_and(|item| item.contains_key(STAMP))
}

/// Of `ADD`: each row has been counted up once for each item that is done, and not more than once for one in doubt.
fn sums(facts: &Facts) -> Vec<Violation> {
    let mut rows: BTreeMap<u64, (usize, usize)> = BTreeMap::new();
    for id in facts.things.keys() {
        let (least, most) = rows.entry(id % facts.rows).or_default();
        match facts.listed.get(id) {
            Some((OutcomeKind::Failed, _)) => {}
            Some(_) => *most += 1,
            None => {
                // With its source checked, one that was deleted meanwhile is skipped.
                let gone = |write: &Write| write.table == "Things" && write.id == *id && write.new.is_none();
                let skipped = facts.kind.way == Way::Checked && facts.since.iter().any(gone);
                *least += usize::from(expected(facts, *id) && !skipped);
                *most += 1;
            }
        }
    }
    let mut found = Vec::new();
    for (row, (least, most)) in rows {
        let events = facts.elsewhere.get(&row).map_or(&[][..], Vec::as_slice);
        let hosts: Vec<&Event> = events.iter().filter(|event| event.who == Who::Host).collect();
        let number = |state: &State| state.as_ref().map_or(0, super::kind::n);
        if hosts.iter().any(|event| number(&event.new) != number(&event.old) + 1) {
            found.push(Violation { id: row, rule: "a row elsewhere was not counted up by one".into() });
        }
        if hosts.len() < least || hosts.len() > most {
            let rule = format!("a row elsewhere was counted up {} times, for {least} to {most} items", hosts.len());
            found.push(Violation { id: row, rule });
        }
    }
    found
}
