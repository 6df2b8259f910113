//! `cargo xtask instructions`: how many instructions an item costs, whole and by part, held against what it cost before.
//!
//! On a noisy machine the processor's time says little below a factor of two; instructions hardly vary. They are counted by valgrind's
//! callgrind over whole runs of `drift-host run` on two tables, and the difference is what the items cost, the start taken off. The
//! program is the one that the tests start, so that nothing is built for this. Under valgrind there are no SHA instructions: signing is
//! in the whole, at twenty times its price.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::bench::{Server, made_up};
use crate::cargo::{self, target_dir};
use crate::{Result, guests, root};

/// Where the figures of before are.
const BEFORE: &str = "bench/instructions.json";
/// Items of the two tables.
const FEW: usize = 1_000;
const MANY: usize = 3_000;
/// Per cent by which a figure may grow.
const MARGIN: u64 = 10;

/// A part of the work: its name, and the functions whose instructions are its own, those that they call included.
const PARTS: [(&str, &[&str]); 5] = [
    ("call", &["<drift_host::plugin::slot::Slot as drift_host::migration::Worker>::call"]),
    ("guard", &["drift_host::dynamo::write::plan::plan::{{closure}}"]),
    (
        "journal",
        &[
            "drift_host::journal::checksum::Which::squeeze",
            "drift_host::journal::checksum::Which::expand",
            "drift_host::journal::writer::work",
        ],
    ),
    (
        "read",
        &[
            "<drift_host::dynamo::wire::ReadsPage as aws_smithy_runtime_api::client::ser_de::DeserializeResponse>::deserialize_nonstreaming_with_config",
        ],
    ),
    ("write", &["drift_host::run::apply::deliver::{{closure}}"]),
];

/// Counts, and compares; with `--bless` the figures are written down instead.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let bless = match arguments {
        [] => false,
        [flag] if flag == "--bless" => true,
        _ => return Err("instructions takes --bless, or nothing".into()),
    };
    for tool in ["valgrind", "callgrind_annotate"] {
        let found = Command::new(tool).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        // callgrind_annotate ends with 1 where it says its version.
        if found.is_err() {
            println!("NOT CHECKED: instructions are counted by {tool}, which is not here (Debian: apt-get install valgrind)");
            return Ok(());
        }
    }
    let program = crate::drift_host()?;
    let guest = guests::build()?.component("echo")?;
    let work = target_dir()?.join("instructions").join(std::process::id().to_string());
    fs::create_dir_all(&work).map_err(|error| format!("cannot make {}: {error}", work.display()))?;
    let counted = count(&program, &guest, &work);
    let _gone = fs::remove_dir_all(&work);
    let counted = counted?;
    let compiler = cargo::program("rustc").arg("--version").output()?.trim().to_owned();
    let path = root().join(BEFORE);
    if bless {
        let document = serde_json::json!({ "compiler": compiler, "instructions_an_item": counted });
        let text = serde_json::to_string_pretty(&document).map_err(|error| error.to_string())? + "\n";
        return fs::write(&path, text).map_err(|error| format!("cannot write {}: {error}", path.display()));
    }
    let text = fs::read_to_string(&path).map_err(|error| format!("cannot read {BEFORE}: {error}"))?;
    let before: Value = serde_json::from_str(&text).map_err(|error| format!("{BEFORE}: {error}"))?;
    let (report, grown) = compare(&counted, &before);
    print!("{report}");
    if before.get("compiler").and_then(Value::as_str) != Some(compiler.as_str()) {
        println!("NOT COMPARED: the figures of before are of another compiler than {compiler}");
        return Ok(());
    }
    match grown {
        true => Err(format!(
            "an item costs over {MARGIN} % more than before; if that is meant, say why in docs/performance.md and write it down: cargo xtask instructions --bless"
        )),
        false => Ok(()),
    }
}

/// A line a figure, and whether one has grown too much.
fn compare(counted: &BTreeMap<String, u64>, before: &Value) -> (String, bool) {
    let (mut report, mut grown) = (String::new(), false);
    for (name, now) in counted {
        let then = before.pointer(&format!("/instructions_an_item/{name}")).and_then(Value::as_u64);
        let too_much = then.is_some_and(|then| *now * 100 > then * (100 + MARGIN));
        grown |= too_much;
        let then = then.map_or_else(|| "none before".into(), |then| format!("{then} before"));
        report += &format!("{name:<10}{now:>10} instructions an item, {then}{}\n", if too_much { "  GROWN" } else { "" });
    }
    (report, grown)
}

/// Instructions an item, by part.
fn count(program: &Path, guest: &Path, work: &Path) -> Result<BTreeMap<String, u64>> {
    // Compiled once, and out of the cache afterwards.
    cargo::program(program).arg("inspect").arg(guest).output()?;
    let [few, many] = [FEW, MANY].map(|items| counted(program, guest, work, items));
    let (few, many) = (few?, many?);
    let an_item = |name: &str| {
        let of = |all: &BTreeMap<String, u64>| all.get(name).copied().unwrap_or_default();
        of(&many).saturating_sub(of(&few)) / (MANY - FEW) as u64
    };
    let figures: BTreeMap<String, u64> = many.keys().map(|name| (name.clone(), an_item(name))).collect();
    match figures.iter().find(|(_, figure)| **figure == 0) {
        Some((name, _)) => Err(format!("nothing was counted for {name}: have its functions other names now?")),
        None => Ok(figures),
    }
}

