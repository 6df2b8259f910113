//! Actions as diffs: what is taken away, what is added, attribute by attribute and, within maps and lists, where they differ.

use std::fmt::Write;
use std::io::IsTerminal;

use crate::model::json::value_to_dynamodb_json;
use crate::model::{Action, Item, Patch, Target, Value, shown};

/// What a piece of text means.
#[derive(Clone, Copy)]
pub(super) enum Paint {
    Head,
    Plus,
    Minus,
}

/// Colours a text where standard output is a terminal that wants it.
pub(super) fn paint(paint: Paint, text: &str) -> String {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if unwanted || !std::io::stdout().is_terminal() {
        return text.to_owned();
    }
    let code = match paint {
        Paint::Head => "1",
        Paint::Plus => "32",
        Paint::Minus => "31",
    };
    format!("\u{1b}[{code}m{text}\u{1b}[0m")
}

/// How much of a value is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Width {
    /// All of it.
    Whole,
    /// Of a long one what is near the first difference.
    Clipped,
}

/// Whether something is taken away or added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    Minus,
    Plus,
}

/// What becomes of one value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) sign: Sign,
    /// Where it is, from the item's top: `address.lines[2]`.
    pub(super) path: String,
    /// DynamoDB's JSON.
    pub(super) value: String,
}

/// One action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// What it does, where that is not said by the lines alone.
    pub(super) head: Option<String>,
    /// Whether it takes the whole item away.
    pub(super) deletes: bool,
    pub(super) lines: Vec<Line>,
}

/// What actions do with an item, one after the other.
pub(super) fn steps(actions: &[Action], item: &Item, width: Width) -> Vec<Step> {
    let mut now = item.clone();
    let mut steps = Vec::new();
    for action in actions {
        steps.push(step(action, &now, width));
        if let Action::Patch(patch) = action {
            now = patch.applied_to(&now);
        }
    }
    steps
}

fn step(action: &Action, item: &Item, width: Width) -> Step {
    let table = |table: &Option<String>| table.as_deref().unwrap_or("the same table").to_owned();
    let whole = |sign: Sign, item: &Item| item.iter().map(|(name, value)| line(sign, &shown(name), value, width)).collect();
    match action {
        Action::Patch(patch) => {
            let lines = patched(patch, item, width);
            let head = lines.is_empty().then(|| "a patch that changes nothing".to_owned());
            Step { head, deletes: false, lines }
        }
        Action::Insert(insert) => Step {
            head: Some(format!("insert into {}", table(&insert.table))),
            deletes: false,
            lines: whole(Sign::Plus, &insert.item),
        },
        Action::Update(update) => Step {
            head: Some(format!("update {}: {}", target(&update.target), update.expression)),
            deletes: false,
            lines: Vec::new(),
        },
        Action::Withdraw(insert) => Step {
            head: Some(format!("delete from {} what was inserted", table(&insert.table))),
            deletes: false,
            lines: whole(Sign::Minus, &insert.item),
        },
        Action::Delete(deleted) => Step { head: Some(format!("delete {}", target(deleted))), deletes: true, lines: Vec::new() },
    }
}

/// An item, attribute by attribute.
pub(super) fn whole(item: &Item, width: Width) -> Vec<Line> {
    item.iter().map(|(name, value)| line(Sign::Plus, &shown(name), value, width)).collect()
}

/// By the attributes' names, those taken away and those set.
fn patched(patch: &Patch, item: &Item, width: Width) -> Vec<Line> {
    let mut names: Vec<&str> = patch.set.names().chain(patch.remove.iter().map(String::as_str)).collect();
    names.sort_unstable();
    names.dedup();
    let mut lines = Vec::new();
    for name in names {
        // What a patch both sets and removes is removed.
        let new = patch.set.get(name).filter(|_| !patch.remove.iter().any(|removed| removed == name));
        differs(&shown(name), item.get(name), new, width, &mut lines);
    }
    lines
}

/// Where two values differ: within maps, and within lists of the same length, only there.
fn differs(path: &str, old: Option<&Value>, new: Option<&Value>, width: Width, lines: &mut Vec<Line>) {
    match (old, new) {
        (None, None) => {}
        (Some(old), None) => lines.push(line(Sign::Minus, path, old, width)),
        (None, Some(new)) => lines.push(line(Sign::Plus, path, new, width)),
        (Some(old), Some(new)) if old == new => {}
        (Some(Value::M(old)), Some(Value::M(new))) => {
            let gone = old.iter().map(|(name, value)| (name, Some(value), new.get(name)));
            let come = new.iter().filter(|(name, _)| !old.contains(name)).map(|(name, value)| (name, None, Some(value)));
            for (name, old, new) in gone.chain(come) {
                differs(&format!("{path}.{}", shown(name)), old, new, width, lines);
            }
        }
        (Some(Value::L(old)), Some(Value::L(new))) if old.len() == new.len() => {
            for (at, (old, new)) in old.iter().zip(new).enumerate() {
                differs(&format!("{path}[{at}]"), Some(old), Some(new), width, lines);
            }
        }
        (Some(old), Some(new)) => {
            let (old, new) = (value_to_dynamodb_json(old).to_string(), value_to_dynamodb_json(new).to_string());
            let same = old.chars().zip(new.chars()).take_while(|(a, b)| a == b).count();
            let part = |text: String| if width == Width::Whole { text } else { clip(text, same) };
            lines.push(Line { sign: Sign::Minus, path: path.to_owned(), value: part(old) });
            lines.push(Line { sign: Sign::Plus, path: path.to_owned(), value: part(new) });
        }
    }
}

