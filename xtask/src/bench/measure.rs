//! What a process used: read from /proc, where a process that has ended stands with its times until it is waited for.

use std::fs;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use crate::Result;

/// A tick of the kernel's accounting: Linux reports times to programs in hundredths of a second.
const TICK: f64 = 0.01;
/// How often a process is looked at. Its peak is kept by the kernel; only its last moment can be missed.
const INTERVAL: Duration = Duration::from_millis(5);

/// What one process used from its start to its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Used {
    /// Processor time, of its own and of the kernel for it.
    pub cpu_seconds: f64,
    /// From start to end.
    pub seconds: f64,
    /// The most memory that was resident at a time.
    pub peak_kib: u64,
}

/// Runs a program to its end. A failure's message is what `said` gives.
pub(super) fn run(command: &mut Command, said: impl Fn() -> String) -> Result<Used> {
    let name = command.get_program().to_string_lossy().into_owned();
    let begun = Instant::now();
    let mut child = command.spawn().map_err(|error| format!("cannot start {name}: {error}"))?;
    let mut peak_kib = 0;
    let cpu_seconds = loop {
        std::thread::sleep(INTERVAL);
        peak_kib = peak_kib.max(resident_peak(&child));
        match times(&child) {
            Some(('Z' | 'X', cpu)) => break cpu,
            Some(_) => {}
            None => break 0.0,
        }
    };
    let seconds = begun.elapsed().as_secs_f64();
    let status = child.wait().map_err(|error| format!("cannot wait for {name}: {error}"))?;
    if !status.success() {
        return Err(format!("{name} failed ({status}): {}", said().trim()));
    }
    Ok(Used { cpu_seconds, seconds, peak_kib })
}

/// Processor time of a process that still runs, in seconds.
pub(super) fn cpu_seconds(child: &Child) -> f64 {
    times(child).map_or(0.0, |(_, seconds)| seconds)
}

/// State and processor time. The program's name, in brackets, may hold anything; what follows it are single words.
fn times(child: &Child) -> Option<(char, f64)> {
    let text = fs::read_to_string(format!("/proc/{}/stat", child.id())).ok()?;
    let words: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| words.get(at)?.parse::<f64>().ok();
    Some((words.first()?.chars().next()?, (ticks(11)? + ticks(12)?) * TICK))
}

fn resident_peak(child: &Child) -> u64 {
    let text = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

/// The cores that this process may use, by their numbers.
pub(super) fn cores() -> Vec<usize> {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let list = text.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap_or_default();
    let ranges = list.trim().split(',').filter_map(|range| {
        let (from, to) = range.split_once('-').unwrap_or((range, range));
        Some(from.parse::<usize>().ok()?..=to.parse::<usize>().ok()?)
    });
    ranges.flatten().collect()
}
