//! How exactly the processes that share a run keep to its rate together: `shares ECHO.wasm`
//!
//! Four processes, one of them slow, one lost and started again. Prints what came to DynamoDB; nothing is asserted, for a machine may be busy.

use std::time::Duration;

use drift_tests::shares::Shared;

fn main() {
    let echo = std::env::args().nth(1).expect("the component of the guest `echo`, of `cargo xtask guests`");
    let (limit, lost) = (400u32, 20.0);
    let shared = Shared {
        plugin: &echo,
        items: 40_000,
        limit,
        slower: Duration::from_millis(1_500),
        lost_after: Duration::from_secs_f64(lost),
        again_after: Duration::from_secs(5),
    };
    let taken = shared.taken();
    let limit = f64::from(limit);
    let percent = |from: f64, to: f64| taken.between(from, to) / (to - from) / limit * 100.0;
    println!(
        "limit {limit}: {:.0} units, the most in any ten seconds {:.1} % of the limit",
        taken.all(),
        taken.most_in_ten() / limit * 10.0
    );
    let end = taken.until;
    println!("  while four were at work, from the 2nd to the {end:.0}th second: {:.1} % of the limit", percent(2.0, end));
    println!("  before one was lost, from the 2nd to the {lost:.0}th second: {:.1} %", percent(2.0, lost));
    println!("  while its share was held, the 20 seconds after that: {:.1} %", percent(lost, lost + 20.0));
    println!("  from then on: {:.1} %", percent(lost + 20.0, end));
    println!("  the slow one took {:.1} a second", taken.slow / end);
    let fives = (0..end as u32 / 5).map(|five| format!("{:.0}", percent(f64::from(five) * 5.0, f64::from(five) * 5.0 + 5.0)));
    println!("  percent of the limit in each five seconds: {}", fives.collect::<Vec<_>>().join(" "));
    taken.told.iter().for_each(|told| println!("  the shares of one: {told}"));
}
