//! Spans, and the trace that they belong to.

use std::time::{SystemTime, UNIX_EPOCH};

/// A moment, in nanoseconds since 1970.
pub(super) type Nanos = u64;

pub(super) fn now() -> Nanos {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// What may be said of a span, a point or a resource: numbers, and words that drift-host or whoever runs it chose. Nothing of an item.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Said {
    Text(String),
    Count(u64),
    Flag(bool),
}

impl From<&str> for Said {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<u64> for Said {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl From<bool> for Said {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

/// A name and what is said under it.
pub(super) type Attribute = (&'static str, Said);

/// Something that happened within a span.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Happened {
    pub(super) at: Nanos,
    pub(super) what: &'static str,
    pub(super) attributes: Vec<Attribute>,
}

/// A span. Without an `end` it is not over.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Span {
    pub(super) id: [u8; 8],
    pub(super) parent: Option<[u8; 8]>,
    pub(super) name: &'static str,
    pub(super) start: Nanos,
    pub(super) end: Nanos,
    pub(super) attributes: Vec<Attribute>,
    pub(super) events: Vec<Happened>,
    /// The class of error that ended it.
    pub(super) error: Option<&'static str>,
}

impl Span {
    pub(super) fn begin(name: &'static str, parent: Option<[u8; 8]>, start: Nanos) -> Self {
        let id = fastrand::u64(1..).to_be_bytes();
        Self { id, parent, name, start, end: start, attributes: Vec::new(), events: Vec::new(), error: None }
    }

    /// The same, over.
    pub(super) fn over(mut self, at: Nanos) -> Self {
        self.end = at.max(self.start);
        self
    }

    pub(super) fn say(&mut self, name: &'static str, said: impl Into<Said>) {
        self.attributes.push((name, said.into()));
    }
}

/// The trace of a run: one of its own, or that of whoever called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trace {
    pub(super) id: [u8; 16],
    /// The caller's span.
    pub(super) parent: Option<[u8; 8]>,
    /// What the caller's systems say to each other.
    pub(super) state: String,
    /// Whether whoever called wants it recorded.
    pub(super) sampled: bool,
}

impl Trace {
    pub(super) fn of_its_own() -> Self {
        Self { id: fastrand::u128(1..).to_be_bytes(), parent: None, state: String::new(), sampled: true }
    }

    /// That of a `TRACEPARENT` (W3C Trace Context); `None` if it is none.
    pub(super) fn of_caller(traceparent: &str, state: Option<String>) -> Option<Self> {
        let mut parts = traceparent.trim().split('-');
        let (version, id, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        // A later version may add parts.
        let is_known = version.len() == 2 && version != "ff" && (version != "00" || parts.next().is_none());
        let (version, id, parent) = (hex::<1>(version)?, hex::<16>(id)?, hex::<8>(parent)?);
        let [flags] = hex::<1>(flags)?;
        let is_good = is_known && version != [0xff] && id != [0; 16] && parent != [0; 8];
        is_good.then(|| Self { id, parent: Some(parent), state: state.unwrap_or_default(), sampled: flags & 1 == 1 })
    }
}

/// So many bytes in lower-case hexadecimal.
fn hex<const BYTES: usize>(text: &str) -> Option<[u8; BYTES]> {
    let is_hex = text.len() == BYTES * 2 && text.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
    let number = is_hex.then(|| u128::from_str_radix(text, 16).ok()).flatten()?;
    number.to_be_bytes().last_chunk().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callers_trace_is_gone_on_with() {
        let of = |text: &str| Trace::of_caller(text, None);
        let trace = of("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").unwrap();
        assert_eq!(trace.id, 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736_u128.to_be_bytes());
        assert_eq!((trace.parent, trace.sampled), (Some(0x00f0_67aa_0ba9_02b7_u64.to_be_bytes()), true));
        assert!(!of("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00").unwrap().sampled);
        assert!(of("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more").is_some());
        for wrong in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }
}
