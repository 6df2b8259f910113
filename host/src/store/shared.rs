//! A run that many processes share, each with a segment of its own, on as many machines as there are.
//!
//! ```text
//! URI/run.json                  what the run is: made by whoever comes first, and the same for all
//!    /plugin-DIGEST.wasm        its code, once
//!    /segments/000007/…         the journal of a segment, as a run's is kept (see the module above this one)
//!    /sealed/000007.json        that this segment is planned, and what came of it
//!    /manifest.json             that all are: made by the leader alone, and nothing is written to a table before it
//!    /again/000007-GENERATION      that somebody went on with a segment after somebody else, who may be alive
//!    /applied/000007.json       that this segment is carried out, and what came of it: the first to say so counts
//!    /retried/000007/…          that it was gone on with after that, and what came of it then
//! ```
//!
//! Promised here: each of these is made once, whoever else tries (create-only), and "there already" is told apart from a failure; what is read
//! is what was made, or an error says which object is damaged; no credential is in any of it. Looking how far the run is costs two
//! listings of small names, and one small object for each segment that came to its end.

mod rounds;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use object_store::{ObjectStore, ObjectStoreExt, PutMode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::{self, Error, ErrorKind, failed};
use super::folder::Folder;
use super::pieces::{Pieces, ended, hash};
use super::{LAYOUT, PLAN, Published, Settings, Store, s3};
use crate::journal::{self, Counters, Counts, Journal, Manifest};
use crate::migration::AccessCount;

/// What a segment came to, at its seal or at its end: counted from its journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// The run's id.
    pub run: String,
    /// A hash of all that the run is.
    pub terms: String,
    /// The segment.
    pub segment: u32,
    /// Of so many.
    pub of: u32,
    /// A hash of its plan, or of what was done of it.
    pub digest: String,
    /// Who came to this end, in the words of whoever started it.
    pub attempt: String,
    /// Items and actions.
    pub counts: Counts,
    /// Units and seconds.
    pub counters: Counters,
    /// What was granted and used.
    pub accesses: Vec<AccessCount>,
}

impl Part {
    /// Of a segment's journal; nothing of one that has a whole run.
    pub(super) fn of(journal: &Journal, pieces: &Pieces, attempt: &str) -> Result<Option<Self>, Error> {
        let manifest = journal.manifest();
        let Some(segment) = manifest.part else { return Ok(None) };
        Ok(Some(Self {
            run: manifest.run.clone(),
            terms: terms_hash(manifest)?,
            segment,
            of: manifest.segments,
            digest: pieces.digest(),
            attempt: attempt.to_owned(),
            counts: journal.counts().map_err(Error::journal)?,
            counters: journal.counters().map_err(Error::journal)?,
            accesses: journal.accesses().map_err(Error::journal)?,
        }))
    }

    /// Why this is none of that run's; `None` if it is.
    pub fn foreign_to(&self, manifest: &Manifest) -> Option<String> {
        let Self { run, of, segment, .. } = self;
        if *run != manifest.run {
            return Some(format!("the journal of segment {segment} is of run {run}, and this is run {}", manifest.run));
        }
        if *of != manifest.segments {
            return Some(format!("the journal of segment {segment} is of {of} segments, and the run has {}", manifest.segments));
        }
        match terms_hash(manifest) {
            Ok(terms) if terms == self.terms => None,
            _ => Some(format!(
                "the journal of segment {segment} was planned with another plugin, key, argument or flag than the run has"
            )),
        }
    }
}

/// How far a segment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Its plan is published.
    Sealed,
    /// It is carried out.
    Applied,
}

impl Stage {
    fn folder(self) -> &'static str {
        match self {
            Self::Sealed => "sealed",
            Self::Applied => "applied",
        }
    }
}

/// The segments that came to a stage, read once each.
pub type Gathered = BTreeMap<u32, Part>;

/// `manifest.json`: all segments are planned, with these plans, and may be carried out.
#[derive(Serialize, Deserialize)]
struct Sealed {
    layout: u32,
    run: String,
    terms: String,
    /// The hash of each segment's plan, in their order.
    plans: Vec<String>,
}

/// Where a shared run is kept; cheap to clone.
#[derive(Clone)]
pub struct Shared {
    objects: Arc<dyn ObjectStore>,
    prefix: object_store::path::Path,
    /// For people.
    url: String,
}

impl Shared {
    /// A place by its URL: `s3://BUCKET/PREFIX`, or `file:///FOLDER` that all processes see. A folder is made if it is missing, the user's
    /// alone: journals hold whole items.
    pub fn open(url: &str, settings: Settings) -> Result<Self, Error> {
        let url = url.trim_end_matches('/').to_owned();
        let (objects, prefix): (Arc<dyn ObjectStore>, _) = match url.strip_prefix("file://") {
            Some(folder) => {
                if !Path::new(folder).is_absolute() {
                    let problem = format!("{url}: a folder is named by its whole path, file:///FOLDER");
                    return Err(Error::new(ErrorKind::Usage, problem));
                }
                journal::prepare_folder(Path::new(folder)).map_err(Error::journal)?;
                (Arc::new(Folder::new(Path::new(folder))), object_store::path::Path::default())
            }
            None => s3::open(&url, settings)?,
        };
        Ok(Self { objects, prefix, url })
    }

