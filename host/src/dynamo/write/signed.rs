//! Items that the AWS Database Encryption SDK has signed.
//!
//! It keeps an item's data keys in `aws_dbe_head`, and in `aws_dbe_foot` a signature over the item's attributes, its table and
//! its key. Whoever changes or copies such an item without that SDK leaves one that nobody can read any more. So an item's
//! actions that would do that are refused, before anything is sent; a delete breaks nothing.

use super::Terms;
use crate::dynamo::table::TableInfo;
use crate::model::{Action, Existing, Insert, Item, Key, Target, Update};

/// Where the signature is.
pub(super) const MARKS: [&str; 2] = ["aws_dbe_head", "aws_dbe_foot"];

/// Why these actions would leave an item that cannot be read, if they would. Of items that were not handed in nothing is
/// known, so that updates of those are not looked at.
pub(super) fn breaks(table: &TableInfo, terms: &Terms, image: &Item, actions: &[Action]) -> Option<String> {
    let broken = actions.iter().enumerate().find_map(|(at, action)| {
        let why = broken_by(table, image, action)?;
        Some(format!("action {} ({}): {why}", at + 1, action.kind()))
    });
    let stamped = || {
        let stamp = terms.stamp().filter(|_| !actions.is_empty())?;
        mark(image).map(|mark| format!("its stamp {stamp:?}: {}", would_break(mark)))
    };
    broken.or_else(stamped)
}

fn broken_by(table: &TableInfo, image: &Item, action: &Action) -> Option<String> {
    let is_this = |key: &Key| table.key.key_of(image).is_ok_and(|this| this == *key);
    let own = |name: &Option<String>| name.as_ref().is_none_or(|name| *name == table.name || *name == table.arn);
    match action {
        Action::Patch(patch) => {
            let why = mark(image).map(would_break).or_else(|| mark(&patch.set).map(would_forge));
            why.filter(|_| !patch.changes_nothing(image))
        }
        Action::Update(Update { target, .. }) => {
            let on_this = match target {
                Target::This => true,
                Target::Other(address) => own(&address.table) && is_this(&address.key),
            };
            mark(image).filter(|_| on_this).map(would_break)
        }
        // As it was, where it was: that is how a deleted one is put back.
        Action::Insert(Insert { table, item, .. }) if own(table) && item == image => None,
        Action::Insert(Insert { table: name, item, existing }) => {
            let over = *existing == Existing::Replace && own(name) && table.key.key_of(item).is_ok_and(|key| is_this(&key));
            mark(image).filter(|_| over).map(would_break).or_else(|| mark(item).map(would_forge))
        }
        Action::Delete(_) | Action::Withdraw(_) => None,
    }
}

fn mark(item: &Item) -> Option<&'static str> {
    MARKS.into_iter().find(|mark| item.contains(mark))
}

fn would_break(mark: &str) -> String {
    format!(
        "the item is signed by the AWS Database Encryption SDK (it has {mark}), and a change would break its signature: nobody \
         could read it any more. Change it through that SDK, and leave it out here: --filter 'attribute_not_exists({mark})', or a \
         migration that does nothing with it"
    )
}

fn would_forge(mark: &str) -> String {
    format!(
        "it would write {mark}, a part of a signature of the AWS Database Encryption SDK, which holds only for the very item, key \
         and table that were signed: nobody could read what is written"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dynamo::Guard;
    use crate::model::{KeyAttribute, KeySchema, KeyType};

    #[test]
    fn what_an_attempt_needs_is_the_key_the_version_and_the_marks() {
        let key = KeySchema { partition: KeyAttribute { name: "id".into(), kind: KeyType::N }, sort: None };
        let terms = Terms { guard: Guard::Version("v".into()), images: false, ..Terms::default() };
        let needed = ["a", "aws_dbe_foot", "aws_dbe_head", "id", "v"].into_iter().filter(|name| terms.needs(&key, name));
        assert_eq!(needed.collect::<Vec<_>>(), ["aws_dbe_foot", "aws_dbe_head", "id", "v"]);
    }
}
