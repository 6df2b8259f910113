//! Grants: what an operator allows a plugin beyond patching the item that was handed in. Deny by default.

use std::fmt;
use std::str::FromStr;

use crate::model::{Access, Action, Description};

/// One access to one table, as on the command line: `insert:Claims`, `delete:.` (`.` is the table being migrated).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    access: Access,
    /// `None`: the table being migrated.
    table: Option<String>,
}

/// A text that is no grant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not a grant: {problem}. The form is ACCESS:TABLE, with insert, update, delete, direct-read or direct-write, and `.` for the table being migrated: insert:Claims, delete:."
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
        let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '/');
        match table {
            "." => Ok(Self { access, table: None }),
            "" => Err(error("the table is missing")),
            _ if !table.chars().all(name) => Err(error("a table's name is letters, digits, '_', '-' and '.', without patterns")),
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
        let own = |name: Option<&str>| name.is_none_or(|name| name == migrated);
        self.0.iter().any(|grant| {
            let same_table = grant.table.as_deref() == table || own(grant.table.as_deref()) && own(table);
            grant.access == access && same_table
        })
    }

    /// Checks the actions of one item; the error names the grant that is lacking.
    pub fn check(&self, actions: &[Action], migrated: &str) -> Result<(), String> {
        let refused = actions.iter().find_map(|action| {
            let access = match action {
                Action::Patch(_) => return None,
                Action::Insert(_) => Access::Insert,
                Action::Update(_) => Access::Update,
                Action::Delete(_) | Action::Withdraw(_) => Access::Delete,
            };
            let table = action.table();
            (!self.allows(access, table, migrated)).then(|| Grant { access, table: table.map(str::to_owned) })
        });
        refused.map_or(Ok(()), |grant| Err(format!("not granted: {grant}. If this is wanted, run again with `--grant {grant}`")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Existing, GrantRequest, Insert, Patch, Target};

    fn insert(table: Option<&str>) -> Action {
        Action::Insert(Insert {
            table: table.map(Into::into),
            item: [("id", 1.into())].into_iter().collect(),
            existing: Existing::Keep,
        })
    }

    #[test]
    fn nothing_but_a_patch_is_allowed_without_a_grant() {
        let none = Grants::default();
        none.check(&[Action::Patch(Patch::default())], "T").unwrap();
        assert!(none.check(&[insert(Some("Claims"))], "T").unwrap_err().contains("--grant insert:Claims"));
        assert!(none.check(&[Action::Delete(Target::This)], "T").unwrap_err().contains("--grant delete:."));
    }

    #[test]
    fn a_grant_is_for_one_access_and_one_table() {
        let granted = Grants::new(vec!["insert:Claims".parse().unwrap(), "delete:.".parse().unwrap()]);
        granted.check(&[insert(Some("Claims")), Action::Delete(Target::This)], "T").unwrap();
        assert!(granted.check(&[insert(Some("Other"))], "T").is_err());
        assert!(granted.check(&[insert(None)], "T").is_err());
        let own = Grants::new(vec!["insert:T".parse().unwrap()]);
        own.check(&[insert(None), insert(Some("T"))], "T").unwrap();
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
        for wrong in ["insert", "insert:", "read:T", "insert:audit-*", ":T"] {
            assert!(wrong.parse::<Grant>().unwrap_err().to_string().contains("ACCESS:TABLE"), "{wrong}");
        }
    }
}
