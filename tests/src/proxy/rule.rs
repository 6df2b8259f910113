//! Which requests fail, and how.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value as Json;

use super::request::Request;

pub(super) type Hook = Arc<dyn Fn(&Request) + Send + Sync>;
type Predicate = Box<dyn Fn(&Request) -> bool + Send + Sync>;
type Which = Box<dyn Fn(usize, &Json) -> bool + Send + Sync>;

/// On which side of DynamoDB a fault is: `After` it, the request was carried out and the client does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Nothing was done.
    Before,
    /// All was done.
    After,
}

/// What befalls a request.
pub enum Fault {
    /// Nothing: for rules that have hooks only.
    Pass,
    /// DynamoDB's own answer, with a change made to its JSON.
    Rewrite(Box<dyn Fn(&mut Json) + Send + Sync>),
    /// This answer, for what the embedded DynamoDB does not know.
    Answer(Json),
    /// DynamoDB's error of this code.
    Error { status: u16, code: String, moment: Moment },
    /// The whole call is throttled, for this reason (`TableWriteProvisionedThroughputExceeded`, …), and nothing is done.
    Throttled { reason: String },
    /// An answer that is not DynamoDB's, such as a page of a company's own proxy.
    Foreign { status: u16 },
    /// Some statements of a batch fail with this code, the others are really carried out.
    Statements { code: String, moment: Moment, which: Which },
    /// A transaction is cancelled because of one of its actions.
    Cancelled { code: String, action: usize },
    /// The connection is reset.
    Reset(Moment),
    /// Half of the answer, then a reset. It was carried out.
    CutBody,
    /// The answer comes in small pieces.
    SlowBody,
    /// No answer, and the connection stays open.
    Hang(Moment),
}

/// How often a rule applies.
enum When {
    Always,
    First(u64),
    Nth(u64),
    From(u64),
    Share { percent: u64, random: Mutex<u64> },
}

/// Requests to match, and what befalls them.
pub struct Rule {
    operations: Vec<String>,
    table: Option<String>,
    predicate: Option<Predicate>,
    when: When,
    matched: AtomicU64,
    pub(super) fault: Fault,
    pub(super) before: Option<Hook>,
    pub(super) after: Option<Hook>,
}

impl Fault {
    /// One of DynamoDB's errors, with nothing done.
    pub fn error(status: u16, code: &str) -> Self {
        Self::Error { status, code: code.to_owned(), moment: Moment::Before }
    }

    /// A throttled call that says why, as DynamoDB does.
    pub fn throttled(reason: &str) -> Self {
        Self::Throttled { reason: reason.to_owned() }
    }

    /// An error of the server, of which nobody knows whether it came before or after the work was done.
    pub fn server_error(moment: Moment) -> Self {
        Self::Error { status: 500, code: "InternalServerError".into(), moment }
    }

    /// The statements that `which` tells, by index and JSON.
    pub fn statements(code: &str, moment: Moment, which: impl Fn(usize, &Json) -> bool + Send + Sync + 'static) -> Self {
        Self::Statements { code: code.to_owned(), moment, which: Box::new(which) }
    }

    /// A cancelled transaction.
    pub fn cancelled(code: &str, action: usize) -> Self {
        Self::Cancelled { code: code.to_owned(), action }
    }
}

impl Rule {
    /// For every request of these operations; of any, if there are none.
    pub fn on(operations: &[&str], fault: Fault) -> Self {
        Self {
            operations: operations.iter().map(|name| (*name).to_owned()).collect(),
            table: None,
            predicate: None,
            when: When::Always,
            matched: AtomicU64::new(0),
            fault,
            before: None,
            after: None,
        }
    }

    /// Only those that name this table.
    #[must_use]
    pub fn table(mut self, name: &str) -> Self {
        self.table = Some(name.to_owned());
        self
    }

    /// Only those for which this holds.
    #[must_use]
    pub fn only(mut self, predicate: impl Fn(&Request) -> bool + Send + Sync + 'static) -> Self {
        self.predicate = Some(Box::new(predicate));
        self
    }

    /// Only the first `count` of them.
    #[must_use]
    pub fn first(mut self, count: u64) -> Self {
        self.when = When::First(count);
        self
    }

    /// Only the `nth`, from 1.
    #[must_use]
    pub fn nth(mut self, nth: u64) -> Self {
        self.when = When::Nth(nth);
        self
    }

    /// The `nth`, from 1, and all after it.
    #[must_use]
    pub fn from_nth(mut self, nth: u64) -> Self {
        self.when = When::From(nth);
        self
    }

    /// So many of a hundred, the same ones for the same seed and order of requests.
    #[must_use]
    pub fn share(mut self, percent: u64, seed: u64) -> Self {
        self.when = When::Share { percent, random: Mutex::new(seed.wrapping_mul(2).wrapping_add(1)) };
        self
    }

    /// Calls this before the request goes on, or fails.
    #[must_use]
    pub fn before(mut self, hook: impl Fn(&Request) + Send + Sync + 'static) -> Self {
        self.before = Some(Arc::new(hook));
        self
    }

    /// Calls this after DynamoDB has answered, and before the client learns of it.
    #[must_use]
    pub fn after(mut self, hook: impl Fn(&Request) + Send + Sync + 'static) -> Self {
        self.after = Some(Arc::new(hook));
        self
    }

    /// Whether it befalls this request; counts those that it matches.
    pub(super) fn applies_to(&self, request: &Request) -> bool {
        let matches = (self.operations.is_empty() || self.operations.contains(&request.operation))
            && self.table.as_ref().is_none_or(|table| request.tables().contains(table))
            && self.predicate.as_ref().is_none_or(|predicate| predicate(request));
        if !matches {
            return false;
        }
        let number = self.matched.fetch_add(1, Ordering::Relaxed) + 1;
        match &self.when {
            When::Always => true,
            When::First(count) => number <= *count,
            When::Nth(nth) => number == *nth,
            When::From(nth) => number >= *nth,
            When::Share { percent, random } => roll(&mut random.lock().unwrap()) % 100 < *percent,
        }
    }

    /// The fault, for the log; none if there is none.
    pub(super) fn name(&self) -> Option<String> {
        Some(match &self.fault {
            Fault::Pass => return None,
            Fault::Rewrite(_) => "rewritten".into(),
            Fault::Answer(_) => "made up".into(),
            Fault::Error { status, code, moment } => format!("{status} {code} ({moment:?})"),
            Fault::Throttled { reason } => format!("throttled: {reason}"),
            Fault::Foreign { status } => format!("{status} not DynamoDB's"),
            Fault::Statements { code, moment, .. } => format!("statements {code} ({moment:?})"),
            Fault::Cancelled { code, action } => format!("cancelled {code} (action {action})"),
            Fault::Reset(moment) => format!("reset ({moment:?})"),
            Fault::CutBody => "body cut".into(),
            Fault::SlowBody => "body slow".into(),
            Fault::Hang(moment) => format!("hang ({moment:?})"),
        })
    }
}

/// A xorshift: small, and the same everywhere.
fn roll(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state >> 11
}
