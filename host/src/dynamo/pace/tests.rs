//! The pace against tables of known manners, by a clock that is moved by hand.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::bucket::{Bucket, Ticket, Wait};
use super::holds::Holds;
use super::{Cost, Pace, PresentRate, RateControl, Waits};
use crate::dynamo::throttle::Throttle;

/// How long an answer takes, in milliseconds.
const LATENCY: u64 = 5;

/// A table that admits so many units a second, and has saved some up.
struct Table {
    rate: f64,
    capacity: f64,
    tokens: f64,
}

impl Table {
    /// With the capacity of so many seconds saved up.
    fn new(rate: f64, seconds: f64) -> Self {
        Self { rate, capacity: rate * seconds, tokens: rate * seconds }
    }

    fn pass(&mut self, milliseconds: u64) {
        self.tokens = (self.tokens + self.rate * milliseconds as f64 / 1000.0).min(self.capacity);
    }

    fn admits(&mut self, units: f64) -> bool {
        let admitted = self.tokens >= units;
        self.tokens -= if admitted { units } else { 0.0 };
        admitted
    }
}

/// Who sends one call after the other, as quickly as it may.
struct Caller {
    segment: u32,
    units: f64,
    ready: u64,
    ticket: Option<Ticket>,
    tries: u32,
    admitted: f64,
}

struct World {
    now: u64,
    bucket: Bucket,
    holds: Holds,
    table: Table,
    /// The table lets nothing through in this time.
    outage: std::ops::Range<u64>,
    /// A range of keys, of this segment, that admits less.
    hot: Option<(u32, Table)>,
    callers: Vec<Caller>,
    /// Units admitted in each second, and the rate at its end.
    seconds: Vec<(f64, Option<f64>)>,
}

impl World {
    fn new(limit: Option<f64>, table: Table, callers: u32, units: f64) -> Self {
        let mut bucket = Bucket::default();
        bucket.set(Duration::ZERO, limit);
        let caller = |segment| Caller { segment, units, ready: 0, ticket: None, tries: 0, admitted: 0.0 };
        Self {
            now: 0,
            bucket,
            holds: Holds::default(),
            table,
            outage: 0..0,
            hot: None,
            callers: (0..callers).map(caller).collect(),
            seconds: Vec::new(),
        }
    }

    /// Goes on until so many seconds after the beginning.
    fn until(&mut self, second: u64) {
        let mut callers = std::mem::take(&mut self.callers);
        let mut units: f64 = 0.0;
        while self.now < second * 1000 {
            let before: f64 = callers.iter().map(|caller| caller.admitted).sum();
            callers.iter_mut().for_each(|caller| self.step(caller));
            if self.now.is_multiple_of(2_500) {
                // The lease of the table, which is on another one.
                self.bucket.count(self.clock(), 1.0);
                self.bucket.settle(self.clock(), 1.0, 1.0, true);
            }
            units += callers.iter().map(|caller| caller.admitted).sum::<f64>() - before;
            self.now += 1;
            self.table.pass(1);
            self.hot.iter_mut().for_each(|(_, hot)| hot.pass(1));
            if self.now.is_multiple_of(1000) {
                self.seconds.push((std::mem::take(&mut units), self.bucket.rate(self.clock())));
            }
        }
        self.callers = callers;
    }

    fn clock(&self) -> Duration {
        Duration::from_millis(self.now)
    }

    fn step(&mut self, caller: &mut Caller) {
        let now = self.clock();
        if caller.ready > self.now || caller.ticket.is_none() && self.holds.wait(now, caller.segment).is_some() {
            return;
        }
        let ticket = *caller.ticket.get_or_insert_with(|| self.bucket.queue());
        // As a batch is: cut to what the rate lets one call take, when it is made, and not when it is tried again.
        let units = match caller.tries {
            0 => self.bucket.burst(now).map_or(25.0, |burst| burst.clamp(1.0, 25.0)),
            _ => caller.units,
        };
        match self.bucket.take(now, ticket, units) {
            Err(Wait::InTurn | Wait::For(_)) => return,
            Ok(()) => (caller.ticket, caller.units) = (None, units),
        }
        caller.ready = self.now + LATENCY;
        let hot = self.hot.as_mut().is_some_and(|(segment, hot)| *segment == caller.segment && !hot.admits(units));
        if !hot && !self.outage.contains(&self.now) && self.table.admits(units) {
            self.bucket.settle(now, units, units, true);
            self.bucket.admitted(now, units);
            self.holds.admitted(now, caller.segment);
            caller.admitted += units;
            caller.tries = 0;
            return;
        }
        caller.tries += 1;
        match hot {
            true => self.holds.throttled(now, caller.segment),
            false => self.bucket.slow(now, Throttle::Table),
        }
        // The mean of what a client waits.
        caller.ready += (25u64 << caller.tries.min(10)).min(1000) * 6 / 10;
    }

