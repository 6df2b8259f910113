//! What a guest writes while it works on one item: by `log`, standard output or standard error.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::limits::Limits;
use super::said;
use crate::migration::{LogLevel, LogLine, Secrets};

/// The log of the item at hand.
pub(super) struct GuestLog {
    lines: Vec<LogLine>,
    bytes: usize,
    dropped: usize,
    max_lines: usize,
    max_bytes: usize,
    /// What was written to standard output, and to standard error, since the last line's end.
    unfinished: [Vec<u8>; 2],
    secrets: Secrets,
}

/// A guest's two streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    Output,
    Error,
}

impl GuestLog {
    pub(super) fn new(limits: &Limits, secrets: Secrets) -> Self {
        Self {
            lines: Vec::new(),
            bytes: 0,
            dropped: 0,
            max_lines: limits.log_lines,
            max_bytes: limits.log_bytes,
            unfinished: Default::default(),
            secrets,
        }
    }

    /// Adds a line; past the limits it is counted and dropped. The values of secret arguments are masked before anything is cut.
    pub(super) fn write(&mut self, level: LogLevel, message: &str) {
        let message = &*self.secrets.mask(message).into_owned();
        let room = self.max_bytes.saturating_sub(self.bytes);
        if self.lines.len() >= self.max_lines || room == 0 {
            self.dropped += 1;
            return;
        }
        let mut cut = message.len().min(room);
        while !message.is_char_boundary(cut) {
            cut -= 1;
        }
        let kept = message.get(..cut).unwrap_or_default();
        self.bytes += kept.len().max(1);
        self.lines.push(LogLine { level, message: said::safe(kept) });
    }

    /// Adds what a guest wrote to a stream: each line when it ends, or grows longer than a log may be.
    pub(super) fn stream(&mut self, stream: Stream, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (line, ends) = piece.strip_suffix(b"\n").map_or((piece, false), |line| (line, true));
            let most = self.longest_line();
            let unfinished = self.unfinished_of(stream);
            unfinished.extend(line.iter().take(most.saturating_sub(unfinished.len())));
            if ends {
                self.end_line(stream);
            }
        }
    }

    /// Bytes of a line that are held until it ends: as many as a log may have, and one value of a secret argument more, so that
    /// none is cut before it is masked.
    fn longest_line(&self) -> usize {
        self.max_bytes + self.secrets.longest()
    }

    fn unfinished_of(&mut self, stream: Stream) -> &mut Vec<u8> {
        let [output, error] = &mut self.unfinished;
        match stream {
            Stream::Output => output,
            Stream::Error => error,
        }
    }

    fn end_line(&mut self, stream: Stream) {
        let level = match stream {
            Stream::Output => LogLevel::Info,
            Stream::Error => LogLevel::Warn,
        };
        let bytes = std::mem::take(self.unfinished_of(stream));
        let text = self.secrets.mask(String::from_utf8_lossy(&bytes).trim_end_matches('\r')).into_owned();
        // What a line that was cut ends with may be the beginning of a value, and after the masks before it stand further ahead.
        let cut = match self.secrets.longest() {
            longest if longest > 0 && bytes.len() >= self.longest_line() => longest + char::MAX.len_utf8(),
            _ => 0,
        };
        let kept = text.floor_char_boundary(text.len().saturating_sub(cut));
        self.write(level, text.get(..kept).unwrap_or_default());
    }

    /// Takes what was written since the last time.
    pub(super) fn take(&mut self) -> Vec<LogLine> {
        for stream in [Stream::Output, Stream::Error] {
            if !self.unfinished_of(stream).is_empty() {
                self.end_line(stream);
            }
        }
        let mut lines = std::mem::take(&mut self.lines);
        if self.dropped > 0 {
            let (dropped, most, bytes) = (self.dropped, self.max_lines, self.max_bytes);
            let message = format!(
                "… {dropped} more lines were dropped: the limit is {most} lines and {bytes} bytes an item (--limit log-lines, log)"
            );
            lines.push(LogLine { level: LogLevel::Warn, message });
        }
        (self.bytes, self.dropped) = (0, 0);
        lines
    }
}

