//! `doctor`: whether a run on a table would work, before anything depends on it.

use std::path::Path;

use clap::Args;
use serde_json::json;

use super::Ended;
use super::connection::Connection;
use crate::doctor::{Finding, Verdict, examine};
use crate::dynamo::Database;
use crate::{Error, config};

#[derive(Args)]
pub(super) struct DoctorVerb {
    /// The table: a name or an ARN
    #[arg(long)]
    table: String,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

impl DoctorVerb {
    /// Exit code 4 if something is missing that a run needs.
    pub(super) async fn run(self) -> Ended {
        let migrator = self.connection.migrator().await?;
        let mut findings = environment(&self.connection, migrator.database())?;
        findings.extend(examine(&migrator, &self.table, self.connection.meta(), &self.connection.runs_dir()).await);
        let is_well = findings.iter().all(|finding| finding.verdict != Verdict::Bad);
        if self.json {
            let findings: Vec<_> = findings.iter().map(document).collect();
            say!("{}", json!({ "v": 1, "table": self.table, "well": is_well, "findings": findings }));
        } else {
            findings.iter().for_each(|finding| say!("{}", line(finding)));
            let last = if is_well {
                "a run on this table will find what it needs"
            } else {
                "a run on this table would end at what is marked MISSING"
            };
            say!("{last}");
        }
        Ok(if is_well { 0 } else { 4 })
    }
}

/// Which environment holds, where there is a file of them.
fn environment(connection: &Connection, database: &Database) -> Result<Vec<Finding>, Error> {
    let (verdict, said) = match connection.environment()? {
        Some(environment) => (Verdict::Good, environment.told(database)),
        None if Path::new(config::FILE).is_file() => {
            (Verdict::Note, format!("{} is here, names no default, and no --env was given: nothing of it holds", config::FILE))
        }
        None => return Ok(Vec::new()),
    };
    Ok(vec![Finding { what: "environment".into(), verdict, said }])
}

fn line(finding: &Finding) -> String {
    let mark = match finding.verdict {
        Verdict::Good => "ok",
        Verdict::Note => "note",
        Verdict::Bad => "MISSING",
    };
    format!("{mark:<8}{:<18}  {}", finding.what, finding.said)
}

fn document(finding: &Finding) -> serde_json::Value {
    let verdict = match finding.verdict {
        Verdict::Good => "good",
        Verdict::Note => "note",
        Verdict::Bad => "bad",
    };
    json!({ "what": finding.what, "verdict": verdict, "said": finding.said })
}
