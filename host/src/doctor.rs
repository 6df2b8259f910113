//! What a run on a table will need, looked at before anything depends on it: identity, table, every right, metadata tables, disk.
//!
//! Promised: nothing is written. Whether a write is allowed is asked by writes on keys that do not exist, with conditions that cannot
//! hold; DynamoDB checks the right first and the condition next. Costs a handful of read and write units.

use std::path::Path;
use std::sync::Arc;

use aws_credential_types::provider::ProvideCredentials;
use tokio_util::sync::CancellationToken;

use crate::dynamo::{Attempt, Billing, Change, Condition, Error, ErrorKind, Outcome, ScanRequest, TableInfo};
use crate::model::{Action, Item, Key, KeyAttribute, KeyType, Number, Patch, Value};
use crate::run::Migrator;

/// How one look ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As it should be.
    Good,
    /// It can be worked with, and should be known.
    Note,
    /// A run would end here.
    Bad,
}

/// One look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at.
    pub what: String,
    /// How it is.
    pub verdict: Verdict,
    /// In words; for [`Verdict::Bad`] with what to do.
    pub said: String,
}

/// The looks at one table, in the order in which a run needs what they are about.
pub async fn examine(migrator: &Migrator, table: &str, meta: &str, runs: &Path) -> Vec<Finding> {
    let mut doctor = Doctor { migrator, meta: meta.to_owned(), findings: Vec::new() };
    doctor.identity().await;
    if let Some(info) = doctor.table(table).await {
        doctor.reads(&info).await;
        doctor.writes(&info).await;
    }
    doctor.history().await;
    doctor.runs(runs);
    doctor.environment();
    doctor.findings
}

struct Doctor<'a> {
    migrator: &'a Migrator,
    meta: String,
    findings: Vec<Finding>,
}

