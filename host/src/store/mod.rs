//! Runs kept in object storage, so that a machine that dies is continued by another.
//!
//! ```text
//! s3://BUCKET/PREFIX/RUN/plan.json                      what the plan consists of: made once, before the first write to a table
//!                       /plan-ID/00000 …                its pieces
//!                       /progress/GENERATION-NUMBER.json    what had been done, from time to time; the last in order counts
//!                       /progress-GENERATION-NUMBER/ID/00000 … its pieces
//!                       /about.json                     the run in short, for lists
//! ```
//!
//! Promised here: a plan is published create-only, before anything of it is written to a table; progress is published under the
//! generation of whoever holds the table's lease, so that one who has lost it changes nothing of what counts; what is fetched is
//! what was published (each piece has a SHA-256), or an error says so; and no credential is in any of it. Losing what was done
//! since the last progress costs replays by the rules of delivery, never more. A run that is still planning is on its machine
//! only: nothing of it was written, and it can be planned anew.
//!
//! The journal itself stays a file in a working folder, and costs what it costs there.
//!
//! Where many processes [share a run](shared), each segment's journal is kept in the same way, under its number instead of a run's id.

mod error;
mod folder;
mod pieces;
mod s3;
mod shared;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use object_store::{ObjectStore, ObjectStoreExt, PutMode};
use serde::{Deserialize, Serialize};

pub use error::{Error, ErrorKind};
pub use s3::Settings;
pub use shared::{Gathered, Part, Shared, Stage};

use crate::journal::{self, Journal, Lineage, Manifest, RunAbout, RunFile};
use error::failed;
use pieces::{Pieces, ended};

/// The object that makes it a run.
const PLAN: &str = "plan.json";
/// What the last progress of a segment is called that came to its end, where a copy says what it was made of.
const ENDED: &str = "applied";
/// Versions of this layout.
const LAYOUT: u32 = 1;
/// Progress that stays beside the newest: whoever is reading the one before can finish.
const KEPT: usize = 2;

/// A place in object storage where runs are kept; cheap to clone.
#[derive(Clone)]
pub struct Store {
    objects: Arc<dyn ObjectStore>,
    prefix: object_store::path::Path,
    /// For people.
    url: String,
    /// Where journals are worked on.
    folder: PathBuf,
    /// Who works on a segment, in the words of whoever started it; of whole runs nothing.
    attempt: String,
}

/// `plan.json`, and a `progress/….json`.
#[derive(Serialize, Deserialize)]
struct Published {
    layout: u32,
    run: String,
    /// Who it is of.
    lineage: Lineage,
    /// Nothing is under way: what is not told to be done was not sent.
    closed: bool,
    /// The folder of its pieces.
    folder: String,
    pieces: Pieces,
    /// Of a segment: what it came to.
    #[serde(default)]
    part: Option<Part>,
}

/// `about.json`.
#[derive(Serialize, Deserialize)]
struct About {
    layout: u32,
    bytes: u64,
    about: RunAbout,
}

impl Store {
    /// A place by its URL, `s3://BUCKET` or `s3://BUCKET/PREFIX`; `folder` is where journals are worked on. Sends nothing yet.
    pub fn open(url: &str, folder: PathBuf, settings: Settings) -> Result<Self, Error> {
        let (objects, prefix) = s3::open(url, settings)?;
        Ok(Self { objects, prefix, url: url.trim_end_matches('/').to_owned(), folder, attempt: String::new() })
    }

    /// The working folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// For people.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Publishes the plan of a sealed journal, unless it is published. No item of it may be written before this has succeeded.
    pub async fn publish(&self, journal: &Journal) -> Result<(), Error> {
        let run = name(journal.manifest());
        if journal.lineage().map_err(Error::journal)?.is_some() {
            return Ok(());
        }
        let id = fresh_id();
        let (folder, file) = (format!("plan-{id}"), self.temporary(&run, "plan"));
        let copied = {
            let (journal, file) = (journal.clone(), file.clone());
            blocking(move || journal.copy_plan(&file)).await
        };
        let sent = match copied {
            Ok(()) => pieces::send(self.objects.as_ref(), &self.at(&run, &folder), &file).await,
            Err(error) => Err(error),
        };
        let _no_longer_needed = std::fs::remove_file(&file);
        let lineage = Lineage { generation: 0, id, fetched: None, doubt: false };
        let pieces = sent?;
        let part = Part::of(journal, &pieces, &self.attempt)?;
        let published =
            Published { layout: LAYOUT, run: run.clone(), lineage: lineage.clone(), closed: true, folder, pieces, part };
        match self.create(&self.at(&run, PLAN), &published).await {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::Exists => return Err(error::published(&self.url, &run)),
            Err(error) => return Err(error),
        }
        journal.set_lineage(lineage).await.map_err(Error::journal)?;
        self.tell(journal).await
    }

