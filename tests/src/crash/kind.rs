//! The migrations that are run, and what each makes of an item: the oracle's own word for it, not the guest's.

use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value as Json, json};

/// An item in DynamoDB's JSON.
pub type Item = Map<String, Json>;
/// An item, or that there is none.
pub type State = Option<Item>;

/// The attribute of `--exactly-once stamp=…`.
pub const STAMP: &str = "stamp";

/// The attribute of `--guard version=…`.
pub const VERSION: &str = "v";

/// What a migration does to each item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Sets an attribute made of two others, where it is missing. Repeatable.
    Loud,
    /// n + 1.
    Plus,
    /// A copy elsewhere; one that exists is kept. Repeatable.
    CopyKeep,
    /// A copy elsewhere, which must not exist.
    CopyFail,
    /// `ADD` to a row elsewhere, without a guard.
    Add,
    /// Deletes what is even.
    Delete,
    /// Deletes what is even and puts a copy elsewhere, in one transaction.
    Move,
}

/// How it is known what happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    None,
    Stamp,
    Receipts,
}

/// What is different from a usual run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Usual,
    /// `--guard version=v`, on a table whose application gives every state of an item a version of its own.
    Version,
    /// The same with `--no-images`.
    Bare,
    /// `--check-source`.
    Checked,
    /// `--no-atomic`.
    Apart,
    /// `--window 2`, of four segments and more.
    Windows,
    /// The same with `--no-images`, and without a version.
    Passing,
    /// Other hosts want the same table, each with a folder of runs of its own.
    Hosts,
    /// Processes share the run, two of them at each segment.
    Shared,
}

/// A migration and how it is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    pub step: Step,
    pub proof: Proof,
    pub way: Way,
}

const KINDS: [(&str, Step, Proof, Way); 37] = [
    ("loud", Step::Loud, Proof::None, Way::Usual),
    ("loud-version", Step::Loud, Proof::None, Way::Version),
    ("plus", Step::Plus, Proof::None, Way::Usual),
    ("plus-version", Step::Plus, Proof::None, Way::Version),
    ("plus-bare", Step::Plus, Proof::None, Way::Bare),
    ("plus-stamp", Step::Plus, Proof::Stamp, Way::Usual),
    ("plus-receipts", Step::Plus, Proof::Receipts, Way::Usual),
    ("plus-windows", Step::Plus, Proof::None, Way::Windows),
    ("plus-passing", Step::Plus, Proof::None, Way::Passing),
    ("copy-fail-windows", Step::CopyFail, Proof::None, Way::Windows),
    ("add-windows", Step::Add, Proof::None, Way::Windows),
    ("plus-hosts", Step::Plus, Proof::None, Way::Hosts),
    ("plus-stamp-hosts", Step::Plus, Proof::Stamp, Way::Hosts),
    ("copy-keep", Step::CopyKeep, Proof::None, Way::Usual),
    ("copy-fail", Step::CopyFail, Proof::None, Way::Usual),
    ("copy-fail-checked", Step::CopyFail, Proof::None, Way::Checked),
    ("add", Step::Add, Proof::None, Way::Usual),
    ("add-checked", Step::Add, Proof::None, Way::Checked),
    ("add-receipts", Step::Add, Proof::Receipts, Way::Usual),
    ("delete", Step::Delete, Proof::None, Way::Usual),
    ("delete-version", Step::Delete, Proof::None, Way::Version),
    ("delete-receipts", Step::Delete, Proof::Receipts, Way::Usual),
    ("move", Step::Move, Proof::None, Way::Usual),
    ("move-apart", Step::Move, Proof::None, Way::Apart),
    ("move-receipts", Step::Move, Proof::Receipts, Way::Usual),
    ("loud-shared", Step::Loud, Proof::None, Way::Shared),
    ("plus-shared", Step::Plus, Proof::None, Way::Shared),
    ("plus-stamp-shared", Step::Plus, Proof::Stamp, Way::Shared),
    ("plus-receipts-shared", Step::Plus, Proof::Receipts, Way::Shared),
    ("copy-keep-shared", Step::CopyKeep, Proof::None, Way::Shared),
    ("copy-fail-shared", Step::CopyFail, Proof::None, Way::Shared),
    ("add-shared", Step::Add, Proof::None, Way::Shared),
    ("add-receipts-shared", Step::Add, Proof::Receipts, Way::Shared),
    ("delete-shared", Step::Delete, Proof::None, Way::Shared),
    ("delete-receipts-shared", Step::Delete, Proof::Receipts, Way::Shared),
    ("move-shared", Step::Move, Proof::None, Way::Shared),
    ("move-receipts-shared", Step::Move, Proof::Receipts, Way::Shared),
];

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_this = |kind: &&(_, Step, Proof, Way)| (kind.1, kind.2, kind.3) == (self.step, self.proof, self.way);
        let (name, ..) = KINDS.iter().find(is_this).unwrap();
        f.pad(name)
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::all().find(|kind| kind.to_string() == text).ok_or_else(|| {
            let names: Vec<String> = Self::all().map(|kind| kind.to_string()).collect();
            format!("no kind {text:?}; there are {}", names.join(", "))
        })
    }
}

