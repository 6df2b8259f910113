//! Where a fault strikes: in the writes of six kinds of migration, of some with a proof as well, in the scan, at the lease, at the history.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use drift_host::dynamo::ConnectionSettings;
use drift_host::journal::{OutcomeKind, RunState};
use drift_host::model::{Action, Address, Description, Existing, Insert, Item, Key, Patch, Target, Update, Value};
use drift_host::run::{RunOptions, Summary};
use drift_host::{Error, Event, ExactlyOnce, Migrator, Native};
use drift_tests::World;
use drift_tests::plain::must;
use drift_tests::proxy::{Fault, Proxy, Rule};
use serde_json::{Value as Json, json};

pub const ITEMS: u64 = 60;

/// The attribute of the runs that stamp.
pub const STAMP: &str = "by";

/// What is struck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// n + 1 as a patch: guarded statements in batches. Not repeatable.
    Patch,
    /// The same, and the run's id on the item.
    PatchStamp,
    /// The same with a receipt: one transaction an item.
    PatchReceipts,
    /// A delete: guarded statements in batches.
    Delete,
    /// n + 1 and a copy elsewhere: one transaction an item. Not repeatable.
    Several,
    /// A copy elsewhere that must not exist: a put an item.
    Insert,
    /// `ADD` elsewhere: an update an item, without a guard. Not repeatable.
    Add,
    /// The same with a receipt: one transaction an item.
    AddReceipts,
    /// n + 1 as the author's expression: a guarded update an item, of which nothing can be told afterwards.
    Expression,
    /// The same, and the run's id on the item.
    ExpressionStamp,
    /// The scan.
    Scan,
    /// Taking the lease.
    Lease,
    /// Recording the migration as applied.
    History,
}