    fn admitted(&self, from: usize, to: usize) -> f64 {
        self.seconds[from..to].iter().map(|(units, _)| units).sum::<f64>() / (to - from) as f64
    }
}

#[test]
fn it_finds_what_a_table_admits_and_stays_there() {
    for rate in [40.0, 500.0, 3000.0] {
        for limit in [Some(1.3 * rate), Some(4.0 * rate), Some(20.0 * rate), None] {
            let mut world = World::new(limit, Table::new(rate, 1.0), 16, 25.0);
            world.until(120);
            let admitted = world.admitted(30, 120);
            assert!(admitted >= 0.9 * rate, "{admitted} of {rate}, limited to {limit:?}");
            let rates = world.seconds[40..].iter().map(|(_, present)| present.unwrap_or(f64::MAX) / rate);
            let (low, high) = rates.fold((f64::MAX, 0.0f64), |(low, high), now| (low.min(now), high.max(now)));
            assert!(low >= 0.8 && high <= 1.2, "{low} to {high} of {rate}, limited to {limit:?}");
        }
    }
}

#[test]
fn ten_seconds_without_anything_are_over_ten_seconds_later() {
    for (limit, units) in [(40.0, 1.0), (500.0, 25.0), (5000.0, 25.0)] {
        let mut world = World::new(Some(limit), Table::new(f64::MAX, 1.0), 8, units);
        world.outage = 20_000..30_000;
        world.until(90);
        assert!(world.admitted(10, 20) >= 0.97 * limit);
        assert!(world.admitted(20, 30) < 0.01 * limit);
        // Meanwhile it tries little, and after it there is no wave.
        assert!(world.seconds[27..30].iter().all(|(_, rate)| rate.unwrap() <= 0.12 * limit));
        assert!(world.admitted(38, 41) >= 0.95 * limit, "{limit}: {:?}", &world.seconds[30..45]);
        // Calls are large beside the smallest limit, so that a second alone may have one more or less.
        for second in 40..85 {
            let admitted = world.admitted(second, second + 5);
            assert!((0.92 * limit..=1.05 * limit).contains(&admitted), "{admitted} of {limit} from second {second}");
        }
        assert!(world.bucket.throttled(world.clock()).is_none());
    }
}

#[test]
fn no_segment_starves() {
    let shares = |world: &World| {
        let each = world.callers.iter().map(|caller| caller.admitted);
        each.fold((f64::MAX, 0.0f64), |(least, most), units| (least.min(units), most.max(units)))
    };
    // The limit is what holds them up; then the table.
    for (limit, admits, apart) in [(500.0, 5000.0, 1.05), (5000.0, 500.0, 1.25)] {
        let mut world = World::new(Some(limit), Table::new(admits, 1.0), 16, 25.0);
        world.until(120);
        let (least, most) = shares(&world);
        assert!(most <= apart * least, "{least} to {most}");
    }
}

#[test]
fn a_hot_range_of_keys_slows_its_own_segment() {
    let mut world = World::new(Some(800.0), Table::new(5000.0, 1.0), 8, 25.0);
    world.hot = Some((3, Table::new(40.0, 1.0)));
    world.until(120);
    assert_eq!(world.bucket.rate(world.clock()), Some(800.0));
    assert!(world.admitted(20, 120) >= 0.97 * 800.0, "the others take what it leaves");
    let hot = world.callers[3].admitted / 120.0;
    assert!((0.8 * 40.0..=1.03 * 40.0).contains(&hot), "{hot} of 40");
    assert!(world.holds.any());
    // Once it is no longer hot, it is a segment as any other.
    world.hot = None;
    let before = world.callers[3].admitted;
    world.until(160);
    assert!((world.callers[3].admitted - before) / 40.0 >= 0.8 * 100.0);
    assert!(!world.holds.any());
}