/// What is left of the log that a run keeps, of all its slots.
#[derive(Clone, Debug)]
pub(super) struct RunLog(Arc<Left>);

#[derive(Debug)]
struct Left {
    lines: AtomicUsize,
    bytes: AtomicUsize,
}

impl RunLog {
    pub(super) fn new(limits: &Limits) -> Self {
        Self(Arc::new(Left { lines: AtomicUsize::new(limits.run_log_lines), bytes: AtomicUsize::new(limits.run_log_bytes) }))
    }

    /// The log of a failed item, if the run still has room for it; else one line that says so.
    pub(super) fn keep(&self, log: Vec<LogLine>) -> Vec<LogLine> {
        let bytes = log.iter().map(|line| line.message.len()).sum();
        let take = |left: &AtomicUsize, wanted: usize| {
            left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(wanted)).is_ok()
        };
        if log.is_empty() || take(&self.0.lines, log.len()) && take(&self.0.bytes, bytes) {
            return log;
        }
        let message =
            format!("… {} lines were not kept: the run has kept as many as it may (--limit run-log-lines, run-log)", log.len());
        vec![LogLine { level: LogLevel::Warn, message }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_cut_and_counted() {
        let mut log = GuestLog::new(&Limits { log_lines: 2, log_bytes: 100, ..Limits::default() }, Secrets::default());
        for n in 0..5 {
            log.write(LogLevel::Info, &format!("line {n}"));
        }
        let lines = log.take();
        assert_eq!(lines.len(), 3);
        assert!(lines[2].message.starts_with("… 3 more lines"));
        assert!(log.take().is_empty());
        log.write(LogLevel::Info, &"é".repeat(1000));
        assert_eq!(log.take()[0].message.len(), 100);
        log.stream(Stream::Output, &[b'x'; 100_000]);
        assert_eq!(log.take()[0].message.len(), 100);
    }

    #[test]
    fn what_is_written_in_pieces_is_a_line() {
        let mut log = GuestLog::new(&Limits::default(), Secrets::default());
        for piece in ["hel", "lo", "\r\n", "wo"] {
            log.stream(Stream::Output, piece.as_bytes());
        }
        log.stream(Stream::Error, b"a\n\nb\xff");
        let lines: Vec<_> = log.take().into_iter().map(|line| (line.level, line.message)).collect();
        let line = |level, text: &str| (level, text.to_owned());
        let (info, warn) = (LogLevel::Info, LogLevel::Warn);
        assert_eq!(lines, [line(info, "hello"), line(warn, "a"), line(warn, ""), line(info, "wo"), line(warn, "b\u{fffd}")]);
    }

    #[test]
    fn no_part_of_a_secret_is_left_where_a_long_line_is_cut() {
        let value = "open-sesame-7f3e";
        for before in 60..110 {
            for times in 1..8 {
                let mut log = GuestLog::new(&Limits { log_bytes: 100, ..Limits::default() }, Secrets::of(value));
                let text = format!("{}{}", "x".repeat(before), value.repeat(times));
                log.stream(Stream::Output, text.as_bytes());
                let said = log.take().remove(0).message;
                assert!(!said.contains('o'), "{before}: {said}");
                log.write(LogLevel::Info, &text);
                assert!(!log.take()[0].message.contains('o'), "{before}");
            }
        }
    }

    #[test]
    fn a_run_keeps_so_much_and_no_more() {
        let run = RunLog::new(&Limits { run_log_lines: 3, ..Limits::default() });
        let lines = |count| vec![LogLine { level: LogLevel::Info, message: "x".into() }; count];
        assert_eq!(run.keep(lines(2)).len(), 2);
        assert!(run.clone().keep(lines(2))[0].message.contains("2 lines were not kept"));
        assert_eq!(run.keep(lines(1)).len(), 1);
        assert!(run.keep(lines(1))[0].message.contains("--limit run-log-lines"));
        assert!(run.keep(vec![]).is_empty());
    }
}
