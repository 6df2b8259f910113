//! Flags that several verbs share.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::connection::Connection;
use super::hooks::{Hooked, Hooks};
use super::signals;
use super::source::{Building, Loading};
use crate::Error;
use crate::explain::Code;
use crate::migration::{Migration, PolicyTerms, SecretArgument};
use crate::model::{Bytes, GrantRequest};
use crate::plugin::{Grant, Grants, Limits, Plugin};
use crate::policy::{Policy, PolicyError};
use crate::run::{ExactlyOnce, MaxErrors, Rate, RunOptions};
use crate::series::Member;

/// What a plugin is given.
#[derive(Args, Clone)]
pub(super) struct Given {
    /// An argument for the migration
    #[arg(long = "arg", value_name = "NAME=VALUE", value_parser = argument)]
    arguments: Vec<(String, String)>,
    /// An argument whose value is read from an environment variable at each start, and kept nowhere
    ///
    /// The journal has its name and the variable's. Where the plugin logs the value or names it in an error it is masked, and an
    /// answer that would write it is a failed item.
    #[arg(long = "secret-arg", value_name = "NAME=env:VARIABLE")]
    secret_arguments: Vec<String>,
    /// Allow the plugin an access: insert:Claims, delete:. (`.` is the migrated table), insert:audit-*, or `asked` for all it asks
    #[arg(long = "grant", value_name = "ACCESS:TABLE|asked")]
    grants: Vec<String>,
    /// A policy: the most that a plugin gets on a table, as TOML; flags narrow it
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    #[command(flatten)]
    pub(super) limited: Limited,
}

/// What a plugin may take.
#[derive(Args, Clone)]
pub(super) struct Limited {
    /// Change a limit of the plugin: item-time=10s, memory=512MiB; --help lists all
    #[arg(long = "limit", value_name = "NAME=VALUE", long_help = limits_help())]
    limits: Vec<String>,
    /// A new instance of the plugin for each item: no state passes from one to the next
    #[arg(long)]
    fresh_instances: bool,
}

fn limits_help() -> String {
    format!("Change a limit of the plugin; beyond one of an item's, that item fails. The defaults:{}", Limits::help())
}

impl Limited {
    /// The defaults, with those that a run began with, with those of these flags.
    pub(super) fn limits(&self, began: &[String]) -> Result<Limits, Error> {
        let mut limits = Limits::default();
        for text in began.iter().chain(&self.limits) {
            limits.set(text).map_err(|error| Error::Usage(error.to_string()))?;
        }
        limits.fresh_instances |= self.fresh_instances;
        Ok(limits)
    }
}

/// How fast a run may be, and for how long.
#[derive(Args, Clone)]
pub(super) struct Rates {
    /// Read units a second at most, retries included, or a share of the table's: 500, 50%, or none for no limit [default: 25%, unless it is local]
    ///
    /// A share is of the provisioned throughput; of an on-demand table, of its warm throughput, or of its maximum where that is less.
    /// Kept with the run: `drift-host apply RUN` goes on with it unless it is told otherwise.
    #[arg(long, value_name = "N|P%|none")]
    max_read_units: Option<Rate>,
    /// Write units a second at most, likewise [default: 25%, unless it is local]
    #[arg(long, value_name = "N|P%|none")]
    max_write_units: Option<Rate>,
    /// Stop after so long, with exit code 75; `drift-host apply RUN` goes on: 90s, 14m, 1h30m
    #[arg(long, value_name = "SPAN", value_parser = crate::model::span)]
    stop_after: Option<Duration>,
}

impl Rates {
    /// Begins to count the time.
    pub(super) fn begin(&self) {
        signals::stop_after(self.stop_after);
    }

    pub(super) fn give(&self, options: &mut RunOptions) {
        options.max_read_units = self.max_read_units;
        options.max_write_units = self.max_write_units;
    }
}

/// What a run may take of the disk.
#[derive(Args, Clone)]
pub(super) struct Disk {
    /// Let the plan make the journal grow to this size at most: 20GB, 500MB [default: what the disk has]
    ///
    /// Then the run stops with exit code 75 and nothing half recorded, and `drift-host apply RUN --journal-max SIZE` goes on with more.
    /// Kept with the run. What is recorded while the plan is carried out (conflicts, failed items) comes on top, and is little.
    #[arg(long, value_name = "SIZE")]
    journal_max: Option<Bytes>,
}

