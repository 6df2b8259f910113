//! A segment that was carried out, and is gone on with: its failed items are taken up again, or one that is in doubt was settled.
//!
//! ```text
//! URI/retried/000007/1.open     that it is, from which generation on its progress counts; what was said of its end counts no more
//!            /000007/1.json     that it is carried out once more, and what came of it
//! ```
//!
//! Promised: whoever comes late from before, with another word about its end, changes nothing; and whoever dies between the two is gone on
//! with from what he published. Only the holder of the run's lease opens a segment.

use object_store::PutMode;
use serde::{Deserialize, Serialize};

use super::{Shared, name_of};
use crate::store::error::{self, Error, failed};
use crate::store::pieces::ended;
use crate::store::{ENDED, PLAN, Published, Store};

/// `K.open`.
#[derive(Serialize, Deserialize)]
struct Opened {
    generation: u64,
}

/// How often a segment was gone on with after its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Round {
    number: u32,
    /// It did not come to its end again yet.
    open: bool,
}

impl Round {
    /// Where it is said what came of it.
    pub(super) fn end(self, segment: u32) -> String {
        match self.number {
            0 => format!("applied/{}.json", name_of(segment)),
            round => format!("retried/{}/{round}.json", name_of(segment)),
        }
    }

    fn before(self) -> Self {
        Self { number: self.number.saturating_sub(1), open: false }
    }
}

impl Shared {
    pub(super) async fn round(&self, segment: u32) -> Result<Round, Error> {
        let folder = self.at(&format!("retried/{}", name_of(segment)));
        let listed = failed(self.objects.list_with_delimiter(Some(&folder)).await, &self.url)?;
        let (mut opened, mut closed) = (0, 0);
        for name in listed.objects.iter().filter_map(|object| object.location.filename()) {
            let number = |end: &str| name.strip_suffix(end).and_then(|number| number.parse().ok()).unwrap_or(0);
            (opened, closed) = (opened.max(number(".open")), closed.max(number(".json")));
        }
        Ok(Round { number: opened, open: opened > closed })
    }

    /// Whether a segment is gone on with after its end.
    pub async fn is_open(&self, segment: u32) -> Result<bool, Error> {
        Ok(self.round(segment).await?.open)
    }

    /// Has a segment that was carried out gone on with, unless it is. The lease is held, and nobody else can be left at work on it.
    pub async fn reopen(&self, store: &Store, segment: u32) -> Result<(), Error> {
        let round = self.round(segment).await?;
        if round.open {
            return Ok(());
        }
        let last = self.said_last(segment, round).await?;
        let newest = store.newest(&name_of(segment)).await?;
        let before = newest.iter().map(|(_, newest)| newest).chain(&last).map(|one| one.lineage.generation).max();
        let opened = Opened { generation: before.unwrap_or_default() + 1 };
        let text = serde_json::to_vec(&opened).map_err(|error| Error::text(&error))?;
        let at = self.at(&format!("retried/{}/{}.open", name_of(segment), round.number + 1));
        ended(self.objects.put_opts(&at, text.into(), PutMode::Create.into()).await.map(drop), &self.url)
    }

    /// What a segment's journal consists of: its plan, and what counts of all that was published of its progress, by its name.
    pub(super) async fn consists_of(
        &self,
        store: &Store,
        segment: u32,
    ) -> Result<(Published, Option<(String, Published)>), Error> {
        let name = format!("segments/{}/{PLAN}", name_of(segment));
        let plan: Option<Published> = self.read(&name).await?;
        let plan = plan.ok_or_else(|| error::damaged(&self.url, &name, "it is missing"))?;
        let round = self.round(segment).await?;
        let newest = store.newest(&name_of(segment)).await?;
        let counts = match round.open {
            // Whoever said that it is at its end has told all of it; others may have published since.
            false => self.said_last(segment, round).await?.map(applied).or(newest),
            true => {
                let name = format!("retried/{}/{}.open", name_of(segment), round.number);
                let opened: Option<Opened> = self.read(&name).await?;
                let since = opened.ok_or_else(|| error::damaged(&self.url, &name, "it is missing"))?.generation;
                match newest.filter(|(_, newest)| newest.lineage.generation >= since) {
                    Some(newest) => Some(newest),
                    None => self.said_last(segment, round.before()).await?.map(applied),
                }
            }
        };
        Ok((plan, counts))
    }

    async fn said_last(&self, segment: u32, round: Round) -> Result<Option<Published>, Error> {
        self.read(&round.end(segment)).await
    }

    /// What a segment came to at its end; `None` where it has not, or is gone on with.
    pub(super) async fn ended(&self, segment: u32) -> Result<Option<(String, Published)>, Error> {
        let round = self.round(segment).await?;
        if round.open {
            return Ok(None);
        }
        let name = round.end(segment);
        Ok(self.read::<Published>(&name).await?.map(|published| (name, published)))
    }
}

/// Named so that whoever goes on from it knows that it is its end.
fn applied(last: Published) -> (String, Published) {
    (ENDED.to_owned(), last)
}
