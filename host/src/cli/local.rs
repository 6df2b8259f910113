//! `drift-host local`: a DynamoDB on this machine.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;

use super::complain;
use crate::local::{DEFAULT_PORT, EmbeddedDynamoDb, Load, LocalError, Options, Running, TableReport};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The port on 127.0.0.1; 0 takes any free one
    #[arg(long, value_name = "N", default_value_t = DEFAULT_PORT)]
    port: u16,

    /// Keep the tables in this file, created where missing [default: in memory]
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,

    /// Create a table and fill it from a file, unless it exists already; may be given more than once
    ///
    /// TABLE:KEY=FILE names the partition key, TABLE:KEY,SORT=FILE the sort key too. TABLE:+KEY=FILE numbers the rows from
    /// 1 and keeps the number in KEY; TABLE:+KEY*20=FILE reads the file twenty times over.
    /// Files: CSV (with a header, named .csv), JSON (an array, or items one after another), DynamoDB JSON, or what
    /// `aws dynamodb scan` prints.
    #[arg(long, value_name = "TABLE:KEY=FILE")]
    load: Vec<Load>,

    /// Print one JSON document instead of the URL
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: Arguments) -> ExitCode {
    let Arguments { port, data, load, json } = arguments;
    let kept = data.is_some();
    match start_and_wait(Options { port, data, load, streams: false }, json, kept) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error, error.code());
            ExitCode::from(error.code().exit_code())
        }
    }
}

fn start_and_wait(options: Options, json: bool, kept: bool) -> Result<(), LocalError> {
    // Signals are caught from the beginning, so that one that comes during the loading is not lost to the default.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(LocalError::Serve)?;
    let mut signals = {
        let _within = runtime.enter();
        Signals::catch().map_err(LocalError::Serve)?
    };
    let running = EmbeddedDynamoDb::start(options)?;
    announce(&running, json, kept).map_err(LocalError::Serve)?;
    runtime.block_on(signals.any());
    running.stop()
}

fn announce(running: &Running, json: bool, kept: bool) -> io::Result<()> {
    let endpoint = running.endpoint_url();
    for table in running.tables() {
        tell!("{}", sentence(table));
    }
    let example = running.tables().first().map_or("TABLE", |table| &table.name);
    tell!("next: drift-host try PLUGIN --table {example} --endpoint-url {endpoint}");
    tell!("{}", if kept { "Ctrl-C stops it; the tables stay in the file" } else { "Ctrl-C stops it, and its tables are gone" });
    let mut out = io::stdout().lock();
    if json {
        let tables: Vec<_> = running.tables().iter().map(|table| json!({ "name": table.name, "items": table.items })).collect();
        writeln!(out, "{}", json!({ "v": 1, "endpoint": endpoint, "tables": tables }))?;
    } else {
        writeln!(out, "{endpoint}")?;
    }
    out.flush()
}

fn sentence(table: &TableReport) -> String {
    let TableReport { name, items, rows } = table;
    let plural = |count: u64, one: &str| if count == 1 { format!("{count} {one}") } else { format!("{count} {one}s") };
    match rows {
        None => format!("{name}: {}, there already, nothing loaded", plural(*items, "item")),
        Some(rows) if rows == items => format!("{name}: {} loaded", plural(*items, "item")),
        Some(rows) => format!(
            "{name}: {} loaded of {}: of those with one key, the last stayed",
            plural(*items, "item"),
            plural(*rows, "row")
        ),
    }
}

/// Ctrl-C, and what service managers send.
struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    fn catch() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    #[cfg(not(unix))]
    fn catch() -> io::Result<Self> {
        Ok(Self {})
    }

    async fn any(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
        #[cfg(not(unix))]
        let _ = tokio::signal::ctrl_c().await;
    }
}
