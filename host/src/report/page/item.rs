//! One item of a page: what it is called, where it stands, what is done to it, what it said.

use super::html::Html;
use super::{BYTES, Source, items};
use crate::journal::OutcomeKind;
use crate::model::{Action, Item};
use crate::report::diff::{self, Line, Sign, Step, Width};
use crate::report::items::state;
use crate::run::Error;

/// Lines of an item that are shown, and lines of its log.
const LINES: usize = 200;
/// Characters of a message, a backtrace or a line of a log that are shown.
const TEXT: usize = 4_000;

/// An item, ready for the page.
pub(super) struct Shown {
    pub(super) html: Html,
    /// What is said of it among the errors: its kind, key and message.
    pub(super) error: Option<(OutcomeKind, String, String)>,
}

/// All items of a page, in the order in which they are shown. The number of each in it is the number of its anchor.
pub(super) fn all(source: &Source<'_>) -> Result<Vec<Shown>, Error> {
    let (mut shown, mut bytes) = (Vec::new(), 0);
    items::each(source.journal, source.insight, source.options.items, |found| {
        let item = one(source, shown.len() as u64 + 1, &found);
        bytes += item.html.len();
        shown.push(item);
        bytes < BYTES
    })?;
    Ok(shown)
}

fn one(source: &Source<'_>, number: u64, found: &items::Found) -> Shown {
    let (manifest, masked, record) = (source.journal.manifest(), &source.masked, &found.record);
    let newest = record.newest.as_ref().map(|newest| (newest.attempt, &newest.image, &newest.actions));
    let planned = record.planned.as_ref().map(|entry| (1, &entry.image, &entry.actions));
    let seen = record.outcome.as_ref().and_then(|outcome| outcome.image.as_ref());
    let image: Option<&Item> = newest.or(planned).map(|(_, image, _)| image).or(seen);
    let key = image.map(|image| manifest.context.key.key_of(image));
    let key = match key {
        Some(Ok(key)) => masked.key(&key).to_string(),
        Some(Err(problem)) => problem,
        None => {
            let id = record.outcome.as_ref().and_then(|outcome| outcome.id.as_ref());
            id.map_or_else(|| "an item without a key".to_owned(), |id| masked.key(id).to_string())
        }
    };
    let state = state(record);
    let mut html = Html::default();
    html.raw("<details class=\"item\" id=\"item-")
        .number(number)
        .raw("\" data-state=\"")
        .raw(state)
        .raw("\"><summary><span class=\"id\">");
    html.apart(&key).raw("</span> ").add(&badge(state)).raw("<span class=\"what\">");
    match found.example_of.and_then(|at| source.insight.shapes.get(at)) {
        Some(shape) => {
            match shape.items {
                1 => html.raw("the one item of its shape: "),
                items => html.raw("one of ").number(items).raw(" items: "),
            };
            html.apart(&shape.told(&manifest.context.table, &source.common));
        }
        None => {
            html.text(&what(newest.or(planned).map(|(_, _, actions)| actions.as_slice())));
        }
    }
    html.raw("</span></summary><div class=\"inside\"><p class=\"soft\">place in the plan @");
    html.number(record.segment.into()).raw("/").number(record.page.into()).raw("/").number(record.position.into());
    if record.shared {
        html.raw("; it writes a key that other items write too: one after the other");
    }
    if let Some((attempt @ 2.., _, _)) = newest {
        html.raw("; attempt ").number(attempt.into()).raw(", on the item as it had changed meanwhile");
    }
    html.raw("</p>");
    let mut error = None;
    if let Some(outcome) = &record.outcome {
        let message = masked.text(&outcome.message, image);
        html.raw("<p class=\"note\">").apart(&cut(&message)).raw("</p>");
        let log: Vec<String> = outcome.log.iter().map(|line| masked.text(&line.message, image)).collect();
        lines(&mut html, "What the migration logged", &log);
        let backtrace: Vec<String> =
            outcome.backtrace.iter().flat_map(|text| text.lines()).map(|line| masked.text(line, image)).collect();
        lines(&mut html, "Backtrace", &backtrace);
        if source.journal.is_listed(outcome.kind) {
            error = Some((outcome.kind, key.clone(), message));
        }
    }
    if let Some(log) = &record.log {
        let log: Vec<String> = log.iter().map(|line| masked.text(&line.message, image)).collect();
        lines(&mut html, "What the migration logged in the scan", &log);
    }
    match newest.or(planned) {
        Some((_, image, actions)) => diffs(&mut html, &masked.actions(actions), &masked.item(image)),
        None => html_of_image(&mut html, seen.map(|image| masked.item(image)).as_ref()),
    }
    html.raw("</div></details>");
    Shown { html, error }
}

