//! The table of faults and outcomes in docs/faults.md: what the rules say, what a run does, and what the page says are one.
//! `DRIFT_BLESS=1` writes the page anew.

use std::path::Path;
use std::time::Duration;

use drift_tests::proxy::{Fault, Moment, Rule};
use tokio::sync::Semaphore;

use crate::place::{Place, Row};

/// One line of the table.
struct Line {
    name: &'static str,
    /// The rules for a place; none if the fault cannot strike there.
    strikes: fn(Place) -> Vec<Rule>,
    /// What the rules of delivery say.
    expected: fn(Place) -> &'static str,
}

const APPLIED: &str = "applied";

fn every(place: Place, fault: fn() -> Fault, count: u64) -> Vec<Rule> {
    vec![place.rule(fault()).first(count)]
}

fn code(place: Place, status: u16, code: &str, count: u64) -> Vec<Rule> {
    vec![place.rule(Fault::error(status, code)).first(count)]
}

/// Statements 0, 3, 6 … of the first two batches.
fn statements(place: Place, code: &str, moment: Moment) -> Vec<Rule> {
    let third = |at: usize, _: &serde_json::Value| at.is_multiple_of(3);
    if place.batched() { vec![place.rule(Fault::statements(code, moment, third)).first(2)] } else { Vec::new() }
}

/// The fourth statement of the first batch.
fn one_statement(place: Place, code: &str) -> Vec<Rule> {
    let fourth = |at: usize, _: &serde_json::Value| at == 3;
    if place.batched() { vec![place.rule(Fault::statements(code, Moment::Before, fourth)).first(1)] } else { Vec::new() }
}

fn cancelled(place: Place, code: &str, action: Option<usize>) -> Vec<Rule> {
    action.map(|action| place.rule(Fault::cancelled(code, action)).first(2)).into_iter().collect()
}

/// Which action of a transaction is on the handed-in item.
fn this(place: Place) -> Option<usize> {
    match place {
        Place::Several => Some(1),
        Place::PatchReceipts => Some(0),
        _ => None,
    }
}

/// Which action of a transaction is not; of a receipt's, it is the last.
fn other(place: Place) -> Option<usize> {
    match place {
        Place::Several => Some(0),
        Place::PatchReceipts | Place::AddReceipts => Some(1),
        _ => None,
    }
}

/// The write had no answer, and nothing was done.
fn lost_before(place: Place) -> &'static str {
    match place {
        Place::Insert | Place::Add => "incomplete, 1 in doubt (1)",
        _ => APPLIED,
    }
}

/// The write had no answer, and was done.
fn lost_after(place: Place) -> &'static str {
    match place {
        Place::Add | Place::Expression => "incomplete, 1 in doubt (1)",
        _ => APPLIED,
    }
}

fn applied(_: Place) -> &'static str {
    APPLIED
}

fn stops_4(_: Place) -> &'static str {
    "stops (4), then applied"
}

fn stops_75(_: Place) -> &'static str {
    "stops (75), then applied"
}

