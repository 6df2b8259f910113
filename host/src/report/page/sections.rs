//! The sections of a page, from top to bottom.

use std::collections::BTreeMap;

use super::chart::{Bar, Tone, bars};
use super::html::Html;
use super::item::{Shown, badge, cut};
use super::{Show, Source};
use crate::insight;
use crate::journal::OutcomeKind;
use crate::report::{self, changes};
use crate::run::Error;

/// Shapes and attributes that a chart shows.
const ROWS: usize = 25;
/// Messages that errors are grouped by.
const MESSAGES: usize = 100;

pub(super) fn top(html: &mut Html, source: &Source<'_>) {
    let (manifest, summary) = (source.journal.manifest(), source.summary);
    html.raw("<a class=\"skip\" href=\"#main\">To the summary</a><header><h1>Migration ")
        .text(&manifest.number.to_string())
        .raw(" ");
    html.apart(&manifest.name).raw(" on ").apart(&manifest.context.table).raw("</h1><p>");
    html.raw(match summary.state.as_str() {
        "applied" | "undone" => "<span class=\"badge good\">",
        "refused" | "incomplete" => "<span class=\"badge bad\">",
        "interrupted" => "<span class=\"badge warn\">",
        _ => "<span class=\"badge main\">",
    });
    html.text(&summary.state).raw("</span> ").apart(&manifest.summary).raw("</p>");
    html.raw("<p class=\"soft\">run ").text(&manifest.run).raw(", begun ").text(&manifest.created).raw("</p>");
    html.raw("</header><nav aria-label=\"Sections\"><ul>");
    for link in [
        "<li><a href=\"#summary\">Summary</a></li>",
        "<li><a href=\"#changes\">Changes</a></li>",
        "<li><a href=\"#time\">Time and units</a></li>",
        "<li><a href=\"#items\">Items</a></li>",
        "<li><a href=\"#errors\">Errors</a></li>",
        "<li><a href=\"#grants\">Grants</a></li>",
        "<li><a href=\"#run\">About the run</a></li>",
    ] {
        html.raw(link);
    }
    html.raw("</ul></nav>");
}

pub(super) fn summary(html: &mut Html, source: &Source<'_>) {
    let counts = &source.summary.counts;
    html.raw("<h2 id=\"summary\">Summary</h2><dl class=\"cards\">");
    for (name, count) in [
        ("scanned", counts.scanned),
        ("to change", counts.changed),
        ("done", counts.done),
        ("no change", counts.unchanged),
        ("failed", counts.failed),
        ("in doubt", counts.doubtful),
        ("skipped", counts.skipped),
        ("conflicts", counts.conflicts),
    ] {
        html.raw("<div><dt>").text(name).raw("</dt><dd>").number(count).raw("</dd></div>");
    }
    html.raw("</dl>");
    if source.options.show != Show::Values {
        html.raw("<p class=\"note\">Values are masked: letters stand for other letters and digits for other digits, the same for the same value. ");
        html.raw(match source.options.show {
            Show::Keys => "Keys are shown as they are. ",
            Show::Nothing | Show::Values => "Keys are masked too. ",
        });
        html.raw("Messages and logs are the migration's own text: what they repeat of an item's values is masked as well, what they made of a value is not.</p>");
    }
    if let Some(bound) = &source.summary.bound {
        html.raw("<p class=\"note\">").apart(bound).raw("</p>");
    }
    let undone = counts.changed.saturating_sub(counts.done);
    let of = |label: &str, count: u64, tone: Tone| (count > 0).then(|| bar(label, &[(count, tone)], count.to_string()));
    let rows: Vec<Bar> = [
        of("changed and done", counts.done, Tone::Good),
        of("to change, not done", undone, Tone::Main),
        of("no change", counts.unchanged, Tone::Quiet),
        of("failed", counts.failed, Tone::Bad),
        of("in doubt", counts.doubtful, Tone::Warn),
        of("skipped", counts.skipped, Tone::Warn),
    ]
    .into_iter()
    .flatten()
    .collect();
    if !rows.is_empty() {
        bars(html, "What became of the items", ["Outcome", "Items"], &rows);
    }
}

