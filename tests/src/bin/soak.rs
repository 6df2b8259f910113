//! The soak as a program: `cargo xtask soak` builds the guests and starts it.

use std::process::ExitCode;

use drift_tests::soak::{margin, soak, strikes, verdict};

const USAGE: &str = "\
soak [--items N] NAME=COMPONENT.wasm...

  --items N    so many calls of one instance of each [default: 1000000]

Exit code 1: the memory of an instance grew by more than it may between a tenth of the calls and all of them.";

#[tokio::main]
async fn main() -> ExitCode {
    let (calls, guests) = match options() {
        Ok(options) => options,
        Err(problem) => {
            eprintln!("{problem}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let items = strikes().await;
    println!("{calls} calls of one instance each, {} strikes in turn; it is not replaced", items.len());
    println!("\n| | calls | linear memory, KiB | process, resident, KiB | µs a call |\n| --- | ---: | ---: | ---: | ---: |");
    let mut problems = Vec::new();
    for (name, component) in &guests {
        let checkpoints = match soak(component.as_ref(), &items, calls) {
            Ok(checkpoints) => checkpoints,
            Err(problem) => {
                problems.push(format!("{name}: {problem}"));
                continue;
            }
        };
        for point in &checkpoints {
            let resident = point.resident.map_or_else(|| "not told".into(), |bytes| (bytes >> 10).to_string());
            let (calls, memory, microseconds) = (point.calls, point.memory >> 10, point.microseconds);
            println!("| {name} | {calls} | {memory} | {resident} | {microseconds:.1} |");
        }
        problems.extend(verdict(&checkpoints).err().map(|problem| format!("{name}: {problem}")));
    }
    println!();
    if problems.is_empty() {
        println!("flat: none grew by more than a thirty-second and {} KiB after a tenth of its calls", margin(0) >> 10);
        return ExitCode::SUCCESS;
    }
    problems.iter().for_each(|problem| println!("GROWS {problem}"));
    ExitCode::FAILURE
}

fn options() -> Result<(u64, Vec<(String, String)>), String> {
    let (mut calls, mut guests) = (1_000_000, Vec::new());
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == "--items" {
            let number = arguments.next().and_then(|text| text.parse().ok()).filter(|calls| *calls >= 1_000);
            calls = number.ok_or("--items wants a number, 1000 or more")?;
        } else {
            let (name, component) = argument.split_once('=').ok_or(format!("{argument} is no NAME=COMPONENT.wasm"))?;
            guests.push((name.to_owned(), component.to_owned()));
        }
    }
    if guests.is_empty() { Err("there is no component".into()) } else { Ok((calls, guests)) }
}
