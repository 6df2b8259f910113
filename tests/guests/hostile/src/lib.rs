//! A guest written to do harm: what the argument `case` says, to the item whose `Id` is 7 (or to those that the case names),
//! and what the mark in its bytes says when it describes itself. All other items it touches.
//!
//! Without the SDK, so that its answers can be malformed. What needs to be below the bindings stands as `.wat` in the folders
//! of the cases, `tests/tests/hostile/`.

wit_bindgen::generate!({ path: ["../../../wit", "wit"], world: "drift:hostile/hostile", generate_all });

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};

use drift::migration::types::{Address, Attribute, Existing, Insert, Name, Patch, Target, Update, Value};
use drift::migration::{log, run};
use wasi::clocks::{monotonic_clock, wall_clock};
use wasi::io::poll;
use wasi::random::random;

struct Hostile;

/// In the bytes of the component; a case that puts another text in its place has a guest that describes itself so.
static MARK: [u8; 32] = *b"DESCRIBES ITSELF: as it should  ";

static CALLS: AtomicU64 = AtomicU64::new(0);

/// Numbers that are none, or none of DynamoDB's.
const BAD_NUMBERS: [&str; 16] = [
    "",
    " 1",
    "1 ",
    "1_000",
    "NaN",
    "Infinity",
    "1e",
    "--1",
    "0x10",
    "1,5",
    "1e126",
    "1e-131",
    ".",
    "1e99999999999999999999",
    "123456789012345678901234567890123456789",
    "\u{661}",
];

fn set(name: &str, value: Value) -> Action {
    patch(vec![Attribute { name: name.into(), value }], vec![])
}

fn patch(attributes: Vec<Attribute>, nested: Vec<Value>) -> Action {
    Action::Patch(Patch { set: Item { attributes, nested }, remove: vec![] })
}

fn nested(value: Value, nested: Vec<Value>) -> Result<Vec<Action>, String> {
    Ok(vec![patch(vec![Attribute { name: "x".into(), value }], nested)])
}

fn touch() -> Result<Vec<Action>, String> {
    Ok(vec![set("touched", Value::Bool(true))])
}

fn text(name: &str, text: impl Into<String>) -> Result<Vec<Action>, String> {
    Ok(vec![set("touched", Value::Bool(true)), set(name, Value::S(text.into()))])
}

fn insert(table: Option<&str>, attributes: Vec<Attribute>) -> Result<Vec<Action>, String> {
    let item = Item { attributes, nested: vec![] };
    Ok(vec![Action::Insert(Insert { table: table.map(Into::into), item, existing: Existing::Fail })])
}

fn id(item: &Item) -> u64 {
    let found = item.attributes.iter().find(|attribute| attribute.name == "Id");
    match found.map(|attribute| &attribute.value) {
        Some(Value::N(text)) => text.parse().unwrap_or(0),
        _ => 0,
    }
}

fn key(value: Value) -> Vec<Attribute> {
    vec![Attribute { name: "Id".into(), value }]
}

/// Nothing of it lies in the memory, where a language keeps a stack of its own.
#[inline(never)]
fn recurse(depth: u64) -> u64 {
    if depth == u64::MAX { 0 } else { (recurse(depth + 1) ^ depth).rotate_left(3) }
}

/// All of it lies in the memory.
#[inline(never)]
fn recurse_in_memory(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    if depth == u64::MAX { 0 } else { recurse_in_memory(depth + 1) + frame[(depth % 64) as usize] }
}

#[inline(never)]
fn named_in_the_backtrace() -> ! {
    core::arch::wasm32::unreachable()
}

/// Text that is none: half of a surrogate pair, as some encoders write it.
fn half_a_surrogate() -> String {
    unsafe { String::from_utf8_unchecked(b"\xed\xa0\x80".to_vec()) }
}

/// So many texts, which all lie on the same bytes: far more to hand over than there is memory.
fn same_bytes_again(times: usize) -> Vec<String> {
    let bytes: &'static mut [u8] = Box::leak(vec![b'x'; 10 << 20].into_boxed_slice());
    let (at, length) = (bytes.as_mut_ptr(), bytes.len());
    (0..times).map(|_| unsafe { String::from_raw_parts(at, length, length) }).collect()
}

