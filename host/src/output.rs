//! Standard output and standard error. Whoever reads them may go away (`| head`): that ends no verb, and least of all a run.

use std::io::Write;

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
    let _nobody_reads = out.write_fmt(text).and_then(|()| out.flush());
}

pub(crate) fn aside(text: std::fmt::Arguments<'_>) {
    let _nobody_reads = std::io::stderr().lock().write_fmt(text);
}
