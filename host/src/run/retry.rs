//! `--retry-failed`: the failed items of an incomplete run once more, each as it is now, by the run's rules.
//!
//! Each is read consistently by its key and migrated, and has its new attempt in the journal before anything is sent. Items
//! that are gone are skipped, and items in doubt are not touched: nobody knows whether they were written.

use tokio::task::JoinSet;

use super::error::Error;
use super::flow::Run;
use super::images;
use super::plan::{Tables, effective, failed};
use super::pool::{Answer, Pool};
use super::terms::terms;
use crate::dynamo::{Client, Terms};
use crate::journal::{AttemptRecord, OutcomeKind, OutcomeRecord, Phase, TakenUp};
use crate::migration::{FailureKind, ItemFailure};
use crate::model::Item;

/// Items that are read at a time, and whose attempts are journaled together.
const CHUNK: usize = 50;

impl Run {
    /// Gives every failed item a new attempt, or a new end. What was taken up before this is stopped stays so.
    pub(super) async fn take_up(&self, pool: &Pool) -> Result<(), Error> {
        let client = self.migrator.database.client();
        let terms = terms(self.journal.manifest())?;
        // What failed in a scan that is not over is taken up when it is.
        let sealed = self.journal.sealed_segments()?;
        for (segment, page) in self.journal.listed_pages(usize::MAX)?.into_iter().filter(|(segment, _)| *segment < sealed) {
            let outcomes = self.journal.page_outcomes(segment, page)?.into_iter();
            let failed: Vec<OutcomeRecord> = outcomes
                .filter(|outcome| {
                    // What was carried out in part is never run again.
                    outcome.kind == OutcomeKind::Failed && outcome.failure != Some(FailureKind::Partial) && outcome.id.is_some()
                })
                .collect();
            for chunk in failed.chunks(CHUNK) {
                if self.migrator.stop.is_cancelled() {
                    return Ok(());
                }
                let mut taken = Vec::new();
                let (mut there, mut items) = (Vec::new(), Vec::new());
                for (outcome, present) in self.present(client, chunk).await? {
                    match present {
                        Some(item) => {
                            there.push(outcome);
                            items.push(item);
                        }
                        None => taken.push(TakenUp::Outcome(gone(outcome))),
                    }
                }
                let answers = pool.ask(items).await?;
                let tables = Tables::of(client, self.journal.manifest(), &answers).await?;
                taken
                    .extend(there.into_iter().zip(answers).map(|(outcome, answer)| self.again(&terms, &tables, outcome, answer)));
                self.journal.take_up(segment, page, taken).await?;
            }
        }
        Ok(())
    }

    /// These items as they are now.
    async fn present(&self, client: &Client, chunk: &[OutcomeRecord]) -> Result<Vec<(OutcomeRecord, Option<Item>)>, Error> {
        let mut reads = JoinSet::new();
        for outcome in chunk.iter().cloned() {
            let (client, table) = (client.clone(), self.table.name.clone());
            reads.spawn(async move {
                let present = match &outcome.id {
                    Some(key) => client.get_item(&table, key, true).await?,
                    None => None,
                };
                Ok::<_, crate::dynamo::Error>((outcome, present))
            });
        }
        let mut read = Vec::with_capacity(chunk.len());
        while let Some(ended) = reads.join_next().await {
            read.push(ended.map_err(|error| Error::Start(error.to_string()))??);
        }
        read.sort_by_key(|(outcome, _)| outcome.position);
        Ok(read)
    }

    fn again(&self, terms: &Terms, tables: &Tables, before: OutcomeRecord, (image, answer): Answer) -> TakenUp {
        let OutcomeRecord { segment, page, position, phase, .. } = before;
        let (place, attempt) = ((segment, page, position), before.attempts + 1);
        let schema = &self.journal.manifest().context.key;
        let planned = answer.and_then(|reply| {
            let actions = effective(&self.table, reply.actions, &image);
            match tables.elsewhere(&actions) {
                Ok(hashes) => Ok((actions, !hashes.is_empty())),
                Err(message) => Err(ItemFailure { kind: FailureKind::Invalid, message, backtrace: None, log: reply.log }),
            }
        });
        match planned {
            Ok((actions, _)) if actions.is_empty() => {
                let image = images::kept(terms, schema, image);
                let message = "read again, there is nothing left to do".into();
                let none = ItemFailure { kind: FailureKind::Error, message, backtrace: None, log: Vec::new() };
                let ended = failed(place, schema, image, Phase::Apply, none, attempt);
                TakenUp::Outcome(OutcomeRecord { kind: OutcomeKind::Unchanged, failure: None, ..ended })
            }
            Ok((actions, shared)) => {
                let (image, actions) = images::attempt(terms, schema, image, actions);
                let record = AttemptRecord { segment, page, position, attempt, image, actions };
                TakenUp::Attempt { record, shared }
            }
            Err(failure) => {
                let image = images::kept(terms, schema, image);
                let left_alone = failure.kind == FailureKind::LeftAlone;
                let kind = if left_alone { OutcomeKind::Skipped } else { OutcomeKind::Failed };
                TakenUp::Outcome(OutcomeRecord { kind, ..failed(place, schema, image, phase, failure, attempt) })
            }
        }
    }
}

fn gone(before: OutcomeRecord) -> OutcomeRecord {
    let message = "it was deleted meanwhile".into();
    OutcomeRecord { kind: OutcomeKind::Skipped, failure: None, message, log: Vec::new(), backtrace: None, ..before }
}
