//! `run` and `plan`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde_json::Value as Json;

use super::Ended;
use super::connection::Connection;
use super::options::Flow;
use super::segment::{self, Tasked};
use crate::Error;
use crate::author::{Mask, Recorder};
use crate::explain::Code;
use crate::insight::Insight;
use crate::journal::{self, Journal};
use crate::migration::Migration;
use crate::report;
use crate::report::price::Prices;
use crate::run::{Migrator, RunOptions, Summary};
use crate::telemetry::{Settings, Telemetry};

/// Shapes of change of which `plan` shows an item.
const SHAPES: usize = 10;

#[derive(Args)]
pub(super) struct RunVerb {
    /// The plugin: a WebAssembly component
    plugin: PathBuf,
    /// The table: a name or an ARN
    #[arg(long)]
    table: String,
    #[command(flatten)]
    flow: Flow,
    /// Plan and apply again until a plan finds nothing left to change; only for repeatable migrations
    #[arg(long)]
    sweep: bool,
    /// With --sweep: at most so often
    #[arg(long, value_name = "N", default_value_t = 3, requires = "sweep", value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    #[command(flatten)]
    first: First,
    #[command(flatten)]
    recording: Recording,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    output: Output,
}

/// A part before the whole.
#[derive(Args, Clone)]
pub(super) struct First {
    /// Carry so many items out first, read them again, and ask before the rest
    ///
    /// A repeatable migration is asked about each of them once more (unless it was granted direct-write), and should have nothing left
    /// to do. If it has, if one failed or is in doubt, or the answer is no, the run ends incomplete and nothing further is written: `drift-host apply RUN` carries the rest out, and
    /// `drift-host undo --run RUN` takes the first ones back. With --yes the rest follows if there is nothing against it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    canary: Option<u32>,
}

impl First {
    pub(super) fn is_given(&self) -> bool {
        self.canary.is_some()
    }

    pub(super) fn give(&self, options: &mut RunOptions) {
        options.canary = self.canary;
    }

    /// The same migrator, which asks before the rest.
    pub(super) fn asked(&self, migrator: Migrator, output: &Output) -> Migrator {
        let output = output.clone();
        migrator.approve(move |canary| {
            let answer = output.ask(&format!(
                "{} items are left to be written{}.",
                canary.left,
                report::windows_left(canary.windows_left)
            ));
            answer.inspect_err(|no| tell!("{no}")).is_ok()
        })
    }
}

#[derive(Args)]
pub(super) struct PlanVerb {
    /// The plugin: a WebAssembly component
    plugin: PathBuf,
    /// The table: a name or an ARN
    #[arg(long)]
    table: String,
    #[command(flatten)]
    flow: Flow,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    output: Output,
    /// Exit with 1 if any item would change
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    priced: Priced,
    #[command(flatten)]
    tasked: Tasked,
    /// With --segment: where the run is kept, and all of its processes find it: s3://BUCKET/PREFIX, or file:///FOLDER
    #[arg(long, value_name = "URI", requires = "segment")]
    journal: Option<String>,
}

/// What units cost.
#[derive(Args, Clone)]
pub(super) struct Priced {
    /// Say what it comes to, at these prices of a million read and a million write units, in any currency: 0.125,0.625
    #[arg(long, value_name = "READ,WRITE")]
    pub(super) price: Option<Prices>,
}

#[derive(Args, Clone)]
pub(super) struct Output {
    /// Print one JSON document
    #[arg(long)]
    pub(super) json: bool,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    /// Tell progress as JSON, an object a line on standard error (docs/json.md)
    #[arg(long)]
    json_progress: bool,
    /// Send the run as a trace, and its metrics, to this OpenTelemetry collector, by OTLP over HTTP: http://127.0.0.1:4318, say
    /// [default: OTEL_EXPORTER_OTLP_ENDPOINT; without either, nothing is sent]
    ///
    /// OpenTelemetry's other variables hold as well (OTEL_EXPORTER_OTLP_HEADERS, OTEL_RESOURCE_ATTRIBUTES, TRACEPARENT and so on:
    /// docs/telemetry.md). A collector that cannot be reached neither slows nor fails a run. Nothing of an item is sent.
    #[arg(long, value_name = "URL", value_parser = crate::telemetry::check_url)]
    otlp: Option<String>,
}

/// Real items as fixtures for `test`.
#[derive(Args, Clone)]
struct Recording {
    /// Keep so many of the items as fixtures for `drift-host test`, one of each shape first, their values masked
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    record: Option<u16>,
    /// The folder of the fixtures
    #[arg(long, value_name = "DIR", default_value = "fixtures", requires = "record")]
    record_to: PathBuf,
    /// Keep the values as they are: only where the folder may hold them
    #[arg(long, requires = "record")]
    record_unmasked: bool,
}