/// Instructions of a whole run over so many items, by part.
fn counted(program: &Path, guest: &Path, work: &Path, items: usize) -> Result<BTreeMap<String, u64>> {
    eprintln!("xtask: counting the instructions of a run over {items} items");
    let (rows, out) = (work.join("rows.json"), work.join(format!("{items}.callgrind")));
    fs::write(&rows, made_up(items)).map_err(|error| format!("cannot write {}: {error}", rows.display()))?;
    let load = format!("Rows:+Id={}", rows.display());
    let server = Server::serving(&mut Command::new(program), &load)?;
    let mut run = cargo::program("valgrind");
    run.args(["--tool=callgrind", &format!("--callgrind-out-file={}", out.display())]).arg(program).arg("run").arg(guest);
    run.args(["--table", "Rows", "--yes", "--endpoint-url", &server.endpoint(), "--runs-dir"]).arg(work.join(items.to_string()));
    for (name, value) in [("AWS_ACCESS_KEY_ID", "none"), ("AWS_SECRET_ACCESS_KEY", "none"), ("AWS_REGION", "us-east-1")] {
        run.env(name, value);
    }
    run.output()?;
    drop(server);
    let listing =
        cargo::program("callgrind_annotate").args(["--inclusive=yes", "--threshold=100", "--auto=no"]).arg(&out).output()?;
    Ok(parts(&listing))
}

/// The instructions of each part, out of what callgrind_annotate lists.
fn parts(listing: &str) -> BTreeMap<String, u64> {
    let mut of: BTreeMap<&str, u64> = BTreeMap::new();
    let mut whole = 0;
    for line in listing.lines() {
        let Some((number, rest)) = line.trim().split_once(' ') else { continue };
        let Ok(number) = number.replace(',', "").parse::<u64>() else { continue };
        if rest.contains("PROGRAM TOTALS") {
            whole = number;
        }
        // FILE:FUNCTION [OBJECT]; a function stands there once more for each file that was inlined into it, with less.
        let name = rest.rsplit_once(" [").map_or(rest, |(name, _)| name);
        for function in PARTS.iter().flat_map(|(_, functions)| functions.iter()) {
            if name.ends_with(function) && name.strip_suffix(function).is_some_and(|file| file.ends_with(".rs:")) {
                let most = of.entry(function).or_default();
                *most = number.max(*most);
            }
        }
    }
    let sum = |functions: &[&str]| functions.iter().map(|function| of.get(function).copied().unwrap_or_default()).sum();
    let parts = PARTS.iter().map(|(name, functions)| ((*name).to_owned(), sum(functions)));
    parts.chain([("whole".to_owned(), whole)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_out_of_a_listing() {
        let listing = "\
405,087,679 (100.0%)  PROGRAM TOTALS

 73,854,160 (18.23%)  host/src/plugin/slot.rs:<drift_host::plugin::slot::Slot as drift_host::migration::Worker>::call [drift-host]
  8,731,000 ( 2.16%)  host/src/dynamo/write/plan.rs:drift_host::dynamo::write::plan::plan::{{closure}} [drift-host]
  4,361,891 ( 1.08%)  library/alloc/src/vec/spec_from_iter.rs:drift_host::dynamo::write::plan::plan::{{closure}}
  8,821,150 ( 2.18%)  host/src/journal/checksum.rs:drift_host::journal::checksum::Which::squeeze [drift-host]
  6,444,559 ( 1.59%)  host/src/journal/writer.rs:drift_host::journal::writer::work [drift-host]
  1,000,000 ( 0.24%)  library/core/src/ptr/mod.rs:core::ptr::drop_in_place<drift_host::dynamo::write::plan::plan::{{closure}}> [drift-host]
";
        let parts = parts(listing);
        let figure = |name: &str| parts.get(name).copied();
        assert_eq!((figure("whole"), figure("call"), figure("guard")), (Some(405_087_679), Some(73_854_160), Some(8_731_000)));
        assert_eq!((figure("journal"), figure("write")), (Some(8_821_150 + 6_444_559), Some(0)));
    }

    #[test]
    fn what_has_grown_by_more_than_the_margin_is_told() {
        let before = serde_json::json!({ "instructions_an_item": { "call": 1_000, "whole": 10_000 } });
        let now = |call, whole| [("call".to_owned(), call), ("whole".to_owned(), whole)].into_iter().collect();
        assert!(!compare(&now(1_100, 10_500), &before).1);
        let (report, grown) = compare(&now(1_101, 10_500), &before);
        assert!(grown && report.contains("GROWN") && report.matches("GROWN").count() == 1, "{report}");
    }
}
