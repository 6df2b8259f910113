//! What a plan does, for people and machines: counts, attributes, shapes with an item each, what grows, what to be warned of.

use std::fmt::Write;

use serde_json::{Value as Json, json};

use super::diff::{self, Paint, Width};
use super::document;
use crate::insight::{AttributeLine, Change, Insight, NearLimit, Part, Shape, warnings};
use crate::journal::{Entry, Journal, Manifest};
use crate::model::json::item_to_dynamodb_json;
use crate::model::shown;
use crate::run::Error;

/// Attributes that are listed to people; a machine gets all.
const ATTRIBUTES: usize = 30;
/// Of each shape that is listed to a machine, the first so many have their item.
pub const EXAMPLES: usize = 20;

/// The statistics, the warnings, and an item of each of the first `count` shapes.
pub fn told(journal: &Journal, insight: &Insight, count: usize) -> Result<String, Error> {
    let manifest = journal.manifest();
    let mut out = statistics(manifest, insight);
    for warning in warnings(manifest, insight) {
        let _ = writeln!(out, "  warning  {} ({})", warning.message, warning.page());
    }
    let common = insight.common();
    if !common.is_empty() {
        let head = format!("── in each of these: {}", together(manifest, &common));
        let _ = writeln!(out, "{}", diff::paint(Paint::Head, &head));
    }
    for (at, shape) in insight.shapes.iter().take(count).enumerate() {
        let told = shape.told(&manifest.context.table, &common);
        let head = format!("── {} of {}: {}: {told}", at + 1, insight.shapes.len(), items(shape.items));
        let _ = writeln!(out, "{}", diff::paint(Paint::Head, &head));
        let Some(entry) = insight.example(journal, shape)? else { continue };
        let _ = writeln!(out, "   {}", key(manifest, &entry));
        diff::text(&mut out, &entry.actions, &entry.image, Width::Clipped);
    }
    let unshown: u64 = insight.shapes.iter().skip(count).map(|shape| shape.items).sum::<u64>() + insight.other_items;
    if unshown > 0 {
        let run = &manifest.run;
        let _ =
            writeln!(out, "── {unshown} more items are changed in other ways: drift-host show {run} -o report.html, or --json");
    }
    Ok(out)
}

/// Items that are named where it is asked which ones would change.
pub const NAMED: usize = 20;

/// The keys of the first items that would change.
pub fn keys(journal: &Journal) -> Result<Vec<String>, Error> {
    let mut keys = Vec::new();
    for state in journal.segments()? {
        for page in 0..state.pages {
            if keys.len() == NAMED {
                return Ok(keys);
            }
            let entries = journal.page(state.segment, page)?.entries;
            keys.extend(entries.iter().take(NAMED - keys.len()).map(|entry| key(journal.manifest(), entry)));
        }
    }
    Ok(keys)
}

/// `  items    Id=7, Id=9, and 3 more`.
pub fn named(journal: &Journal, changed: u64) -> Result<String, Error> {
    let keys = keys(journal)?;
    let more = changed.saturating_sub(keys.len() as u64);
    let rest = if more == 0 { String::new() } else { format!(", and {more} more") };
    Ok(if keys.is_empty() { String::new() } else { format!("  items    {}{rest}\n", keys.join(", ")) })
}

/// Parts of shapes in a line.
pub(super) fn together(manifest: &Manifest, parts: &[Part]) -> String {
    let shape = Shape { parts: parts.to_vec(), more: 0, items: 0, example: (0, 0, 0) };
    shape.told(&manifest.context.table, &[])
}

pub(super) fn items(count: u64) -> String {
    if count == 1 { "1 item".into() } else { format!("{count} items") }
}

pub(super) fn key(manifest: &Manifest, entry: &Entry) -> String {
    manifest.context.key.key_of(&entry.image).map_or_else(|problem| problem, |key| key.to_string())
}

fn statistics(manifest: &Manifest, insight: &Insight) -> String {
    let mut out = String::new();
    if insight.items == 0 {
        return out;
    }
    let shapes = match (insight.shapes.len(), insight.other_items) {
        (1, 0) => "in one way".to_owned(),
        (shapes, 0) => format!("in {shapes} ways"),
        (shapes, others) => format!("{} in {shapes} ways, and {others} in others", insight.items - others),
    };
    // Writing to a String cannot fail.
    let _ = writeln!(out, "  changes  {} {shapes}; {} with no change", items(insight.items), insight.unchanged);
    let mut rows = vec![[String::from("table"), "action".into(), "count".into()]];
    rows.extend(insight.actions.iter().map(|line| [shown(&line.table), line.action.into(), line.count.to_string()]));
    columns(&mut out, &rows, 2);
    let mut lines: Vec<&AttributeLine> = insight.attributes.iter().collect();
    lines.sort_by_key(|line| (std::cmp::Reverse(line.items()), &line.table, &line.attribute));
    if !lines.is_empty() {
        let elsewhere = lines.iter().any(|line| line.table != manifest.context.table || line.action != "patch");
        let head = ["attribute", "set", "new", "removed", "type changed"].map(str::to_owned);
        let mut rows = vec![head];
        rows.extend(lines.iter().take(ATTRIBUTES).map(|line| attribute(line, elsewhere)));
        columns(&mut out, &rows, 1);
        let more = lines.len().saturating_sub(ATTRIBUTES);
        if more > 0 || insight.other_attributes > 0 {
            let rest = match insight.other_attributes {
                0 => String::new(),
                count => format!(", and {count} changes of attributes that are not named"),
            };
            let _ = writeln!(out, "           {more} more attributes (--json names them){rest}");
        }
    }
    let NearLimit { items: near, largest } = &insight.near_limit;
    if let Some((key, before, after)) = largest.first() {
        let grow = if *near == 1 { "1 item grows" } else { &format!("{near} items grow") };
        let _ = writeln!(out, "  large    {grow} near the 400 KB of an item, most of all {key}: from {before} to {after} bytes");
    }
    out
}