/// The most units taken in any ten seconds, of calls that are sent as soon as they may be.
fn most_in_ten_seconds(rate: f64, estimate: f64, actual: f64) -> f64 {
    let mut bucket = Bucket::default();
    bucket.set(Duration::ZERO, Some(rate));
    let (mut now, mut sent) = (Duration::ZERO, Vec::new());
    let mut ticket = bucket.queue();
    while now < Duration::from_secs(60) {
        match bucket.take(now, ticket, estimate) {
            Ok(()) => {
                bucket.settle(now, estimate, actual, true);
                sent.push((now, actual));
                ticket = bucket.queue();
            }
            Err(Wait::For(wait)) => now += wait,
            Err(Wait::InTurn) => unreachable!("nobody else is there"),
        }
    }
    let within = |from: Duration| sent.iter().filter(move |(at, _)| *at >= from && *at < from + Duration::from_secs(10));
    sent.iter().map(|(from, _)| within(*from).map(|(_, units)| units).sum()).fold(0.0, f64::max)
}

#[test]
fn ten_seconds_never_take_more_than_105_percent() {
    for (rate, estimate, actual) in
        [(100.0, 25.0, 25.0), (100.0, 5.0, 5.0), (1000.0, 25.0, 25.0), (1000.0, 25.0, 75.0), (40.0, 1.0, 1.0)]
    {
        let most = most_in_ten_seconds(rate, estimate, actual);
        assert!(most <= 1.05 * 10.0 * rate, "{most} at {rate}");
        assert!(most >= 0.8 * 10.0 * rate, "{most} at {rate}: it is used as well");
    }
}

#[test]
fn one_call_larger_than_the_rate_is_paid_for_before_the_next() {
    let mut bucket = Bucket::default();
    bucket.set(Duration::ZERO, Some(10.0));
    let ticket = bucket.queue();
    bucket.take(Duration::ZERO, ticket, 100.0).unwrap();
    let ticket = bucket.queue();
    assert!(bucket.take(Duration::from_secs(9), ticket, 1.0).is_err());
    assert!(bucket.take(Duration::from_secs(11), ticket, 1.0).is_ok());
}

#[test]
fn a_limit_is_changed_while_it_is_waited_for() {
    let mut world = World::new(Some(100.0), Table::new(f64::MAX, 1.0), 8, 25.0);
    world.until(20);
    world.bucket.set(world.clock(), Some(2000.0));
    world.until(40);
    world.bucket.set(world.clock(), Some(50.0));
    world.until(60);
    world.bucket.set(world.clock(), None);
    world.until(62);
    for (from, to, rate) in [(5, 20, 100.0), (21, 40, 2000.0), (41, 60, 50.0)] {
        let admitted = world.admitted(from, to);
        assert!((0.97 * rate..=1.03 * rate).contains(&admitted), "{admitted} of {rate}");
    }
    assert!(world.admitted(61, 62) > 10_000.0);
}

#[tokio::test]
async fn who_waits_sees_a_new_rate_at_once_and_who_leaves_holds_nobody_up() {
    let control = RateControl(Pace::default());
    control.set(None, Some(1));
    let pace = &control.0;
    pace.reserve(Cost::Write(1000.0), None, true, None).await.unwrap();
    let cancel = CancellationToken::new();
    let (leaving, waiting) = (pace.clone(), pace.clone());
    let token = cancel.clone();
    let leaving = tokio::spawn(async move { leaving.reserve(Cost::Write(1.0), None, true, Some(&token)).await });
    tokio::task::yield_now().await;
    let waiting = tokio::spawn(async move { waiting.reserve(Cost::Write(1.0), None, true, None).await });
    tokio::task::yield_now().await;
    assert_eq!(control.present().write, PresentRate { present: Some(1), limit: Some(1), waits: Some(Waits::Limit) });
    cancel.cancel();
    assert_eq!(leaving.await.unwrap(), Err(()));
    // At one unit a second a thousand would be paid off in a quarter of an hour.
    control.set(None, None);
    waiting.await.unwrap().unwrap();
    assert_eq!(control.present().write.limit, None);
}