    /// For people.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What the run is; `None` where none has begun.
    pub async fn run(&self) -> Result<Option<Manifest>, Error> {
        self.read("run.json").await
    }

    /// Begins a run, unless one has begun here; gives the one that counts.
    pub async fn begin(&self, manifest: &Manifest, component: &[u8]) -> Result<Manifest, Error> {
        if let Some(begun) = self.run().await? {
            return Ok(begun);
        }
        // The code first: whoever finds the run finds it too. Two who come at once bring the same, or one of them is refused.
        let code = self.at(&code_name(&manifest.digest));
        ended(self.objects.put(&code, component.to_vec().into()).await.map(drop), &self.url)?;
        if self.create("run.json", manifest).await? {
            return Ok(manifest.clone());
        }
        self.run().await?.ok_or_else(|| error::damaged(&self.url, "run.json", "it was there, and is gone"))
    }

    /// The run's code.
    pub async fn component(&self, digest: &str) -> Result<Vec<u8>, Error> {
        let name = code_name(digest);
        match self.objects.get(&self.at(&name)).await {
            Err(object_store::Error::NotFound { .. }) => Err(error::damaged(&self.url, &name, "it is missing")),
            found => Ok(failed(failed(found, &self.url)?.bytes().await, &self.url)?.to_vec()),
        }
    }

    /// The journals of the segments, worked on in a folder of one attempt's own.
    pub fn segments(&self, folder: PathBuf, attempt: &str) -> Store {
        let (objects, prefix) = (self.objects.clone(), self.prefix.clone().join("segments"));
        Store { objects, prefix, url: self.url.clone(), folder, attempt: attempt.to_owned() }
    }

    /// What a segment came to at this stage; `None` where it has not.
    pub async fn part(&self, stage: Stage, segment: u32) -> Result<Option<Part>, Error> {
        // The plan is what counts; that it is there is said once more for the leader, which cannot look at each.
        let found = match stage {
            Stage::Sealed => {
                let name = format!("segments/{}/{PLAN}", name_of(segment));
                self.read::<Published>(&name).await?.map(|published| (name, published))
            }
            Stage::Applied => self.ended(segment).await?,
        };
        let Some((name, published)) = found else { return Ok(None) };
        let part = published.part.filter(|part| part.segment == segment);
        part.map(Some).ok_or_else(|| error::damaged(&self.url, &name, "it does not say which segment it is of"))
    }

    /// Publishes a sealed journal, unless the segment has one; gives what counts.
    pub async fn seal(&self, store: &Store, journal: &Journal) -> Result<Part, Error> {
        match store.publish(journal).await {
            Ok(()) => {}
            // Somebody was faster.
            Err(error) if error.kind() == ErrorKind::Overtaken => {}
            Err(error) => return Err(error),
        }
        let segment = journal.manifest().part.unwrap_or_default();
        let part = self.part(Stage::Sealed, segment).await?;
        let part = part.ok_or_else(|| error::damaged(&self.url, &name_of(segment), "its plan was published, and is gone"))?;
        self.announce(&part).await?;
        Ok(part)
    }

    /// In its own words, that somebody else began to carry out a segment at the same time; any other error stays what it is.
    pub fn begun_by_another(&self, segment: u32, error: Error) -> Error {
        match error.kind() {
            ErrorKind::Exists | ErrorKind::Overtaken => Error::new(
                ErrorKind::Overtaken,
                format!(
                    "somebody else has just begun to carry out segment {segment} in {}: try again, and it goes on after them",
                    self.url
                ),
            ),
            _ => error,
        }
    }

    /// Says for the leader that a segment is planned. Twice is once.
    pub async fn announce(&self, part: &Part) -> Result<(), Error> {
        let text = serde_json::to_vec(part).map_err(|error| Error::text(&error))?;
        let at = self.at(&format!("sealed/{}.json", name_of(part.segment)));
        ended(self.objects.put(&at, text.into()).await.map(drop), &self.url)
    }

    /// Says that this journal's segment is gone on with after somebody else, who may be alive. To be said before anything is written.
    pub async fn say_again(&self, journal: &Journal) -> Result<(), Error> {
        let generation = journal.lineage().map_err(Error::journal)?.map_or(0, |lineage| lineage.generation);
        let segment = journal.manifest().part.unwrap_or_default();
        let at = self.at(&format!("again/{}-{generation}", name_of(segment)));
        ended(self.objects.put(&at, Vec::new().into()).await.map(drop), &self.url)
    }

    /// Whether any segment was gone on with after somebody else, who may still be at work on it.
    pub async fn was_gone_on_with(&self) -> Result<bool, Error> {
        Ok(failed(self.objects.list_with_delimiter(Some(&self.at("again"))).await, &self.url)?.objects.iter().any(|_| true))
    }

