//! Items as DynamoDB can hold them, made at random: the one strategy for the property tests of every conversion. The
//! end-to-end tests use this very file.
//!
//! What is tried is fixed by a seed, which is printed. `DRIFT_SEED` and `DRIFT_CASES` choose others. A case that fails is made
//! as small as it can be, and its seed is kept in `arbitrary.failures` beside this file: it is tried first from then on, by
//! every test; commit it with what mends it.

use std::fmt::Debug;

use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, FileFailurePersistence, RngAlgorithm, TestRng, TestRunner};

use super::{Attributes, Item, MAX_DEPTH, Number, Value};

/// The partition key of every item, a number.
pub const KEY: &str = "Id";

/// What tests try where nobody says otherwise.
const SEED: u64 = 20_261_125;
const FAILURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../host/src/model/arbitrary.failures");

/// Names that something may stumble over: reserved words, quotes of every language on the way, what expressions and PartiQL
/// are made of, blanks, and letters of more than a byte.
const NAMES: [&str; 46] = [
    "a.b",
    "a[0]",
    "#n",
    ":v",
    "#",
    ":",
    "\"",
    "a\"b",
    "\"\"",
    "'",
    "it's",
    "`",
    "\\",
    "\\\"",
    "?",
    "a=?",
    "-- x",
    "/*",
    ";",
    ",",
    "(",
    "{}",
    "$",
    "%s",
    " ",
    " both ",
    "a b",
    "\t",
    "\n",
    "\u{feff}",
    "\u{202e}rtl",
    "é",
    "e\u{301}",
    "名前",
    "🦆",
    "👩\u{200d}👩\u{200d}👧",
    "SELECT",
    "select",
    "VALUE",
    "NULL",
    "size",
    "Item",
    "S",
    "M",
    "__proto__",
    "0",
];

/// Tries `test` on so many values; says the seed, and panics with the smallest value that fails.
pub fn each<S: Strategy>(cases: u32, strategy: S, test: impl Fn(S::Value) -> Result<(), TestCaseError>)
where
    S::Value: Debug,
{
    let (mut runner, seed) = runner(cases);
    if let Err(error) = runner.run(&strategy, test) {
        panic!("with the seed {seed}: {error}");
    }
}

/// So many values at once, for a test that takes them together; and the seed.
pub fn some<S: Strategy>(count: u32, strategy: S) -> (Vec<S::Value>, u64) {
    let (mut runner, seed) = runner(count);
    let one = |_| strategy.new_tree(&mut runner).unwrap().current();
    ((0..runner_cases(count)).map(one).collect(), seed)
}

fn runner_cases(cases: u32) -> u32 {
    variable("DRIFT_CASES").map_or(cases, |given| u32::try_from(given).unwrap())
}

fn runner(cases: u32) -> (TestRunner, u64) {
    let seed = variable("DRIFT_SEED").unwrap_or(SEED);
    let cases = runner_cases(cases);
    println!("{cases} cases with DRIFT_SEED={seed}");
    let persistence: Option<Box<dyn proptest::test_runner::FailurePersistence>> =
        Some(Box::new(FileFailurePersistence::Direct(FAILURES)));
    let config = Config { cases, failure_persistence: persistence, ..Config::default() };
    let bytes: Vec<u8> = seed.to_le_bytes().into_iter().cycle().take(32).collect();
    (TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes)), seed)
}

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}={text}: no number")))
}

/// Whole items: a number [`KEY`], and up to eight more attributes.
pub fn item() -> impl Strategy<Value = Item> {
    (any::<u32>(), vec((name(), value()), 0..8)).prop_map(|(id, attributes)| {
        let mut item: Item = attributes.into_iter().collect();
        item.insert(KEY, id.into());
        item
    })
}

