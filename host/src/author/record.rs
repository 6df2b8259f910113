//! Real items of a run, kept as fixtures: first one of each shape, then whatever comes.

use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::{Error, Mask, fixture};
use crate::migration::{Direction, ItemFailure, Migration, Reply, RunContext, StartError, Worker};
use crate::model::{Description, Item};

/// A migration that keeps some of the items it is asked about, and otherwise is the one that it holds.
pub struct Recorder {
    inner: Arc<dyn Migration>,
    kept: Arc<Mutex<Kept>>,
}

struct Kept {
    wanted: usize,
    /// What the run tells its migration.
    context: Option<Arc<RunContext>>,
    shapes: HashSet<u64>,
    /// One of each shape.
    first: Vec<Item>,
    /// More of shapes that were seen before.
    more: Vec<Item>,
}

impl Recorder {
    /// Keeps up to `wanted` items.
    pub fn new(inner: Arc<dyn Migration>, wanted: usize) -> Self {
        let kept = Kept { wanted, context: None, shapes: HashSet::new(), first: Vec::new(), more: Vec::new() };
        Self { inner, kept: Arc::new(Mutex::new(kept)) }
    }

    /// Writes what was kept as fixtures, masked if a mask is given, each with what the migration makes of it; gives their
    /// folders.
    pub fn write(&self, folder: &Path, mask: Option<Mask>) -> Result<Vec<PathBuf>, Error> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(context) = &kept.context else { return Ok(Vec::new()) };
        let items = kept.first.iter().chain(&kept.more).take(kept.wanted);
        let items: Vec<Item> = items.map(|item| mask.map_or_else(|| item.clone(), |mask| mask.item(item))).collect();
        fixture::record_all(folder, &items, self.inner.as_ref(), context)
    }
}

impl Migration for Recorder {
    fn description(&self) -> &Description {
        self.inner.description()
    }

    fn digest(&self) -> &str {
        self.inner.digest()
    }

    fn component(&self) -> Option<&[u8]> {
        self.inner.component()
    }

    fn reversible(&self) -> bool {
        self.inner.reversible()
    }

    fn worker(&self, run: &Arc<RunContext>, direction: Direction) -> Result<Box<dyn Worker>, StartError> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).context = Some(run.clone());
        Ok(Box::new(Recording { inner: self.inner.worker(run, direction)?, kept: self.kept.clone(), full: false }))
    }
}

struct Recording {
    inner: Box<dyn Worker>,
    kept: Arc<Mutex<Kept>>,
    full: bool,
}

impl Worker for Recording {
    fn call(&mut self, item: &Item) -> Result<Reply, ItemFailure> {
        let answer = self.inner.call(item);
        if !self.full {
            self.full = self.kept.lock().unwrap_or_else(PoisonError::into_inner).take(item, &answer);
        }
        answer
    }
}

impl Kept {
    /// Whether no more is wanted.
    fn take(&mut self, item: &Item, answer: &Result<Reply, ItemFailure>) -> bool {
        if self.first.len() < self.wanted && self.shapes.insert(shape(item, answer)) {
            self.first.push(item.clone());
        } else if self.first.len() + self.more.len() < self.wanted {
            self.more.push(item.clone());
        }
        self.first.len() >= self.wanted
    }
}

/// Names and types of the attributes, and what sort of answer it was.
fn shape(item: &Item, answer: &Result<Reply, ItemFailure>) -> u64 {
    let mut hasher = DefaultHasher::new();
    for (name, value) in item {
        (name, value.descriptor()).hash(&mut hasher);
    }
    match answer {
        Ok(reply) => reply.actions.iter().for_each(|action| action.kind().hash(&mut hasher)),
        Err(_) => "failed".hash(&mut hasher),
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_each_shape_comes_first() {
        let mut kept = Kept { wanted: 3, context: None, shapes: HashSet::new(), first: Vec::new(), more: Vec::new() };
        let item = |pairs: &[(&str, i32)]| pairs.iter().map(|(name, n)| (*name, (*n).into())).collect::<Item>();
        let unchanged = Ok(Reply::default());
        for n in 0..5 {
            assert!(!kept.take(&item(&[("a", n)]), &unchanged));
        }
        assert!(!kept.take(&item(&[("b", 1)]), &unchanged));
        let failure =
            ItemFailure { kind: crate::migration::FailureKind::Error, message: String::new(), backtrace: None, log: vec![] };
        assert!(kept.take(&item(&[("b", 2)]), &Err(failure)), "the same attributes, another answer: three shapes, full");
        assert_eq!(kept.first.len(), 3);
    }
}
