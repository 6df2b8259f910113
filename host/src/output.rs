//! Standard output and standard error. Whoever reads them may go away (`| head`): that ends no verb, and least of all a run.

use std::borrow::Cow;
use std::io::Write;

use crate::model::is_plain;

/// A result, with its line's end, on standard output.
macro_rules! say {
    ($($text:tt)*) => {
        $crate::output::result(format_args!("{}\n", format_args!($($text)*)))
    };
}

/// A part of a result on standard output.
macro_rules! show {
    ($($text:tt)*) => {
        $crate::output::result(format_args!($($text)*))
    };
}

/// A line about what is going on, on standard error.
macro_rules! tell {
    ($($text:tt)*) => {
        $crate::output::aside(format_args!("{}\n", format_args!($($text)*)))
    };
}

pub(crate) fn result(text: std::fmt::Arguments<'_>) {
    let mut out = std::io::stdout().lock();
    let _nobody_reads = out.write_all(safe(&text.to_string()).as_bytes()).and_then(|()| out.flush());
}

pub(crate) fn aside(text: std::fmt::Arguments<'_>) {
    let _nobody_reads = std::io::stderr().lock().write_all(safe(&text.to_string()).as_bytes());
}

/// The colours that this host paints with.
const PAINT: [&str; 4] = ["\u{1b}[0m", "\u{1b}[1m", "\u{1b}[31m", "\u{1b}[32m"];

/// What may reach a terminal, whoever wrote it: a guest, the items of a table, an endpoint. Everything else is escaped as JSON
/// does, so that a JSON document stays one.
fn safe(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let paint = PAINT.iter().find(|paint| rest.starts_with(**paint));
        let width = paint.map_or(c.len_utf8(), |paint| paint.len());
        let (piece, after) = rest.split_at(width);
        match paint.is_some() || is_plain(c) {
            true => out.push_str(piece),
            false => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}"))),
        }
        rest = after;
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_our_own_colours_moves_a_terminal() {
        assert_eq!(safe("plain: Grüße\n\t\u{1b}[31mred\u{1b}[0m"), "plain: Grüße\n\t\u{1b}[31mred\u{1b}[0m");
        assert_eq!(safe("a\u{1b}[2Jb\u{9b}2J\r\u{202e}"), "a\\u001b[2Jb\\u009b2J\\u000d\\u202e");
        let document = serde_json::json!({ "text": "\u{9b}2J \u{e0041} \u{1b}[2J \u{202e}" });
        let shown = document.to_string();
        let safe = safe(&shown);
        assert!(safe.is_ascii(), "{safe}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).unwrap(), document, "it stays the same document");
    }
}
