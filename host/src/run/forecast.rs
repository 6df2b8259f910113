//! What a run will take, before it begins: from what DynamoDB says of the table, which is up to six hours old, and of a larger table
//! from a sample of its items.
//!
//! It is a bound where the migration is not known yet: every item that is scanned is taken to be written once, at its size. Left out are
//! inserts and writes elsewhere, growth of the items, items that change meanwhile and go through the migration again, and calls at once.

use super::Migrator;
use super::error::Error;
use crate::dynamo::{Filter, ScanRequest, TableInfo};
use crate::journal::{self, Estimate, Manifest};
use crate::model::{ExactlyOnce, item_bytes};

/// A smaller table is scanned before a sample of it would be worth its units.
const SAMPLED_FROM: u64 = 10_000;
/// A sample is of so many places, in which the table is split evenly, and of so many items in each.
const PLACES: u32 = 10;
const ITEMS_A_PLACE: u32 = 20;
/// Bytes of a read unit, and of a write unit.
const READ_UNIT: f64 = 4_096.0;
const WRITE_UNIT: f64 = 1_024.0;
/// What the journal keeps of an item beside its image, about: its key's place, its marks, and a small patch.
const JOURNAL_AN_ITEM: f64 = 40.0;

/// What a sample showed.
#[derive(Default)]
struct Sample {
    items: u64,
    write_units: u64,
    /// Bytes in a journal.
    kept: u64,
    /// The items looked at, of which these are those that the filter lets through.
    looked_at: u64,
}

impl Migrator {
    /// The estimate of a run that scans; reads a sample of a larger table.
    pub(super) async fn forecast(&self, table: &TableInfo, manifest: &Manifest) -> Result<Estimate, Error> {
        let sample = match table.item_count >= SAMPLED_FROM {
            true => Some(self.sample(manifest).await?),
            false => None,
        };
        let rates = self.rates().present();
        Ok(estimate(table, manifest, sample.as_ref(), (rates.read.limit, rates.write.limit)))
    }

    async fn sample(&self, manifest: &Manifest) -> Result<Sample, Error> {
        let filter =
            manifest.filter.as_deref().map(Filter::parse).transpose().map_err(|error| Error::Usage(error.to_string()))?;
        let mut sample = Sample::default();
        for segment in 0..PLACES {
            let request = ScanRequest {
                table: manifest.context.table.clone(),
                segment,
                segments: PLACES,
                consistent: false,
                limit: ITEMS_A_PLACE,
                filter: filter.clone(),
                start: None,
            };
            let page = self.database.client().scan_page(&request).await?;
            sample.looked_at += page.scanned;
            sample.items += page.items.len() as u64;
            for size in page.items.iter().map(item_bytes) {
                sample.write_units += size.div_ceil(WRITE_UNIT as usize).max(1) as u64;
            }
            sample.kept += journal::bytes_of(page.items);
        }
        Ok(sample)
    }
}

fn estimate(table: &TableInfo, manifest: &Manifest, sample: Option<&Sample>, limits: (Option<u32>, Option<u32>)) -> Estimate {
    let told_bytes = table.size_bytes as f64 / (table.item_count as f64).max(1.0);
    let sample = sample.filter(|sample| sample.looked_at > 0);
    let share = sample.map_or(1.0, |sample| sample.items as f64 / sample.looked_at as f64);
    // A sample compresses less than a page of a thousand: it errs on the safe side.
    let (kept_an_item, units_an_item) = match sample.filter(|sample| sample.items > 0) {
        Some(sample) => (sample.kept as f64 / sample.items as f64, sample.write_units as f64 / sample.items as f64),
        None => (told_bytes, (told_bytes / WRITE_UNIT).ceil().max(1.0)),
    };
    let written = table.item_count as f64 * share;
    let consistency = if manifest.consistent { 1.0 } else { 0.5 };
    let read_units = (table.size_bytes as f64 / READ_UNIT * consistency).ceil();
    // A receipt makes a transaction of each item: its write and the receipt, at twice the units.
    let each = match manifest.exactly_once {
        ExactlyOnce::Receipts => 2.0 * (units_an_item + 1.0),
        ExactlyOnce::No | ExactlyOnce::Stamp(_) => units_an_item,
    };
    let write_units = (written * each).ceil();
    let seconds = |units: f64, limit: Option<u32>| limit.map(|limit| units / f64::from(limit));
    let (reading, writing) = (seconds(read_units, limits.0), seconds(write_units, limits.1));
    let image = if manifest.no_images && manifest.guard != "item" { 0.0 } else { kept_an_item };
    // Whole numbers of what is a guess anyhow.
    let whole = |number: f64| number.round() as u64;
    Estimate {
        items: table.item_count,
        bytes: table.size_bytes,
        sampled: sample.map_or(0, |sample| sample.looked_at),
        matching: whole(written),
        read_units: whole(read_units),
        write_units: whole(write_units),
        indexes: u32::try_from(table.indexes.len()).unwrap_or(u32::MAX),
        replicas: table.replicas,
        journal_bytes: whole(written * (image + JOURNAL_AN_ITEM)),
        seconds_to_first_write: reading.map(whole),
        seconds_to_end: reading.zip(writing).map(|(reading, writing)| whole(reading + writing)),
    }
}
