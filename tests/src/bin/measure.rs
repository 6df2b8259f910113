//! What guests that do the same little work cost, each in its language: `measure [--json] NAME=COMPONENT.wasm...`
//!
//! The work is that of a project fresh from `drift-host new`: blanks around the attribute `name` go. All times are processor time, so
//! that what else a machine does lengthens them little; only compiling is that of all threads, in hundredths of a second.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use drift_host::migration::{Direction, Migration, Worker};
use drift_host::model::{Action, Item, Number, Patch, Value};
use drift_host::plugin::{Limits, Plugin, PluginOptions};
use drift_tests::soak::{context, processor_time};
use serde_json::json;

/// Rounds of each way, in turn; what counts is their median.
const ROUNDS: usize = 5;
/// How long the calls of a round go on.
const ROUND: Duration = Duration::from_millis(400);

struct Measured {
    name: String,
    bytes: usize,
    compile_seconds: f64,
    cached_start_ms: f64,
    memory_bytes: u64,
    us_8: f64,
    us_80: f64,
    us_8_fresh: f64,
}

fn main() {
    let json = std::env::args().any(|argument| argument == "--json");
    let guests: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--json").collect();
    assert!(!guests.is_empty(), "measure [--json] NAME=COMPONENT.wasm...");
    let measured: Vec<Measured> = guests
        .iter()
        .map(|argument| {
            let (name, file) = argument.split_once('=').unwrap_or((argument, argument));
            eprintln!("measuring {name}");
            measure(name, Path::new(file))
        })
        .collect();
    if json {
        let guests = measured.iter().map(|of| {
            json!({ "name": of.name, "component_bytes": of.bytes, "compile_cpu_seconds": of.compile_seconds,
                "cached_start_cpu_ms": of.cached_start_ms, "instance_memory_bytes": of.memory_bytes,
                "us_per_item_8_attributes": of.us_8, "us_per_item_80_attributes": of.us_80,
                "us_per_item_8_attributes_fresh_instance": of.us_8_fresh })
        });
        println!("{}", json!({ "v": 1, "guests": guests.collect::<Vec<_>>() }));
        return;
    }
    println!(
        "| | component | compile, CPU s | start from the cache, ms | memory an instance | µs an item of 8 attributes | of 80 | of 8, a new instance each |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for of in &measured {
        println!(
            "| {} | {} KB | {:.2} | {:.1} | {:.1} MiB | {:.1} | {:.0} | {:.0} |",
            of.name,
            of.bytes / 1000,
            of.compile_seconds,
            of.cached_start_ms,
            of.memory_bytes as f64 / f64::from(1 << 20),
            of.us_8,
            of.us_80,
            of.us_8_fresh
        );
    }
}

fn measure(name: &str, file: &Path) -> Measured {
    let load = |anew: bool, fresh_instances: bool| {
        let limits = Limits { fresh_instances, ..Limits::default() };
        let options = PluginOptions { slots: 1, limits, compile_anew: anew, ..PluginOptions::default() };
        Plugin::load_file(file, &options).unwrap_or_else(|error| panic!("{error}"))
    };
    let compile = || {
        let began = time_of_all_threads();
        let plugin = load(true, false);
        assert!(plugin.compile_time().is_some(), "{name} came out of the cache");
        time_of_all_threads() - began
    };
    let start = || {
        let began = processor_time();
        let plugin = load(false, false);
        assert!(plugin.compile_time().is_none(), "{name} was compiled, with its code in the cache");
        let worker = plugin.worker(&context("Things"), Direction::Migrate).unwrap_or_else(|error| panic!("{error}"));
        let took = processor_time() - began;
        drop(worker);
        took.as_secs_f64() * 1e3
    };
    let compile_seconds = median((0..3).map(|_| compile()).collect());
    let cached_start_ms = median((0..ROUNDS).map(|_| start()).collect());
    let (plugin, fresh) = (load(false, false), load(false, true));
    let bytes = plugin.component().map_or(0, <[u8]>::len);
    let worker =
        |plugin: &Plugin| plugin.worker(&context("Things"), Direction::Migrate).unwrap_or_else(|error| panic!("{name}: {error}"));
    let (mut kept, mut fresh) = (worker(&plugin), worker(&fresh));
    let (narrow, wide) = (item(8), item(80));
    for item in [&narrow, &wide] {
        does_the_work(name, kept.as_mut(), item);
    }
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        times[0].push(microseconds(kept.as_mut(), &narrow));
        times[1].push(microseconds(kept.as_mut(), &wide));
        times[2].push(microseconds(fresh.as_mut(), &narrow));
    }
    let memory_bytes = kept.cost().map_or(0, |cost| cost.memory_bytes);
    let [us_8, us_80, us_8_fresh] = times.map(median);
    Measured { name: name.to_owned(), bytes, compile_seconds, cached_start_ms, memory_bytes, us_8, us_80, us_8_fresh }
}

/// An item of so many attributes: `Id`, a `name` with a blank, and texts, numbers, truths and maps in turn.
fn item(attributes: usize) -> Item {
    let other = |n: usize| match n % 4 {
        0 | 1 => Value::from(format!("text {n} of some length").as_str()),
        2 => Value::N(Number::from(n as i64 * 1_000)),
        _ => Value::M(
            [("inner".to_owned(), Value::Bool(true)), ("n".to_owned(), Value::N(Number::from(n as i64)))].into_iter().collect(),
        ),
    };
    let others = (2..attributes).map(|n| (format!("attribute {n}"), other(n)));
    [("Id".to_owned(), Value::N(Number::from(7))), ("name".to_owned(), " Ann Other".into())].into_iter().chain(others).collect()
}

/// A guest that did less would look fast.
fn does_the_work(name: &str, worker: &mut dyn Worker, item: &Item) {
    let reply = worker.call(item).unwrap_or_else(|failure| panic!("{name}: {}", failure.message));
    let wanted = Patch { set: [("name".to_owned(), Value::from("Ann Other"))].into_iter().collect(), remove: Vec::new() };
    assert_eq!(reply.actions, [Action::Patch(wanted)], "{name} does other work than the project that `new` makes");
}

/// Processor time of a call.
fn microseconds(worker: &mut dyn Worker, item: &Item) -> f64 {
    let (began, cpu, mut calls) = (Instant::now(), processor_time(), 0u32);
    while began.elapsed() < ROUND {
        worker.call(item).unwrap_or_else(|failure| panic!("{}", failure.message));
        calls += 1;
    }
    (processor_time() - cpu).as_secs_f64() * 1e6 / f64::from(calls)
}

/// Processor time of this process, in seconds: Linux tells it in hundredths.
fn time_of_all_threads() -> f64 {
    let text = fs::read_to_string("/proc/self/stat").expect("processor time is read from /proc, which this system does not have");
    let words: Vec<&str> = text.rsplit_once(')').expect("a name in brackets").1.split_whitespace().collect();
    let ticks = |at: usize| words[at].parse::<f64>().expect("a count of ticks");
    (ticks(11) + ticks(12)) / 100.0
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
