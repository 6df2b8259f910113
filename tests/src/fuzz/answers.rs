//! Made-up answers: a guest returns whatever bytes the item holds as if they were its answer, so that all that reads an answer
//! is tried, from wasmtime's memory to the actions that a run believes.

use drift_host::migration::{Direction, Migration};
use drift_host::model::{Action, Item, Value, validate};
use drift_host::plugin::{Grant, Grants, Plugin};

use super::{Outcome, Until, context, encoded, options};

/// Where the guest puts the bytes, and how many at most.
const AT: u32 = 8192;
const ROOM: usize = 4096;

/// A core module whose answer lies in the first attribute of the item that it is handed.
fn guest() -> Vec<u8> {
    let text = format!(
        r#"(module
  (memory (export "memory") 1)
  (data (i32.const 0) "\80\00\00\00\03\00\00\00\84\00\00\00\03\00\00\00")
  (data (i32.const 128) "778\00any")
  (global $free (mut i32) (i32.const 16384))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
    (global.set $free (i32.add (local.get $at) (local.get 3)))
    (local.get $at))
  (func (export "describe") (result i32) (i32.const 0))
  (func (export "migrate") (param i32 i32 i32 i32) (result i32)
    ;; An attribute: its name, the case of its value, and where the bytes are.
    (memory.copy (i32.const {AT}) (i32.load offset=12 (local.get 0)) (i32.load offset=16 (local.get 0)))
    (global.set $free (i32.const 16384))
    (i32.const {AT})))"#
    );
    encoded(&wat::parse_str(text).unwrap())
}

/// Asks about items that hold made-up answers.
pub fn answers(seed: u64, until: Until) -> Outcome {
    let mut outcome = Outcome::default();
    let context = context();
    let all = ["insert:.", "update:.", "delete:."].map(|text| text.parse::<Grant>().unwrap());
    let plugin = Plugin::load("any.wasm", guest(), &options()).unwrap().grant(Grants::new(all.to_vec()));
    let mut worker = plugin.worker(&context, Direction::Migrate).unwrap();
    while until.goes_on(outcome.trials) {
        let trial = seed.wrapping_add(outcome.trials);
        let item: Item = [("A", Value::B(made_up(trial))), ("Id", 7.into())].into_iter().collect();
        outcome.trials += 1;
        match worker.call(&item) {
            Ok(reply) => {
                let again = validate(&reply.actions, &item, &context.table, &context.key);
                assert_eq!(again, Ok(()), "trial {trial}: believed, and not valid");
                let others = reply.actions.iter().filter_map(Action::table).filter(|table| *table != context.table);
                assert_eq!(others.count(), 0, "trial {trial}: a table that was not granted");
                outcome.believed += 1;
            }
            Err(failure) => {
                assert!(!failure.message.chars().any(|c| c.is_control() && c != '\n' && c != '\t'), "trial {trial}: {failure:?}");
                outcome.failed += 1;
            }
        }
    }
    outcome
}

/// Words that make an answer more often than not: small lengths, cases that there are, places within the bytes themselves.
fn made_up(trial: u64) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(trial);
    let words = random.usize(4..ROOM / 4);
    let within = |random: &mut fastrand::Rng| AT + 8 * random.u32(..u32::try_from(words).unwrap() / 2);
    let mut bytes = Vec::with_capacity(words * 4);
    // Most begin as a list of actions somewhere among the bytes.
    if random.u8(..10) > 0 {
        for word in [0, within(&mut random), random.u32(..4)] {
            bytes.extend(word.to_le_bytes());
        }
    }
    while bytes.len() < words * 4 {
        let word = match random.u8(..12) {
            0..=3 => random.u32(..12),
            4..=7 => within(&mut random),
            8 => random.u32(..),
            9 => u32::MAX - random.u32(..4),
            10 => u32::from_le_bytes(*b"1.5e"),
            _ => 0,
        };
        bytes.extend(word.to_le_bytes());
    }
    bytes
}

/// A small component that loads and answers.
pub fn small() -> Vec<u8> {
    guest()
}
