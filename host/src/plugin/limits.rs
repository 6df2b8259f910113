//! What a plugin may take: one table of limits, from which the flag, `inspect`, a run's manifest and the errors are made.
//!
//! Each limit has a name, a unit and a default; `--limit NAME=VALUE` sets it. Beyond a limit of an item only that item fails;
//! beyond a limit of the component nothing runs. A run keeps the limits that it began with, so that an item which is asked
//! about again at apply has what it had at the plan.

use std::fmt::Write as _;
use std::time::Duration;

/// What a guest may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Time for one item. Default 5 s.
    pub item_time: Duration,
    /// Time for initialisation, and for `describe`. Default 10 s.
    pub start_time: Duration,
    /// Time for compiling the component. Default 120 s.
    pub compile_time: Duration,
    /// Bytes of the component's file. Default 64 MiB.
    pub component_bytes: usize,
    /// Bytes of all linear memories of an instance. Default 256 MiB.
    pub memory_bytes: usize,
    /// Elements of all tables of an instance. Default 200,000.
    pub table_elements: usize,
    /// Bytes of stack. Default 512 KiB.
    pub stack_bytes: usize,
    /// Resources of the host that an instance holds at a time: streams, pollables. Default 10,000.
    pub handles: usize,
    /// Actions an item. Default 100, which is what a transaction holds.
    pub actions: usize,
    /// Bytes that the answer for one item may have. Default 16 MiB.
    pub answer_bytes: usize,
    /// Bytes that one item may hand to functions of the host, and have random. Default 16 MiB.
    pub call_bytes: usize,
    /// Calls to DynamoDB at once an item. Default 100.
    pub direct_calls: usize,
    /// Bytes of items that calls at once hand over and bring, an item. Default 16 MiB.
    pub direct_bytes: usize,
    /// Log lines an item. Default 100; the rest is counted.
    pub log_lines: usize,
    /// Bytes of log an item. Default 16 KiB; the rest is counted.
    pub log_bytes: usize,
    /// Log lines of failed items that a run keeps. Default 100,000; the rest is counted.
    pub run_log_lines: usize,
    /// Bytes of log of failed items that a run keeps. Default 64 MiB; the rest is counted.
    pub run_log_bytes: usize,
    /// Calls after which an instance is replaced. Default 100,000.
    pub instance_calls: usize,
    /// Bytes of memory from which on an instance is replaced after its item. Default 192 MiB.
    pub instance_memory: usize,
    /// A new instance for each item. Default false.
    pub fresh_instances: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            item_time: Duration::from_secs(5),
            start_time: Duration::from_secs(10),
            compile_time: Duration::from_secs(120),
            component_bytes: 64 << 20,
            memory_bytes: 256 << 20,
            table_elements: 200_000,
            stack_bytes: 512 << 10,
            handles: 10_000,
            actions: 100,
            answer_bytes: 16 << 20,
            call_bytes: 16 << 20,
            direct_calls: 100,
            direct_bytes: 16 << 20,
            log_lines: 100,
            log_bytes: 16 << 10,
            run_log_lines: 100_000,
            run_log_bytes: 64 << 20,
            instance_calls: 100_000,
            instance_memory: 192 << 20,
            fresh_instances: false,
        }
    }
}

/// In a run's manifest, among the limits.
const FRESH: &str = "fresh-instances";

/// A text that sets no limit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not a limit: {problem}. The form is NAME=VALUE: item-time=10s, memory=512MiB, actions=100; `drift-host inspect` lists all"
)]
pub struct LimitError {
    text: String,
    problem: String,
}

/// One limit, as `inspect` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitLine {
    /// As in `--limit NAME=VALUE`.
    pub name: &'static str,
    /// With its unit.
    pub value: String,
    /// In milliseconds, bytes, or pieces.
    pub number: u64,
    /// What it bounds.
    pub about: &'static str,
}

#[derive(Clone, Copy)]
enum Unit {
    Time,
    Bytes,
    Pieces,
}

struct Row {
    name: &'static str,
    unit: Unit,
    least: u64,
    most: u64,
    about: &'static str,
    field: fn(&mut Limits) -> Field<'_>,
}

