//! `wasi:random`: numbers that a re-run draws again.
//!
//! SHA-256 of a counter, begun from the run's seed and the item's key: nothing of the host's or of another run's can be
//! drawn from it, and whoever reads the run's journal can draw the same. So none of it is for secrets.

use sha2::{Digest, Sha256};
use wasmtime::component::Linker;

use super::super::instance::State;

/// A generator, and what is left of its last block.
pub(super) struct Random {
    seed: [u8; 32],
    blocks: u64,
    left: Vec<u8>,
}

impl Random {
    pub(super) fn new(parts: &[&str]) -> Self {
        let mut hash = Sha256::new_with_prefix("drift-host random");
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        Self { seed: hash.finalize().into(), blocks: 0, left: Vec::new() }
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        while self.left.len() < count {
            let block = Sha256::new().chain_update(self.seed).chain_update(self.blocks.to_le_bytes()).finalize();
            self.blocks += 1;
            self.left.extend_from_slice(&block);
        }
        let rest = self.left.split_off(count);
        std::mem::replace(&mut self.left, rest)
    }

    /// From 0 to just below 1, as JavaScript's `Math.random`.
    pub(super) fn fraction(&mut self) -> f64 {
        // 53 bits are what a double holds, so that each is exact.
        (self.number() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn number(&mut self) -> u64 {
        self.bytes(8).into_iter().fold(0, |number, byte| number << 8 | u64::from(byte))
    }
}

pub(super) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    for (interface, bytes, number) in [
        ("wasi:random/random@0.2.0", "get-random-bytes", "get-random-u64"),
        ("wasi:random/insecure@0.2.0", "get-insecure-random-bytes", "get-insecure-random-u64"),
    ] {
        let mut random = linker.instance(interface)?;
        random.func_wrap(bytes, |mut store, (count,): (u64,)| {
            let state = store.data_mut();
            let count = usize::try_from(count).unwrap_or(usize::MAX);
            state.hand_over("wasi:random", count)?;
            Ok((state.wasi.random.bytes(count),))
        })?;
        random.func_wrap(number, |mut store, ()| Ok((store.data_mut().wasi.random.number(),)))?;
    }
    linker.instance("wasi:random/insecure-seed@0.2.0")?.func_wrap("insecure-seed", |mut store, ()| {
        let random = &mut store.data_mut().wasi.random;
        Ok(((random.number(), random.number()),))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_run_and_key_draw_the_same_and_others_do_not() {
        let draw = |parts: &[&str]| Random::new(parts).bytes(40);
        assert_eq!(draw(&["run", "Id=1"]), draw(&["run", "Id=1"]));
        let others =
            [draw(&["run", "Id=1"]), draw(&["run", "Id=2"]), draw(&["other", "Id=1"]), draw(&["run"]), draw(&["runI", "d=1"])];
        for (at, one) in others.iter().enumerate() {
            assert!(!others[at + 1..].contains(one));
        }
        let mut pieces = Random::new(&["run"]);
        assert_eq!([pieces.bytes(3), pieces.bytes(0), pieces.bytes(37)].concat(), draw(&["run"]));
    }
}