/// `patch, insert`: what is done, where no shape says it.
fn what(actions: Option<&[Action]>) -> String {
    let mut kinds: Vec<&str> = actions.unwrap_or_default().iter().map(Action::kind).collect();
    kinds.dedup();
    if kinds.is_empty() { "no actions".into() } else { kinds.join(", ") }
}

pub(super) fn badge(state: &'static str) -> Html {
    let mut html = Html::default();
    html.raw(match state {
        "done" | "settled" | "unchanged" => "<span class=\"badge good\">",
        "failed" => "<span class=\"badge bad\">",
        "in-doubt" | "skipped" => "<span class=\"badge warn\">",
        _ => "<span class=\"badge quiet\">",
    });
    html.raw(state).raw("</span>");
    html
}

fn diffs(html: &mut Html, actions: &[Action], image: &Item) {
    let mut room = LINES;
    for Step { head, lines, .. } in diff::steps(actions, image, Width::Clipped) {
        if let Some(head) = head {
            html.raw("<p class=\"step\">").apart(&cut(&head)).raw("</p>");
        }
        if lines.is_empty() {
            continue;
        }
        table(html, "What changes", lines.iter().take(room).map(|line| (Some(line.sign), line)));
        if lines.len() > room {
            html.raw("<p class=\"soft\">and ").number((lines.len() - room) as u64).raw(" more lines</p>");
        }
        room = room.saturating_sub(lines.len());
    }
}

/// An item of which there are no actions: as the migration saw it.
fn html_of_image(html: &mut Html, image: Option<&Item>) {
    let Some(image) = image else { return };
    let lines = diff::whole(image, Width::Clipped);
    table(html, "The item as the migration saw it", lines.iter().take(LINES).map(|line| (None, line)));
}

fn table<'a>(html: &mut Html, caption: &'static str, lines: impl Iterator<Item = (Option<Sign>, &'a Line)>) {
    html.raw("<table class=\"diff\"><caption class=\"vh\">").raw(caption);
    html.raw("</caption><colgroup><col class=\"sign\"><col class=\"path\"><col></colgroup><thead><tr><th scope=\"col\"><span class=\"vh\">Change</span></th>");
    html.raw("<th scope=\"col\"><span class=\"vh\">Attribute</span></th><th scope=\"col\"><span class=\"vh\">Value</span></th></tr></thead><tbody>");
    for (sign, Line { path, value, .. }) in lines {
        let (row, open, close) = match sign {
            Some(Sign::Minus) => (
                "<tr class=\"minus\"><td class=\"sign\"><span aria-hidden=\"true\">−</span><span class=\"vh\">before</span></td>",
                "<del>",
                "</del>",
            ),
            Some(Sign::Plus) => (
                "<tr class=\"plus\"><td class=\"sign\"><span aria-hidden=\"true\">+</span><span class=\"vh\">after</span></td>",
                "<ins>",
                "</ins>",
            ),
            None => ("<tr class=\"same\"><td class=\"sign\"></td>", "", ""),
        };
        html.raw(row).raw("<th scope=\"row\" class=\"path\">").apart(path).raw("</th><td>").raw(open).apart(value).raw(close);
        html.raw("</td></tr>");
    }
    html.raw("</tbody></table>");
}

fn lines(html: &mut Html, head: &'static str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    html.raw("<p class=\"step\">").raw(head).raw("</p><pre tabindex=\"0\">");
    for line in lines.iter().take(LINES) {
        html.apart(&cut(line)).raw("\n");
    }
    html.raw("</pre>");
}

pub(super) fn cut(text: &str) -> String {
    match text.char_indices().nth(TEXT) {
        Some((at, _)) => format!("{}… ({} characters)", text.get(..at).unwrap_or_default(), text.chars().count()),
        None => text.to_owned(),
    }
}
