//! A run as one page for a browser: for whoever reviews it and has no shell.
//!
//! Promised: one file that asks for nothing, neither on the network nor on the disk, and says so to the browser (a content security policy
//! with the hashes of its one style and its one script, which knows nothing of the items); whatever an item, a migration or a table says
//! is text in it ([`html`]); values are masked unless that was asked otherwise ([`masked`]); the number of items and the bytes are bounded
//! whatever the table's size, and the page says of how many. It can be read without its script, by keyboard, and by a screen reader.

mod chart;
mod html;
mod item;
mod items;
mod masked;
mod sections;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest, Sha256};

use crate::insight::{Insight, Part};
use crate::journal::Journal;
use crate::run::{Error, Summary};

use html::Html;
use masked::Masked;
pub use masked::Show;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
/// Bytes of items in a page, more or less.
const BYTES: usize = 8 << 20;

/// What a page has.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Which values.
    pub show: Show,
    /// At most so many items.
    pub items: usize,
}

/// A page, and of how many items it has how many.
#[derive(Clone, Debug)]
pub struct Page {
    /// The document.
    pub html: String,
    /// Items with their diffs in it.
    pub shown: u64,
    /// Items that the run changes, or that failed.
    pub of: u64,
}

/// What the sections are made of.
struct Source<'a> {
    journal: &'a Journal,
    summary: &'a Summary,
    insight: &'a Insight,
    /// What all shapes have.
    common: Vec<Part>,
    masked: Masked<'a>,
    options: Options,
}

/// The page of a run.
pub fn page(journal: &Journal, summary: &Summary, options: Options) -> Result<Page, Error> {
    let insight = Insight::read(journal)?;
    let manifest = journal.manifest();
    let masked = Masked::new(options.show, &manifest.context.key, !manifest.no_images);
    let source = Source { journal, summary, insight: &insight, common: insight.common(), masked, options };
    let items = item::all(&source)?;
    // Those that failed in the scan have no actions; those that failed later may.
    let of = (summary.counts.changed + summary.counts.failed).max(items.len() as u64);
    let mut html = Html::default();
    head(&mut html, journal);
    sections::top(&mut html, &source);
    html.raw("<main id=\"main\">");
    sections::summary(&mut html, &source);
    sections::warnings(&mut html, &source);
    sections::changes(&mut html, &source);
    sections::time(&mut html, &source);
    sections::items(&mut html, &source, &items, of);
    sections::errors(&mut html, &source, &items)?;
    sections::grants(&mut html, &source);
    sections::facts(&mut html, &source)?;
    html.raw("</main>");
    sections::foot(&mut html, &source);
    html.raw("<script>").raw(SCRIPT).raw("</script></body></html>\n");
    let shown = items.len() as u64;
    Ok(Page { html: html.into_string(), shown, of })
}

fn head(html: &mut Html, journal: &Journal) {
    let manifest = journal.manifest();
    html.raw("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">");
    // The one attribute that is no literal: base64, of nothing but our own style and script.
    html.raw("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-").text(&hash(STYLE));
    html.raw("'; script-src 'sha256-").text(&hash(SCRIPT));
    html.raw("'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'\">");
    html.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\">");
    html.raw("<meta name=\"referrer\" content=\"no-referrer\"><meta name=\"robots\" content=\"noindex\"><title>");
    // A title is text only: what is hidden is left out of it.
    let title: String = format!("Migration {} {} on {}", manifest.number, manifest.name, manifest.context.table);
    html.text(&title.chars().filter(|c| crate::model::is_plain(*c)).collect::<String>());
    html.raw("</title><style>").raw(STYLE).raw("</style></head><body>");
}

fn hash(text: &str) -> String {
    BASE64.encode(Sha256::digest(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn style_and_script_end_where_they_should_and_ask_for_nothing() {
        assert!(!STYLE.contains('<') && !SCRIPT.contains("</") && !SCRIPT.contains("<!--"));
        for asks in ["url(", "@import", "http:", "https:"] {
            assert!(!STYLE.contains(asks) && !SCRIPT.contains(asks), "{asks}");
        }
        for runs in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(", "fetch(", "import("]
        {
            assert!(!SCRIPT.contains(runs), "{runs}");
        }
        assert!(!STYLE.contains('\r') && !SCRIPT.contains('\r'), "a browser would hash another text");
    }
}