impl Recording {
    fn of(&self, migration: Arc<dyn Migration>) -> Option<Arc<Recorder>> {
        self.record.map(|wanted| Arc::new(Recorder::new(migration, wanted.into())))
    }

    /// What a run did stands, whatever comes of its fixtures.
    fn write(&self, recorder: &Recorder) {
        let mask = if self.record_unmasked { None } else { Some(Mask::new()) };
        match recorder.write(&self.record_to, mask) {
            Ok(made) => tell!("{} fixtures in {}: read them before you trust them", made.len(), self.record_to.display()),
            Err(error) => caution!("the fixtures could not be written: {error}"),
        }
    }
}

impl RunVerb {
    pub(super) async fn run(self) -> Ended {
        let (migration, mut options) = self.flow.load(&self.plugin, &self.table, self.connection.building())?;
        self.first.give(&mut options);
        let migrator = self.first.asked(self.connection.migrator().await?, &self.output);
        self.connection.lasting(&migrator)?;
        tell_of_writes_at_once(migration.as_ref());
        self.output.confirm(&migrator, &options.table)?;
        let hooks = self.flow.hooks(&self.connection)?;
        let migrator = self.output.watched(hooks.gated(migrator));
        let recorder = self.recording.of(migration.clone());
        let migration = recorder.clone().map_or(migration, |recorder| recorder as Arc<dyn Migration>);
        let ended = match self.sweep {
            false => migrator.run(migration, &options).await.map(|summary| (summary, true)),
            true => migrator.sweep(migration, &options, self.rounds).await,
        };
        if let Some(recorder) = recorder {
            self.recording.write(&recorder);
        }
        let mut none_left = true;
        let ended = ended.map(|(summary, none)| {
            none_left = none;
            summary
        });
        let told = |summary: &Summary| match self.output.print(summary) {
            0 if !none_left => {
                tell!("after {} rounds the last one still found items to change", self.rounds);
                1
            }
            code => code,
        };
        Ok(hooks.end(ended, told)?.1)
    }
}

impl PlanVerb {
    pub(super) async fn run(self) -> Ended {
        if let Some(of) = &self.tasked.segment {
            let url = self.journal.as_deref().ok_or_else(|| Error::Usage("--segment needs --journal URI".into()))?;
            self.flow.hooks(&self.connection)?.must_not_be_given()?;
            self.output.must_send_nothing()?;
            let task = (url, of, &self.tasked);
            return segment::plan((&self.plugin, &self.table), task, &self.flow, &self.connection, &self.output).await;
        }
        let (migration, options) = self.flow.load(&self.plugin, &self.table, self.connection.building())?;
        let hooks = self.flow.hooks(&self.connection)?;
        let migrator = self.output.watched(hooks.gated(self.connection.migrator().await?));
        self.connection.lasting(&migrator)?;
        let (summary, ended) = match migrator.plan(migration, &options).await {
            Ok(summary) => (Some(summary.clone()), self.tell(summary).await),
            Err(error) => (None, Err(error)),
        };
        hooks.ended(summary.as_ref(), ended.as_ref().copied());
        ended
    }

    async fn tell(&self, summary: Summary) -> Ended {
        let Some(run) = summary.run().map(str::to_owned) else { return Ok(self.output.print(&summary)) };
        let path = journal::find(&self.connection.runs_dir(), &run)?;
        if self.check && summary.state == "planned" && summary.counts.changed == 0 && summary.counts.failed == 0 {
            self.connection.remove(&run).await?;
            return Ok(self.output.print(&Summary { manifest: None, state: "nothing-to-change".into(), ..summary }));
        }
        let journal = Journal::read(&path)?;
        if self.output.json {
            say!("{}", self.priced.added(report::document::plan(&journal, &summary, SHAPES)?, &summary));
        } else {
            let insight = Insight::read(&journal)?;
            let price = self.priced.told(&summary);
            let named = if self.check { report::changes::named(&journal, insight.items)? } else { String::new() };
            show!("{}{price}{named}{}", report::summary(&summary), report::changes::told(&journal, &insight, SHAPES)?);
            // What stands above may be some hundred lines of diffs up.
            if summary.state == "planned" {
                tell!("next: drift-host apply {run} carries it out; drift-host show {run} -o report.html shows it to others");
            }
        }
        let code = summary.exit_code();
        Ok(if code == 0 && self.check && summary.counts.changed > 0 { 1 } else { code })
    }
}

impl Priced {
    /// A line, where prices are given.
    pub(super) fn told(&self, summary: &Summary) -> String {
        self.price.map(|prices| prices.told(summary)).unwrap_or_default()
    }