pub(super) fn warnings(html: &mut Html, source: &Source<'_>) {
    let found = insight::warnings(source.journal.manifest(), source.insight);
    if found.is_empty() {
        return;
    }
    html.raw("<h3>Warnings</h3><ul class=\"notes\">");
    for warning in found {
        html.raw("<li class=\"note\">")
            .apart(&warning.message)
            .raw(" <span class=\"soft\">(")
            .text(&warning.page())
            .raw(")</span></li>");
    }
    html.raw("</ul>");
}

pub(super) fn changes(html: &mut Html, source: &Source<'_>) {
    let (insight, own) = (source.insight, source.journal.manifest().context.table.as_str());
    html.raw("<h2 id=\"changes\">Changes</h2>");
    if insight.items == 0 {
        html.raw("<p>Nothing is to be changed.</p>");
        return;
    }
    if !source.common.is_empty() {
        html.raw("<p>In each of these items: ").apart(&changes::together(source.journal.manifest(), &source.common));
        html.raw(". What is done besides:</p>");
    }
    let mut rows: Vec<Bar> = insight
        .shapes
        .iter()
        .take(ROWS)
        .map(|shape| bar(&shape.told(own, &source.common), &[(shape.items, Tone::Main)], shape.items.to_string()))
        .collect();
    let rest: u64 = insight.shapes.iter().skip(ROWS).map(|shape| shape.items).sum::<u64>() + insight.other_items;
    if rest > 0 {
        rows.push(bar("other shapes", &[(rest, Tone::Quiet)], rest.to_string()));
    }
    bars(html, "Shapes of change: what is done to how many items", ["Shape", "Items"], &rows);
    let mut lines: Vec<_> = insight.attributes.iter().collect();
    lines.sort_by_key(|line| std::cmp::Reverse(line.items()));
    if !lines.is_empty() {
        let rows: Vec<Bar> = lines
            .iter()
            .take(ROWS)
            .map(|line| {
                let retyped: u64 = line.retyped.iter().map(|(_, _, items)| items).sum();
                let types: Vec<String> = line.retyped.iter().map(|(from, to, items)| format!("{from} → {to} {items}")).collect();
                let new = if line.new == line.set { "set, all new" } else { "set" };
                let some = if line.new == line.set { 0 } else { line.new };
                let said = [(line.set, new), (some, "of them new"), (line.removed, "removed")];
                let said = said.into_iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}"));
                let value = said.chain(types).collect::<Vec<_>>().join(", ");
                let place = if line.table == own && line.action == "patch" {
                    String::new()
                } else {
                    format!(" ({} {})", line.action, line.table)
                };
                let parts = [(line.set, Tone::Good), (line.removed, Tone::Bad), (retyped, Tone::Warn)];
                bar(&format!("{}{place}", line.attribute), &parts, value)
            })
            .collect();
        bars(html, "Attributes: in how many items each is set, removed or changes its type", ["Attribute", "Items"], &rows);
        html.raw("<p class=\"soft\" aria-hidden=\"true\"><span class=\"key good\"></span>set<span class=\"key bad\"></span>removed<span class=\"key warn\"></span>type changed</p>");
        let more = lines.len().saturating_sub(ROWS) as u64;
        if more > 0 {
            html.raw("<p class=\"soft\">and ").number(more).raw(" more attributes</p>");
        }
    }
    let rows: Vec<[String; 3]> =
        insight.actions.iter().map(|line| [line.table.clone(), line.action.to_owned(), line.count.to_string()]).collect();
    table(html, "Actions by table", ["Table", "Action", "Count"], &rows);
    let near = &insight.near_limit;
    if near.items > 0 {
        html.raw("<p class=\"note\">").text(&changes::items(near.items)).raw(" grow near the 400 KB that an item may have");
        if let Some((key, before, after)) = near.largest.first() {
            html.raw(", most of all ")
                .apart(&source.masked.key(key).to_string())
                .raw(": from ")
                .number(*before as u64)
                .raw(" to ");
            html.number(*after as u64).raw(" bytes");
        }
        html.raw("</p>");
    }
}