    /// Says that a segment is carried out, unless somebody has; gives what counts.
    pub async fn end(&self, store: &Store, journal: &Journal) -> Result<Part, Error> {
        let segment = journal.manifest().part.unwrap_or_default();
        if let Some(part) = self.part(Stage::Applied, segment).await? {
            return Ok(part);
        }
        let published = store.last_progress(journal).await?;
        let name = self.round(segment).await?.end(segment);
        // If not, somebody was faster, or the answer was lost and it is ours: the one there counts.
        let _first = self.create(&name, &published).await?;
        let part = self.part(Stage::Applied, segment).await?;
        part.ok_or_else(|| error::damaged(&self.url, &name, "it was there, and is gone"))
    }

    /// The journal of a segment as it stands, in the store's folder.
    pub async fn fetch(&self, store: &Store, segment: u32) -> Result<PathBuf, Error> {
        let (plan, counts) = self.consists_of(store, segment).await?;
        store.fetch_planned(&name_of(segment), &plan, counts).await
    }

    /// Adds to what is known of the segments that came to this stage; gives those that are new.
    pub async fn gather(&self, stage: Stage, known: &mut Gathered) -> Result<Vec<Part>, Error> {
        use futures_util::TryStreamExt;
        let folder = self.at(stage.folder());
        let listed: Result<Vec<_>, _> = self.objects.list(Some(&folder)).map_ok(|object| object.location).try_collect().await;
        let mut new = Vec::new();
        for at in failed(listed, &self.url)? {
            let segment = at.filename().and_then(|name| name.strip_suffix(".json")?.parse().ok());
            let Some(segment) = segment.filter(|segment| !known.contains_key(segment)) else { continue };
            if let Some(part) = self.announced(stage, segment).await? {
                known.insert(segment, part.clone());
                new.push(part);
            }
        }
        Ok(new)
    }

    async fn announced(&self, stage: Stage, segment: u32) -> Result<Option<Part>, Error> {
        match stage {
            Stage::Sealed => self.read(&format!("sealed/{}.json", name_of(segment))).await,
            Stage::Applied => self.part(stage, segment).await,
        }
    }

    /// Says that all segments are planned, and may be carried out.
    pub async fn close(&self, manifest: &Manifest, parts: &Gathered) -> Result<(), Error> {
        let plans: Vec<String> = parts.values().map(|part| part.digest.clone()).collect();
        let sealed = Sealed { layout: LAYOUT, run: manifest.run.clone(), terms: terms_hash(manifest)?, plans };
        if self.create("manifest.json", &sealed).await? {
            return Ok(());
        }
        match self.plans(manifest).await? {
            Some(there) if there == sealed.plans => Ok(()),
            _ => Err(error::damaged(&self.url, "manifest.json", "it names other plans than there are")),
        }
    }

    /// The hash of each segment's plan, once all are planned; `None` before.
    pub async fn plans(&self, manifest: &Manifest) -> Result<Option<Vec<String>>, Error> {
        let Some(sealed) = self.read::<Sealed>("manifest.json").await? else { return Ok(None) };
        let wrong = |how: &str| Err(error::damaged(&self.url, "manifest.json", how));
        if sealed.run != manifest.run || sealed.terms != terms_hash(manifest)? {
            return wrong("it is of another run");
        }
        if sealed.plans.len() != manifest.segments as usize {
            return wrong("it does not name every segment");
        }
        Ok(Some(sealed.plans))
    }

    /// Whether it was made: not if it was there.
    async fn create<T: Serialize>(&self, name: &str, what: &T) -> Result<bool, Error> {
        let text = serde_json::to_vec(what).map_err(|error| Error::text(&error))?;
        match self.objects.put_opts(&self.at(name), text.into(), PutMode::Create.into()).await {
            Err(object_store::Error::AlreadyExists { .. }) => Ok(false),
            made => ended(made.map(drop), &self.url).map(|()| true),
        }
    }

    async fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Error> {
        let found = match self.objects.get(&self.at(name)).await {
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            found => failed(found, &self.url)?,
        };
        let text = failed(found.bytes().await, &self.url)?;
        serde_json::from_slice(&text).map(Some).map_err(|error| error::damaged(&self.url, name, &error.to_string()))
    }

    fn at(&self, name: &str) -> object_store::path::Path {
        name.split('/').fold(self.prefix.clone(), |path, part| path.join(part))
    }
}

/// A segment's name in a listing: in their order.
pub(super) fn name_of(segment: u32) -> String {
    format!("{segment:07}")
}

fn code_name(digest: &str) -> String {
    format!("plugin-{}.wasm", digest.trim_start_matches("sha256:"))
}

/// A hash of all that a run is, the same for each of its segments.
fn terms_hash(manifest: &Manifest) -> Result<String, Error> {
    let whole = Manifest { part: None, ..manifest.clone() };
    serde_json::to_vec(&whole).map(|text| hash(&text)).map_err(|error| Error::text(&error))
}
