//! What a run keeps of the items that it changes: all that was seen, or, with `--no-images`, what a version guard needs.
//!
//! An attempt without its image has its patches in one, and in that only what changes something: what stands in the journal is
//! carried out as it stands, for nobody can compare it with the item any more. That the item is still the one that was compared
//! is what the version is for.

use crate::dynamo::Terms;
use crate::model::{Action, Item, KeySchema, Patch};

/// An item as it is kept.
pub(super) fn kept(terms: &Terms, key: &KeySchema, item: Item) -> Item {
    match terms.images {
        true => item,
        false => item.into_iter().filter(|(name, _)| terms.needs(key, name)).collect(),
    }
}

/// An attempt as it is kept: the whole item, and what is to be done with it.
pub(super) fn attempt(terms: &Terms, key: &KeySchema, image: Item, actions: Vec<Action>) -> (Item, Vec<Action>) {
    let actions = if terms.images { actions } else { in_one(&image, actions) };
    (kept(terms, key, image), actions)
}

/// The patches in one, with what changes something, where the first of them was.
fn in_one(image: &Item, actions: Vec<Action>) -> Vec<Action> {
    let mut after = image.clone();
    for action in &actions {
        if let Action::Patch(patch) = action {
            after = patch.applied_to(&after);
        }
    }
    let set = after.iter().filter(|(name, value)| image.get(name) != Some(*value));
    let remove = image.names().filter(|name| !after.contains(name));
    let mut whole = Some(Patch {
        set: set.map(|(name, value)| (name, value.clone())).collect(),
        remove: remove.map(str::to_owned).collect(),
    });
    let each = actions.into_iter().filter_map(|action| match action {
        // Also one that changes nothing: what happens elsewhere follows from it, and is guarded for its sake.
        Action::Patch(_) => whole.take().map(Action::Patch),
        other => Some(other),
    });
    each.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dynamo::Guard;
    use crate::model::{KeyAttribute, KeyType, Target, Value};

    #[test]
    fn without_images_the_patches_are_one_and_what_guards_them_is_kept() {
        let key = KeySchema { partition: KeyAttribute { name: "id".into(), kind: KeyType::N }, sort: None };
        let terms = Terms { guard: Guard::Version("v".into()), images: false, ..Terms::default() };
        let image: Item = [("id", 1.into()), ("v", 7.into()), ("a", "old".into()), ("b", Value::Null)].into_iter().collect();
        let patch = |set: Vec<(&str, Value)>, remove: &[&str]| {
            Action::Patch(Patch { set: set.into_iter().collect(), remove: remove.iter().map(ToString::to_string).collect() })
        };
        let actions = vec![
            patch(vec![("a", "new".into()), ("c", 1.into())], &["b", "never there"]),
            Action::Delete(Target::This),
            patch(vec![("a", "old".into())], &[]),
        ];
        let (kept, made) = attempt(&terms, &key, image.clone(), actions.clone());
        assert_eq!(kept.names().collect::<Vec<_>>(), ["id", "v"]);
        assert_eq!(made, [patch(vec![("c", 1.into())], &["b"]), Action::Delete(Target::This)]);
        assert_eq!(attempt(&Terms::default(), &key, image.clone(), actions.clone()), (image, actions));
    }
}