    /// Makes this machine's journal the one that counts, under the table's lease: a generation of its own, published before
    /// anything is written. Takes what is not done as sent, where the generation before may have sent it.
    pub async fn take_over(&self, journal: &Journal) -> Result<(), Error> {
        let run = name(journal.manifest());
        let own = journal.lineage().map_err(Error::journal)?.unwrap_or_default();
        let newest = self.newest(&run).await?;
        let before = newest.as_ref().map_or(0, |(_, newest)| newest.lineage.generation);
        // What a segment came to at its end counts, whatever was published beside it.
        let is_end = own.fetched.as_deref() == Some(ENDED);
        if !is_end && newest.is_some_and(|(name, newest)| !is_current(&own, &name, &newest.lineage)) {
            return Err(error::overtaken(&self.url, &run));
        }
        if own.doubt {
            journal.doubt_open().await.map_err(Error::journal)?;
        }
        let lineage = Lineage { generation: own.generation.max(before) + 1, id: fresh_id(), fetched: None, doubt: false };
        journal.set_lineage(lineage).await.map_err(Error::journal)?;
        self.progress(journal, 0, false).await
    }

    /// Publishes what has been done so far. `number` grows with each; `closed`: nothing is under way.
    pub async fn progress(&self, journal: &Journal, number: u64, closed: bool) -> Result<(), Error> {
        let run = name(journal.manifest());
        let Some(lineage) = journal.lineage().map_err(Error::journal)? else { return Ok(()) };
        let name = format!("{:010}-{number:010}", lineage.generation);
        // Whoever began a generation of this number and died before it counted may have left pieces.
        let folder = format!("progress-{name}/{}", lineage.id);
        let pieces = self.send_progress(journal, &run, &folder, &name).await?;
        let published = Published { layout: LAYOUT, run: run.clone(), lineage, closed, folder, pieces, part: None };
        self.create(&self.at(&run, &format!("progress/{name}.json")), &published).await?;
        self.tell(journal).await?;
        // What is left over is found again the next time.
        let _later = self.tidy(&run).await;
        Ok(())
    }

    /// Publishes what was done of a segment to its end, under a name of its own; gives what says so.
    async fn last_progress(&self, journal: &Journal) -> Result<Published, Error> {
        let (run, lineage) = (name(journal.manifest()), journal.lineage().map_err(Error::journal)?.unwrap_or_default());
        let folder = format!("applied-{}", fresh_id());
        let pieces = self.send_progress(journal, &run, &folder, ENDED).await?;
        let part = Part::of(journal, &pieces, &self.attempt)?;
        Ok(Published { layout: LAYOUT, run, lineage, closed: true, folder, pieces, part })
    }

    async fn send_progress(&self, journal: &Journal, run: &str, folder: &str, what: &str) -> Result<Pieces, Error> {
        let file = self.temporary(run, what);
        let copied = {
            let (journal, file) = (journal.clone(), file.clone());
            blocking(move || journal.copy_progress(&file)).await
        };
        let sent = match copied {
            Ok(()) => pieces::send(self.objects.as_ref(), &self.at(run, folder), &file).await,
            Err(error) => Err(error),
        };
        let _no_longer_needed = std::fs::remove_file(&file);
        sent
    }

    /// The journal of a run, by its id or a beginning of it that no other run has: the one in the working folder where that is
    /// what counts, else put together from what was published. Fails with [`ErrorKind::NoRun`] where there is neither.
    pub async fn fetch(&self, run: &str) -> Result<PathBuf, Error> {
        let runs = self.names().await?;
        let matching: Vec<&String> = runs.iter().filter(|id| !run.is_empty() && id.starts_with(run)).collect();
        let run = match (runs.iter().find(|id| *id == run), matching.as_slice()) {
            (Some(run), _) => run.clone(),
            (None, [one]) => (*one).clone(),
            // It may be planning here.
            (None, []) => return journal::find(&self.folder, run).map_err(|_| error::no_run(&self.url, run, runs.len())),
            (None, [first, second, ..]) => return Err(error::ambiguous(&self.url, run, first, second)),
        };
        let plan: Published = self.read(&self.at(&run, PLAN)).await?.ok_or_else(|| error::no_run(&self.url, &run, runs.len()))?;
        let newest = self.newest(&run).await?;
        self.fetch_planned(&run, &plan, newest).await
    }