    /// The document with its `price`, likewise.
    pub(super) fn added(&self, mut document: Json, summary: &Summary) -> Json {
        if let (Some(prices), Json::Object(map)) = (self.price, &mut document) {
            map.insert("price".into(), prices.to_json(summary));
        }
        document
    }
}

/// What no plan shows is said before it happens.
pub(super) fn tell_of_writes_at_once(migration: &dyn Migration) {
    if migration.writes_at_once() {
        tell!(
            "this plugin was granted direct-write: what it writes so is written at once, while the table is scanned, and cannot be previewed or taken back"
        );
    }
}

/// A migrator at work, the keys that steer it meanwhile, and who is told of it elsewhere.
pub(super) struct Watched {
    migrator: Migrator,
    #[cfg(unix)]
    _keys: Option<super::keys::Keys>,
    /// Dropped last: then the last of it is sent.
    _telemetry: Option<Telemetry>,
}

impl std::ops::Deref for Watched {
    type Target = Migrator;

    fn deref(&self) -> &Migrator {
        &self.migrator
    }
}

impl Output {
    /// Writing to anything that is not local wants a yes.
    pub(super) fn confirm(&self, migrator: &Migrator, table: &str) -> Result<(), Error> {
        match migrator.database().is_local() {
            true => Ok(()),
            false => self.ask(&format!("This writes to the table {table} of {}.", migrator.database().endpoint())),
        }
    }

    /// The same for several migrations, which were told: once for all.
    pub(super) fn confirm_all(&self, migrator: &Migrator, table: &str, count: usize) -> Result<(), Error> {
        match migrator.database().is_local() {
            true => Ok(()),
            false => self.ask(&format!(
                "These {count} write to the table {table} of {}, one after the other.",
                migrator.database().endpoint()
            )),
        }
    }

    /// Wants a yes, wherever it is.
    pub(super) fn ask(&self, what: &str) -> Result<(), Error> {
        if self.yes {
            return Ok(());
        }
        let _until_answered = crate::output::asking();
        #[cfg(unix)]
        super::keys::give_back();
        crate::output::aside(format_args!("{what} Go on? [y/N] "));
        let mut answer = String::new();
        let asked = std::io::IsTerminal::is_terminal(&std::io::stdin()) && std::io::stdin().read_line(&mut answer).is_ok();
        match answer.trim() {
            "y" | "Y" | "yes" if asked => Ok(()),
            _ => Err(Error::Known(Code::NotConfirmed, "not confirmed; add --yes where nobody can be asked".into())),
        }
    }

    /// The same migrator, whose events are told as is wanted.
    pub(super) fn told(&self, migrator: Migrator) -> Migrator {
        let told = if self.is_for_machines() { report::For::Machines } else { report::For::People };
        report::watched(migrator, told)
    }

    fn is_for_machines(&self) -> bool {
        self.json_progress || crate::output::is_for_machines()
    }

    /// The same, which is steered by keys where there are some, and heard by a collector where one is wanted.
    pub(super) fn watched(&self, migrator: Migrator) -> Watched {
        let migrator = self.told(migrator);
        let telemetry = self.telemetry(&migrator);
        let migrator = match &telemetry {
            Some(telemetry) => telemetry.watch(migrator),
            None => migrator,
        };
        Watched {
            #[cfg(unix)]
            _keys: (!self.is_for_machines()).then(|| super::keys::Keys::listen(&migrator)).flatten(),
            migrator,
            _telemetry: telemetry,
        }
    }

    /// A process that does one segment sends no telemetry: where it was asked for, that is said.
    pub(super) fn must_send_nothing(&self) -> Result<(), Error> {
        match &self.otlp {
            None => Ok(()),
            Some(_) => Err(Error::Usage(
                "--otlp: a process that does one segment sends no telemetry: `drift-host lead`, which stands for the run, does (docs/segments.md)".into(),
            )),
        }
    }

    /// Where telemetry is wanted and can be had: what is wrong with it is said, and ends no run.
    fn telemetry(&self, migrator: &Migrator) -> Option<Telemetry> {
        match Settings::find(self.otlp.as_deref()) {
            Ok(settings) => Telemetry::start(settings?, migrator, |warning| caution!("{warning}"))
                .inspect_err(|error| caution!("{error}; the run goes on without"))
                .ok(),
            Err(error) => {
                caution!("no telemetry is sent: {error}");
                None
            }
        }
    }

    pub(super) fn print(&self, summary: &Summary) -> u8 {
        if self.json {
            say!("{}", summary.to_json())
        } else {
            show!("{}", report::summary(summary))
        }
        summary.exit_code()
    }
}