fn harm(case: &str) -> Result<Vec<Action>, String> {
    match case {
        "loop" => loop {
            black_box(());
        },
        "recurse-in-memory" => text("x", recurse_in_memory(black_box(0)).to_string()),
        "recurse" => text("x", recurse(black_box(0)).to_string()),
        "memory" => loop {
            core::mem::forget(black_box(vec![1u8; 1 << 20]));
        },
        "gigabyte" => nested(Value::Ss(same_bytes_again(100)), vec![]),
        "million-actions" => Ok((0..1_000_000).map(|_| set("x", Value::Null)).collect()),
        "101-actions" => Ok((0..101).map(|_| set("x", Value::Null)).collect()),
        "too-few" => nested(Value::L(2), vec![Value::Null]),
        "too-many" => nested(Value::L(1), vec![Value::Null, Value::Null]),
        "most-children" => nested(Value::L(u32::MAX), vec![Value::Null]),
        "levels" => {
            let mut levels = vec![Value::L(1); 1_000_000];
            levels.push(Value::Null);
            nested(Value::L(1), levels)
        }
        "name-twice" => nested(Value::M(vec!["a".into(), "a".into()]), vec![Value::Null, Value::Null]),
        "long-argument" => text("found", format!("{:?}", run::argument(&"x".repeat(64 << 10)))),
        "long-name" => Ok(vec![set(&"x".repeat(64 << 10), Value::Null)]),
        "flood-host" => loop {
            log::write(log::Level::Info, &"x".repeat(1 << 20));
        },
        "key-missing" => insert(None, vec![Attribute { name: "other".into(), value: Value::Null }]),
        "key-of-another-type" => insert(None, key(Value::S("seven".into()))),
        "key-is-a-map" => {
            let item = Item { attributes: key(Value::M(vec![])), nested: vec![] };
            Ok(vec![Action::Delete(Target::Other(Address { table: None, key: item }))])
        }
        "key-changed" => Ok(vec![set("Id", Value::N("8".into()))]),
        "other-table" => insert(Some("Others"), key(Value::N("7".into()))),
        "history" => insert(Some("drift_migrations"), key(Value::N("7".into()))),
        "wildcard" => insert(Some("*"), key(Value::N("7".into()))),
        "wildcard-in-a-name" => insert(Some("Thing?"), key(Value::N("7".into()))),
        "injection" => Ok(vec![Action::Update(Update {
            target: Target::This,
            expression: "SET #a = :v REMOVE name".into(),
            condition: None,
            names: vec![Name { placeholder: "#a = :v, #b".into(), attribute: "a".into() }],
            values: Item { attributes: vec![], nested: vec![] },
        })]),
        "surrogate-in-log" => {
            log::write(log::Level::Info, &half_a_surrogate());
            touch()
        }
        "surrogate-in-answer" => text("x", half_a_surrogate()),
        "control" => {
            log::write(log::Level::Info, "log \u{1b}]0;owned\u{7}\u{1b}[2J\r\u{202e}gol");
            Err("error \u{1b}[1A\u{1b}[2Kgone\nId=8: spoofed \u{2066}x".into())
        }
        "control-in-actions" => Ok(vec![
            set("x\u{1b}[2J", Value::S("\u{9b}2J\u{202e}\u{1b}[2J\r".into())),
            Action::Update(Update {
                target: Target::This,
                expression: "SET a = b \u{1b}[2J\u{202e}".into(),
                condition: None,
                names: vec![],
                values: Item { attributes: vec![], nested: vec![] },
            }),
        ]),
        "secrets" => {
            log::write(log::Level::Info, "key AKIAIOSFODNN7EXAMPLE, password=hunter2hunter2");
            Err("Authorization: Bearer eyJhbGciOi.J9 to https://me:s3cr3t99@example.com".into())
        }
        "long-error" => Err("x".repeat(1 << 20)),
        "flood-log" => {
            for line in 0..100_000 {
                log::write(log::Level::Info, &format!("line {line}"));
            }
            Err("after the flood".into())
        }
        "sleep" => {
            let before = monotonic_clock::now();
            monotonic_clock::subscribe_duration(3_600_000_000_000).block();
            let (hour, day) =
                (monotonic_clock::subscribe_duration(3_600_000_000_000), monotonic_clock::subscribe_duration(u64::MAX));
            let ready = poll::poll(&[&day, &hour]);
            let hours = (monotonic_clock::now() - before) / 3_600_000_000_000;
            text("slept", format!("{hours} hours, {ready:?} ready"))
        }
        "handles" => {
            let held: Vec<_> = (0..1_000_000).map(|_| monotonic_clock::subscribe_duration(1)).collect();
            text("held", held.len().to_string())
        }
        "random-bytes" => text("random", random::get_random_bytes(u64::MAX).len().to_string()),
        "exit" => {
            wasi::cli::exit::exit(Ok(()));
            touch()
        }
        "unreachable" => named_in_the_backtrace(),
        "out-of-bounds" => text("x", unsafe { *black_box(0xffff_fff0 as *const u32) }.to_string()),
        "null-call" => {
            let function: fn() -> u32 = unsafe { core::mem::transmute(black_box(0x00ff_fff0usize)) };
            text("x", function().to_string())
        }
        other => Err(format!("no case {other:?}")),
    }
}