/// Names of attributes, never empty and never [`KEY`].
pub fn name() -> impl Strategy<Value = String> {
    let any_name = vec(any::<char>(), 1..12).prop_map(|chars| chars.into_iter().collect::<String>());
    let long = "[a-z]{300}";
    prop_oneof![6 => proptest::sample::select(&NAMES[..]).prop_map(str::to_owned), 3 => any_name, 2 => "[A-Za-z_]{1,9}", 1 => long]
        .prop_filter("the key's", |name| name != KEY)
}

/// Values of every type, nested as deep as DynamoDB nests.
pub fn value() -> impl Strategy<Value = Value> {
    let nested = scalar().prop_recursive(5, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::L),
            vec((name(), inner), 0..4).prop_map(|pairs| Value::M(pairs.into_iter().collect())),
        ]
    });
    prop_oneof![9 => nested, 1 => deep()]
}

/// A value within up to as many lists and maps as there may be. The value itself is a level, unless the innermost is empty.
fn deep() -> impl Strategy<Value = Value> {
    let around = vec(proptest::option::of(name()), MAX_DEPTH - 4..MAX_DEPTH);
    (around, proptest::option::of(scalar())).prop_map(|(around, scalar)| {
        let innermost = scalar.unwrap_or_else(|| Value::M(Attributes::new()));
        around.into_iter().fold(innermost, |inner, name| match name {
            Some(name) => Value::M([(name, inner)].into_iter().collect()),
            None => Value::L(vec![inner]),
        })
    })
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => text().prop_map(Value::S),
        4 => number().prop_map(Value::N),
        2 => binary().prop_map(Value::B),
        1 => any::<bool>().prop_map(Value::Bool),
        1 => Just(Value::Null),
        1 => btree_set(text(), 1..5).prop_map(|set| Value::Ss(set.into_iter().collect())),
        1 => btree_set(number(), 1..5).prop_map(|set| Value::Ns(set.into_iter().collect())),
        1 => btree_set(binary(), 1..5).prop_map(|set| Value::Bs(set.into_iter().collect())),
    ]
}

fn text() -> impl Strategy<Value = String> {
    let any_text = vec(any::<char>(), 0..20).prop_map(|chars| chars.into_iter().collect());
    prop_oneof![1 => Just(String::new()), 2 => name(), 4 => any_text]
}

fn binary() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..40)
}

/// Up to 38 significant digits, from 1E-130 to 9.9…E+125, in each of the ways to write a number.
pub fn number() -> impl Strategy<Value = Number> {
    let digits = prop_oneof!["[1-9]", "[1-9][0-9]{1,8}", "[1-9][0-9]{36}[1-9]", "9{38}"];
    let exponent = prop_oneof![4 => -8..40i32, 2 => -130..=125i32, 1 => Just(-130), 1 => Just(125)];
    let zero = proptest::sample::select(vec!["0", "-0", "0.000", "0E+10"]).prop_map(str::to_owned);
    let written = (any::<bool>(), digits, exponent, 0..4).prop_map(|(negative, digits, exponent, way)| {
        let sign = if negative { "-" } else { "" };
        let (first, rest) = digits.split_at(1);
        match way {
            0 => format!("{sign}{first}.{rest}E{exponent:+}").replace(".E", "E"),
            1 => format!("{sign}00{first}.{rest}00e{exponent}"),
            _ => format!("{sign}{}", written_out(&digits, exponent)),
        }
    });
    prop_oneof![1 => zero, 12 => written].prop_map(|text| Number::parse(text).unwrap())
}

/// Without an exponent; `exponent` is that of the first digit.
fn written_out(digits: &str, exponent: i32) -> String {
    let whole = usize::try_from(exponent + 1).unwrap_or(0);
    match (exponent < 0, digits.len() > whole) {
        (true, _) => format!("0.{}{digits}", "0".repeat(usize::try_from(-exponent - 1).unwrap())),
        (false, true) => format!("{}.{}", &digits[..whole], &digits[whole..]),
        (false, false) => format!("{digits}{}", "0".repeat(whole - digits.len())),
    }
}