fn lines() -> Vec<Line> {
    let line = |name, strikes, expected| Line { name, strikes, expected };
    vec![
        line(
            "ProvisionedThroughputExceededException, twice",
            |at| code(at, 400, "ProvisionedThroughputExceededException", 2),
            applied,
        ),
        line("ThrottlingException, twice", |at| code(at, 400, "ThrottlingException", 2), applied),
        line("RequestLimitExceeded, twice", |at| code(at, 400, "RequestLimitExceeded", 2), applied),
        line(
            "TransactionConflictException, twice",
            |at| match at {
                Place::Insert | Place::Add | Place::Expression | Place::ExpressionStamp => {
                    code(at, 400, "TransactionConflictException", 2)
                }
                _ => Vec::new(),
            },
            applied,
        ),
        line("statements: ThrottlingError", |at| statements(at, "ThrottlingError", Moment::Before), applied),
        line(
            "statements: ProvisionedThroughputExceeded",
            |at| statements(at, "ProvisionedThroughputExceeded", Moment::Before),
            applied,
        ),
        line("statements: RequestLimitExceeded", |at| statements(at, "RequestLimitExceeded", Moment::Before), applied),
        line("statements: TransactionConflict", |at| statements(at, "TransactionConflict", Moment::Before), applied),
        line("statements: InternalServerError, not done", |at| statements(at, "InternalServerError", Moment::Before), applied),
        line("statements: InternalServerError, done", |at| statements(at, "InternalServerError", Moment::After), applied),
        line(
            "one statement: ItemCollectionSizeLimitExceeded",
            |at| one_statement(at, "ItemCollectionSizeLimitExceeded"),
            |_| "incomplete, 1 failed (1)",
        ),
        line("one statement: a code that is not known", |at| one_statement(at, "SomethingNew"), |_| "incomplete, 1 failed (1)"),
        line(
            "transaction cancelled: TransactionConflict on this item",
            |at| cancelled(at, "TransactionConflict", this(at)),
            applied,
        ),
        line(
            "transaction cancelled: TransactionConflict elsewhere",
            |at| cancelled(at, "TransactionConflict", other(at)),
            applied,
        ),
        line("transaction cancelled: ThrottlingError", |at| cancelled(at, "ThrottlingError", other(at)), applied),
        line(
            "transaction cancelled: ProvisionedThroughputExceeded",
            |at| cancelled(at, "ProvisionedThroughputExceeded", other(at).and(Some(1))),
            applied,
        ),
        line("500 InternalServerError, not done", |at| every(at, || Fault::server_error(Moment::Before), 1), lost_before),
        line("500 InternalServerError, done", |at| every(at, || Fault::server_error(Moment::After), 1), lost_after),
        line("503 ServiceUnavailable, not done", |at| code(at, 503, "ServiceUnavailable", 1), lost_before),
        line("502 by somebody on the way, not done", |at| every(at, || Fault::Foreign { status: 502 }, 1), lost_before),
        line("404 by somebody on the way", |at| every(at, || Fault::Foreign { status: 404 }, 1), stops_75),
        line("connection reset, not done", |at| every(at, || Fault::Reset(Moment::Before), 1), lost_before),
        line("connection reset, done: a lost acknowledgement", |at| every(at, || Fault::Reset(Moment::After), 1), lost_after),
        line("answer cut off in the middle, done", |at| every(at, || Fault::CutBody, 1), lost_after),
        line("answer slow, every time", |at| every(at, || Fault::SlowBody, u64::MAX), applied),
        line("no answer within the time-out, done", |at| every(at, || Fault::Hang(Moment::After), 1), lost_after),
        line(
            "connection reset every time, not done",
            |at| every(at, || Fault::Reset(Moment::Before), u64::MAX),
            |at| match at {
                // One after the other without an answer: none is sent again, and the run stops before it goes through the table.
                Place::Insert | Place::Add => "stops (75), then incomplete, 6 in doubt (1)",
                _ => "stops (75), then applied",
            },
        ),
        line("ExpiredTokenException, and no other credentials", |at| code(at, 400, "ExpiredTokenException", u64::MAX), stops_75),
        line("UnrecognizedClientException", |at| code(at, 400, "UnrecognizedClientException", u64::MAX), stops_4),
        line(
            "AccessDeniedException for PartiQL",
            |at| if at.batched() { code(at, 400, "AccessDeniedException", u64::MAX) } else { Vec::new() },
            |_| "applied, 60 single writes",
        ),
        line(
            "AccessDeniedException for all writes",
            |at| {
                let denied = || Fault::error(400, "AccessDeniedException");
                let mut rules = vec![at.rule(denied())];
                if at.batched() {
                    rules.push(Rule::on(&["UpdateItem", "DeleteItem"], denied()).table("Things"));
                }
                rules
            },
            stops_4,
        ),
        line(
            "ResourceNotFoundException from the second call on",
            |at| {
                let later = !matches!(at, Place::Scan | Place::Lease | Place::History);
                vec![at.rule(Fault::error(400, "ResourceNotFoundException")).from_nth(if later { 2 } else { 1 })]
            },
            stops_4,
        ),
        line(
            "400 with a code that is not known, once",
            |at| code(at, 400, "SomethingNewException", 1),
            |at| match at {
                Place::Scan | Place::Lease | Place::History => "stops (75), then applied",
                _ if at.batched() => "incomplete, 25 failed (1)",
                _ => "incomplete, 1 failed (1)",
            },
        ),
    ]
}