impl Guest for Hostile {
    fn describe() -> Description {
        let mark = black_box(&MARK);
        let says = |what: &[u8]| mark.get(18..).is_some_and(|text| text.starts_with(what));
        if says(b"endless") {
            loop {
                black_box(());
            }
        }
        if says(b"run") {
            run::argument("x");
        }
        if says(b"panic") {
            log::write(log::Level::Error, "panicked at \u{1b}[2J describe");
            core::arch::wasm32::unreachable()
        }
        let mut description = Description {
            number: "666".into(),
            name: "hostile".into(),
            summary: "does what the argument `case` says".into(),
            repeatable: true,
            after: vec![],
            grants: vec![],
            extra: vec![],
        };
        if says(b"number") {
            description.number = "12345678901234567890".into();
        }
        if says(b"control") {
            description.name = "two\n\u{1b}[2Jlines".into();
            description.summary = "\u{202e}backwards password=hunter2hunter2".into();
        }
        if says(b"gigabyte") {
            description.after = same_bytes_again(100);
        }
        description
    }

    fn migrate(item: Item) -> Result<Vec<Action>, String> {
        let calls = CALLS.fetch_add(1, Ordering::Relaxed) + 1;
        let (case, id) = (run::argument("case").unwrap_or_default(), id(&item));
        match case.as_str() {
            "touch" => touch(),
            "leak" => {
                core::mem::forget(black_box(vec![1u8; 1 << 20]));
                text("calls", calls.to_string())
            }
            "count" => text("calls", calls.to_string()),
            "log-all" => {
                log::write(log::Level::Info, &format!("about {id}"));
                if id % 2 == 0 { Err(format!("as asked for {id}")) } else { touch() }
            }
            "every-second" if id % 2 == 0 => core::arch::wasm32::unreachable(),
            "every-second" => touch(),
            "numbers" => match BAD_NUMBERS.get(id as usize - 1) {
                Some(number) => Ok(vec![set("x", Value::N((*number).into()))]),
                None => touch(),
            },
            "environment" => {
                let seconds = wall_clock::now().seconds;
                let (variables, started) = (wasi::cli::environment::get_environment(), run::started_at());
                text("environment", format!("{variables:?} {seconds} {started}"))
            }
            "random" => {
                let map: HashMap<u8, u8> = HashMap::new();
                text("random", format!("{} {:?} {}", random::get_random_u64(), random::get_random_bytes(3), map.len()))
            }
            other if id == 7 => harm(other),
            _ => touch(),
        }
    }
}

export!(Hostile);