impl Disk {
    pub(super) fn give(&self, options: &mut RunOptions) {
        options.journal_max = self.journal_max.map(|Bytes(bytes)| bytes);
    }
}

/// How a run is carried out.
#[derive(Args, Clone)]
pub(super) struct Flow {
    #[command(flatten)]
    given: Given,
    /// Instances of the plugin at work at a time [default: the cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(super) concurrency: Option<u16>,
    /// Chunks of writes on their way at a time
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=1024))]
    writes_in_flight: u16,
    /// Segments of the parallel scan
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    segments: u32,
    /// Scan, seal and carry out so many segments before the next ones are scanned: with --segments 1000 --window 10, a hundredth of
    /// the table at a time
    ///
    /// The time between reading an item and writing it stays short, and so does the list of what may conflict. Each window is sealed
    /// before its own first write, and the bounds of a policy and --max-errors hold over all windows so far; but an item that fails
    /// in a later window comes after writes of the ones before it: nothing further is written then, and `apply RUN --retry-failed` or
    /// `undo --run RUN` is up to you. The journal keeps the items of all windows for `undo --run`; with --no-images those of a window
    /// are dropped when it is done, and the journal stays as small as a window. A canary is of the first window. Not for a migration
    /// that was granted inserts or updates in the migrated table, nor for runs in object storage. Kept with the run.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    window: Option<u32>,
    /// Read eventually consistently: half the read units
    #[arg(long)]
    eventual: bool,
    /// Only items for which this FilterExpression with literals holds: 'entity = "order" AND total > 5'
    #[arg(long, value_name = "EXPRESSION")]
    filter: Option<String>,
    /// Stop the scan at the first failed item
    #[arg(long)]
    fail_fast: bool,
    /// So many items may fail, as a count or a share
    #[arg(long, value_name = "N|P%", default_value = "0")]
    max_errors: MaxErrors,
    /// Guard writes by the whole item, or by a version attribute that is then incremented
    #[arg(long, value_name = "item|version=ATTR", default_value = "item")]
    guard: String,
    /// How often a migration runs again on an item that changed meanwhile
    #[arg(long, value_name = "N", default_value_t = 5)]
    conflict_retries: u32,
    #[command(flatten)]
    rates: Rates,
    #[command(flatten)]
    disk: Disk,
    #[command(flatten)]
    delivery: Delivery,
    #[command(flatten)]
    care: Care,
    #[command(flatten)]
    hooked: Hooked,
}

/// What the table must have.
#[derive(Args, Clone)]
struct Care {
    /// Of a global table: the region in which the application writes, where this runs too
    ///
    /// Conditions hold in one region only: what the application writes in another meanwhile is not seen, and whichever write is later
    /// stays. Without this, a run on a table with replicas is refused.
    #[arg(long, value_name = "REGION")]
    home_region: Option<String>,
    /// Refuse a table that has no point-in-time recovery, or of which that cannot be told
    #[arg(long)]
    require_pitr: bool,
    #[command(flatten)]
    kept: BackedUp,
}

/// A copy of the table by DynamoDB.
#[derive(Args, Clone)]
pub(super) struct BackedUp {
    /// Have DynamoDB make a backup of the table, drift-host-RUN, before anything is written; if it cannot, nothing is
    ///
    /// Needs dynamodb:CreateBackup on the table and dynamodb:DescribeBackup on its backups, and costs what DynamoDB asks for backups. It is
    /// not taken away again.
    #[arg(long)]
    pub(super) backup: bool,
}

/// What is known of an item's actions afterwards, and what goes together.
#[derive(Args, Clone)]
struct Delivery {
    /// Prove each item's write, so that none stays in doubt
    ///
    /// `receipts`: a row for each item in the table META_receipts, in one transaction with its actions: about four write units
    /// instead of one, and a table that grows by a row an item. Tells everything.
    ///
    /// `stamp=ATTR`: the same write puts the run's id in this attribute of the item: one unit as without, and some bytes. The
    /// application sees it, and defeats it where it rewrites whole items without it. A delete needs receipts; actions that all
    /// lie elsewhere bring the stamp along in a transaction.
    #[arg(long, value_name = "receipts|stamp=ATTR")]
    exactly_once: Option<ExactlyOnce>,
    /// Send several actions of one item one by one (inserts, updates, deletes); more than 100 are then possible
    ///
    /// If the item changes, or one of them is refused, after another was carried out, the item has failed in part: it is listed
    /// so, and never run again. Not with --exactly-once.
    #[arg(long, conflicts_with = "exactly_once")]
    no_atomic: bool,
    /// Where an item's actions all lie elsewhere: only if the item is still as it was read, in a transaction (twice the units)
    #[arg(long)]
    check_source: bool,
    /// Keep no images of the items in the journal, only key and version; needs --guard version=ATTR, or --window
    ///
    /// Given up are: the way back by `undo --run`, the items in `show` and in what is listed as failed or in doubt, the diffs of a
    /// plan, and its estimate of write units. What the migration sets is in the journal all the same. An item that changed is read
    /// afresh, as always. With --window, without a version attribute too: the items are kept until their window is done.
    #[arg(long)]
    no_images: bool,
}