enum Field<'a> {
    Time(&'a mut Duration),
    Size(&'a mut usize),
}

const HOUR: u64 = 3_600_000;
const GIB: u64 = 1 << 30;
const MANY: u64 = 1 << 40;

macro_rules! rows {
    ($($name:literal $unit:ident $kind:ident $field:ident $least:expr, $most:expr; $about:literal)*) => {
        [$(Row { name: $name, unit: Unit::$unit, least: $least, most: $most, about: $about, field: |limits| Field::$kind(&mut limits.$field) },)*]
    };
}

static ROWS: [Row; 19] = rows! {
    "item-time" Time Time item_time 10, HOUR; "time for one item"
    "start-time" Time Time start_time 10, HOUR; "time for an instance's initialisation, and for `describe`"
    "compile-time" Time Time compile_time 10, HOUR; "time for compiling the component"
    "component" Bytes Size component_bytes 8, GIB; "size of the component"
    "memory" Bytes Size memory_bytes 65_536, 4 * GIB; "memory of an instance"
    "table-elements" Pieces Size table_elements 1, 10_000_000; "elements of an instance's tables"
    "stack" Bytes Size stack_bytes 16_384, 1 << 20; "stack of an instance"
    "handles" Pieces Size handles 1, 1_000_000; "streams and pollables an instance holds at a time"
    "actions" Pieces Size actions 1, 1_000_000; "actions an item"
    "answer" Bytes Size answer_bytes 1_024, 4 * GIB; "size of the answer for an item"
    "host-calls" Bytes Size call_bytes 1_024, 4 * GIB; "bytes that an item hands to the host's functions"
    "direct-calls" Pieces Size direct_calls 0, 1_000_000; "calls to DynamoDB at once an item"
    "direct-bytes" Bytes Size direct_bytes 0, 4 * GIB; "bytes of items that calls at once hand over and bring, an item"
    "log-lines" Pieces Size log_lines 0, MANY; "log lines an item; the rest is counted"
    "log" Bytes Size log_bytes 0, MANY; "log an item; the rest is counted"
    "run-log-lines" Pieces Size run_log_lines 0, MANY; "log lines of failed items that a run keeps"
    "run-log" Bytes Size run_log_bytes 0, MANY; "log of failed items that a run keeps"
    "instance-calls" Pieces Size instance_calls 1, MANY; "items after which an instance is replaced"
    "instance-memory" Bytes Size instance_memory 65_536, 4 * GIB; "memory from which on an instance is replaced after its item"
};

impl Limits {
    /// Sets one limit: `item-time=10s`, or `fresh-instances`.
    pub fn set(&mut self, text: &str) -> Result<(), LimitError> {
        let error = |problem: String| LimitError { text: text.chars().take(80).collect(), problem };
        if text == FRESH {
            self.fresh_instances = true;
            return Ok(());
        }
        let (name, value) = text.split_once('=').ok_or_else(|| error("there is no `=` in it".into()))?;
        let row = ROWS.iter().find(|row| row.name == name).ok_or_else(|| {
            let names: Vec<&str> = ROWS.iter().map(|row| row.name).collect();
            error(format!("there is none of that name, but {}", names.join(", ")))
        })?;
        let number = row.unit.parse(value).ok_or_else(|| error(format!("the value is not {}", row.unit.form())))?;
        if !(row.least..=row.most).contains(&number) {
            return Err(error(format!("it may be {} to {}", row.unit.show(row.least), row.unit.show(row.most))));
        }
        match (row.field)(self) {
            Field::Time(time) => *time = Duration::from_millis(number),
            Field::Size(size) => *size = usize::try_from(number).map_err(|_| error("it is more than this machine has".into()))?,
        }
        Ok(())
    }

    /// Those that are not the default, as [`Limits::set`] takes them.
    pub fn texts(&self) -> Vec<String> {
        let (ours, defaults) = (self.lines(), Self::default().lines());
        let other = ours.iter().zip(&defaults).filter(|(ours, default)| ours.number != default.number);
        other.map(|(ours, _)| format!("{}={}", ours.name, ours.value)).chain(self.fresh_instances.then(|| FRESH.into())).collect()
    }

    /// All of them but `fresh-instances`.
    pub fn lines(&self) -> Vec<LimitLine> {
        let mut copy = *self;
        let line = |row: &'static Row| {
            let number = match (row.field)(&mut copy) {
                Field::Time(time) => u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
                Field::Size(size) => *size as u64,
            };
            LimitLine { name: row.name, value: row.unit.show(number), number, about: row.about }
        };
        ROWS.iter().map(line).collect()
    }

    /// The value of one of them, with its unit.
    pub(super) fn shown(&self, name: &str) -> String {
        self.lines().into_iter().find(|line| line.name == name).map_or_else(String::new, |line| line.value)
    }

    /// The list of names, defaults and meanings, for `--help`.
    pub fn help() -> String {
        Self::default().lines().iter().fold(String::new(), |mut text, line| {
            let _to_a_string = write!(text, "\n  {:<24} {}", format!("{}={}", line.name, line.value), line.about);
            text
        })
    }
}

