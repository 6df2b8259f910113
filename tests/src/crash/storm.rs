//! What befalls a run: faults of every sort, and SIGKILL.

use std::process::Child;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use fastrand::Rng;
use serde_json::Value as Json;

use super::kind::{Item, Kind};
use super::writer::{Writer, between};
use crate::proxy::{Fault, Moment, Proxy, Request, Rule};

/// The operations that write, on the tables that migrations write.
const WRITES: [&str; 5] = ["BatchExecuteStatement", "ExecuteStatement", "TransactWriteItems", "PutItem", "UpdateItem"];
const DELETE: &str = "DeleteItem";

/// How many items of the last writes are remembered.
const RECENT: usize = 60;

/// Fewer than a batch.
const FEW: usize = 8;

/// A copy on its way elsewhere: of which item, what is to be put, and how much the application had written by then.
pub type Sent = (u64, Item, usize);

/// Kills a process with SIGKILL, at once or at the n-th write that passes.
#[derive(Default)]
pub struct Killer {
    child: Mutex<Option<Child>>,
    /// Writes until it is killed; none if negative.
    countdown: AtomicI64,
    /// Only writes of a few items count: mostly those that are sent again, or anew after a conflict.
    few: AtomicBool,
    /// After that write was carried out, rather than before.
    after: AtomicBool,
    due: AtomicBool,
    pub kills: AtomicU64,
}

impl Killer {
    pub fn takes(&self, child: Child) {
        *self.child.lock().unwrap() = Some(child);
    }

    /// Its end, if it has ended.
    pub fn ended(&self) -> Option<std::process::ExitStatus> {
        self.child.lock().unwrap().as_mut().unwrap().try_wait().unwrap()
    }

