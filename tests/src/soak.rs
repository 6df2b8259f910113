//! A soak: one instance of a guest is asked about the same real items over and over, without a table, and its memory looked at.
//!
//! Promised here: the instance is never replaced, which would hide a leak: the limits that replace one are off, and an item that
//! fails ends the soak. From the second round on, every answer is held against the first round's.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use drift_host::migration::{Direction, Migration, RunContext};
use drift_host::model::{Action, Item, KeyAttribute, KeySchema, KeyType};
use drift_host::plugin::{Limits, Plugin, PluginOptions};

use crate::World;

/// What an instance's memory may grow by between a tenth of the calls and all of them: a thirty-second of it, and four pages of
/// WebAssembly. What is kept of each item adds up to more within some ten thousand calls; a collector's heap that breathes does not.
pub fn margin(bytes: u64) -> u64 {
    bytes / 32 + 4 * 65_536
}

/// How things stood after so many calls.
#[derive(Clone, Copy, Debug)]
pub struct Checkpoint {
    /// Calls since the instance began.
    pub calls: u64,
    /// Bytes of its linear memories.
    pub memory: u64,
    /// Bytes of the whole process that are resident; `None` where the system does not tell.
    pub resident: Option<u64>,
    /// Processor time of a call, in microseconds: the mean since the checkpoint before.
    pub microseconds: f64,
}

/// The strikes of the examples: 10,000 items of 15 attributes, their key `Id`.
pub async fn strikes() -> Vec<Item> {
    World::with_data(&["Strikes:+Id=birdstrikes.csv"]).table("Strikes").await
}

/// What the calls of a soak or a bench are told of their run: a table with the key `Id`, a number.
pub fn context(table: &str) -> Arc<RunContext> {
    Arc::new(RunContext {
        table: table.into(),
        key: KeySchema { partition: KeyAttribute { name: "Id".into(), kind: KeyType::N }, sort: None },
        started_at: "2026-11-25T00:00:00Z".into(),
        arguments: Vec::new(),
        seed: "soak".into(),
        secrets: Default::default(),
    })
}

/// Asks one instance `calls` times, the items in turn; gives a checkpoint at 1, 10, 50 and 100 % of them.
pub fn soak(component: &Path, items: &[Item], calls: u64) -> Result<Vec<Checkpoint>, String> {
    let limits = Limits { instance_calls: usize::MAX, instance_memory: usize::MAX, ..Limits::default() };
    let options = PluginOptions { slots: 1, limits, ..PluginOptions::default() };
    let plugin = Plugin::load_file(component, &options).map_err(|error| error.to_string())?;
    let mut worker = plugin.worker(&context("Strikes"), Direction::Migrate).map_err(|error| error.to_string())?;
    let marks = [calls / 100, calls / 10, calls / 2, calls];
    let mut first: Vec<Vec<Action>> = Vec::with_capacity(items.len());
    let (mut checkpoints, mut before) = (Vec::new(), (0, processor_time()));
    for (call, item) in (1..=calls).zip(items.iter().cycle()) {
        let at = (call as usize - 1) % items.len();
        let answer = worker.call(item).map_err(|failure| format!("call {call}: {}", failure.message))?;
        match first.get(at) {
            None => first.push(answer.actions),
            Some(expected) if *expected == answer.actions => {}
            Some(expected) => {
                return Err(format!("call {call}: the answer was {expected:?} before, and now {:?}", answer.actions));
            }
        }
        if marks.contains(&call) {
            let now = processor_time();
            let cost = worker.cost().ok_or_else(|| format!("call {call}: the instance does not tell what it took"))?;
            checkpoints.push(Checkpoint {
                calls: call,
                memory: cost.memory_bytes,
                resident: resident(),
                microseconds: (now - before.1).as_secs_f64() * 1e6 / (call - before.0) as f64,
            });
            before = (call, now);
        }
    }
    Ok(checkpoints)
}

/// Whether memory stayed as it was, in words if not.
pub fn verdict(checkpoints: &[Checkpoint]) -> Result<(), String> {
    let [_, tenth, _, all] = checkpoints else {
        return Err(format!("{} checkpoints, where there are four: it was too short", checkpoints.len()));
    };
    let most = tenth.memory + margin(tenth.memory);
    if all.memory <= most {
        return Ok(());
    }
    Err(format!(
        "the instance had {} KiB after {} calls and {} KiB after {}: some {} bytes a call; {} KiB would be borne",
        tenth.memory >> 10,
        tenth.calls,
        all.memory >> 10,
        all.calls,
        (all.memory - tenth.memory) / (all.calls - tenth.calls),
        most >> 10
    ))
}

/// Processor time of this thread, which others on the machine do not lengthen; where the system does not tell, the time of day.
pub fn processor_time() -> Duration {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = text.split_whitespace().next().and_then(|word| word.parse().ok());
    nanoseconds.map_or_else(|| std::time::UNIX_EPOCH.elapsed().unwrap_or_default(), Duration::from_nanos)
}

fn resident() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? << 10)
}