fn attribute(line: &AttributeLine, elsewhere: bool) -> [String; 5] {
    let place = if elsewhere {
        format!("{} ({} {})", shown(&line.attribute), line.action, shown(&line.table))
    } else {
        shown(&line.attribute)
    };
    let count = |count: u64| if count == 0 { String::from("-") } else { count.to_string() };
    let retyped: Vec<String> = line.retyped.iter().map(|(from, to, items)| format!("{from} → {to} {items}")).collect();
    let retyped = if retyped.is_empty() { "-".into() } else { retyped.join(", ") };
    [place, count(line.set), count(line.new), count(line.removed), retyped]
}

/// Rows in columns: the first `left` of them stand left, the others right, and the last is never filled up.
fn columns<const N: usize>(out: &mut String, rows: &[[String; N]], left: usize) {
    let width = |at: usize| rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..N).map(width).collect();
    for row in rows {
        let cells = row.iter().zip(&widths).enumerate().map(|(at, (cell, width))| match at {
            at if at < left => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        let line = cells.collect::<Vec<_>>().join("  ");
        let _ = writeln!(out, "           {}", line.trim_end());
    }
}

/// The same for machines: see docs/plan.md for its keys.
pub fn json(journal: &Journal, insight: &Insight) -> Result<Json, Error> {
    let manifest = journal.manifest();
    let actions = insight.actions.iter().map(|line| json!({ "table": line.table, "action": line.action, "count": line.count }));
    let attributes = insight.attributes.iter().map(|line| {
        let retyped = line.retyped.iter().map(|(from, to, items)| json!({ "from": from, "to": to, "items": items }));
        json!({ "table": line.table, "action": line.action, "attribute": line.attribute, "set": line.set, "new": line.new,
            "removed": line.removed, "type_changed": retyped.collect::<Vec<_>>() })
    });
    let mut shapes = Vec::with_capacity(insight.shapes.len());
    for (at, shape) in insight.shapes.iter().enumerate() {
        let example = if at < EXAMPLES { insight.example(journal, shape)? } else { None };
        shapes.push(json!({ "items": shape.items, "told": shape.told(&manifest.context.table, &[]),
            "parts": shape.parts.iter().map(part).collect::<Vec<_>>(), "parts_not_listed": shape.more,
            "example": example.map(|entry| sample(manifest, &entry)) }));
    }
    let largest = insight
        .near_limit
        .largest
        .iter()
        .map(|(key, before, after)| json!({ "key": key.to_string(), "before": before, "after": after }));
    Ok(json!({ "items": insight.items, "unchanged": insight.unchanged, "actions": actions.collect::<Vec<_>>(),
        "attributes": attributes.collect::<Vec<_>>(), "attribute_changes_not_listed": insight.other_attributes,
        "shapes": shapes, "items_of_shapes_not_listed": insight.other_items,
        "near_limit": { "items": insight.near_limit.items, "largest": largest.collect::<Vec<_>>() } }))
}

/// The warnings for machines: `[{"code","message","page"}]`.
pub fn warnings_json(journal: &Journal, insight: &Insight) -> Json {
    warnings(journal.manifest(), insight).iter().map(crate::insight::Warning::to_json).collect()
}

fn part(part: &Part) -> Json {
    let (attribute, change) = part.change.as_ref().map(|(name, change)| (name, *change)).unzip();
    let types = match change {
        Some(Change::Retyped { from, to }) => (Some(from), Some(to)),
        _ => (None, None),
    };
    json!({ "table": part.table, "action": part.action, "attribute": attribute, "change": change.map(Change::word),
        "from": types.0, "to": types.1 })
}

/// An item with what is to be done with it: `{"key","image","actions","after"}`.
pub(super) fn sample(manifest: &Manifest, entry: &Entry) -> Json {
    json!({ "key": key(manifest, entry), "image": item_to_dynamodb_json(&entry.image),
        "actions": entry.actions.iter().map(document::action).collect::<Vec<_>>(),
        "after": item_to_dynamodb_json(&document::after(&entry.image, &entry.actions)) })
}