impl Kind {
    pub fn all() -> impl Iterator<Item = Self> {
        KINDS.iter().map(|(_, step, proof, way)| Self { step: *step, proof: *proof, way: *way })
    }

    /// The guest, and its `mode`.
    pub fn guest(self) -> (&'static str, &'static str) {
        match self.step {
            Step::Loud => ("steps_again", "loud"),
            Step::CopyKeep => ("steps_again", "copy"),
            Step::Plus => ("steps", "plus"),
            Step::CopyFail => ("steps", "copy"),
            Step::Add => ("steps", "add"),
            Step::Delete => ("steps", "delete"),
            Step::Move => ("steps", "move"),
        }
    }

    /// The migration's number in the history.
    pub fn number(self) -> u64 {
        if self.repeatable() { 901 } else { 900 }
    }

    pub fn repeatable(self) -> bool {
        matches!(self.step, Step::Loud | Step::CopyKeep)
    }

    /// What is asked for on the command line.
    pub fn arguments(self) -> Vec<String> {
        let mut arguments = match self.proof {
            Proof::None => vec![],
            Proof::Stamp => vec!["--exactly-once".into(), format!("stamp={STAMP}")],
            Proof::Receipts => vec!["--exactly-once".into(), "receipts".into()],
        };
        match self.way {
            Way::Usual | Way::Hosts | Way::Shared => {}
            Way::Version => arguments.extend(["--guard".into(), format!("version={VERSION}")]),
            Way::Bare => arguments.extend(["--guard".into(), format!("version={VERSION}"), "--no-images".into()]),
            Way::Checked => arguments.push("--check-source".into()),
            Way::Apart => arguments.push("--no-atomic".into()),
            // What fails in one window is not to keep the next from being written.
            Way::Windows => arguments.extend(["--window", "2", "--max-errors", "100%"].map(str::to_owned)),
            Way::Passing => arguments.extend(["--window", "2", "--max-errors", "100%", "--no-images"].map(str::to_owned)),
        }
        arguments
    }

