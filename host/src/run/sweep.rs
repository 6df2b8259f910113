//! `--sweep`: plan and apply until a plan finds nothing left to change.

use std::sync::Arc;

use super::error::Error;
use super::summary::Summary;
use super::{Migrator, RunOptions};
use crate::journal;
use crate::migration::{Direction, Migration};

impl Migrator {
    /// Plans and applies, and again, until a plan finds nothing left to change, at most `rounds` times. Each round is a run with
    /// a journal; the migration is recorded once, and a round that finds nothing leaves no journal behind. Only for migrations
    /// that say that they are repeatable. The flag: whether a plan found nothing left.
    pub async fn sweep(
        &self,
        migration: Arc<dyn Migration>,
        options: &RunOptions,
        rounds: u32,
    ) -> Result<(Summary, bool), Error> {
        if !migration.description().repeatable {
            let name = &migration.description().name;
            return Err(Error::Usage(format!("--sweep: the migration {name} does not say that it is repeatable")));
        }
        let mut last = self.run(migration.clone(), options).await?;
        let mut round = u32::from(last.manifest.is_some());
        while matches!(last.state.as_str(), "applied" | "already-applied") && round < rounds {
            round += 1;
            let swept = self.round(migration.clone(), options).await?;
            if swept.state == "applied" && swept.counts.changed == 0 {
                if let Some(run) = swept.run() {
                    match &self.store {
                        Some(store) => store.remove(run).await?,
                        None => journal::remove(&journal::find(&self.runs_dir, run)?)?,
                    }
                }
                return Ok((last, true));
            }
            last = swept;
        }
        Ok((last, false))
    }

    async fn round(&self, migration: Arc<dyn Migration>, options: &RunOptions) -> Result<Summary, Error> {
        let table = self.usable(&options.table).await?;
        let mut manifest = self.manifest(migration.as_ref(), options, Direction::Migrate, &table)?;
        manifest.sweep = true;
        self.begin_leased(&manifest, migration, table, options).await
    }
}
