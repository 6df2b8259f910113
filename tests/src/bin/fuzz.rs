//! Fuzzing as a program: `cargo xtask fuzz` builds and starts it.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use drift_tests::fuzz::{Until, answers, components};

const USAGE: &str = "\
fuzz [--seconds N] [--seed S] [COMPONENT.wasm]...

  --seconds N     for so long, half of it damaged components and half of it made-up answers [default: 60]
  --seed S        the first trial's seed, one more for each after it [default: the time]
  COMPONENT.wasm  what is damaged, beside a small one; each takes its share of the time";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}\n\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), String> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_err(|error| error.to_string())?;
    let (mut seconds, mut seed, mut files) = (60u64, now.as_secs() << 20, Vec::new());
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || arguments.next().and_then(|text| text.parse().ok()).ok_or(format!("{argument} wants a number"));
        match argument.as_str() {
            "--seconds" => seconds = number()?,
            "--seed" => seed = number()?,
            file if !file.starts_with('-') => files.push(std::fs::read(file).map_err(|error| format!("{file}: {error}"))?),
            _ => return Err(format!("{argument} is unknown")),
        }
    }
    files.push(drift_tests::fuzz::small());
    println!("seed {seed}");
    let share = Duration::from_secs(seconds) / 2 / u32::try_from(files.len()).unwrap_or(1);
    for file in &files {
        let outcome = components(file, seed, Until::Instant(Instant::now() + share));
        println!("damaged components of {} bytes: {outcome:?}", file.len());
    }
    let outcome = answers(seed, Until::Instant(Instant::now() + Duration::from_secs(seconds) / 2));
    println!("made-up answers: {outcome:?}");
    Ok(())
}