fn line(sign: Sign, path: &str, value: &Value, width: Width) -> Line {
    let text = value_to_dynamodb_json(value).to_string();
    let value = if width == Width::Whole { text } else { clip(text, 0) };
    Line { sign, path: path.to_owned(), value }
}

/// Characters of a long value that are shown, and those before the first difference.
const SHOWN: usize = 160;
const BEFORE: usize = 30;

/// A part of a long text, from a little before its character `from`.
fn clip(text: String, from: usize) -> String {
    let length = text.chars().count();
    if length <= SHOWN {
        return text;
    }
    let start = if from <= BEFORE * 2 { 0 } else { (from - BEFORE).min(length - SHOWN) };
    let piece: String = text.chars().skip(start).take(SHOWN).collect();
    let dots = |there: bool| if there { "…" } else { "" };
    format!("{}{piece}{} ({length} characters)", dots(start > 0), dots(start + SHOWN < length))
}

/// What actions do with an item, line by line.
pub(super) fn text(out: &mut String, actions: &[Action], item: &Item, width: Width) {
    for Step { head, deletes, lines } in steps(actions, item, width) {
        if let Some(head) = head {
            let head = format!("   {head}");
            // Writing to a String cannot fail.
            let _ = writeln!(out, "{}", if deletes { paint(Paint::Minus, &head) } else { head });
        }
        for Line { sign, path, value } in lines {
            let (colour, sign) = match sign {
                Sign::Minus => (Paint::Minus, '-'),
                Sign::Plus => (Paint::Plus, '+'),
            };
            let _ = writeln!(out, "{}", paint(colour, &format!("   {sign} {path}: {value}")));
        }
    }
}

fn target(target: &Target) -> String {
    match target {
        Target::This => "this item".into(),
        Target::Other(address) => format!("{} of {}", address.key, address.table.as_deref().unwrap_or("the same table")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::json::item_from_json;

    fn told(before: &str, set: &str, remove: &[&str], width: Width) -> Vec<String> {
        let set = item_from_json(set).unwrap();
        let patch = Patch { set, remove: remove.iter().map(ToString::to_string).collect() };
        let mut out = String::new();
        text(&mut out, &[Action::Patch(patch)], &item_from_json(before).unwrap(), width);
        out.lines().map(|line| line.trim().to_owned()).collect()
    }

    #[test]
    fn maps_and_lists_show_only_where_they_differ() {
        let before = r#"{"a":{"street":"Elm","lines":["x","y"]},"b":1,"c":"gone","same":2}"#;
        let set = r#"{"a":{"street":"Elm","lines":["x","z"],"zip":"1"},"b":"1","same":2}"#;
        assert_eq!(
            told(before, set, &["c"], Width::Whole),
            [
                r#"- a.lines[1]: {"S":"y"}"#,
                r#"+ a.lines[1]: {"S":"z"}"#,
                r#"+ a.zip: {"S":"1"}"#,
                r#"- b: {"N":"1"}"#,
                r#"+ b: {"S":"1"}"#,
                r#"- c: {"S":"gone"}"#
            ]
        );
        assert_eq!(told(before, r#"{"same":2.0}"#, &[], Width::Whole), ["a patch that changes nothing"]);
    }

    #[test]
    fn a_long_value_is_shown_where_it_differs_and_whole_where_that_is_asked() {
        let (before, after) =
            (format!("{}old{}", "x".repeat(500), "y".repeat(500)), format!("{}new{}", "x".repeat(500), "y".repeat(500)));
        let item = |text: &str| format!("{{\"t\":\"{text}\"}}");
        let clipped = told(&item(&before), &item(&after), &[], Width::Clipped);
        assert!(
            clipped[0].starts_with("- t: …xxx") && clipped[0].contains("old") && clipped[0].ends_with("(1011 characters)"),
            "{clipped:?}"
        );
        assert!(clipped[1].contains("xnewy") && clipped[1].chars().count() < 200, "{clipped:?}");
        assert!(told(&item(&before), &item(&after), &[], Width::Whole)[0].contains(&before));
    }
}
