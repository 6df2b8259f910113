//! `wasi:clocks` and `wasi:io/poll`: a standing wall clock, and a time that passes only for the guest.

use wasmtime::component::{ComponentType, Lift, Linker, Lower, Resource, ResourceType};

use super::super::instance::State;

/// Nanoseconds that pass with each look.
const LOOK: u64 = 1_000;

/// A monotonic clock, and what is waited for by it.
#[derive(Default)]
pub(super) struct Clock {
    now: u64,
    /// When each pollable is ready; a stream's is from the beginning.
    pollables: Vec<u64>,
    free: Vec<u32>,
}

/// `wasi:io/poll.pollable`.
pub(super) struct Pollable;

#[derive(ComponentType, Lift, Lower)]
#[component(record)]
struct Datetime {
    seconds: u64,
    nanoseconds: u32,
}

impl Clock {
    fn look(&mut self) -> u64 {
        self.now = self.now.saturating_add(LOOK);
        self.now
    }

    /// Something that is ready at that instant.
    pub(super) fn pollable(&mut self, at: u64) -> Resource<Pollable> {
        let place = self.free.pop().unwrap_or_else(|| {
            self.pollables.push(0);
            u32::try_from(self.pollables.len() - 1).unwrap_or(u32::MAX)
        });
        if let Some(ready) = self.pollables.get_mut(place as usize) {
            *ready = at;
        }
        Resource::new_own(place)
    }

    fn ready_at(&self, pollable: &Resource<Pollable>) -> u64 {
        self.pollables.get(pollable.rep() as usize).copied().unwrap_or(0)
    }

    /// Passes the time until the first of these is ready, and says which are.
    fn poll(&mut self, pollables: &[Resource<Pollable>]) -> Vec<u32> {
        let instants: Vec<u64> = pollables.iter().map(|pollable| self.ready_at(pollable)).collect();
        self.now = self.look().max(instants.iter().copied().min().unwrap_or(0));
        (0u32..).zip(instants).filter(|(_, at)| *at <= self.now).map(|(place, _)| place).collect()
    }
}

pub(super) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut wall = linker.instance("wasi:clocks/wall-clock@0.2.0")?;
    wall.func_wrap("now", |store, ()| {
        let at = store.data().wasi.stands_at;
        Ok((Datetime { seconds: at.as_secs(), nanoseconds: at.subsec_nanos() },))
    })?;
    wall.func_wrap("resolution", |_, ()| Ok((Datetime { seconds: 1, nanoseconds: 0 },)))?;

    let mut monotonic = linker.instance("wasi:clocks/monotonic-clock@0.2.0")?;
    monotonic.func_wrap("now", |mut store, ()| Ok((store.data_mut().wasi.clock.look(),)))?;
    monotonic.func_wrap("resolution", |_, ()| Ok((LOOK,)))?;
    monotonic.func_wrap("subscribe-instant", |mut store, (when,): (u64,)| Ok((store.data_mut().wasi.clock.pollable(when),)))?;
    monotonic.func_wrap("subscribe-duration", |mut store, (wait,): (u64,)| {
        let clock = &mut store.data_mut().wasi.clock;
        let when = clock.look().saturating_add(wait);
        Ok((clock.pollable(when),))
    })?;

    let mut poll = linker.instance("wasi:io/poll@0.2.0")?;
    poll.resource("pollable", ResourceType::host::<Pollable>(), |mut store, place| {
        store.data_mut().wasi.clock.free.push(place);
        Ok(())
    })?;
    poll.func_wrap("[method]pollable.ready", |mut store, (pollable,): (Resource<Pollable>,)| {
        let clock = &mut store.data_mut().wasi.clock;
        Ok((clock.ready_at(&pollable) <= clock.look(),))
    })?;
    poll.func_wrap("[method]pollable.block", |mut store, (pollable,): (Resource<Pollable>,)| {
        let _now_ready = store.data_mut().wasi.clock.poll(&[pollable]);
        Ok(())
    })?;
    poll.func_wrap("poll", |mut store, (pollables,): (Vec<Resource<Pollable>>,)| {
        if pollables.is_empty() {
            return Err(wasmtime::Error::msg("waits for nothing: `poll` was called without a pollable"));
        }
        Ok((store.data_mut().wasi.clock.poll(&pollables),))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_sleeps_wakes_at_once_and_later_by_its_own_clock() {
        let mut clock = Clock::default();
        let (hour, day) = (clock.pollable(3_600_000_000_000), clock.pollable(86_400_000_000_000));
        assert!(clock.look() < 3_600_000_000_000);
        assert_eq!(clock.poll(&[Resource::new_borrow(day.rep()), Resource::new_borrow(hour.rep())]), [1]);
        assert_eq!(clock.look(), 3_600_000_000_000 + LOOK);
        assert_eq!(clock.poll(&[Resource::new_borrow(day.rep())]), [0]);
    }
}
