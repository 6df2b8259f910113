//! The journals of a shared run's segments as one, to be looked at and taken back like any other.
//!
//! It costs the disk what the whole run takes, and one segment's journal beside it. Of a run that is done it stands among the runs, under
//! the run's id; of one that is not it stands apart, so that nobody goes on with a copy while others are at work on what counts.

use std::path::PathBuf;

use super::Migrator;
use super::error::Error;
use crate::journal::{Journal, Manifest, RunState};
use crate::store::{Gathered, Shared, Stage};

impl Migrator {
    /// Puts the run at this place together; gives the file of its journal.
    pub async fn joined(&self, shared: &Shared) -> Result<PathBuf, Error> {
        let nothing = || Error::Refused(format!("no run has begun in {}", shared.url()));
        let manifest = shared.run().await?.ok_or_else(nothing)?;
        let (mut sealed, mut applied) = (Gathered::new(), Gathered::new());
        shared.gather(Stage::Sealed, &mut sealed).await?;
        shared.gather(Stage::Applied, &mut applied).await?;
        let all = manifest.segments as usize;
        if sealed.len() < all {
            return Err(Error::Refused(format!(
                "of run {} in {}, {} of {all} segments are planned: there is no whole of it to be looked at yet",
                manifest.run,
                shared.url(),
                sealed.len()
            )));
        }
        let left = applied.values().any(|part| part.counts.failed + part.counts.doubtful > 0);
        let state = match (applied.len() == all, left) {
            (true, false) => RunState::Applied,
            (true, true) => RunState::Incomplete,
            (false, _) if shared.plans(&manifest).await?.is_some() => RunState::Interrupted,
            (false, _) => RunState::Planned,
        };
        let (folder, name) = (self.apart(&manifest), format!("{}.drift", manifest.run));
        let (path, among_runs) = (folder.join(&name), self.runs_dir.join(&name));
        if state == RunState::Applied && Journal::read(&among_runs).and_then(|there| there.state()).is_ok_and(RunState::is_final)
        {
            // Put together before; it may say by now that it was taken back.
            return Ok(among_runs);
        }
        if path.exists() {
            crate::journal::remove(&path)?;
        }
        let component = shared.component(&manifest.digest).await?;
        drop(Journal::create(&folder, &manifest, Some(&component))?);
        let scratch = folder.join("segments").join(format!("{}-joined-{}", manifest.run, std::process::id()));
        let store = shared.segments(scratch.clone(), "show");
        for segment in 0..manifest.segments {
            let part = shared.fetch(&store, segment).await?;
            let added = Journal::read(&part).map(|part| part.manifest().part == Some(segment));
            match added {
                Ok(true) => Journal::add_part(&path, &part)?,
                _ => return Err(Error::Refused(format!("{} is not the journal of segment {segment}", part.display()))),
            }
            crate::journal::remove(&part)?;
        }
        let _left_over = std::fs::remove_dir_all(&scratch);
        let whole = Journal::open(&path)?;
        whole.seal().await?;
        whole.clear().await?;
        if state == RunState::Interrupted {
            // Since the last word somebody may have sent it.
            whole.doubt_open().await?;
        }
        whole.set_state(state).await?;
        drop(whole);
        if state != RunState::Applied {
            return Ok(path);
        }
        std::fs::rename(&path, &among_runs)
            .map_err(|error| Error::Start(format!("{} could not be put among the runs: {error}", path.display())))?;
        Ok(among_runs)
    }

    fn apart(&self, manifest: &Manifest) -> PathBuf {
        self.runs_dir.join("segments").join(format!("{}-as-it-stands", manifest.run))
    }
}
