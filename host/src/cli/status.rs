//! `status`, `show` and `init`: none of them but `init` writes to DynamoDB.

use clap::Args;
use serde_json::json;

use super::Ended;
use super::options::Connection;
use crate::dynamo::Billing;
use crate::journal::{self, Journal};
use crate::report;

#[derive(Args)]
pub(super) struct StatusVerb {
    #[command(flatten)]
    connection: Connection,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(super) struct ShowVerb {
    /// The run's id, or the beginning of it
    run: String,
    /// Read all of its journal first, and say if any of it is damaged
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    connection: Connection,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
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
        let migrator = self.connection.migrator().await?;
        let (applied, unfinished) = (migrator.applied().await?, migrator.unfinished().await?);
        if self.json {
            let applied = applied.iter().map(|row| {
                json!({ "number": row.number.to_string(), "table": row.table, "name": row.name, "description": row.description,
                    "digest": row.digest, "started": row.started, "finished": row.finished, "run": row.run,
                    "details": row.details.iter().cloned().collect::<std::collections::BTreeMap<_, _>>() })
            });
            let unfinished = unfinished.iter().map(|row| {
                json!({ "run": row.run, "number": row.number.to_string(), "table": row.table, "direction": row.direction,
                    "state": row.state, "owner": row.owner })
            });
            println!(
                "{}",
                json!({ "v": 1, "applied": applied.collect::<Vec<_>>(), "unfinished": unfinished.collect::<Vec<_>>() })
            );
        } else {
            print!("{}", report::status(&applied, &unfinished));
        }
        Ok(0)
    }
}

impl ShowVerb {
    pub(super) fn run(self) -> Ended {
        let journal = Journal::read(&journal::find(&self.connection.runs_dir(), &self.run)?)?;
        if self.check {
            journal.check()?;
        }
        let summary = crate::run::Summary::read(&journal)?;
        if self.json {
            println!("{}", report::document::run(&journal, &summary)?)
        } else {
            print!("{}", report::run(&journal, &summary)?)
        }
        Ok(0)
    }
}

impl InitVerb {
    pub(super) async fn run(self) -> Ended {
        let billing = self.provisioned.map_or(Billing::OnDemand, |(read, write)| Billing::Provisioned { read, write });
        let migrator = self.connection.migrator().await?;
        migrator.init(&billing).await?;
        println!("the metadata tables are there and active");
        Ok(0)
    }
}
