//! How exactly a run keeps to its rate, and how it comes back after a throttling: `pace ECHO.wasm`
//!
//! `drift-host run` over items of 400 bytes, through a proxy that counts the statements of each batch when they come: each is a write
//! unit. Prints what was taken; nothing is asserted, for a machine may be busy.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use drift_tests::World;
use drift_tests::proxy::{Fault, Proxy, Rule};

/// Write units a second that the run is given.
const LIMIT: f64 = 500.0;
/// What the table admits where it is the table that is slow.
const ADMITS: f64 = 300.0;

/// The writes that went on to DynamoDB: when, since the first of them came, and how many units.
#[derive(Default)]
struct Writes {
    first: Option<Instant>,
    each: Vec<(f64, f64)>,
    throttled: usize,
    /// Units that the slow table has at hand, and when that was so.
    tokens: (f64, f64),
}

impl Writes {
    fn now(&mut self) -> f64 {
        self.first.get_or_insert_with(Instant::now).elapsed().as_secs_f64()
    }

    fn between(&self, from: f64, to: f64) -> f64 {
        self.each.iter().filter(|(at, _)| *at >= from && *at < to).map(|(_, units)| units).sum()
    }

    /// The most in any ten seconds that begin after `from`.
    fn most_in_ten(&self, from: f64) -> f64 {
        let begin = self.each.iter().map(|(at, _)| *at).filter(|at| *at >= from);
        begin.map(|at| self.between(at, at + 10.0)).fold(0.0, f64::max)
    }

    fn last(&self) -> f64 {
        self.each.last().map_or(0.0, |(at, _)| *at)
    }
}

/// Runs over so many items; `throttles` says of a batch of so many units, that comes so many seconds after the first, whether it
/// is throttled.
fn run(echo: &str, items: usize, limit: &str, throttles: fn(&mut Writes, f64, f64) -> bool) -> Writes {
    let filler = "x".repeat(370);
    let items: Vec<String> = (0..items).map(|id| format!("{{\"Id\": {id}, \"text\": \"{filler}\", \"n\": {id}}}")).collect();
    let world = World::with_items(&items.iter().map(String::as_str).collect::<Vec<_>>());
    let proxy = Proxy::start(&world.running.endpoint_url());
    let writes = Arc::new(Mutex::new(Writes::default()));
    let counted = writes.clone();
    let is_throttled = move |request: &drift_tests::proxy::Request| {
        let mut writes = counted.lock().unwrap();
        let (now, units) = (writes.now(), request.statements().len() as f64);
        let throttled = throttles(&mut writes, now, units);
        match throttled {
            true => writes.throttled += 1,
            false => writes.each.push((now, units)),
        }
        throttled
    };
    let throttled = Fault::throttled("TableWriteProvisionedThroughputExceeded");
    proxy.add(Rule::on(&["BatchExecuteStatement"], throttled).only(is_throttled));
    let mut arguments = vec!["run", echo, "--table", "Things"];
    arguments.extend(if limit.is_empty() { vec![] } else { vec!["--max-write-units", limit] });
    let (code, _, error) = world.drift_host_at(&proxy.endpoint_url(), &arguments);
    assert_eq!(code, 0, "{error}");
    drop(proxy);
    Arc::into_inner(writes).unwrap().into_inner().unwrap()
}

fn main() {
    let echo = std::env::args().nth(1).expect("the component of the guest `echo`, of `cargo xtask guests`");
    let limit = LIMIT.to_string();

    let steady = run(&echo, 22_000, &limit, |_, _, _| false);
    // Whole seconds after the fifth, without the last, in which it ends.
    let end = steady.last().floor();
    let mean = steady.between(5.0, end) / (end - 5.0);
    println!("limit {LIMIT}: {mean:.1} a second from the 5th to the {end:.0}th second ({:+.2} %)", (mean / LIMIT - 1.0) * 100.0);
    let most = steady.most_in_ten(0.0);
    println!("  the most in any ten seconds: {most:.0} ({:.1} % of the limit)", most / LIMIT * 10.0);

    let outage = run(&echo, 20_000, &limit, |_, now, _| (10.0..20.0).contains(&now));
    let back = (20..60).find(|second| outage.between(f64::from(*second), f64::from(*second) + 2.0) >= 0.95 * 2.0 * LIMIT);
    println!("throttled from the 10th to the 20th second: {} calls throttled", outage.throttled);
    println!("  back at 95 % {} s after the end", back.map_or("never".into(), |second| (second - 20).to_string()));
    let seconds = (18..32).map(|second| format!("{:.0}", outage.between(f64::from(second), f64::from(second) + 1.0)));
    println!("  units in each second from the 18th: {}", seconds.collect::<Vec<_>>().join(" "));
    let most = outage.most_in_ten(0.0);
    println!("  the most in any ten seconds: {most:.0} ({:.1} % of the limit)", most / LIMIT * 10.0);

    for limit in ["", "3000"] {
        let slow = run(&echo, 20_000, limit, |writes, now, units| {
            let (had, at) = writes.tokens;
            let has = (had + (now - at) * ADMITS).min(ADMITS);
            let throttled = has < units;
            writes.tokens = (if throttled { has } else { has - units }, now);
            throttled
        });
        let end = slow.last().floor();
        let seconds = (20..end as u32).map(|second| slow.between(f64::from(second), f64::from(second) + 1.0));
        let (low, high) = seconds.fold((f64::MAX, 0.0f64), |(low, high), units| (low.min(units), high.max(units)));
        let mean = slow.between(20.0, end) / (end - 20.0);
        let limit = if limit.is_empty() { "none" } else { limit };
        println!(
            "a table that admits {ADMITS}, limit {limit}: {mean:.1} a second from the 20th to the {end:.0}th ({:.1} %), {low:.0} to {high:.0} in a second; {} calls throttled",
            mean / ADMITS * 100.0,
            slow.throttled
        );
    }
}