pub(super) fn time(html: &mut Html, source: &Source<'_>) {
    let summary = source.summary;
    let (plan, apply) = summary.seconds;
    let estimate = source.journal.manifest().estimate.as_ref();
    html.raw("<h2 id=\"time\">Time and units</h2>");
    let length = |label: &str, seconds: f64, tone: Tone| Bar {
        label: text(label),
        parts: vec![(seconds, tone)],
        value: format!("{seconds:.1} s"),
    };
    let mut rows = vec![length("scan and migrate", plan, Tone::Main), length("apply", apply, Tone::Main)];
    let expected = estimate.and_then(|estimate| Some((estimate.seconds_to_first_write?, estimate.seconds_to_end?)));
    if let Some((first, end)) = expected {
        rows.push(length("expected until the first write", first as f64, Tone::Quiet));
        rows.push(length("expected at most, in all", end as f64, Tone::Quiet));
    }
    bars(html, "Time, of all processes that worked on the run", ["Part", "Seconds"], &rows);
    let (read, write) = summary.units;
    let units = |label: &str, units: f64, tone: Tone| Bar {
        label: text(label),
        parts: vec![(units, tone)],
        value: format!("{units:.0}"),
    };
    let mut rows = vec![units("read", read, Tone::Main), units("written", write, Tone::Main)];
    if let Some(estimate) = estimate {
        rows.push(units("expected to be read", estimate.read_units as f64, Tone::Quiet));
        rows.push(units("expected to be written at most", estimate.write_units_with_indexes() as f64, Tone::Quiet));
    }
    if let Some(needed) = summary.needed_units {
        rows.push(units("needed by the plan, about", needed, Tone::Quiet));
    }
    bars(html, "Units of capacity", ["Units", "Count"], &rows);
}

pub(super) fn items(html: &mut Html, source: &Source<'_>, items: &[Shown], of: u64) {
    html.raw("<h2 id=\"items\">Items</h2><p>").number(items.len() as u64).raw(" of ").number(of);
    html.raw(" items that are changed or failed are in this page: one of each shape of change first, then what failed or is in doubt, then others from all over the plan.</p>");
    if source.journal.manifest().no_images {
        html.raw(
            "<p class=\"note\">The run keeps no images of its items (--no-images): what was there before is not known here.</p>",
        );
    }
    html.raw("<form id=\"find\" role=\"search\" hidden><div class=\"wide\"><label for=\"find-words\">Find by key, attribute, value or message</label>");
    html.raw("<input id=\"find-words\" type=\"search\" autocomplete=\"off\" spellcheck=\"false\"></div>");
    html.raw("<div><label for=\"find-state\">State</label><select id=\"find-state\"><option value=\"\">all</option>");
    for option in [
        "<option>planned</option>",
        "<option>done</option>",
        "<option>failed</option>",
        "<option>in-doubt</option>",
        "<option>skipped</option>",
        "<option>unchanged</option>",
        "<option>settled</option>",
        "<option>sent</option>",
    ] {
        html.raw(option);
    }
    html.raw("</select></div><div><button id=\"find-open\" type=\"button\">Open or close all</button></div></form>");
    html.raw("<p id=\"find-shown\" class=\"soft\" role=\"status\"></p>");
    for item in items {
        html.add(&item.html);
    }
}

