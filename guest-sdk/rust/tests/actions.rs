//! From what a function did to the actions that the host gets.

use drift_sdk::prelude::*;
use drift_sdk::{Access, Action, Grant, Patch, Target, testing};

mod tidy {
    use super::*;

    #[migration(
        number = 9999999999999999999,
        name = "tidy",
        summary = "by the word of `mode`",
        repeatable,
        undo = back,
        after = [7, 8],
        grants(insert("Claims", why = "a claim"), delete(own, why = "doubles go")),
        extra("owner" = "data team"),
    )]
    pub(super) fn tidy(item: &mut Item, actions: &mut Actions) -> Result<()> {
        match run::argument("mode").as_deref() {
            Some("delete") => {
                item.set("seen", true);
                actions.delete_this();
            }
            Some("both") => {
                item.set("seen", true);
                actions.update_this(Update::new("SET a = b"));
            }
            Some("same") => {
                item.set("n", Number::parse("7.0")?);
                item.rename("name", "other")?;
                item.rename("other", "name")?;
            }
            Some("elsewhere") => {
                actions.insert_into("Claims", item! { "Id" => 1 }, Existing::Keep);
                actions.delete(run::key_of(item)?);
            }
            Some(other) => bail!("no mode {other:?}"),
            None => {
                item.rename("name", "title")?;
                item.set("n", 8);
                log::info("tidied");
            }
        }
        Ok(())
    }

    fn back(item: &mut Item) {
        let _ = item.rename("title", "name");
        item.set("n", 7);
    }
}

use tidy::MIGRATION;

fn thing() -> Item {
    item! { "Id" => 1, "name" => "x", "n" => 7, "kept" => vec![Value::Null] }
}

fn in_mode(mode: &str) -> testing::Run {
    testing::Run::new().argument("mode", mode)
}

#[test]
fn what_the_attribute_says_is_what_the_migration_says() {
    assert_eq!((MIGRATION.number, MIGRATION.name, MIGRATION.repeatable), (9_999_999_999_999_999_999, "tidy", true));
    assert_eq!(
        (MIGRATION.summary, MIGRATION.after, MIGRATION.extra),
        ("by the word of `mode`", &[7, 8][..], &[("owner", "data team")][..])
    );
    assert_eq!(
        MIGRATION.grants,
        [
            Grant { access: Access::Insert, table: Some("Claims"), why: "a claim" },
            Grant { access: Access::Delete, table: None, why: "doubles go" }
        ]
    );
}

#[test]
fn changed_attributes_become_one_patch_and_nothing_changed_is_no_action() {
    let outcome = testing::migrate(&MIGRATION, &thing()).unwrap();
    let patch = Patch { set: item! { "n" => 8, "title" => "x" }, remove: vec!["name".into()] };
    assert_eq!(outcome.actions, [Action::Patch(patch)]);
    assert_eq!(outcome.log, [(log::Level::Info, "tidied".to_owned())]);
    assert_eq!(outcome.item, Some(item! { "Id" => 1, "title" => "x", "n" => 8, "kept" => vec![Value::Null] }));
    assert!(in_mode("same").migrate(&MIGRATION, &thing()).unwrap().is_unchanged(), "7.0 is 7, and there and back is nothing");
    testing::check_undo(&MIGRATION, &thing()).unwrap();
    testing::check_repeatable(&MIGRATION, &thing()).unwrap();
}

#[test]
fn actions_elsewhere_follow_and_the_item_stays_as_it_is() {
    let outcome = in_mode("elsewhere").migrate(&MIGRATION, &thing()).unwrap();
    assert_eq!(outcome.inserted("Claims"), [&item! { "Id" => 1 }]);
    assert_eq!(outcome.actions.last(), Some(&Action::Delete(Target::Other { table: None, key: item! { "Id" => 1 } })));
    assert_eq!(outcome.item, Some(thing()));
    assert!(in_mode("elsewhere").check_repeatable(&MIGRATION, &thing()).is_err(), "a delete elsewhere happens again");
    assert!(
        in_mode("elsewhere").key_attributes(["pk"]).migrate(&MIGRATION, &thing()).unwrap_err().to_string().contains("\"pk\"")
    );
}

#[test]
fn a_deleted_item_is_not_patched_and_an_expression_excludes_a_change() {
    let deleted = in_mode("delete").migrate(&MIGRATION, &thing()).unwrap();
    assert_eq!((deleted.actions, deleted.item), (vec![Action::Delete(Target::This)], None));
    let error = in_mode("both").migrate(&MIGRATION, &thing()).unwrap_err().to_string();
    assert!(error.contains("[\"seen\"]") && error.contains("do one of the two"), "{error}");
    assert_eq!(in_mode("x").migrate(&MIGRATION, &thing()).unwrap_err().to_string(), "no mode \"x\"");
}

#[test]
fn a_wrong_undo_and_a_wrong_repeatable_are_found() {
    let other = item! { "Id" => 1, "n" => 6 };
    assert!(testing::check_undo(&MIGRATION, &other).unwrap_err().to_string().starts_with("undo is not exact"));
    mod count {
        use super::*;
        #[migration(number = 1, name = "count", repeatable)]
        pub(super) fn count(item: &mut Item) -> Result<(), std::num::ParseIntError> {
            let n: u64 = item.get("n").and_then(Value::as_number).map_or("0", Number::as_str).parse()?;
            item.set("n", n + 1);
            Ok(())
        }
    }
    let error = testing::check_repeatable(&count::MIGRATION, &thing()).unwrap_err().to_string();
    assert!(error.starts_with("not repeatable"), "{error}");
    assert!(testing::undo(&count::MIGRATION, &thing()).unwrap_err().to_string().contains("has no undo"));
}
