//! What of an item a page shows: with its values masked, unless that was asked otherwise.
//!
//! Names of attributes, types, the shape of each value and the texts of the migration's own code stay. A migration's log and errors
//! are its own text: where that repeats a value of its item as it stands there, it is masked too; what it made of a value is not
//! recognised.

use crate::author::Mask;
use crate::model::{Action, Address, Insert, Item, Key, KeySchema, Patch, Target, Update, Value, shown};

/// Which values a page has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    /// None.
    Nothing,
    /// The keys of the migrated table's items.
    Keys,
    /// All.
    Values,
}

/// How many values of an item are looked for in a text.
const LOOKED_FOR: usize = 500;

/// What stands for a text of which it is not known what in it is a value.
const LEFT_OUT: &str = "(left out: the item is not known, nor which words of this text are its values; --show-values shows it)";

pub(super) struct Masked<'a> {
    show: Show,
    mask: Mask,
    key: &'a KeySchema,
    images: bool,
}

impl<'a> Masked<'a> {
    /// `images`: whether the items are known as a whole.
    pub(super) fn new(show: Show, key: &'a KeySchema, images: bool) -> Self {
        Self { show, mask: Mask::new(), key, images }
    }

    /// An item of the migrated table.
    pub(super) fn item(&self, item: &Item) -> Item {
        item.iter().map(|(name, value)| (name, self.attribute(name, value))).collect()
    }

    pub(super) fn key(&self, key: &Key) -> Key {
        Key::from_attributes(self.item(key.attributes()))
    }

    pub(super) fn actions(&self, actions: &[Action]) -> Vec<Action> {
        actions.iter().map(|action| self.action(action)).collect()
    }

    fn attribute(&self, name: &str, value: &Value) -> Value {
        match self.show {
            Show::Values => value.clone(),
            Show::Keys if self.key.contains(name) => value.clone(),
            Show::Keys | Show::Nothing => self.mask.value(value),
        }
    }

    /// An item of any table, of whose key nothing is known here.
    fn foreign(&self, item: &Item) -> Item {
        if self.show == Show::Values { item.clone() } else { self.mask.item(item) }
    }

    fn action(&self, action: &Action) -> Action {
        let insert = |insert: &Insert| Insert { item: self.foreign(&insert.item), ..insert.clone() };
        match action {
            Action::Patch(patch) => Action::Patch(Patch { set: self.item(&patch.set), remove: patch.remove.clone() }),
            Action::Insert(inserted) => Action::Insert(insert(inserted)),
            Action::Withdraw(inserted) => Action::Withdraw(insert(inserted)),
            Action::Update(update) => Action::Update(Update {
                target: self.target(&update.target),
                values: self.foreign(&update.values),
                ..update.clone()
            }),
            Action::Delete(target) => Action::Delete(self.target(target)),
        }
    }

    fn target(&self, target: &Target) -> Target {
        match target {
            Target::This => Target::This,
            Target::Other(Address { table, key }) => {
                Target::Other(Address { table: table.clone(), key: Key::from_attributes(self.foreign(key.attributes())) })
            }
        }
    }

    /// A text about an item, in which values of the item may stand.
    pub(super) fn text(&self, text: &str, item: Option<&Item>) -> String {
        if self.show == Show::Values {
            return text.to_owned();
        }
        let Some(item) = item.filter(|_| self.images) else { return LEFT_OUT.to_owned() };
        let mut values = Vec::new();
        for (name, value) in item {
            collect(value, &self.attribute(name, value), &mut values);
        }
        // The longest first, for one may be a part of another.
        values.sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
        values.truncate(LOOKED_FOR);
        let mut out = String::with_capacity(text.len());
        let (mut rest, mut before) = (text, None);
        while let Some(c) = rest.chars().next() {
            let whole = |value: &str| {
                let after = rest.get(value.len()..).and_then(|after| after.chars().next());
                ends(before, value.chars().next()) && ends(value.chars().next_back(), after)
            };
            match values.iter().find(|(value, _)| rest.starts_with(value.as_str()) && whole(value)) {
                Some((value, masked)) => {
                    out.push_str(masked);
                    before = value.chars().next_back();
                    rest = rest.get(value.len()..).unwrap_or_default();
                }
                None => {
                    out.push(c);
                    before = Some(c);
                    rest = rest.get(c.len_utf8()..).unwrap_or_default();
                }
            }
        }
        out
    }
}

