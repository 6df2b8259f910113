//! Which top-level attributes an update expression touches.
//!
//! DynamoDB judges the expression; here it is only read for the names that its clauses begin their parts with. What cannot be read
//! so names nothing.

use super::Change;
use crate::model::Update;

/// Top-level attributes and what becomes of them, in the order of the expression.
pub(super) fn touched(update: &Update) -> Vec<(&str, Change)> {
    let mut found = Vec::new();
    let mut clause = None;
    // Whether the next word is the path of a part.
    let mut at_path = false;
    let mut depth = 0usize;
    for token in tokens(&update.expression) {
        match token {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            "," => at_path = depth == 0,
            word => {
                if let Some(verb) = verb(word) {
                    (clause, at_path) = (Some(verb), true);
                    continue;
                }
                if let (true, Some(change)) = (at_path, clause) {
                    let top = word.split(['.', '[']).next().unwrap_or(word);
                    let nested = top.len() < word.len();
                    let named = update.names.iter().find(|(placeholder, _)| placeholder == top);
                    let name = named.map_or(top, |(_, attribute)| attribute.as_str());
                    // A part of it removed is a change of the attribute.
                    found.push((name, if nested { Change::Set } else { change }));
                }
                at_path = false;
            }
        }
    }
    found
}

/// All four are reserved words, and no attribute's name without a placeholder.
fn verb(word: &str) -> Option<Change> {
    match () {
        () if word.eq_ignore_ascii_case("REMOVE") => Some(Change::Removed),
        () if ["SET", "ADD", "DELETE"].iter().any(|verb| word.eq_ignore_ascii_case(verb)) => Some(Change::Set),
        () => None,
    }
}

/// Words and the signs between them.
fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '#' | ':' | '.' | '[' | ']' | '-');
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        let first = rest.chars().next()?;
        let end = match is_word(first) {
            true => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            false => first.len_utf8(),
        };
        let (token, after) = rest.split_at(end);
        rest = after;
        Some(token)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Target;

    fn read(expression: &str) -> Vec<(String, Change)> {
        let update = Update {
            target: Target::This,
            expression: expression.into(),
            condition: None,
            names: vec![("#s".into(), "status".into())],
            values: [("ignored", 1.into())].into_iter().collect(),
        };
        touched(&update).into_iter().map(|(name, change)| (name.to_owned(), change)).collect()
    }

    #[test]
    fn each_part_of_each_clause_names_an_attribute() {
        let set = |name: &str| (name.to_owned(), Change::Set);
        let removed = |name: &str| (name.to_owned(), Change::Removed);
        assert_eq!(read("SET #s = :a, b = if_not_exists(c, :z) + :one"), [set("status"), set("b")]);
        assert_eq!(
            read("set a.b[2] = :x REMOVE d, e.f ADD n :one DELETE tags :t"),
            [set("a"), removed("d"), set("e"), set("n"), set("tags")]
        );
        assert_eq!(read(""), []);
        assert_eq!(read("nonsense ( , ) = "), []);
    }
}