    /// The other table that it writes.
    pub fn elsewhere(self) -> Option<&'static str> {
        match self.step {
            Step::CopyKeep | Step::CopyFail | Step::Move => Some("Copies"),
            Step::Add => Some("Totals"),
            Step::Loud | Step::Plus | Step::Delete => None,
        }
    }

    /// Whether it changes the item itself.
    pub fn is_on_this(self) -> bool {
        matches!(self.step, Step::Loud | Step::Plus | Step::Delete | Step::Move)
    }

    /// Whether the table is scanned in several parts, each written before the next is read.
    pub fn in_windows(self) -> bool {
        matches!(self.way, Way::Windows | Way::Passing)
    }

    /// Whether every state of an item has a version of its own.
    pub fn has_version(self) -> bool {
        matches!(self.way, Way::Version | Way::Bare)
    }

    /// Whether what happens depends on the item being still as it was read.
    pub fn is_guarded(self) -> bool {
        self.is_on_this() || self.way == Way::Checked
    }

    /// Whether its writes go many in one request.
    pub fn batched(self) -> bool {
        self.proof != Proof::Receipts && matches!(self.step, Step::Loud | Step::Plus | Step::Delete)
    }

    /// Whether it has anything to do with this item.
    pub fn wants(self, item: &Item) -> bool {
        match self.step {
            Step::Loud => !item.contains_key("loud"),
            Step::Delete | Step::Move => n(item) % 2 == 0,
            Step::Plus | Step::CopyKeep | Step::CopyFail | Step::Add => true,
        }
    }

    /// The item itself after its migration, without a stamp.
    pub fn migrated(self, item: &Item) -> State {
        let mut after = item.clone();
        match self.step {
            Step::Loud => {
                let loud = format!("{}!{}", item["name"]["S"].as_str().unwrap().to_uppercase(), n(item));
                after.insert("loud".into(), json!({ "S": loud }));
            }
            Step::Plus => set_n(&mut after, n(item) + 1),
            Step::Delete | Step::Move => return None,
            Step::CopyKeep | Step::CopyFail | Step::Add => {}
        }
        if self.has_version() {
            let next = version(item) + 1;
            after.insert(VERSION.into(), json!({ "N": next.to_string() }));
        }
        Some(after)
    }

    /// Whether `new` is what this run makes of `old`.
    pub fn is_step(self, old: &Item, new: &State, run: &str) -> bool {
        let mut expected = self.migrated(old);
        if self.proof == Proof::Stamp {
            let stamp = json!({ "S": run });
            if old.get(STAMP) == Some(&stamp) {
                return false;
            }
            if let Some(expected) = &mut expected {
                expected.insert(STAMP.into(), stamp);
            }
        }
        self.is_on_this() && self.wants(old) && expected == *new
    }

    /// Whether an attempt on `image` cannot be told from one that was done, when this is there.
    pub fn looks_done(self, image: &Item, present: &State) -> bool {
        match (self.migrated(image), present) {
            (None, present) => present.is_none(),
            (Some(expected), Some(present)) => contains(present, &expected),
            (Some(_), None) => false,
        }
    }
}

fn version(item: &Item) -> u64 {
    item[VERSION]["N"].as_str().unwrap().parse().unwrap()
}

/// Whether the guard on `image` holds of `present`.
pub fn contains(present: &Item, image: &Item) -> bool {
    image.iter().all(|(name, value)| present.get(name) == Some(value))
}

/// What is put elsewhere because of an item.
pub fn copy(item: &Item) -> Item {
    let picked = ["Id", "n", "name"].into_iter().filter_map(|name| Some((name.to_owned(), item.get(name)?.clone())));
    picked.chain([("from".to_owned(), json!({ "S": "steps" }))]).collect()
}

/// The number that all items have.
pub fn n(item: &Item) -> i64 {
    item["n"]["N"].as_str().unwrap().parse().unwrap()
}

pub fn set_n(item: &mut Item, n: i64) {
    item.insert("n".into(), json!({ "N": n.to_string() }));
}

pub fn id(item: &Item) -> u64 {
    item["Id"]["N"].as_str().unwrap().parse().unwrap()
}

pub fn key(id: u64) -> Json {
    json!({ "Id": { "N": id.to_string() } })
}

/// An item as it is before anything happens to it.
pub fn fresh(id: u64) -> Item {
    let item =
        json!({ "Id": { "N": id.to_string() }, "n": { "N": (id * 10).to_string() }, "name": { "S": format!("name {id}") } });
    item.as_object().unwrap().clone()
}
