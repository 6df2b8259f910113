//! Grants: what an operator allows a plugin beyond patching the item that was handed in. Deny by default.
//!
//! A grant names a table as the plugin must name it: by name, or by ARN. A name never allows an ARN, which may be in another
//! account, nor an ARN a name. `*` in a grant stands for any letters of a name, and not for `:` and `/`, so that no pattern
//! reaches from names to ARNs. Only operators write patterns: a plugin that asks for one is not loaded.

use std::fmt;
use std::str::FromStr;

use super::said;
use super::tally::Tally;
use crate::model::{Access, Action, Description, Patch, matches_any};

/// One access to one table, or to all tables of a pattern, as on the command line: `insert:Claims`, `delete:.` (`.` is the table
/// being migrated), `insert:audit-*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    access: Access,
    /// `None`: the table being migrated.
    table: Option<String>,
}

/// A text that is no grant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not a grant: {problem}. The form is ACCESS:TABLE, with insert, update, delete, direct-read or direct-write, and `.` for the table being migrated: insert:Claims, delete:., insert:audit-*"
)]
pub struct GrantError {
    text: String,
    problem: &'static str,
}

impl FromStr for Grant {
    type Err = GrantError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = |problem| GrantError { text: text.chars().take(80).collect(), problem };
        let (access, table) = text.split_once(':').ok_or_else(|| error("there is no colon in it"))?;
        let access = match access {
            "insert" => Access::Insert,
            "update" => Access::Update,
            "delete" => Access::Delete,
            "direct-read" => Access::DirectRead,
            "direct-write" => Access::DirectWrite,
            _ => return Err(error("the access is unknown")),
        };
        match table {
            "." => Ok(Self { access, table: None }),
            "" => Err(error("the table is missing")),
            _ if !table.chars().all(|c| is_of_name(c) || c == '*') => {
                Err(error("a table's name is letters, digits, '_', '-' and '.', and `*` stands for any of them"))
            }
            _ => Ok(Self { access, table: Some(table.to_owned()) }),
        }
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.access.as_str(), self.table.as_deref().unwrap_or("."))
    }
}

impl Grant {
    /// What may be done.
    pub fn access(&self) -> Access {
        self.access
    }

    /// On which table; `None` is the table being migrated.
    pub fn table(&self) -> Option<&str> {
        self.table.as_deref()
    }

    /// Whether it allows this access.
    pub fn allows(&self, access: Access, table: Option<&str>, migrated: &str) -> bool {
        let wanted = table.unwrap_or(migrated);
        self.access == access && matches(self.table.as_deref().unwrap_or(migrated), wanted)
    }
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '/')
}

/// Whether a table can be called so; a pattern cannot.
pub(super) fn is_table(name: &str) -> bool {
    !name.is_empty() && name.chars().all(is_of_name)
}

/// Whether `pattern` matches all of `name`; `*` is any letters but `:` and `/`. Linear in the name for each `*`.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((head, rest)) => name.strip_prefix(head).is_some_and(|left| {
            let reach = left.find([':', '/']).unwrap_or(left.len());
            let mut ends = left.char_indices().map(|(at, _)| at).chain([left.len()]).take_while(|at| *at <= reach);
            ends.any(|at| left.get(at..).is_some_and(|left| matches(rest, left)))
        }),
    }
}

/// All that was granted for one run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants(Vec<Grant>);

impl Grants {
    /// These grants and no others.
    pub fn new(grants: Vec<Grant>) -> Self {
        Self(grants)
    }

    /// All that the migration asks for: for an operator who has read it.
    pub fn asked_by(description: &Description) -> Self {
        let grants = description.grants.iter();
        Self(grants.map(|asked| Grant { access: asked.access, table: asked.table.clone() }).collect())
    }

    /// One by which a migration can make items in the table being migrated: by an insert, or an update of what is not there.
    pub fn makes_items_in(&self, migrated: &str) -> Option<&Grant> {
        let makes = |grant: &&Grant| [Access::Insert, Access::Update].iter().any(|access| grant.allows(*access, None, migrated));
        self.0.iter().find(makes)
    }