    pub fn kill(&self) {
        if let Some(child) = self.child.lock().unwrap().as_mut()
            && child.try_wait().unwrap().is_none()
        {
            child.kill().unwrap();
            // So that it is killed once.
            child.wait().unwrap();
            self.kills.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// At the `nth` write from now; `None`: at no write.
    pub fn arm(&self, nth: Option<i64>, after: bool, few: bool) {
        self.few.store(few, Ordering::Relaxed);
        self.after.store(after, Ordering::Relaxed);
        self.due.store(false, Ordering::Relaxed);
        self.countdown.store(nth.unwrap_or(-1), Ordering::Relaxed);
    }

    fn write_comes(&self, items: usize) {
        if self.few.load(Ordering::Relaxed) && items > FEW {
            return;
        }
        if self.countdown.load(Ordering::Relaxed) > 0 && self.countdown.fetch_sub(1, Ordering::Relaxed) == 1 {
            match self.after.load(Ordering::Relaxed) {
                true => self.due.store(true, Ordering::Relaxed),
                false => self.kill(),
            }
        }
    }

    fn write_went(&self) {
        if self.due.swap(false, Ordering::Relaxed) {
            self.kill();
        }
    }
}

/// The faults of one run.
pub struct Storm {
    pub proxy: Proxy,
    pub killer: Arc<Killer>,
    /// How much the application had written when the first write of the migration came, or, of a run with windows, the first after
    /// the last scan: all was scanned by then.
    pub scanned: Arc<Mutex<Option<usize>>>,
    in_windows: bool,
    /// Set once the run has a journal: before, a fault costs only patience.
    pub begun: Arc<AtomicBool>,
    /// When the first page of the scan was asked for.
    pub reading: Arc<OnceLock<Instant>>,
    /// Every copy that was sent.
    pub sent: Arc<Mutex<Vec<Sent>>>,
    /// The items of the last writes.
    recent: Arc<Mutex<Vec<u64>>>,
}

impl Storm {
    pub fn new(upstream: &str, kind: Kind, writer: &Arc<Writer>, random: &mut Rng) -> Self {
        let (proxy, killer) = (Proxy::start(upstream), Arc::new(Killer::default()));
        let storm = Self {
            proxy,
            killer,
            scanned: Arc::default(),
            in_windows: kind.in_windows(),
            begun: Arc::default(),
            reading: Arc::default(),
            sent: Arc::default(),
            recent: Arc::default(),
        };
        storm.watch(writer);
        storm.rage(kind, writer, random);
        storm
    }

    /// No more faults; what is written is still noted.
    pub fn mend(&self, writer: &Arc<Writer>) {
        self.proxy.mend();
        self.watch(writer);
    }

    /// While nobody is at work: the application writes to items of which it may not be known whether they were written.
    pub fn calm(&self, writer: &Writer, random: &mut Rng) {
        let recent = std::mem::take(&mut *self.recent.lock().unwrap());
        for id in recent {
            if random.u32(..100) < 40 {
                writer.act(id, between(random), random.u64(..));
            }
        }
    }

    /// A rule that applies to nothing, and sees all that comes.
    fn watch(&self, writer: &Arc<Writer>) {
        let in_windows = self.in_windows;
        let (killer, scanned, writer) = (self.killer.clone(), self.scanned.clone(), writer.clone());
        let (recent, reading, sent) = (self.recent.clone(), self.reading.clone(), self.sent.clone());
        self.proxy.add(Rule::on(&[], Fault::Pass).only(move |request| {
            if is_write(request) {
                scanned.lock().unwrap().get_or_insert_with(|| writer.count());
                sent.lock().unwrap().extend(copies(request).map(|(id, item)| (id, item, writer.count())));
                let mut recent = recent.lock().unwrap();
                let ids = ids(request);
                let items = ids.len();
                recent.extend(ids);
                let older = recent.len().saturating_sub(RECENT);
                recent.drain(..older);
                killer.write_comes(items);
            } else if request.operation == "Scan" && request.tables() == ["Things"] {
                reading.get_or_init(Instant::now);
                if in_windows {
                    *scanned.lock().unwrap() = None;
                }
            }
            false
        }));
    }

    fn rage(&self, kind: Kind, writer: &Arc<Writer>, random: &mut Rng) {
        use Moment::{After, Before};
        // What goes one by one meets many more of them.
        let share = if kind.batched() { 5 } else { 1 };
        let (mut dice, mut pauses) = (random.fork(), random.fork());
        let mut add = |rule: Rule, percent: u64| {
            let rule = rule.share(percent, random.u64(..));
            self.proxy.add(self.hooked(rule, writer, random.fork()));
        };
        let writes = |fault| Rule::on(&[], fault).only(is_write);
        for moment in [Before, After, After] {
            add(writes(Fault::Reset(moment)), share);
        }
        add(writes(Fault::CutBody), share);
        for moment in [Before, After] {
            add(writes(Fault::server_error(moment)), share);
            let which = Mutex::new(dice.fork());
            let some = move |_: usize, _: &Json| which.lock().unwrap().u32(..100) < 20;
            add(batches(Fault::statements("InternalServerError", moment, some)), share);
        }
        for code in ["ThrottlingError", "ProvisionedThroughputExceeded", "TransactionConflict"] {
            add(batches(Fault::statements(code, Before, |at, _| at % 3 == 0)), share);
        }
        add(writes(Fault::error(400, "ThrottlingException")), share);
        add(writes(Fault::error(503, "ServiceUnavailable")), share);
        for code in ["TransactionConflict", "ThrottlingError"] {
            let transactions = |request: &Request| is_write(request) && request.operation == "TransactWriteItems";
            add(Rule::on(&[], Fault::cancelled(code, 0)).only(transactions), 2);
        }
        let single = |request: &Request| is_write(request) && matches!(&*request.operation, "PutItem" | "UpdateItem");
        add(Rule::on(&[], Fault::error(400, "TransactionConflictException")).only(single), 2);
        add(writes(Fault::SlowBody), share);
        for operations in [&["Scan", "GetItem"][..], &["UpdateItem", "TransactWriteItems"][..]] {
            for fault in [Fault::Reset(After), Fault::server_error(Before)] {
                let begun = self.begun.clone();
                let rule = Rule::on(operations, fault).only(move |it| begun.load(Ordering::Relaxed) && !is_write(it));
                add(rule, 3);
            }
        }
        // The rest passes, some of it later than the one before expects.
        let pass = writes(Fault::Pass);
        let pauses = Mutex::new(pauses.fork());
        let longest = if kind.batched() { 12 } else { 3 };
        let killer = self.killer.clone();
        self.proxy.add(
            pass.before(move |_| {
                let pause = pauses.lock().unwrap().u64(..=longest);
                std::thread::sleep(Duration::from_millis(pause));
            })
            .after(move |_| killer.write_went()),
        );
    }

    /// Behind DynamoDB and before the client learns of it: the application writes, and the client may die.
    fn hooked(&self, rule: Rule, writer: &Arc<Writer>, random: Rng) -> Rule {
        let (killer, writer, random) = (self.killer.clone(), writer.clone(), Mutex::new(random));
        rule.after(move |request| {
            let mut random = random.lock().unwrap();
            if is_write(request) && random.u32(..100) < 60 {
                let mut ids = ids(request);
                random.shuffle(&mut ids);
                let many = random.usize(1..=3);
                for id in ids.into_iter().take(many) {
                    writer.act(id, between(&mut random), random.u64(..));
                }
            }
            killer.write_went();
        })
    }
}

fn batches(fault: Fault) -> Rule {
    Rule::on(&["BatchExecuteStatement"], fault)
}

/// Whether it writes data, rather than leases and history.
fn is_write(request: &Request) -> bool {
    let writes = WRITES.contains(&&*request.operation) || request.operation == DELETE;
    writes && request.tables().iter().all(|table| !table.starts_with("drift_migrations") || table.ends_with("_receipts"))
}

/// The items of `Things` that it writes.
fn ids(request: &Request) -> Vec<u64> {
    let number = |key: &Json| key["Id"]["N"].as_str().and_then(|text| text.parse().ok());
    let statements = request.statements().iter().filter_map(|statement| {
        let before = statement["Statement"].as_str()?.split("\"Id\"=?").next()?;
        let at = before.matches('?').count();
        statement["Parameters"][at]["N"].as_str()?.parse().ok()
    });
    let transaction = request.json["TransactItems"].as_array().into_iter().flatten().filter_map(|action| {
        let (_, action) = action.as_object()?.iter().next()?;
        number(&action["Key"]).or_else(|| number(&action["Item"]))
    });
    let single = number(&request.json["Key"]).or_else(|| number(&request.json["Item"]));
    let mut ids: Vec<u64> = statements.chain(transaction).chain(single).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// What a transaction puts into `Copies`.
fn copies(request: &Request) -> impl Iterator<Item = (u64, Item)> + use<'_> {
    let puts = request.json["TransactItems"].as_array().into_iter().flatten().map(|action| &action["Put"]);
    puts.filter(|put| put["TableName"] == "Copies")
        .filter_map(|put| put["Item"].as_object())
        .map(|item| (super::kind::id(item), item.clone()))
}