const HEAD: &str = "# Faults and outcomes

What a run does when DynamoDB, or the way to it, fails. This page is written by the test `faults`, which injects each fault between drift-host
and an embedded DynamoDB, looks at every one of 60 items afterwards, and fails if this page says anything else:

    cargo test --workspace --test faults                  # compares
    DRIFT_BLESS=1 cargo test --workspace --test faults    # writes it anew

The columns are where the fault strikes. *patch* adds 1 to a number and is not repeatable; *delete* deletes; both go in batches of 25
statements. *several actions* are the same patch and a copy elsewhere in one transaction. *insert elsewhere* must not meet an item. *`ADD` elsewhere* has no
guard. *expression* adds 1 by an expression of the author's, of which nothing can be told afterwards. *with stamp* and *with receipts* are the same under
`--exactly-once` (see [exactly-once.md](exactly-once.md)): none is ever in doubt. The rest strikes a patch's run: its scan, its
lease, its history row. None of them states to be repeatable; one that does is in doubt only where it acts elsewhere by expression or by an insert
that must not exist.

- **applied**: every item done exactly once, and recorded.
- **incomplete (1)**: not recorded, exit code 1; the items named are listed, all others done exactly once. *in doubt*: done once or not at all. *failed*: not done.
- **stops (n), then …**: the run stops with exit code n and one message, nothing recorded, and can be gone on with; then, the fault gone, `apply RUN` ends as told
  (where the lease was not had, nothing is written, and the same `run` again).
- **–**: cannot strike there.

Throttling is waited out for two minutes; a run that is throttled for longer stops with 75. The rules behind the table are in [decisions/0002-delivery.md](decisions/0002-delivery.md).
";

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_fault_ends_as_the_rules_say_and_as_the_page_says() {
    let lines = lines();
    let permits = std::sync::Arc::new(Semaphore::new(4));
    let mut rows = Vec::new();
    for line in &lines {
        for place in Place::ALL {
            let (rules, permits) = ((line.strikes)(place), permits.clone());
            rows.push(tokio::spawn(async move {
                if rules.is_empty() {
                    return "–".to_owned();
                }
                let _permit = permits.acquire_owned().await.unwrap();
                let mut row = Row::new(place);
                row.timeout = Duration::from_secs(2);
                rules.into_iter().for_each(|rule| row.proxy.add(rule));
                let observed = row.observe().await;
                assert!(row.proxy.faults() > 0, "the fault struck nothing");
                observed
            }));
        }
    }
    let names: Vec<&str> = Place::ALL.iter().map(|place| place.name()).collect();
    let mut page = format!("{HEAD}\n| fault | {} |\n|{}\n", names.join(" | "), "---|".repeat(names.len() + 1));
    let mut rows = rows.into_iter();
    let mut wrong = Vec::new();
    for line in &lines {
        let mut cells = vec![line.name.to_owned()];
        for place in Place::ALL {
            let cell = match rows.next().unwrap().await {
                Ok(cell) => cell,
                Err(panic) => format!("panicked: {panic}"),
            };
            let expected = (line.expected)(place);
            if cell != "–" && cell != expected {
                wrong.push(format!("{} × {}: {cell}, and the rules say: {expected}", line.name, place.name()));
            }
            cells.push(cell);
        }
        page.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("docs/faults.md");
    if std::env::var_os("DRIFT_BLESS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(committed, page, "docs/faults.md is not what was seen; DRIFT_BLESS=1 writes it anew");
}
