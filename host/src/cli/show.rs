//! `show`: what a run's journal knows. Touches no table.

use clap::Args;
use serde_json::json;

use super::Ended;
use super::connection::Connection;
use crate::journal::Journal;
use crate::{Error, report};

#[derive(Args)]
pub(super) struct ShowVerb {
    /// The run's id, or the beginning of it
    run: String,
    /// Read all of its journal first, and say if any of it is damaged
    #[arg(long)]
    check: bool,
    /// Every item that failed, is in doubt or was left alone
    #[arg(long, conflicts_with = "item")]
    errors: bool,
    /// All about the item with this key: Id=7, 'pk=USER#1, sk=PROFILE', or JSON
    #[arg(long, value_name = "KEY")]
    item: Option<String>,
    #[command(flatten)]
    connection: Connection,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

impl ShowVerb {
    pub(super) async fn run(self) -> Ended {
        let journal = Journal::read(&self.connection.find(&self.run).await?)?;
        if self.check {
            journal.check()?;
        }
        if self.errors {
            return self.errors(&journal);
        }
        if let Some(key) = &self.item {
            return self.item(&journal, key);
        }
        let summary = crate::run::Summary::read(&journal)?;
        if self.json {
            say!("{}", report::document::run(&journal, &summary)?)
        } else {
            show!("{}", report::run(&journal, &summary)?)
        }
        Ok(0)
    }

    /// As they are read: there may be millions.
    fn errors(&self, journal: &Journal) -> Ended {
        if !self.json {
            report::items::each_error(journal, |outcome| {
                show!("{}", report::items::error(outcome));
                Ok(())
            })?;
            return Ok(0);
        }
        show!("{{\"v\":1,\"run\":{},\"errors\":[", json!(journal.manifest().run));
        let mut comma = "";
        report::items::each_error(journal, |outcome| {
            show!("{comma}\n{}", report::document::whole_outcome(outcome));
            comma = ",";
            Ok(())
        })?;
        say!("]}}");
        Ok(0)
    }

    fn item(&self, journal: &Journal, key: &str) -> Ended {
        let key = journal.manifest().context.key.key_from_text(key).map_err(Error::Usage)?;
        let unknown = || {
            let manifest = journal.manifest();
            let dropped = if manifest.no_images && manifest.has_windows() { ", or it was dropped with its window" } else { "" };
            let run = &manifest.run;
            Error::Usage(format!(
                "the run {run} has nothing about an item {key}: it was not there, or nothing was to change{dropped}"
            ))
        };
        let item = journal.find(&key)?.ok_or_else(unknown)?;
        match self.json {
            true => say!("{}", report::document::item(journal, &key, &item)),
            false => show!("{}", report::items::item(journal, &key, &item)),
        }
        Ok(0)
    }
}