impl Place {
    pub const ALL: [Self; 13] = [
        Self::Patch,
        Self::PatchStamp,
        Self::PatchReceipts,
        Self::Delete,
        Self::Several,
        Self::Insert,
        Self::Add,
        Self::AddReceipts,
        Self::Expression,
        Self::ExpressionStamp,
        Self::Scan,
        Self::Lease,
        Self::History,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Patch => "patch",
            Self::PatchStamp => "patch with stamp",
            Self::PatchReceipts => "patch with receipts",
            Self::Delete => "delete",
            Self::Several => "several actions",
            Self::Insert => "insert elsewhere",
            Self::Add => "`ADD` elsewhere",
            Self::AddReceipts => "`ADD` elsewhere with receipts",
            Self::Expression => "expression",
            Self::ExpressionStamp => "expression with stamp",
            Self::Scan => "scan",
            Self::Lease => "lease",
            Self::History => "history",
        }
    }

    /// Whether it sends statements in batches.
    pub fn batched(self) -> bool {
        matches!(self, Self::Patch | Self::PatchStamp | Self::Delete)
    }

    /// The proof that its runs leave.
    pub fn proof(self) -> ExactlyOnce {
        match self {
            Self::PatchStamp | Self::ExpressionStamp => ExactlyOnce::Stamp(STAMP.into()),
            Self::PatchReceipts | Self::AddReceipts => ExactlyOnce::Receipts,
            _ => ExactlyOnce::No,
        }
    }

    /// The options of its runs.
    pub fn options(self) -> RunOptions {
        RunOptions { exactly_once: self.proof(), ..Row::options() }
    }

    /// A fault of the calls that are struck here.
    pub fn rule(self, fault: Fault) -> Rule {
        let (operations, table): (&[&str], &str) = match self {
            Self::Patch | Self::PatchStamp | Self::Delete => (&["BatchExecuteStatement"], "Things"),
            Self::AddReceipts => (&["TransactWriteItems"], "Totals"),
            Self::Several | Self::PatchReceipts => (&["TransactWriteItems"], "Things"),
            Self::Insert => (&["PutItem"], "Copies"),
            Self::Add => (&["UpdateItem"], "Totals"),
            Self::Expression | Self::ExpressionStamp => (&["UpdateItem"], "Things"),
            Self::Scan => (&["Scan"], "Things"),
            Self::Lease => (&["UpdateItem"], "drift_migrations_runs"),
            Self::History => (&["TransactWriteItems"], "drift_migrations"),
        };
        Rule::on(operations, fault).table(table)
    }

    fn actions(self, item: &Item) -> Vec<Action> {
        let n = number(item, "n");
        let plus = Action::Patch(Patch { set: [("n", Value::from(n + 1))].into_iter().collect(), remove: vec![] });
        let copy = |existing| Action::Insert(Insert { table: Some("Copies".into()), item: item.clone(), existing });
        let update = |target, expression: &str| {
            Action::Update(Update {
                target,
                expression: expression.into(),
                condition: None,
                names: vec![("#n".into(), "n".into())],
                values: [(":one", Value::from(1))].into_iter().collect(),
            })
        };
        match self {
            Self::Patch | Self::PatchStamp | Self::PatchReceipts | Self::Scan | Self::Lease | Self::History => vec![plus],
            Self::Delete => vec![Action::Delete(Target::This)],
            Self::Several => vec![plus, copy(Existing::Keep)],
            Self::Insert => vec![copy(Existing::Fail)],
            Self::Add | Self::AddReceipts => {
                let key = Key::from_attributes([("Id", item.get("Id").unwrap().clone())].into_iter().collect());
                vec![update(Target::Other(Address { table: Some("Totals".into()), key }), "ADD #n :one")]
            }
            Self::Expression | Self::ExpressionStamp => vec![update(Target::This, "SET #n = #n + :one")],
        }
    }

    pub fn migration(self) -> Arc<Native> {
        let describe = Description::new(7, "fault");
        Arc::new(Native::new(describe, "1", move |item| Ok::<_, String>(self.actions(&item))))
    }

    /// By item: done (1), not done (0), or what must not be (an error).
    fn done(self, id: u64, things: &[Item], copies: &[Item], totals: &[Item]) -> Result<bool, String> {
        let find = |items: &[Item]| items.iter().find(|item| number(item, "Id") == id as i64).cloned();
        let (mut thing, copy, total) = (find(things), find(copies), find(totals));
        let stamped = thing.as_mut().and_then(|thing| thing.remove(STAMP)).is_some();
        let before: Item = [("Id", Value::from(id)), ("n", Value::from(id * 10))].into_iter().collect();
        let mut after = before.clone();
        after.insert("n", Value::from(id * 10 + 1));
        let seen = format!("item {id}: {thing:?}, copy {copy:?}, total {total:?}");
        let one_of =
            |found: (Option<Item>, Option<Item>), no: (Option<Item>, Option<Item>), yes: (Option<Item>, Option<Item>)| {
                if found == yes {
                    Ok(true)
                } else if found == no {
                    Ok(false)
                } else {
                    Err(seen.clone())
                }
            };
        let done = match self {
            Self::Patch
            | Self::PatchStamp
            | Self::PatchReceipts
            | Self::Expression
            | Self::ExpressionStamp
            | Self::Scan
            | Self::Lease
            | Self::History => one_of((thing, copy.or(total)), (Some(before), None), (Some(after), None)),
            Self::Delete => one_of((thing, copy.or(total)), (Some(before), None), (None, None)),
            Self::Several => one_of((thing, copy), (Some(before.clone()), None), (Some(after), Some(before))),
            Self::Insert => one_of((thing, copy), (Some(before.clone()), None), (Some(before.clone()), Some(before))),
            Self::Add | Self::AddReceipts => {
                let one: Item = [("Id", Value::from(id)), ("n", Value::from(1))].into_iter().collect();
                one_of((thing, total), (Some(before.clone()), None), (Some(before), Some(one)))
            }
        }?;
        let stamps = matches!(self.proof(), ExactlyOnce::Stamp(_));
        if stamped == (stamps && done) { Ok(done) } else { Err(format!("{seen}, and the stamp is wrong")) }
    }
}

fn number(item: &Item, name: &str) -> i64 {
    item.get(name).unwrap().as_n().unwrap().as_str().parse().unwrap()
}

/// An embedded DynamoDB behind a proxy, with the tables of one row.
pub struct Row {
    pub place: Place,
    pub world: World,
    pub proxy: Proxy,
    pub timeout: Duration,
    started: Arc<Mutex<Option<String>>>,
}

impl Row {
    pub fn new(place: Place) -> Self {
        let world = World::with_rows(0);
        let direct = world.running.endpoint_url();
        for table in ["Copies", "Totals"] {
            must(
                &direct,
                "CreateTable",
                &json!({ "TableName": table, "BillingMode": "PAY_PER_REQUEST",
                         "KeySchema": [{ "AttributeName": "Id", "KeyType": "HASH" }],
                         "AttributeDefinitions": [{ "AttributeName": "Id", "AttributeType": "N" }] }),
            );
        }
        let rows: Vec<Json> = (1..=ITEMS).map(|id| json!({ "PutRequest": { "Item": thing(id, id * 10) } })).collect();
        for some in rows.chunks(25) {
            must(&direct, "BatchWriteItem", &json!({ "RequestItems": { "Things": some } }));
        }
        let proxy = Proxy::start(&direct);
        Self { place, world, proxy, timeout: Duration::from_secs(10), started: Arc::default() }
    }

    /// The endpoint without faults: where the application writes.
    pub fn direct(&self) -> String {
        self.world.running.endpoint_url()
    }