fn argument(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("{text:?} is not NAME=VALUE"))?;
    if name.is_empty() { Err(format!("{text:?} has no name")) } else { Ok((name.to_owned(), value.to_owned())) }
}

impl Given {
    /// Loads the plugin with what is granted on `table`; refuses if it asks for more.
    pub(super) fn load(
        &self,
        plugin: &Path,
        table: &str,
        slots: Option<usize>,
        building: Building,
    ) -> Result<(Plugin, Grants), Error> {
        let name = table.rsplit('/').next().unwrap_or(table);
        let policy = self.policy.as_deref().map(Policy::read).transpose().map_err(of_policy)?;
        let limits = match &policy {
            Some(policy) => {
                let limits = policy.lowered(&self.limited.limits).map_err(of_policy)?;
                Limits { fresh_instances: limits.fresh_instances || self.limited.fresh_instances, ..limits }
            }
            None => self.limited.limits(&[])?,
        };
        let loaded = Loading { slots, building, ..Loading::new(limits) }.load(plugin)?;
        let grants = match self.grants.iter().any(|grant| grant == "asked") {
            true => Grants::asked_by(loaded.description()),
            false => parse_grants(&self.grants)?,
        };
        let (loaded, grants) = match &policy {
            Some(policy) => {
                policy.check_digest(loaded.digest()).map_err(of_policy)?;
                let terms = policy.terms(name).map_err(of_policy)?;
                let grants = policy.grants(name, grants).map_err(of_policy)?;
                (loaded.patches(terms.set, terms.remove), grants)
            }
            None => (loaded, grants),
        };
        let missing = grants.missing(loaded.description(), name);
        if missing.is_empty() && loaded.calls_at_once() && !grants.has_direct() {
            return Err(Error::Known(
                Code::GrantMissing,
                format!(
                    "the migration {} imports drift:migration/dynamodb, by which it reads or writes tables at once, and was granted no table for it; nothing was read or written. If it may, add --grant direct-read:TABLE, or --grant direct-write:TABLE (of which there is no plan)",
                    loaded.description().name
                ),
            ));
        }
        if missing.is_empty() {
            return Ok((loaded.grant(grants.clone()), grants));
        }
        let asked = missing.iter().map(|grant| {
            let same = |asked: &&GrantRequest| asked.access == grant.access() && asked.table.as_deref() == grant.table();
            let why = loaded.description().grants.iter().find(same).map_or("", |asked| asked.why.as_str());
            format!("\n  --grant {grant}   {why}")
        });
        Err(Error::Known(
            Code::GrantMissing,
            format!(
                "the migration {} asks for more than was granted. It asks for {}; granted are {}; nothing was read or written. If it may, add{}",
                loaded.description().name,
                Grants::asked_by(loaded.description()).to_strings().join(", "),
                if grants.is_empty() { "none".into() } else { grants.to_strings().join(", ") },
                asked.collect::<String>()
            ),
        ))
    }

    /// What the policy leaves a run on this table.
    fn terms(&self, table: &str) -> Result<Option<PolicyTerms>, Error> {
        let name = table.rsplit('/').next().unwrap_or(table);
        let terms = self.policy.as_deref().map(|path| Policy::read(path)?.terms(name));
        terms.transpose().map_err(of_policy)
    }

    /// `--arg`, in the order given.
    pub(super) fn arguments(&self) -> &[(String, String)] {
        &self.arguments
    }

    /// `--secret-arg`, in the order given. Not by clap, which says again what it does not understand: the value, perhaps.
    pub(super) fn secret_arguments(&self) -> Result<Vec<SecretArgument>, Error> {
        let read = self.secret_arguments.iter().map(|text| text.parse());
        read.collect::<Result<_, String>>().map_err(|problem| Error::Usage(format!("--secret-arg: {problem}")))
    }
}