/// Whether a word ends between two characters.
fn ends(one: Option<char>, next: Option<char>) -> bool {
    !(one.is_some_and(char::is_alphanumeric) && next.is_some_and(char::is_alphanumeric))
}

/// The texts and numbers of a value, each with its masked one. A text of one letter is in every sentence.
fn collect(value: &Value, masked: &Value, found: &mut Vec<(String, String)>) {
    match (value, masked) {
        (Value::S(value), Value::S(masked)) if value.chars().nth(1).is_some() => {
            // As it is, and as logs and errors have it: without what is hidden, or in quotes.
            let forms = [value.clone(), shown(value), value.escape_debug().to_string()];
            found.extend(forms.into_iter().map(|form| (form, shown(masked))));
        }
        (Value::N(value), Value::N(masked)) => found.push((value.as_str().to_owned(), masked.as_str().to_owned())),
        (Value::L(values), Value::L(masked)) => {
            values.iter().zip(masked).for_each(|(value, masked)| collect(value, masked, found))
        }
        (Value::M(values), Value::M(masked)) => {
            values.iter().zip(masked.iter()).for_each(|((_, value), (_, masked))| collect(value, masked, found));
        }
        // Masked sets may be smaller.
        (Value::Ss(values), _) => found.extend(values.iter().map(|value| (value.clone(), "…".to_owned()))),
        (Value::Ns(values), _) => found.extend(values.iter().map(|value| (value.as_str().to_owned(), "…".to_owned()))),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::json::item_from_json;
    use crate::model::{KeyAttribute, KeyType};

    #[test]
    fn nothing_of_an_item_is_shown_but_its_shape_and_with_keys_the_key() {
        let key = KeySchema { partition: KeyAttribute { name: "mail".into(), kind: KeyType::S }, sort: None };
        let item = item_from_json(r#"{"mail":"jane@example.org","age":44,"tags":["secret word"]}"#).unwrap();
        for (show, seen) in [(Show::Nothing, [false, false]), (Show::Keys, [true, false]), (Show::Values, [true, true])] {
            let masked = Masked::new(show, &key, true);
            let told = format!("{:?}", masked.item(&item));
            assert_eq!([told.contains("jane@example.org"), told.contains("secret word")], seen, "{show:?}: {told}");
            let insert = Action::Insert(Insert { table: None, item: item.clone(), existing: crate::model::Existing::Keep });
            assert_eq!(format!("{:?}", masked.actions(&[insert])).contains("jane"), show == Show::Values);
            let said = masked.text("jane@example.org, aged 44, has 'secret word'; 441 jane@example.orgy", Some(&item));
            assert_eq!([said.contains("jane@example.org,"), said.contains("secret word")], seen, "{said}");
            assert_eq!(said.contains("aged 44,"), show == Show::Values, "{said}");
            assert!(said.contains("441 ") && said.contains("jane@example.orgy"), "what only begins so is another: {said}");
            let quoted = item_from_json(r#"{"mail":"m","said":"it\"s\u2028here"}"#).unwrap();
            for text in ["so: it\"s\u{2028}here.", "so: it\"s\\u{2028}here.", "so: it\\\"s\\u{2028}here."] {
                assert_eq!(masked.text(text, Some(&quoted)).contains("here"), show == Show::Values, "{text}");
            }
            let unknown = Masked::new(show, &key, false).text("about jane", Some(&item));
            assert_eq!(unknown == "about jane", show == Show::Values, "{unknown}");
        }
    }
}