    /// Each of them, in the operator's order.
    pub fn iter(&self) -> impl Iterator<Item = &Grant> {
        self.0.iter()
    }

    /// Whether nothing is granted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The grants as they are written on the command line.
    pub fn to_strings(&self) -> Vec<String> {
        self.0.iter().map(ToString::to_string).collect()
    }

    /// What the migration asks for and was not given, as flags to add.
    pub fn missing(&self, description: &Description, migrated: &str) -> Vec<Grant> {
        let asked = description.grants.iter().filter(|asked| !self.allows(asked.access, asked.table.as_deref(), migrated));
        asked.map(|asked| Grant { access: asked.access, table: asked.table.clone() }).collect()
    }

    /// Whether this access was granted. `None`, and the migrated table's own name, are the table being migrated.
    pub fn allows(&self, access: Access, table: Option<&str>, migrated: &str) -> bool {
        self.0.iter().any(|grant| grant.allows(access, table, migrated))
    }

    /// Whether anything may be done at once.
    pub fn has_direct(&self) -> bool {
        self.0.iter().any(|grant| matches!(grant.access, Access::DirectRead | Access::DirectWrite))
    }

    /// Whether anything may be written at once: then there is no plan that shows all of it.
    pub fn has_direct_write(&self) -> bool {
        self.0.iter().any(|grant| grant.access == Access::DirectWrite)
    }
}

/// What decides on each access of a plugin, be it an action or a call at once, and counts what it decided.
#[derive(Clone, Debug, Default)]
pub(super) struct Judge {
    pub(super) grants: Grants,
    /// Attributes that patches may set and remove; `None` for all.
    pub(super) set: Option<Vec<String>>,
    pub(super) remove: Option<Vec<String>>,
    pub(super) tally: Tally,
}

impl Judge {
    /// Allows an access or names the grant that is lacking. `key` is the handed-in item's, for people.
    pub(super) fn check(
        &self,
        access: Access,
        table: Option<&str>,
        migrated: &str,
        key: &dyn Fn() -> String,
    ) -> Result<(), String> {
        let own = table.filter(|table| *table != migrated);
        let allowed = self.grants.allows(access, table, migrated);
        self.tally.count(access, own, (!allowed).then_some(key));
        if allowed {
            return Ok(());
        }
        let grant = format!("{}:{}", access.as_str(), said::line(own.unwrap_or("."), 300));
        Err(format!("not granted: {grant}. If this is wanted, run again with `--grant {grant}`"))
    }

    fn check_patch(&self, patch: &Patch) -> Result<(), String> {
        let beyond = |allowed: &Option<Vec<String>>, name: &str| {
            allowed.as_ref().is_some_and(|allowed| !allowed.iter().any(|pattern| matches_any(pattern, name)))
        };
        let set = patch.set.names().find(|name| beyond(&self.set, name)).map(|name| ("set", name));
        let removed = patch.remove.iter().find(|name| beyond(&self.remove, name)).map(|name| ("remove", name.as_str()));
        match set.or(removed) {
            None => Ok(()),
            Some((what, name)) => {
                let name = said::line(name, 300);
                Err(format!("the policy does not let a patch {what} the attribute {name:?}"))
            }
        }
    }

