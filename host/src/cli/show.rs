//! `show`: what a run's journal knows. Touches no table.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::Ended;
use super::connection::Connection;
use super::run::Priced;
use crate::journal::Journal;
use crate::report::page::{self, Show};
use crate::run::Summary;
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
    /// All about the item with this key: Id=7, 'pk=USER#1, sk=PROFILE', or JSON; or at this place of the plan, which a page with masked
    /// keys names: @0/3/17
    #[arg(long, value_name = "KEY")]
    item: Option<String>,
    /// Write a page for a browser, one file that asks for nothing: for whoever reviews the run without a shell
    #[arg(long, short, value_name = "FILE.html", conflicts_with_all = ["item", "errors", "json"])]
    output: Option<PathBuf>,
    /// With -o: at most so many items
    #[arg(long, value_name = "N", default_value_t = 500, requires = "output", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    items: u32,
    /// With -o: keys as they are, other values masked
    #[arg(long, requires = "output", conflicts_with = "show_values")]
    show_keys: bool,
    /// With -o: all values as they are, not masked
    #[arg(long, requires = "output")]
    show_values: bool,
    #[command(flatten)]
    priced: Priced,
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
        let summary = Summary::read(&journal)?;
        if let Some(file) = &self.output {
            return self.page(&journal, &summary, file);
        }
        if self.json {
            say!("{}", self.priced.added(report::document::run(&journal, &summary)?, &summary))
        } else {
            show!("{}{}", report::run(&journal, &summary)?, self.priced.told(&summary))
        }
        Ok(0)
    }

    fn page(&self, journal: &Journal, summary: &Summary, file: &Path) -> Ended {
        let show = match (self.show_values, self.show_keys) {
            (true, _) => Show::Values,
            (false, true) => Show::Keys,
            (false, false) => Show::Nothing,
        };
        let page = page::page(journal, summary, page::Options { show, items: self.items as usize })?;
        std::fs::write(file, &page.html)
            .map_err(|error| Error::Usage(format!("the page could not be written to {}: {error}", file.display())))?;
        let values = match show {
            Show::Values => "values are not masked",
            Show::Keys => "values are masked, keys are not",
            Show::Nothing => "values are masked",
        };
        tell!("{}: {} of {} items that are changed or failed; {values}", file.display(), page.shown, page.of);
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
        let unknown = || {
            let manifest = journal.manifest();
            let dropped = if manifest.no_images && manifest.has_windows() { ", or it was dropped with its window" } else { "" };
            let run = &manifest.run;
            Error::Usage(format!(
                "the run {run} has nothing about an item {key}: it was not there, or nothing was to change{dropped}"
            ))
        };
        let item = match key.strip_prefix('@') {
            Some(place) => {
                let wrong = || Error::Usage(format!("{key:?} is no place in a plan; its form is @SEGMENT/PAGE/POSITION"));
                journal.item_at(in_plan(place).ok_or_else(wrong)?)?
            }
            None => journal.find(&journal.manifest().context.key.key_from_text(key).map_err(Error::Usage)?)?,
        };
        let item = item.ok_or_else(unknown)?;
        match self.json {
            true => say!("{}", report::document::item(journal, &item)),
            false => show!("{}", report::items::item(journal, &item)),
        }
        Ok(0)
    }
}

/// `0/3/17`.
fn in_plan(text: &str) -> Option<(u32, u32, u32)> {
    let mut numbers = text.split('/').map(|number| number.parse().ok());
    let place = (numbers.next()??, numbers.next()??, numbers.next()??);
    numbers.next().is_none().then_some(place)
}
