//! Damaged components: cut off, and with bits and bytes turned.

use drift_host::migration::{Direction, Migration};
use drift_host::plugin::Plugin;

use super::{Outcome, Until, context, options};

/// Damages the component again and again, loads what comes of it, and asks whatever still loads about an item.
pub fn components(component: &[u8], seed: u64, until: Until) -> Outcome {
    let mut outcome = Outcome::default();
    let (options, context) = (options(), context());
    let item = [("Id", 7.into()), ("name", "seven".into())].into_iter().collect();
    while until.goes_on(outcome.trials) {
        let trial = seed.wrapping_add(outcome.trials);
        let bytes = damaged(component, trial);
        outcome.trials += 1;
        let loaded = Plugin::load("damaged.wasm", bytes, &options);
        let worker = match &loaded {
            Err(error) => Err(error.to_string()),
            Ok(plugin) => plugin.worker(&context, Direction::Migrate).map_err(|error| error.to_string()),
        };
        match worker {
            Err(message) => {
                assert!(!message.is_empty() && !message.chars().any(|c| c.is_control()), "trial {trial}: {message:?}");
                outcome.refused += 1;
            }
            Ok(mut worker) => match worker.call(&item) {
                Ok(_) => outcome.believed += 1,
                Err(_) => outcome.failed += 1,
            },
        }
    }
    outcome
}

/// The same damage for the same trial.
fn damaged(component: &[u8], trial: u64) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(trial);
    let mut bytes = component.to_vec();
    match random.u8(..10) {
        0 => bytes.truncate(random.usize(..bytes.len())),
        1 => {
            // A piece of it once more, somewhere else.
            let (from, to) = (random.usize(..bytes.len()), random.usize(..bytes.len()));
            let piece = bytes[from..(from + random.usize(..64)).min(bytes.len())].to_vec();
            bytes.splice(to..to, piece);
        }
        2 => {
            let (from, length) = (random.usize(..bytes.len()), random.usize(1..32));
            bytes.drain(from..(from + length).min(bytes.len()));
        }
        kind => {
            for _ in 0..random.usize(1..=4) {
                let at = random.usize(..bytes.len());
                bytes[at] = match kind {
                    3..=6 => bytes[at] ^ (1 << random.u8(..8)),
                    7 => 0xff,
                    _ => random.u8(..),
                };
            }
        }
    }
    bytes
}