    /// The same for the actions of one item.
    pub(super) fn check_actions(&self, actions: &[Action], migrated: &str, key: &dyn Fn() -> String) -> Result<(), String> {
        actions.iter().try_for_each(|action| {
            let access = match action {
                Action::Patch(patch) => return self.check_patch(patch),
                Action::Insert(_) => Access::Insert,
                Action::Update(_) => Access::Update,
                Action::Delete(_) | Action::Withdraw(_) => Access::Delete,
            };
            self.check(access, action.table(), migrated, key)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Existing, GrantRequest, Insert, Target};

    fn insert(table: Option<&str>) -> Action {
        Action::Insert(Insert {
            table: table.map(Into::into),
            item: [("id", 1.into())].into_iter().collect(),
            existing: Existing::Keep,
        })
    }

    fn check(grants: &Grants, actions: &[Action]) -> Result<(), String> {
        let judge = Judge { grants: grants.clone(), ..Judge::default() };
        judge.check_actions(actions, "T", &|| "Id=1".into())
    }

    #[test]
    fn nothing_but_a_patch_is_allowed_without_a_grant() {
        let none = Grants::default();
        check(&none, &[Action::Patch(Patch::default())]).unwrap();
        assert!(check(&none, &[insert(Some("Claims"))]).unwrap_err().contains("--grant insert:Claims"));
        assert!(check(&none, &[Action::Delete(Target::This)]).unwrap_err().contains("--grant delete:."));
    }

    #[test]
    fn a_grant_is_for_one_access_and_one_table() {
        let granted = Grants::new(vec!["insert:Claims".parse().unwrap(), "delete:.".parse().unwrap()]);
        check(&granted, &[insert(Some("Claims")), Action::Delete(Target::This)]).unwrap();
        assert!(check(&granted, &[insert(Some("Other"))]).is_err());
        assert!(check(&granted, &[insert(None)]).is_err());
        let own = Grants::new(vec!["insert:T".parse().unwrap()]);
        check(&own, &[insert(None), insert(Some("T"))]).unwrap();
    }

    #[test]
    fn what_is_asked_and_not_granted_is_missing() {
        let mut description = Description::new(1, "x");
        description.grants = vec![GrantRequest { access: Access::Insert, table: Some("Claims".into()), why: String::new() }];
        assert_eq!(Grants::default().missing(&description, "T")[0].to_string(), "insert:Claims");
        assert!(Grants::asked_by(&description).missing(&description, "T").is_empty());
    }

    #[test]
    fn a_wrong_grant_shows_the_right_form() {
        for wrong in ["insert", "insert:", "read:T", "insert:a b", "insert:T,U", ":T"] {
            assert!(wrong.parse::<Grant>().unwrap_err().to_string().contains("ACCESS:TABLE"), "{wrong}");
        }
    }

    #[test]
    fn a_pattern_matches_names_and_never_reaches_an_arn() {
        let grant = |text: &str| text.parse::<Grant>().unwrap();
        assert!(grant("insert:audit-*").allows(Access::Insert, Some("audit-2026"), "T"));
        assert!(grant("insert:*-2026-*").allows(Access::Insert, Some("audit-2026-01"), "T"));
        assert!(!grant("insert:audit-*").allows(Access::Insert, Some("Audit-2026"), "T"));
        assert!(!grant("insert:audit-*").allows(Access::Insert, None, "T"));
        assert!(grant("delete:*").allows(Access::Delete, None, "T"));
        let arn = "arn:aws:dynamodb:eu-west-1:1:table/Claims";
        for other in ["insert:*", "insert:Claims", "insert:*/Claims", "insert:arn:aws:dynamodb:*"] {
            assert!(!grant(other).allows(Access::Insert, Some(arn), "T"), "{other}");
        }
        assert!(grant("insert:arn:aws:dynamodb:*:1:table/*").allows(Access::Insert, Some(arn), "T"));
        assert!(!is_table("audit-*") && is_table(arn));
    }

    #[test]
    fn what_was_allowed_and_refused_is_counted_with_the_first_item() {
        let judge = Judge { grants: Grants::new(vec!["insert:Claims".parse().unwrap()]), ..Judge::default() };
        for id in 1..4 {
            let _refused = judge.check_actions(&[insert(Some("Claims")), insert(None)], "T", &|| format!("Id={id}"));
        }
        let counts = judge.tally.take();
        assert_eq!(counts.len(), 2);
        assert!(counts.iter().any(|count| count.table.is_none() && (count.allowed, count.refused) == (0, 3)));
        assert!(counts.iter().any(|count| count.table.as_deref() == Some("Claims") && count.allowed == 3));
        assert_eq!(counts.iter().find_map(|count| count.first_refused.as_deref()), Some("Id=1"));
        assert!(judge.tally.take().is_empty());
    }
}
