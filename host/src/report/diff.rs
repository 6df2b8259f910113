//! Actions as diffs: what is taken away, what is added.

use std::fmt::Write;
use std::io::IsTerminal;

use crate::model::json::value_to_dynamodb_json;
use crate::model::{Action, Item, Target, Value};

/// What a piece of text means.
#[derive(Clone, Copy)]
pub(super) enum Paint {
    Head,
    Plus,
    Minus,
}

/// Colours a text where standard output is a terminal that wants it.
pub(super) fn paint(paint: Paint, text: &str) -> String {
    if std::env::var_os("NO_COLOR").is_some() || !std::io::stdout().is_terminal() {
        return text.to_owned();
    }
    let code = match paint {
        Paint::Head => "1",
        Paint::Plus => "32",
        Paint::Minus => "31",
    };
    format!("\u{1b}[{code}m{text}\u{1b}[0m")
}

/// One action on an item, line by line.
pub(super) fn action(out: &mut String, action: &Action, item: &Item) {
    match action {
        Action::Patch(patch) => {
            let removed = patch.remove.iter().filter_map(|name| Some((name.as_str(), item.get(name)?)));
            let replaced = patch.set.iter().filter_map(|(name, _)| Some((name, item.get(name)?)));
            for (name, old) in removed.chain(replaced) {
                line(out, Paint::Minus, '-', name, old);
            }
            for (name, new) in &patch.set {
                line(out, Paint::Plus, '+', name, new);
            }
        }
        Action::Insert(insert) => {
            let table = insert.table.as_deref().unwrap_or("the same table");
            let _ = writeln!(out, "   insert into {table}");
            insert.item.iter().for_each(|(name, value)| line(out, Paint::Plus, '+', name, value));
        }
        Action::Update(update) => {
            let _ = writeln!(out, "   update {}: {}", target(&update.target), update.expression);
        }
        Action::Withdraw(insert) => {
            let table = insert.table.as_deref().unwrap_or("the same table");
            let _ = writeln!(out, "   delete from {table} what was inserted");
            insert.item.iter().for_each(|(name, value)| line(out, Paint::Minus, '-', name, value));
        }
        Action::Delete(deleted) => {
            let text = format!("   delete {}", target(deleted));
            let _ = writeln!(out, "{}", paint(Paint::Minus, &text));
        }
    }
}

fn target(target: &Target) -> String {
    match target {
        Target::This => "this item".into(),
        Target::Other(address) => format!("{} of {}", address.key, address.table.as_deref().unwrap_or("the same table")),
    }
}

fn line(out: &mut String, colour: Paint, sign: char, name: &str, value: &Value) {
    let _ = writeln!(out, "{}", paint(colour, &format!("   {sign} {}: {}", name.escape_debug(), value_to_dynamodb_json(value))));
}
