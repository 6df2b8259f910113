//! `status` and `init`: only `init` writes to DynamoDB.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::connection::Connection;
use super::run::Output;
use super::{Ended, series};
use crate::dynamo::Billing;
use crate::journal::{self, Keep};
use crate::plugin::Limits;
use crate::report;

#[derive(Args)]
pub(super) struct StatusVerb {
    /// A folder of migrations: where each of them stands in the history of --table
    #[arg(value_name = "DIR", requires = "table", conflicts_with = "prune")]
    dir: Option<PathBuf>,
    /// With DIR: the table, a name or an ARN
    #[arg(long, requires = "dir")]
    table: Option<String>,
    #[command(flatten)]
    connection: Connection,
    /// The audit as well: what people decided, and ways back
    #[arg(long, conflicts_with = "prune")]
    audit: bool,
    /// Remove the journals of runs that are over, after asking
    #[arg(long)]
    prune: bool,
    /// With --prune: only of runs that began so long ago (30d, 12h)
    #[arg(long, value_name = "AGE", requires = "prune", value_parser = crate::model::span)]
    older_than: Option<Duration>,
    /// With --prune: also of plans that were not carried out
    #[arg(long, requires = "prune")]
    planned: bool,
    /// With --prune: also the newest applied run of a table, which `undo --run` needs
    #[arg(long, requires = "prune")]
    all: bool,
    #[command(flatten)]
    output: Output,
}

#[derive(Args)]
pub(super) struct InitVerb {
    #[command(flatten)]
    connection: Connection,
    /// Provisioned capacity instead of on demand
    #[arg(long, value_name = "RCU,WCU", value_parser = provisioned)]
    provisioned: Option<(u64, u64)>,
}

fn provisioned(text: &str) -> Result<(u64, u64), String> {
    let (read, write) = text.split_once(',').ok_or_else(|| format!("{text:?} is not RCU,WCU: 5,5, say"))?;
    let unit = |text: &str| {
        text.trim().parse().ok().filter(|units| *units > 0).ok_or_else(|| format!("{text:?} is not a number of units"))
    };
    Ok((unit(read)?, unit(write)?))
}

impl StatusVerb {
    pub(super) async fn run(self) -> Ended {
        if self.prune {
            return self.prune().await;
        }
        if let (Some(dir), Some(table)) = (&self.dir, &self.table) {
            return self.of_folder(dir, table).await;
        }
        let migrator = self.connection.migrator().await?;
        let applied = migrator.applied().await?;
        let mut unfinished = Vec::new();
        for run in migrator.unfinished().await? {
            // Of one that was never at work there is nothing to be told, nor to who may only list.
            let at_work = migrator.at_work(&run).await.ok().flatten().map(|at_work| at_work.progress);
            unfinished.push((run, at_work.filter(|progress| !progress.phase.is_empty())));
        }
        let audit = if self.audit { migrator.audit().await? } else { Vec::new() };
        let runs = self.connection.runs().await?;
        if self.output.json {
            say!("{}", report::document::status(&applied, &unfinished, &runs, &audit));
        } else {
            show!("{}{}", report::status(&applied, &unfinished), report::runs::runs(&runs));
            show!("{}", report::runs::audit(&audit));
        }
        Ok(0)
    }

    async fn of_folder(&self, dir: &Path, table: &str) -> Ended {
        let migrator = self.connection.migrator().await?;
        let read = series::read(dir, Limits::default(), self.connection.building())?;
        let standings = read.on(table, &migrator).await?;
        let audit = if self.audit { migrator.audit().await? } else { Vec::new() };
        match self.output.json {
            true => say!("{}", report::document::standings(&standings, &audit)),
            false => show!("{}{}", report::series::standings(&standings), report::runs::audit(&audit)),
        }
        Ok(standings.exit_code())
    }

    async fn prune(&self) -> Ended {
        let keep = Keep { planned: !self.planned, newest: !self.all, younger_than: self.older_than };
        let runs = journal::prunable(self.connection.runs().await?, &keep);
        crate::output::aside(format_args!("{}", report::runs::runs(&runs)));
        if !runs.is_empty() {
            self.output
                .ask(&format!("These {} journals are removed; nothing of theirs can be taken back afterwards.", runs.len()))?;
        }
        let mut removed = Vec::new();
        for run in &runs {
            self.connection.remove(&run.run).await?;
            removed.push(run.run.as_str());
        }
        match self.output.json {
            true => say!("{}", json!({ "v": 1, "removed": removed })),
            false => say!("removed {} journals", removed.len()),
        }
        Ok(0)
    }
}

impl InitVerb {
    pub(super) async fn run(self) -> Ended {
        let billing = self.provisioned.map_or(Billing::OnDemand, |(read, write)| Billing::Provisioned { read, write });
        let migrator = self.connection.migrator().await?;
        migrator.init(&billing).await?;
        say!("the metadata tables are there and active");
        Ok(0)
    }
}
