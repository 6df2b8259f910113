//! Where each migration of a folder stands in the history of one table.

use std::fmt;
use std::path::PathBuf;

use super::{Member, Series, Unusable};
use crate::history::{Applied, Unfinished};
use crate::model::MigrationNumber;
use crate::{Error, Migrator};

/// Where a migration stands. If several hold, the first of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// A run of it has begun, to migrate or to undo, and is not done.
    Incomplete,
    /// Its number is recorded for another table.
    Elsewhere,
    /// Recorded as applied, and not in the folder.
    Unknown,
    /// Applied, and the folder has other code under its number now.
    Changed,
    /// Applied.
    Applied,
    /// Not applied, and one with a higher number is.
    OutOfOrder,
    /// Not applied.
    Pending,
}

impl State {
    /// In the order in which they are told.
    pub const ALL: [Self; 7] =
        [Self::Applied, Self::Changed, Self::Incomplete, Self::OutOfOrder, Self::Pending, Self::Unknown, Self::Elsewhere];

    /// As in documents: `out-of-order`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Incomplete => "incomplete",
            Self::Elsewhere => "elsewhere",
            Self::Unknown => "unknown",
            Self::Changed => "changed",
            Self::Applied => "applied",
            Self::OutOfOrder => "out-of-order",
            Self::Pending => "pending",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One number: what the folder has of it, and what the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The number.
    pub number: MigrationNumber,
    /// Where it stands.
    pub state: State,
    /// What the folder has.
    pub member: Option<Member>,
    /// The history's row.
    pub row: Option<Applied>,
    /// The run that is not done.
    pub unfinished: Option<Unfinished>,
}

impl Standing {
    /// Its name; what the history calls it, where the folder has none. May be empty.
    pub fn name(&self) -> &str {
        let recorded = self.row.as_ref().map(|row| if row.name.is_empty() { &row.description } else { &row.name });
        self.member.as_ref().map(|member| &member.description.name).or(recorded).map_or("", String::as_str)
    }
}

/// A folder against the history of one table, in the order of the numbers.
#[derive(Clone, Debug)]
pub struct Standings {
    /// The table's name.
    pub table: String,
    /// The folder.
    pub dir: PathBuf,
    /// Every number that the folder or the table's history has.
    pub each: Vec<Standing>,
    /// Every number that is recorded, for whichever table.
    pub recorded: Vec<MigrationNumber>,
    /// What should be a migration and cannot be one.
    pub unusable: Vec<Unusable>,
    /// What is none, by its name in the folder.
    pub ignored: Vec<String>,
}

impl Series {
    /// Where these migrations stand on `table`, by name or ARN, as the metadata tables say now.
    pub async fn on(self, table: &str, migrator: &Migrator) -> Result<Standings, Error> {
        let name = table.rsplit('/').next().unwrap_or(table);
        Ok(self.against(name, &migrator.applied().await?, &migrator.unfinished().await?))
    }

    /// The same by these rows; `table` is a name, and what else its history has is told too.
    pub fn against(self, table: &str, applied: &[Applied], unfinished: &[Unfinished]) -> Standings {
        let here = |row: &&Applied| row.table == table;
        let highest = applied.iter().filter(here).map(|row| row.number).max();
        let at_work: Vec<&Unfinished> = unfinished.iter().filter(|run| run.table == table).collect();
        let mut numbers: Vec<MigrationNumber> = self.members.iter().map(Member::number).collect();
        numbers.extend(applied.iter().filter(here).map(|row| row.number));
        numbers.extend(at_work.iter().map(|run| run.number));
        numbers.sort_unstable();
        numbers.dedup();
        let standing = |number: MigrationNumber| {
            let member = self.members.iter().find(|member| member.number() == number).cloned();
            let row = applied.iter().find(|row| row.number == number).cloned();
            let unfinished = at_work.iter().find(|run| run.number == number).copied().cloned();
            let state = match (&member, &row) {
                _ if unfinished.is_some() => State::Incomplete,
                (_, Some(row)) if row.table != table => State::Elsewhere,
                (None, _) => State::Unknown,
                (Some(member), Some(row)) if !row.is(&member.digest) => State::Changed,
                (Some(_), Some(_)) => State::Applied,
                (Some(_), None) if highest > Some(number) => State::OutOfOrder,
                (Some(_), None) => State::Pending,
            };
            Standing { number, state, member, row, unfinished }
        };
        let each = numbers.into_iter().map(standing).collect();
        let recorded = applied.iter().map(|row| row.number).collect();
        Standings { table: table.to_owned(), dir: self.dir, each, recorded, unusable: self.unusable, ignored: self.ignored }
    }
}