    /// The journal of this plan, with what was done of it.
    async fn fetch_planned(&self, run: &str, plan: &Published, newest: Option<(String, Published)>) -> Result<PathBuf, Error> {
        let path = self.folder.join(format!("{run}.drift"));
        let (name, counts) = match &newest {
            Some((name, newest)) => (name.clone(), &newest.lineage),
            None => (PLAN.to_owned(), &plan.lineage),
        };
        let own = Journal::read(&path).and_then(|journal| journal.lineage());
        if matches!(&own, Ok(Some(own)) if is_current(own, &name, counts)) {
            return Ok(path);
        }
        std::fs::create_dir_all(&self.folder).map_err(|error| Error::folder(&self.folder, &error))?;
        let (plan_file, progress_file) = (self.temporary(run, "plan"), self.temporary(run, "progress"));
        let fetched = async {
            pieces::fetch(self.objects.as_ref(), &self.at(run, &plan.folder), &plan.pieces, &plan_file).await?;
            if let Some((_, newest)) = &newest {
                pieces::fetch(self.objects.as_ref(), &self.at(run, &newest.folder), &newest.pieces, &progress_file).await?;
            }
            let doubt = newest.as_ref().is_some_and(|(_, newest)| !newest.closed);
            let lineage = Lineage { generation: counts.generation, id: counts.id.clone(), fetched: Some(name), doubt };
            let (to, plan_file, progress) = (path.clone(), plan_file.clone(), newest.is_some().then(|| progress_file.clone()));
            blocking(move || Journal::put_together(&to, &plan_file, progress.as_deref(), &lineage)).await
        };
        let ended = fetched.await;
        let _no_longer_needed = (std::fs::remove_file(&plan_file), std::fs::remove_file(&progress_file));
        ended.map(|()| path)
    }

    /// The runs that are kept here, oldest first, with those of the working folder that were never published.
    pub async fn list(&self) -> Result<Vec<RunFile>, Error> {
        let mut runs = journal::list(&self.folder).map_err(Error::journal)?;
        let names = self.names().await?;
        // A copy of what was removed here by another machine is no run any more.
        let published =
            |run: &RunFile| Journal::read(&run.path).and_then(|journal| journal.lineage()).is_ok_and(|it| it.is_some());
        runs.retain(|run| !names.contains(&run.run) && !published(run));
        for run in names {
            let path = self.folder.join(format!("{run}.drift"));
            let found = match self.read::<About>(&self.at(&run, "about.json")).await {
                Ok(Some(About { bytes, about, .. })) => RunFile { run, path, bytes, about: Ok(about) },
                // Its plan is being published, or never was to its end.
                Ok(None) => continue,
                Err(error) => return Err(error),
            };
            runs.push(found);
        }
        runs.sort_by(|one, other| one.run.cmp(&other.run));
        Ok(runs)
    }

    /// Removes a run from here and from the working folder. Nobody may be working on it.
    pub async fn remove(&self, run: &str) -> Result<(), Error> {
        let path = self.folder.join(format!("{run}.drift"));
        if path.exists() {
            journal::remove(&path).map_err(Error::journal)?;
        }
        // What makes it a run first: what is left over without it is nobody's.
        self.delete(&self.at(run, PLAN)).await?;
        self.delete(&self.at(run, "about.json")).await?;
        for object in self.objects_below(&self.prefix.clone().join(run)).await? {
            self.delete(&object).await?;
        }
        Ok(())
    }

    /// Says where the run stands, for lists.
    pub async fn tell(&self, journal: &Journal) -> Result<(), Error> {
        let manifest = journal.manifest();
        let about = RunAbout::of(journal).map_err(Error::journal)?;
        let bytes = std::fs::metadata(journal.path()).map_or(0, |file| file.len());
        let text = serde_json::to_vec(&About { layout: LAYOUT, bytes, about }).map_err(|error| Error::text(&error))?;
        let at = self.at(&name(manifest), "about.json");
        ended(self.objects.put(&at, text.into()).await.map(drop), &self.url)
    }

