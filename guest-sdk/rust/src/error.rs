//! What a migration says when it has no answer for an item.

use std::fmt;

/// Why an item cannot be migrated: a sentence for the operator, who reads it beside the item's key.
///
/// `?` makes one of any error type; [`Error::new`] and [`bail!`](crate::bail) make one of words.
///
/// ```
/// use drift_sdk::prelude::*;
///
/// fn port(text: &str) -> Result<u16> {
///     let port: u16 = text.parse()?;
///     if port == 0 {
///         bail!("port 0 in {text:?}");
///     }
///     Ok(port)
/// }
/// assert_eq!(port("0").unwrap_err().to_string(), "port 0 in \"0\"");
/// ```
// Not an `Error` of the standard library itself: like that, `?` can take any that is.
pub struct Error(String);

/// What the SDK's functions return, and an author's may.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error with this message.
    pub fn new(message: impl fmt::Display) -> Self {
        Self(message.to_string())
    }

    /// The same error, after where it happened or what was tried: `context: message`.
    #[must_use]
    pub fn within(self, context: impl fmt::Display) -> Self {
        Self(format!("{context}: {}", self.0))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: std::error::Error> From<E> for Error {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

/// Returns from the function with an [`Error`] of these words, written as for `format!`.
#[macro_export]
macro_rules! bail {
    ($($words:tt)+) => {
        return ::core::result::Result::Err($crate::Error::new(::core::format_args!($($words)+)).into())
    };
}