impl Standings {
    /// How many stand so.
    pub fn count(&self, state: State) -> usize {
        self.each.iter().filter(|standing| standing.state == state).count()
    }

    /// 0; 2 where something of the folder is unusable.
    pub fn exit_code(&self) -> u8 {
        if self.unusable.is_empty() { 0 } else { 2 }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::history::now;
    use crate::model::Description;

    pub(in crate::series) fn member(number: u32, digest: &str) -> Member {
        let description = Description::new(number, format!("m{number}"));
        Member { path: format!("{number}.wasm").into(), description, digest: digest.to_owned(), reversible: true }
    }

    pub(in crate::series) fn row(number: u32, table: &str, digest: &str) -> Applied {
        let text = |text: &str| text.to_owned();
        Applied {
            number: number.into(),
            table: text(table),
            description: text("what it did"),
            name: format!("m{number}"),
            digest: text(digest),
            started: now(),
            finished: format!("2026-11-26T17:00:{number:02}Z"),
            run: format!("run-{number}"),
            details: Vec::new(),
        }
    }

    pub(in crate::series) fn at_work(number: u32, table: &str) -> Unfinished {
        Unfinished {
            run: format!("run-{number}"),
            number: number.into(),
            table: table.to_owned(),
            direction: "migrate".to_owned(),
            state: "interrupted".to_owned(),
            owner: "ann@desk".to_owned(),
            repeatable: true,
        }
    }

    pub(in crate::series) fn series(members: Vec<Member>) -> Series {
        Series { dir: "migrations".into(), members, unusable: Vec::new(), ignored: Vec::new() }
    }

    fn states(standings: &Standings) -> Vec<(u64, &'static str)> {
        standings.each.iter().map(|standing| (standing.number.get(), standing.state.as_str())).collect()
    }

    #[test]
    fn each_number_stands_as_the_history_of_this_table_says() {
        let members = [1, 2, 3, 4, 5, 6].map(|number| member(number, "d")).to_vec();
        let applied = [row(1, "T", "d"), row(2, "T", "other"), row(4, "T", ""), row(5, "Else", "d"), row(90, "Else", "d")];
        let standings = series(members).against("T", &[&applied[..], &[row(0, "T", "d")]].concat(), &[at_work(6, "T")]);
        let expected = [
            (0, "unknown"),
            (1, "applied"),
            (2, "changed"),
            (3, "out-of-order"),
            (4, "applied"),
            (5, "elsewhere"),
            (6, "incomplete"),
        ];
        assert_eq!(states(&standings), expected, "what is recorded for other tables alone is theirs");
        assert_eq!(standings.each[0].name(), "m0");
    }

    #[test]
    fn runs_of_other_tables_are_not_spoken_of_and_one_of_no_file_is() {
        let unfinished = [at_work(1, "Else"), at_work(8, "T")];
        let standings = series(vec![member(1, "d")]).against("T", &[], &unfinished);
        assert_eq!(states(&standings), [(1, "pending"), (8, "incomplete")]);
        assert_eq!((standings.count(State::Pending), standings.exit_code()), (1, 0));
    }
}
