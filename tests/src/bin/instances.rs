//! What an item's call costs when instances are kept, and when each item has a new one: `instances COMPONENT.wasm...`
//!
//! One slot, an item of eight attributes, half a second of each way in turn, five times; the medians in microseconds a call.

use std::sync::Arc;
use std::time::{Duration, Instant};

use drift_host::migration::{Direction, Migration, RunContext};
use drift_host::model::{Item, KeyAttribute, KeySchema, KeyType};
use drift_host::plugin::{Limits, Plugin, PluginOptions};

fn main() {
    let item: Item = (0..7)
        .map(|n| (format!("attribute {n}"), format!("text {n}").as_str().into()))
        .chain([("Id".to_owned(), 7.into())])
        .collect();
    let key = KeySchema { partition: KeyAttribute { name: "Id".into(), kind: KeyType::N }, sort: None };
    let started_at = "2026-11-25T00:00:00Z".into();
    let context = Arc::new(RunContext {
        table: "Things".into(),
        key,
        started_at,
        arguments: Vec::new(),
        seed: "instances".into(),
        secrets: Default::default(),
    });
    for file in std::env::args().skip(1) {
        let bytes = std::fs::read(&file).unwrap_or_else(|error| panic!("{file}: {error}"));
        let microseconds = |fresh_instances: bool| {
            let limits = Limits { fresh_instances, ..Limits::default() };
            let options = PluginOptions { slots: 1, limits, ..PluginOptions::default() };
            let plugin = Plugin::load(&file, bytes.clone(), &options).unwrap_or_else(|error| panic!("{error}"));
            let mut worker = plugin.worker(&context, Direction::Migrate).unwrap_or_else(|error| panic!("{error}"));
            let (began, mut calls) = (Instant::now(), 0u32);
            while began.elapsed() < Duration::from_millis(500) {
                worker.call(&item).unwrap_or_else(|failure| panic!("{}", failure.message));
                calls += 1;
            }
            began.elapsed().as_secs_f64() * 1e6 / f64::from(calls)
        };
        let mut rounds: Vec<(f64, f64)> = (0..5).map(|_| (microseconds(false), microseconds(true))).collect();
        rounds.sort_by(|a, b| a.0.total_cmp(&b.0));
        let kept = rounds[2].0;
        rounds.sort_by(|a, b| a.1.total_cmp(&b.1));
        println!("{file}: kept {kept:.1} µs, fresh {:.1} µs a call", rounds[2].1);
    }
}