impl Unit {
    fn form(self) -> &'static str {
        match self {
            Self::Time => "a time, as 500ms, 10s or 2m",
            Self::Bytes => "a size, as 65536, 64KiB, 256MiB or 1GiB",
            Self::Pieces => "a whole number",
        }
    }

    fn scales(self) -> &'static [(&'static str, u64)] {
        match self {
            Self::Time => &[("ms", 1), ("m", 60_000), ("s", 1_000)],
            Self::Bytes => &[("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("", 1)],
            Self::Pieces => &[("", 1)],
        }
    }

    fn parse(self, text: &str) -> Option<u64> {
        let (digits, scale) = self.scales().iter().find_map(|(suffix, scale)| Some((text.strip_suffix(suffix)?, scale)))?;
        // No sign, no blank: what `parse` takes beyond digits.
        let plain = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
        plain.then(|| digits.parse::<u64>().ok()?.checked_mul(*scale))?
    }

    fn show(self, number: u64) -> String {
        let scales = match self {
            Self::Time => &[("s", 1_000), ("ms", 1)][..],
            _ => self.scales(),
        };
        let whole = scales.iter().find(|(_, scale)| number >= *scale && number.is_multiple_of(*scale));
        whole.map_or_else(
            || format!("{number}{}", if matches!(self, Self::Time) { "ms" } else { "" }),
            |(suffix, scale)| format!("{}{suffix}", number / scale),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_reads_what_it_shows() {
        for line in Limits::default().lines() {
            let mut limits = Limits::default();
            limits.set(&format!("{}={}", line.name, line.value)).unwrap();
            assert_eq!(limits, Limits::default(), "{}", line.name);
        }
    }

    #[test]
    fn what_differs_from_the_default_is_told_and_read_again() {
        let mut limits = Limits::default();
        for text in ["item-time=1500ms", "memory=1GiB", "actions=7", "fresh-instances"] {
            limits.set(text).unwrap();
        }
        assert_eq!(limits.texts(), ["item-time=1500ms", "memory=1GiB", "actions=7", "fresh-instances"]);
        let mut again = Limits::default();
        limits.texts().iter().for_each(|text| again.set(text).unwrap());
        assert_eq!(again, limits);
    }

    #[test]
    fn a_wrong_limit_shows_the_right_form() {
        let wrong = |text: &str| Limits::default().set(text).unwrap_err().to_string();
        assert!(wrong("time=5s").contains("there is none of that name, but item-time, start-time"));
        assert!(wrong("item-time=5").contains("500ms, 10s or 2m"));
        assert!(wrong("memory=-1").contains("256MiB"));
        assert!(wrong("memory=1").contains("it may be 64KiB to 4GiB"));
        assert!(wrong("memory=99999999999999999999GiB").contains("256MiB"));
        assert!(wrong("actions=+5").contains("a whole number"));
        assert!(wrong("actions").contains("NAME=VALUE"));
    }
}