    /// The last progress that was published, with its name.
    async fn newest(&self, run: &str) -> Result<Option<(String, Published)>, Error> {
        let Some(at) = self.all_progress(run).await?.pop() else { return Ok(None) };
        let name = at.filename().unwrap_or_default().to_owned();
        Ok(self.read(&at).await?.map(|published| (name, published)))
    }

    async fn all_progress(&self, run: &str) -> Result<Vec<object_store::path::Path>, Error> {
        let mut names = self.objects_below(&self.at(run, "progress")).await?;
        names.retain(|name| name.as_ref().ends_with(".json"));
        names.sort();
        Ok(names)
    }

    /// Removes progress that newer has made needless.
    async fn tidy(&self, run: &str) -> Result<(), Error> {
        let mut names = self.all_progress(run).await?;
        names.truncate(names.len().saturating_sub(KEPT));
        for name in names {
            let folder = name.filename().map(|file| file.trim_end_matches(".json").to_owned()).unwrap_or_default();
            self.delete(&name).await?;
            for piece in self.objects_below(&self.at(run, &format!("progress-{folder}"))).await? {
                self.delete(&piece).await?;
            }
        }
        Ok(())
    }

    async fn names(&self) -> Result<Vec<String>, Error> {
        let listed = failed(self.objects.list_with_delimiter(Some(&self.prefix)).await, &self.url)?;
        let mut names: Vec<String> =
            listed.common_prefixes.iter().filter_map(|prefix| prefix.filename().map(str::to_owned)).collect();
        names.sort();
        Ok(names)
    }

    async fn objects_below(&self, prefix: &object_store::path::Path) -> Result<Vec<object_store::path::Path>, Error> {
        use futures_util::TryStreamExt;
        let listed: Result<Vec<_>, _> = self.objects.list(Some(prefix)).map_ok(|object| object.location).try_collect().await;
        failed(listed, &self.url)
    }

    async fn create(&self, at: &object_store::path::Path, published: &Published) -> Result<(), Error> {
        let text = serde_json::to_vec(published).map_err(|error| Error::text(&error))?;
        let made = self.objects.put_opts(at, text.into(), PutMode::Create.into()).await;
        if matches!(made, Err(object_store::Error::AlreadyExists { .. }))
            && self
                .read::<Published>(at)
                .await?
                .is_some_and(|there| there.folder == published.folder && there.lineage == published.lineage)
        {
            // Its first answer was lost, and it was put again: it is ours.
            return Ok(());
        }
        ended(made.map(drop), &self.url)
    }

    async fn read<T: serde::de::DeserializeOwned>(&self, at: &object_store::path::Path) -> Result<Option<T>, Error> {
        let found = match self.objects.get(at).await {
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            found => failed(found, &self.url)?,
        };
        let text = failed(found.bytes().await, &self.url)?;
        serde_json::from_slice(&text).map(Some).map_err(|error| error::damaged(&self.url, at.as_ref(), &error.to_string()))
    }

    async fn delete(&self, at: &object_store::path::Path) -> Result<(), Error> {
        match self.objects.delete(at).await {
            Err(object_store::Error::NotFound { .. }) => Ok(()),
            other => failed(other, &self.url),
        }
    }

    fn at(&self, run: &str, name: &str) -> object_store::path::Path {
        name.split('/').fold(self.prefix.clone().join(run), |path, part| path.join(part))
    }

    fn temporary(&self, run: &str, what: &str) -> PathBuf {
        self.folder.join(format!(".{run}-{what}-{}.part", std::process::id()))
    }
}

/// What a run's folder is called: its id, or of a segment's journal the segment's number.
fn name(manifest: &Manifest) -> String {
    manifest.part.map_or_else(|| manifest.run.clone(), shared::name_of)
}

/// Whether a copy is the newest: of the generation that counts, or put together from what it published last.
fn is_current(own: &Lineage, newest: &str, counts: &Lineage) -> bool {
    let same = own.generation == counts.generation && own.id == counts.id;
    same && own.fetched.as_deref().is_none_or(|fetched| fetched == newest)
}

fn fresh_id() -> String {
    format!("{:016x}", fastrand::u64(..))
}

async fn blocking(work: impl FnOnce() -> Result<(), journal::Error> + Send + 'static) -> Result<(), Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(Error::journal),
        Err(error) => Err(Error::text(&error)),
    }
}