    pub async fn migrator(&self) -> Migrator {
        let endpoint_url = Some(self.proxy.endpoint_url());
        let settings = ConnectionSettings { endpoint_url, request_timeout: self.timeout, ..ConnectionSettings::default() };
        let started = self.started.clone();
        Migrator::connect(settings).await.unwrap().runs_dir(self.world.runs()).observe(move |event| {
            if let Event::Started { run, .. } = event {
                *started.lock().unwrap() = Some(run);
            }
        })
    }

    /// One segment: what is sent stands in the order of the scan.
    pub fn options() -> RunOptions {
        let mut options = RunOptions::new("Things");
        options.segments = 1;
        options
    }

    pub async fn run(&self) -> Result<Summary, Error> {
        self.migrator().await.run(self.place.migration(), &self.place.options()).await
    }

    /// Whether no run was begun, because the lease was not had.
    fn not_begun(&self) -> bool {
        self.started.lock().unwrap().is_none()
    }

    /// The run that was started last.
    pub fn started(&self) -> String {
        self.started.lock().unwrap().clone().unwrap()
    }

    /// Goes on with the run, or begins it.
    pub async fn go_on(&self) -> Result<Summary, Error> {
        if self.not_begun() {
            return self.run().await;
        }
        let migrator = self.migrator().await;
        let journal = migrator.open(&self.started()).unwrap();
        assert_eq!(journal.state().unwrap(), RunState::Interrupted);
        migrator.apply(journal, self.place.migration(), &self.place.options()).await
    }

    /// The first run with the fault, and if it did not end, the same without.
    pub async fn observe(&self) -> String {
        let first = self.run().await;
        self.check(first.as_ref().ok()).await;
        let error = match first {
            Ok(summary) => return ending(&summary),
            Err(error) => error,
        };
        assert!(self.migrator().await.applied().await.is_ok_and(|applied| applied.is_empty()) || self.place == Place::History);
        if self.not_begun() {
            assert!(!error.to_string().contains("drift-host apply"), "{error}");
        } else {
            let advice = format!("go on with `drift-host apply {}`", self.started());
            assert!(error.to_string().contains(&advice), "{error}");
        }
        self.proxy.mend();
        let then = self.go_on().await.unwrap_or_else(|error| panic!("{error}"));
        self.check(Some(&then)).await;
        format!("stops ({}), then {}", error.exit_code(), ending(&then))
    }

    /// Looks at every item: what is not listed is done if the run has ended, and nothing is done twice or by half.
    pub async fn check(&self, ended: Option<&Summary>) {
        let (things, copies, totals) =
            (self.world.table("Things").await, self.world.table("Copies").await, self.world.table("Totals").await);
        let listed = |kind: OutcomeKind| -> BTreeSet<String> {
            let errors = ended.map_or(&[][..], |summary| &summary.errors);
            errors.iter().filter(|error| error.kind == kind).map(|error| error.key.clone()).collect()
        };
        let (doubtful, failed) = (listed(OutcomeKind::Doubtful), listed(OutcomeKind::Failed));
        for id in 1..=ITEMS {
            let done = self.place.done(id, &things, &copies, &totals).unwrap_or_else(|what| panic!("{what}"));
            let key = format!("Id={id}");
            match ended.map(|summary| summary.state.as_str()) {
                None | Some("interrupted" | "refused") => {}
                Some(_) if failed.contains(&key) => assert!(!done, "item {id} is listed as failed, and it is done"),
                Some(_) => assert!(done || doubtful.contains(&key), "item {id} is silently missing"),
            }
        }
        if let Some(summary) = ended {
            assert_eq!(summary.counts.doubtful as usize, doubtful.len());
            let direct = ConnectionSettings { endpoint_url: Some(self.direct()), ..ConnectionSettings::default() };
            let applied = Migrator::connect(direct).await.unwrap().applied().await.unwrap().len();
            assert_eq!(applied, usize::from(summary.state == "applied"), "recorded when all is done, and only then");
        }
    }
}

/// How a run ended, in the words of the table.
pub fn ending(summary: &Summary) -> String {
    let counts = &summary.counts;
    let mut words = vec![summary.state.clone()];
    if counts.doubtful > 0 {
        words.push(format!("{} in doubt", counts.doubtful));
    }
    if counts.failed > 0 {
        words.push(format!("{} failed", counts.failed));
    }
    if summary.single_writes > 0 {
        words.push(format!("{} single writes", summary.single_writes));
    }
    match summary.exit_code() {
        0 => words.join(", "),
        code => format!("{} ({code})", words.join(", ")),
    }
}

/// A row of the table as DynamoDB's JSON.
pub fn thing(id: u64, n: u64) -> Json {
    json!({ "Id": { "N": id.to_string() }, "n": { "N": n.to_string() } })
}
