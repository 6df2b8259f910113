//! What a guest writes while it works on one item: by `log`, standard output or standard error.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};

use super::engine::Limits;
use crate::migration::{LogLevel, LogLine, Secrets};

/// The log of the item at hand. Shared between the instance's host functions and its WASI streams.
#[derive(Clone)]
pub(super) struct GuestLog(Arc<Mutex<Lines>>);

struct Lines {
    lines: Vec<LogLine>,
    bytes: usize,
    dropped: usize,
    max_lines: usize,
    max_bytes: usize,
    secrets: Secrets,
}

impl GuestLog {
    pub(super) fn new(limits: &Limits, secrets: Secrets) -> Self {
        let (max_lines, max_bytes) = (limits.log_lines, limits.log_bytes);
        Self(Arc::new(Mutex::new(Lines { lines: Vec::new(), bytes: 0, dropped: 0, max_lines, max_bytes, secrets })))
    }

    /// Adds a line; past the limits it is counted and dropped. Control characters are escaped, so that a guest cannot
    /// reach the operator's terminal, and the values of secret arguments are masked, before anything is cut.
    pub(super) fn write(&self, level: LogLevel, message: &str) {
        let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let message = &*log.secrets.mask(message).into_owned();
        let room = log.max_bytes.saturating_sub(log.bytes);
        if log.lines.len() >= log.max_lines || room == 0 {
            log.dropped += 1;
            return;
        }
        let mut cut = message.len().min(room);
        while !message.is_char_boundary(cut) {
            cut -= 1;
        }
        let kept = message.get(..cut).unwrap_or_default();
        log.bytes += kept.len().max(1);
        log.lines.push(LogLine { level, message: escaped(kept) });
    }

    /// Takes what was written since the last time.
    pub(super) fn take(&self) -> Vec<LogLine> {
        let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut lines = std::mem::take(&mut log.lines);
        if log.dropped > 0 {
            let message = format!(
                "… {} more lines were dropped: the limit is {} lines and {} bytes an item",
                log.dropped, log.max_lines, log.max_bytes
            );
            lines.push(LogLine { level: LogLevel::Warn, message });
        }
        (log.bytes, log.dropped) = (0, 0);
        lines
    }

    fn masked(&self, text: &str) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).secrets.mask(text).into_owned()
    }

    /// A WASI stream whose lines go to this log.
    pub(super) fn stream(&self, level: LogLevel) -> LogStream {
        LogStream { log: self.clone(), level }
    }
}

fn escaped(text: &str) -> String {
    let safe = |c: char| !c.is_control() && !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        if safe(c) || c == '\n' || c == '\t' {
            out.push(c);
        } else {
            out.extend(c.escape_unicode());
        }
        out
    })
}

/// Standard output or standard error of a guest.
#[derive(Clone)]
pub(super) struct LogStream {
    log: GuestLog,
    level: LogLevel,
}

impl IsTerminal for LogStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LogStream {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }
}

impl AsyncWrite for LogStream {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        // As a whole first: a value may have several lines.
        for line in self.log.masked(&String::from_utf8_lossy(bytes)).lines() {
            self.log.write(self.level, line);
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_cut_and_counted() {
        let log = GuestLog::new(&Limits { log_lines: 2, log_bytes: 100, ..Limits::default() }, Secrets::default());
        for n in 0..5 {
            log.write(LogLevel::Info, &format!("line {n}"));
        }
        let lines = log.take();
        assert_eq!(lines.len(), 3);
        assert!(lines[2].message.starts_with("… 3 more lines"));
        assert!(log.take().is_empty());
        log.write(LogLevel::Info, &"é".repeat(1000));
        assert_eq!(log.take()[0].message.len(), 100);
    }

    #[test]
    fn control_characters_cannot_reach_a_terminal() {
        let log = GuestLog::new(&Limits::default(), Secrets::default());
        log.write(LogLevel::Info, "a\u{1b}[2Jb\u{202e}c\td");
        assert_eq!(log.take()[0].message, "a\\u{1b}[2Jb\\u{202e}c\td");
    }
}
