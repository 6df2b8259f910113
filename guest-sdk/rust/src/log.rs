//! Lines that the operator can read beside the item.
//!
//! ```
//! use drift_sdk::log;
//!
//! log::warn(format_args!("{} engines?", 7));
//! ```

use std::fmt::Display;

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For the author.
    Debug,
    /// What happened.
    Info,
    /// What should be looked at.
    Warn,
    /// What went wrong.
    Error,
}

/// A line for the author.
pub fn debug(message: impl Display) {
    write(Level::Debug, &message);
}

/// What happened.
pub fn info(message: impl Display) {
    write(Level::Info, &message);
}

/// What should be looked at.
pub fn warn(message: impl Display) {
    write(Level::Warn, &message);
}

/// What went wrong.
pub fn error(message: impl Display) {
    write(Level::Error, &message);
}

fn write(level: Level, message: &dyn Display) {
    host::log(level, &message.to_string());
}

#[cfg(not(target_arch = "wasm32"))]
use crate::testing::context as host;
#[cfg(target_arch = "wasm32")]
use crate::wasm::host;