pub(super) fn errors(html: &mut Html, source: &Source<'_>, items: &[Shown]) -> Result<(), Error> {
    html.raw("<h2 id=\"errors\">Errors</h2>");
    let counts = &source.summary.counts;
    if counts.failed + counts.doubtful == 0 && items.iter().all(|item| item.error.is_none()) {
        html.raw("<p>No item failed, and none is in doubt.</p>");
        return Ok(());
    }
    // All of them, by what they say; beyond so many sayings the rest is one.
    let mut messages: BTreeMap<(&'static str, String), u64> = BTreeMap::new();
    let mut others = 0;
    report::items::each_error(source.journal, |outcome| {
        let message = cut(&source.masked.text(&outcome.message, outcome.image.as_ref()));
        let said = (report::items::word(outcome.kind), message);
        match messages.contains_key(&said) || messages.len() < MESSAGES {
            true => *messages.entry(said).or_default() += 1,
            false => others += 1,
        }
        Ok(())
    })?;
    let mut rows: Vec<((&str, String), u64)> = messages.into_iter().collect();
    rows.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let mut rows: Vec<[String; 3]> =
        rows.into_iter().map(|((kind, message), count)| [kind.to_owned(), message, count.to_string()]).collect();
    if others > 0 {
        rows.push(["".into(), "other messages".into(), others.to_string()]);
    }
    table(html, "What failed or is in doubt, by what is said of it", ["Kind", "Message", "Items"], &rows);
    let named: Vec<(u64, &(OutcomeKind, String, String))> =
        (1u64..).zip(items).filter_map(|(number, item)| item.error.as_ref().map(|error| (number, error))).collect();
    if !named.is_empty() {
        html.raw("<h3>Items with errors in this page</h3><ul>");
        for (number, (kind, key, message)) in named {
            html.raw("<li><a href=\"#item-").number(number).raw("\">").apart(key).raw("</a> ");
            html.add(&badge(match kind {
                OutcomeKind::Failed => "failed",
                OutcomeKind::Doubtful => "in-doubt",
                OutcomeKind::Skipped => "skipped",
                OutcomeKind::Unchanged => "unchanged",
                OutcomeKind::Settled => "settled",
            }));
            let short: String = message.chars().take(200).collect();
            html.raw(" ").apart(&short).raw("</li>");
        }
        html.raw("</ul>");
    }
    Ok(())
}

pub(super) fn grants(html: &mut Html, source: &Source<'_>) {
    html.raw("<h2 id=\"grants\">Grants</h2>");
    let lines = &source.summary.accesses;
    if lines.is_empty() {
        html.raw("<p>Nothing was granted beyond patching the item that was handed in, and nothing else was asked for.</p>");
        return;
    }
    let rows: Vec<[String; 5]> = lines
        .iter()
        .map(|line| {
            let first = match (&line.first_refused, source.options.show) {
                (None, _) => "-",
                (Some(key), Show::Keys | Show::Values) => key.as_str(),
                (Some(_), Show::Nothing) => "masked",
            };
            let granted = match (line.granted, line.used) {
                (true, _) => "yes",
                (false, 0) => "no",
                (false, _) => "by a pattern",
            };
            [line.grant.clone(), granted.into(), line.used.to_string(), line.refused.to_string(), first.to_owned()]
        })
        .collect();
    table(
        html,
        "What was granted, how often it was used, and what was refused",
        ["Access", "Granted", "Used", "Refused", "First refused for"],
        &rows,
    );
}

pub(super) fn facts(html: &mut Html, source: &Source<'_>) -> Result<(), Error> {
    html.raw("<h2 id=\"run\">About the run</h2><dl class=\"facts\">");
    for (name, fact) in report::facts(source.journal)? {
        html.raw("<dt>").text(name).raw("</dt><dd>").apart(&fact).raw("</dd>");
    }
    html.raw("</dl>");
    Ok(())
}

pub(super) fn foot(html: &mut Html, source: &Source<'_>) {
    html.raw("<footer>Made by drift-host ").text(env!("CARGO_PKG_VERSION")).raw(" from the run's journal");
    html.raw(if source.options.show == Show::Values { ", with values. " } else { ", with values masked. " });
    html.raw("It asks for nothing on the network.</footer>");
}

/// A table of texts; numbers, where the head says that they are, stand right.
fn table<const N: usize>(html: &mut Html, caption: &str, head: [&str; N], rows: &[[String; N]]) {
    let number = |name: &str| matches!(name, "Count" | "Items" | "Used" | "Refused");
    html.raw("<div class=\"scroll\"><table><caption>").text(caption).raw("</caption><thead><tr>");
    for name in head {
        html.raw(if number(name) { "<th scope=\"col\" class=\"n\">" } else { "<th scope=\"col\">" }).text(name).raw("</th>");
    }
    html.raw("</tr></thead><tbody>");
    for row in rows {
        html.raw("<tr>");
        for (at, (cell, name)) in row.iter().zip(head).enumerate() {
            match (at, number(name)) {
                (0, _) => html.raw("<th scope=\"row\">").apart(cell).raw("</th>"),
                (_, true) => html.raw("<td class=\"n\">").apart(cell).raw("</td>"),
                (_, false) => html.raw("<td>").apart(cell).raw("</td>"),
            };
        }
        html.raw("</tr>");
    }
    html.raw("</tbody></table></div>");
}

fn text(text: &str) -> Html {
    let mut html = Html::default();
    html.text(text);
    html
}

fn bar(label: &str, parts: &[(u64, Tone)], value: String) -> Bar {
    let mut name = Html::default();
    name.apart(label);
    Bar { label: name, parts: parts.iter().map(|(count, tone)| (*count as f64, *tone)).collect(), value }
}