impl Doctor<'_> {
    fn find(&mut self, what: &str, verdict: Verdict, said: impl Into<String>) {
        self.findings.push(Finding { what: what.into(), verdict, said: said.into() });
    }

    /// A call that was tried; `right` is what it needs.
    fn tried(&mut self, what: &str, right: &str, error: Option<&Error>) {
        match error {
            None => self.find(what, Verdict::Good, "allowed"),
            Some(error) if error.kind() == ErrorKind::Denied => {
                self.find(
                    what,
                    Verdict::Bad,
                    format!("denied: allow dynamodb:{right} (`drift-host inspect PLUGIN --iam-policy` prints the whole policy)"),
                );
            }
            Some(error) => self.find(what, Verdict::Bad, error.to_string()),
        }
    }

    async fn identity(&mut self) {
        let database = self.migrator.database();
        let (endpoint, region) = (database.endpoint(), database.region().to_owned());
        self.find("endpoint", Verdict::Good, format!("{endpoint}, region {region}"));
        match database.credentials().provide_credentials().await {
            Ok(_) if database.is_local() => {
                self.find("credentials", Verdict::Good, "any will do for an endpoint on this machine")
            }
            Ok(found) => {
                // The id of a key is no secret; the rest of it is.
                let until = found.expiry().map_or_else(String::new, |until| {
                    jiff::Timestamp::try_from(until).map_or_else(|_| String::new(), |until| format!(", until {until}"))
                });
                self.find("credentials", Verdict::Good, format!("found, key {}{until}", found.access_key_id()));
            }
            Err(error) => self.find(
                "credentials",
                Verdict::Bad,
                format!("none: {error}. Log in (`aws sso login`), or set AWS_PROFILE, or --profile"),
            ),
        }
    }

    async fn table(&mut self, table: &str) -> Option<TableInfo> {
        let info = match self.migrator.database().client().describe_table(table).await {
            Ok(info) => info,
            Err(error) if error.kind() == ErrorKind::TableMissing => {
                let where_ = self.migrator.database().endpoint();
                self.find(
                    "table",
                    Verdict::Bad,
                    format!("there is no table {table} at {where_}: is it the right region and account?"),
                );
                return None;
            }
            Err(error) => {
                self.tried("table", "DescribeTable", Some(&error));
                return None;
            }
        };
        let billing = match info.billing {
            Billing::OnDemand => "on demand".to_owned(),
            Billing::Provisioned { .. } => "provisioned".to_owned(),
        };
        let (items, bytes, throughput) = (info.item_count, info.size_bytes, info.throughput);
        let said = format!(
            "{}, about {items} items and {bytes} bytes, {billing}: {} read and {} write units a second",
            info.status, throughput.read, throughput.write
        );
        self.find("table", if info.status == "ACTIVE" { Verdict::Good } else { Verdict::Note }, said);
        if !info.indexes.is_empty() {
            self.find(
                "indexes",
                Verdict::Note,
                format!("{}: a write that changes their attributes costs more", info.indexes.join(", ")),
            );
        }
        if info.replicas > 0 {
            self.find(
                "replicas",
                Verdict::Note,
                format!(
                    "{} in other regions: a guard holds in this region only; run where the application writes",
                    info.replicas
                ),
            );
        }
        if info.stream {
            self.find("stream", Verdict::Note, "whoever reads it sees each write of a migration");
        }
        Some(info)
    }

    async fn reads(&mut self, info: &TableInfo) {
        let client = self.migrator.database().client();
        let request = ScanRequest {
            table: info.name.clone(),
            segment: 0,
            segments: 1,
            consistent: true,
            limit: 1,
            filter: None,
            start: None,
        };
        let scanned = client.scan_page(&request).await;
        self.tried("scan", "Scan", scanned.as_ref().err());
        let read = client.get_item(&info.name, &nobody(info), true).await;
        self.tried("read an item", "GetItem", read.as_ref().err());
    }

    /// As a run writes: a guarded statement; and alone, as it does what PartiQL cannot say.
    async fn writes(&mut self, info: &TableInfo) {
        let (client, key) = (self.migrator.database().client(), nobody(info));
        let patch = Patch { set: [("drift-host doctor", Value::Null)].into_iter().collect(), remove: Vec::new() };
        let attempt = Attempt {
            image: Arc::new(key.attributes().clone()),
            actions: Arc::new(vec![Action::Patch(patch)]),
            terms: Arc::default(),
            token: format!("doctor/{:032x}", fastrand::u128(..)),
        };
        let single = self.migrator.database().meter().snapshot().single_writes;
        let outcome = client.write(info, vec![attempt], &CancellationToken::new()).await.pop();
        let alone = self.migrator.database().meter().snapshot().single_writes > single;
        match outcome {
            Some(Outcome::Refused { present: None }) if alone => self.find(
                "write in batches",
                Verdict::Note,
                "not allowed (dynamodb:PartiQLUpdate): each item is written by a call of its own, which is slower",
            ),
            Some(Outcome::Refused { present: None }) => self.tried("write in batches", "PartiQLUpdate", None),
            Some(Outcome::Stopped(error)) => {
                self.tried("write in batches", "PartiQLUpdate and dynamodb:UpdateItem", Some(&error))
            }
            other => {
                self.find("write in batches", Verdict::Bad, format!("a write that must not happen ended otherwise: {other:?}"))
            }
        }
        let change = never(&info.key.partition.name);
        let updated = client.update_item(&info.name, &key, &change).await.err();
        self.tried("write an item", "UpdateItem", updated.as_ref().filter(|error| error.kind() != ErrorKind::ConditionFailed));
        let names = [("#k".to_owned(), info.key.partition.name.clone())].into_iter().collect();
        let condition = Condition { expression: "attribute_exists(#k)".into(), names, values: Item::default() };
        let deleted = client.delete_item(&info.name, &key, Some(&condition)).await.err();
        match deleted.filter(|error| error.kind() != ErrorKind::ConditionFailed) {
            Some(error) if error.kind() == ErrorKind::Denied => {
                self.find(
                    "delete an item",
                    Verdict::Note,
                    "not allowed (dynamodb:DeleteItem): only migrations that delete need it",
                );
            }
            error => self.tried("delete an item", "DeleteItem", error.as_ref()),
        }
    }

    async fn history(&mut self) {
        let (client, meta) = (self.migrator.database().client(), self.meta.clone());
        for (table, key) in [(meta.clone(), "Number"), (format!("{meta}_runs"), "Id")] {
            let info = match client.describe_table(&table).await {
                Ok(info) => info,
                Err(error) if error.kind() == ErrorKind::TableMissing => {
                    let said = "not there yet: `drift-host init` or the first run makes it (dynamodb:CreateTable)";
                    self.find(&table, Verdict::Note, said);
                    continue;
                }
                Err(error) => {
                    self.tried(&table, "DescribeTable", Some(&error));
                    continue;
                }
            };
            if info.key.partition.name != key {
                let said = format!(
                    "its key is {}, and not {key}: it is no metadata table; name another with --meta-table",
                    info.key.partition.name
                );
                self.find(&table, Verdict::Bad, said);
                continue;
            }
            let updated = client.update_item(&table, &nobody(&info), &never(key)).await.err();
            self.tried(&table, "UpdateItem", updated.as_ref().filter(|error| error.kind() != ErrorKind::ConditionFailed));
        }
        match self.migrator.unfinished().await {
            Ok(runs) if runs.is_empty() => {}
            Ok(runs) => {
                let runs: Vec<String> = runs.iter().map(|run| format!("{} ({})", run.run, run.state)).collect();
                self.find("unfinished runs", Verdict::Note, runs.join(", "));
            }
            Err(error) => self.find("unfinished runs", Verdict::Bad, error.to_string()),
        }
    }

    fn runs(&mut self, folder: &Path) {
        let probe = folder.join(format!(".doctor-{:016x}", fastrand::u64(..)));
        let written = std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::write(&probe, b""))
            .and_then(|()| std::fs::remove_file(&probe));
        match written {
            Ok(()) => self.find("runs folder", Verdict::Good, folder.display().to_string()),
            Err(error) => {
                let said = format!("{} cannot be written: {error}; name another with --runs-dir", folder.display());
                self.find("runs folder", Verdict::Bad, said);
            }
        }
    }

    fn environment(&mut self) {
        for name in ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "AWS_CA_BUNDLE", "SSL_CERT_FILE"] {
            if std::env::var_os(name).is_some_and(|value| !value.is_empty()) {
                // A proxy's address may hold a password.
                self.find("variable", Verdict::Note, format!("{name} is set"));
            }
        }
    }
}

/// A key that no item has.
fn nobody(info: &TableInfo) -> Key {
    let value = |attribute: &KeyAttribute| match attribute.kind {
        KeyType::S => Value::from(format!("drift-host doctor {:032x}", fastrand::u128(..)).as_str()),
        // Negative, and beyond what counters reach.
        KeyType::N => Value::N(Number::from(i64::MIN / 2 - i64::from(fastrand::u32(..)))),
        KeyType::B => Value::B(fastrand::u128(..).to_be_bytes().to_vec()),
    };
    let attributes = std::iter::once(&info.key.partition).chain(&info.key.sort);
    Key::from_attributes(attributes.map(|attribute| (attribute.name.clone(), value(attribute))).collect())
}

/// A change of an item that is not there, if it is there.
fn never(partition: &str) -> Change {
    let names = [("#k", partition), ("#a", "drift-host doctor")];
    Change {
        expression: "REMOVE #a".into(),
        condition: Some("attribute_exists(#k)".into()),
        names: names.map(|(placeholder, name)| (placeholder.to_owned(), name.to_owned())).into_iter().collect(),
        values: Item::default(),
    }
}