impl Flow {
    /// What is to run at moments of the run.
    pub(super) fn hooks(&self, connection: &Connection) -> Result<Hooks, Error> {
        self.hooked.hooks(connection, &self.given.secret_arguments()?)
    }

    /// What these flags say of the work itself.
    pub(super) fn options(&self, table: &str) -> RunOptions {
        self.rates.begin();
        let mut options = RunOptions::new(table);
        options.concurrency = self.concurrency.map_or(options.concurrency, usize::from);
        options.writes_in_flight = self.writes_in_flight.into();
        options.home_region.clone_from(&self.care.home_region);
        options.require_pitr = self.care.require_pitr;
        options.backup = self.care.kept.backup;
        self.rates.give(&mut options);
        self.disk.give(&mut options);
        options
    }

    /// Loads the plugin with what is granted; refuses if it asks for more.
    pub(super) fn load(&self, plugin: &Path, table: &str, building: Building) -> Result<(Arc<dyn Migration>, RunOptions), Error> {
        let slots = self.concurrency.map(usize::from);
        let (loaded, grants) = self.given.load(plugin, table, slots, building)?;
        let mut options = self.options(table);
        options.window = self.window;
        let name = table.rsplit('/').next().unwrap_or(table);
        if let Some(grant) = grants.makes_items_in(name).filter(|_| self.window.is_some()) {
            return Err(Error::Refused(format!(
                "--window: the migration {} was granted {grant}, by which it can make items in the table {name}; a window that is scanned \
                 later would meet them, and migrate them too. Nothing was read or written. Grant it less, or run it without --window",
                loaded.description().name
            )));
        }
        options.grants = grants.to_strings();
        options.policy = self.given.terms(table)?;
        options.limits = loaded.limits().texts();
        options.segments = self.segments;
        options.consistent = !self.eventual;
        options.filter.clone_from(&self.filter);
        options.fail_fast = self.fail_fast;
        options.max_errors = self.max_errors;
        options.arguments = self.given.arguments().to_vec();
        options.secret_arguments = self.given.secret_arguments()?;
        options.guard.clone_from(&self.guard);
        options.conflict_retries = self.conflict_retries;
        options.exactly_once = self.delivery.exactly_once.clone().unwrap_or_default();
        options.no_atomic = self.delivery.no_atomic;
        options.check_source = self.delivery.check_source;
        options.no_images = self.delivery.no_images;
        if self.delivery.no_images && self.window.is_some() && self.guard == "item" {
            tell!("images are dropped with their window: this run cannot be taken back by `undo --run`");
        } else if self.delivery.no_images {
            tell!("without images: this run cannot be taken back by `undo --run`, and its items are not shown");
        }
        self.rates.give(&mut options);
        Ok((Arc::new(loaded), options))
    }

    /// The limits of a plugin that is only asked what it is.
    pub(super) fn limits(&self) -> Result<Limits, Error> {
        self.given.limited.limits(&[])
    }

    /// Whether a migration of a folder may run with what is granted.
    pub(super) fn check(&self, member: &Member, table: &str, building: Building) -> Result<(), Error> {
        self.given.load(&member.path, table, Some(1), building).map(drop)
    }

    /// As [`Flow::load`], for a migration of a folder, which must be what it was when the folder was read.
    pub(super) fn load_member(
        &self,
        member: &Member,
        table: &str,
        building: Building,
    ) -> Result<(Arc<dyn Migration>, RunOptions), Error> {
        let (migration, options) = self.load(&member.path, table, building)?;
        if migration.digest() == member.digest {
            return Ok((migration, options));
        }
        Err(Error::Known(
            Code::DigestDiffers,
            format!(
                "{} is {} now, and was {} when the folder was read: somebody changes it. Begin again when that is done",
                member.path.display(),
                migration.digest(),
                member.digest
            ),
        ))
    }
}

fn of_policy(error: PolicyError) -> Error {
    match error {
        PolicyError::File { .. } => Error::Known(Code::PolicyUnusable, error.to_string()),
        PolicyError::Forbidden { .. } => Error::Known(Code::PolicyForbids, error.to_string()),
    }
}

/// Grants as they stand on the command line or in a run's manifest.
pub(super) fn parse_grants(texts: &[String]) -> Result<Grants, Error> {
    let parsed = texts.iter().map(|text| text.parse::<Grant>()).collect::<Result<_, _>>();
    parsed.map(Grants::new).map_err(|error| Error::Usage(error.to_string()))
}
