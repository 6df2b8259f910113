//! What `up` and `undo` would do with a folder: decided as a whole before anything is done, or refused as a whole.

use super::{Member, Standing, Standings, State};
use crate::Error;
use crate::explain::Code;
use crate::history::Unrun;
use crate::model::MigrationNumber;

/// How one is taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// By the migration's own undo.
    Code(Member),
    /// By the host, from the images of the run that applied it.
    Images(String),
}

/// One that is taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Back {
    /// Its number.
    pub number: MigrationNumber,
    /// Its name.
    pub name: String,
    /// How.
    pub way: Way,
}

impl Standings {
    /// The migrations that `up` applies, in their order: those that are not applied, up to and with `to`. Refused if the folder is
    /// not understood, a run is not done, one was changed since it was applied, one is out of order and that was not allowed,
    /// or one comes after another that is not applied by then.
    pub fn up(&self, to: Option<MigrationNumber>, out_of_order: bool) -> Result<Vec<Member>, Error> {
        self.check_usable()?;
        self.check_unfinished()?;
        let (dir, table) = (self.dir.display(), &self.table);
        if self.each.iter().all(|standing| standing.member.is_none()) {
            return Err(Error::Usage(format!("there is no migration in {dir}: a component (.wasm), a .js file or a project")));
        }
        let refused = |code: Code, problem: String| Err(Error::Known(code, format!("{problem}. Nothing was done")));
        for standing in &self.each {
            let (number, name) = (standing.number, standing.name());
            let within = to.is_none_or(|to| number <= to);
            let Some(member) = &standing.member else { continue };
            match (standing.state, &standing.row) {
                (State::Changed, Some(row)) => {
                    return refused(
                        Code::DigestDiffers,
                        format!(
                            "migration {number} ({name}) is applied, by {}, and {} is {} now. Give the new code a number of its own; or, if it does the \
                         same: drift-host repair {} --table {table} --accept-digest",
                            row.digest,
                            member.path.display(),
                            member.digest,
                            member.path.display()
                        ),
                    );
                }
                (State::Elsewhere, Some(row)) if within => {
                    return refused(
                        Code::OtherTable,
                        format!(
                            "migration {number} ({name}) is recorded for the table {}, not for {table}. If that is a mistake: drift-host repair --adopt \
                         {number} --table {table}",
                            row.table
                        ),
                    );
                }
                (State::OutOfOrder, _) if within && !out_of_order => {
                    return refused(
                        Code::OutOfOrder,
                        format!(
                            "migration {number} ({name}) is not applied, and one with a higher number is. If it may come after that: drift-host up {dir} \
                         --table {table} --out-of-order; if it is not to be run: drift-host repair {dir} --applied {number} --table {table}"
                        ),
                    );
                }
                _ => {}
            }
        }
        let pending = self.each.iter().filter(|standing| {
            matches!(standing.state, State::Pending | State::OutOfOrder) && to.is_none_or(|to| standing.number <= to)
        });
        let members: Vec<Member> = pending.filter_map(|standing| standing.member.clone()).collect();
        self.check_after(&members)?;
        Ok(members)
    }

    /// The migrations that a baseline counts as applied: those that are not applied, up to and with `to`.
    pub fn baseline(&self, to: MigrationNumber) -> Result<Vec<Member>, Error> {
        self.check_usable()?;
        let open = self.each.iter().filter(|standing| {
            standing.number <= to && matches!(standing.state, State::Pending | State::OutOfOrder | State::Incomplete)
        });
        let members: Vec<Member> = open.filter(|it| it.row.is_none()).filter_map(|it| it.member.clone()).collect();
        match members.is_empty() {
            true => Err(Error::Usage(format!("nothing of {} up to {to} is left to count as applied", self.dir.display()))),
            false => Ok(members),
        }
    }

    /// The migration of the folder with this number.
    pub fn member(&self, number: MigrationNumber) -> Result<&Member, Error> {
        self.check_usable()?;
        let found = self.each.iter().filter_map(|standing| standing.member.as_ref()).find(|member| member.number() == number);
        found.ok_or_else(|| Error::Usage(format!("there is no migration {number} in {}", self.dir.display())))
    }

    /// The runs that applied what has a number above `to`.
    pub fn runs_above(&self, to: MigrationNumber) -> Vec<String> {
        let above = self.each.iter().filter(|standing| standing.number > to && standing.state != State::Elsewhere);
        above.filter_map(|standing| standing.row.as_ref()).map(|row| row.run.clone()).filter(|run| !run.is_empty()).collect()
    }

    /// The migrations that `undo` takes back, newest first: those that are applied with a number above `to`. `kept` says whether the
    /// journal of a run, and the images in it, are here. Refused if one of them has no way back.
    pub fn back(&self, to: MigrationNumber, kept: impl Fn(&str) -> bool) -> Result<Vec<Back>, Error> {
        self.check_usable()?;
        self.check_unfinished()?;
        let mut above: Vec<&Standing> = self
            .each
            .iter()
            .filter(|standing| standing.number > to && matches!(standing.state, State::Applied | State::Changed | State::Unknown))
            .collect();
        above.sort_by(|one, other| other.row.as_ref().map(|row| row.order()).cmp(&one.row.as_ref().map(|row| row.order())));
        above.into_iter().map(|standing| self.way_of(standing, to, &kept)).collect()
    }

    fn way_of(&self, standing: &Standing, to: MigrationNumber, kept: &impl Fn(&str) -> bool) -> Result<Back, Error> {
        let (number, name) = (standing.number, standing.name().to_owned());
        let refused = |why: &str| {
            Err(Error::Known(Code::NoWayBack, format!("migration {number} ({name}) has no way back: {why}. Nothing was done")))
        };
        let row = standing.row.as_ref();
        if row.and_then(|row| row.unrun()) == Some(Unrun::Baseline) {
            return refused(&format!(
                "it counts as applied by a baseline, and was never run. If it is to be pending: drift-host repair --not-applied {number} --table {}",
                self.table
            ));
        }
        let images = row.map(|row| row.run.as_str()).filter(|run| !run.is_empty() && kept(run));
        let way = match (&standing.member, images) {
            (Some(member), _) if standing.state == State::Applied && member.reversible => Way::Code(member.clone()),
            (_, Some(run)) => {
                if let Some(later) = self.resting_on(standing, to) {
                    return refused(&format!(
                        "it can go from the images of its run only, and migration {} ({}), which would stay, was applied after it. Take that back too, \
                         with a --to below it",
                        later.number,
                        later.name()
                    ));
                }
                Way::Images(run.to_owned())
            }
            (Some(_), None) if standing.state == State::Changed => {
                return refused(
                    "other code than was applied has its number now, and its run's journal is not here with its images",
                );
            }
            (Some(_), None) => return refused("it has no undo, and its run's journal is not here with its images"),
            (None, None) => return refused("it is not in the folder, and its run's journal is not here with its images"),
        };
        Ok(Back { number, name, way })
    }

    /// What stays and was applied after it: images are put back only of the newest run.
    fn resting_on(&self, standing: &Standing, to: MigrationNumber) -> Option<&Standing> {
        let own = standing.row.as_ref()?;
        self.each
            .iter()
            .filter(|other| other.number <= to && other.state != State::Elsewhere)
            .find(|other| other.row.as_ref().is_some_and(|row| !row.run.is_empty() && row.order() > own.order()))
    }

    /// Nothing is done by a folder that is not understood as a whole.
    fn check_usable(&self) -> Result<(), Error> {
        let Some(first) = self.unusable.first() else { return Ok(()) };
        let more = match self.unusable.len() - 1 {
            0 => String::new(),
            more => format!(" (and {more} more: drift-host status {} --table {})", self.dir.display(), self.table),
        };
        Err(Error::Usage(format!("{first}{more}. Nothing was done")))
    }

    fn check_unfinished(&self) -> Result<(), Error> {
        match self.each.iter().find_map(|standing| standing.unfinished.as_ref()) {
            Some(run) => Err(Error::Known(
                Code::UnfinishedRun,
                format!(
                    "the run {} of migration {} on {} is not done ({}, {}, by {}). First {}; if its journal is lost, see drift-host repair {} --abandon. \
                 Nothing was done",
                    run.run,
                    run.number,
                    run.table,
                    run.direction,
                    run.state,
                    run.owner,
                    run.ways(),
                    run.run
                ),
            )),
            None => Ok(()),
        }
    }

    /// What each says that it comes after is applied, or comes before it here.
    fn check_after(&self, members: &[Member]) -> Result<(), Error> {
        for (at, member) in members.iter().enumerate() {
            let comes_before = |number: MigrationNumber| members.iter().take(at).any(|before| before.number() == number);
            let missing =
                member.description.after.iter().find(|number| !self.recorded.contains(number) && !comes_before(**number));
            if let Some(number) = missing {
                return Err(Error::Known(
                    Code::ComesAfter,
                    format!(
                        "migration {} ({}) comes after migration {number}, which is not applied by then. Nothing was done",
                        member.number(),
                        member.description.name
                    ),
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::standing::tests::{at_work, member, row, series};
    use super::super::{Series, Unusable};
    use super::*;
    use crate::history::Applied;

    fn six() -> Series {
        series([1, 2, 3, 4, 5, 6].map(|number| member(number, "d")).to_vec())
    }

    fn numbers(members: Result<Vec<Member>, Error>) -> Vec<u64> {
        members.unwrap().iter().map(|member| member.number().get()).collect()
    }

    fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> (u8, String) {
        let error = result.unwrap_err();
        (error.exit_code(), error.to_string())
    }

    #[test]
    fn up_takes_what_is_pending_up_to_the_number_given() {
        let standings = six().against("T", &[row(1, "T", "d"), row(2, "T", "d")], &[]);
        assert_eq!(numbers(standings.up(None, false)), [3, 4, 5, 6]);
        assert_eq!(numbers(standings.up(Some(4.into()), false)), [3, 4]);
        assert_eq!(numbers(standings.up(Some(2.into()), false)), [] as [u64; 0]);
    }

    #[test]
    fn up_is_refused_as_a_whole_with_what_to_do() {
        let applied = |rows: &[Applied]| six().against("T", rows, &[]);
        let (code, text) = refusal(applied(&[row(3, "T", "other")]).up(None, true));
        assert!(code == 3 && text.contains("repair 3.wasm --table T --accept-digest"), "{text}");
        let standings = applied(&[row(1, "T", "d"), row(3, "T", "d")]);
        let (code, text) = refusal(standings.up(None, false));
        assert!(code == 3 && text.contains("--out-of-order") && text.contains("migration 2 "), "{text}");
        assert_eq!(numbers(standings.up(None, true)), [2, 4, 5, 6]);
        assert_eq!(numbers(standings.up(Some(1.into()), false)), [] as [u64; 0], "what is beyond is not looked at");
        let (code, text) = refusal(applied(&[row(4, "Else", "d")]).up(None, false));
        assert!(code == 3 && text.contains("--adopt 4"), "{text}");
        let (code, text) = refusal(six().against("T", &[], &[at_work(2, "T")]).up(None, false));
        assert!(code == 3 && text.contains("drift-host apply run-2"), "{text}");
        let (code, _) = refusal(series(vec![]).against("T", &[row(1, "T", "d")], &[]).up(None, false));
        assert_eq!(code, 2);
        let mut broken = six();
        broken.unusable.push(Unusable { path: "x.wasm".into(), problem: "it is none".into() });
        let (code, text) = refusal(broken.against("T", &[], &[]).up(None, false));
        assert!(code == 2 && text.contains("x.wasm: it is none"), "{text}");
    }

    #[test]
    fn what_comes_after_another_waits_for_it() {
        let mut members = [1, 2, 3].map(|number| member(number, "d")).to_vec();
        members[1].description.after = vec![1.into()];
        members[2].description.after = vec![9.into()];
        let standings = |rows: &[Applied]| series(members.clone()).against("T", rows, &[]);
        assert_eq!(numbers(standings(&[]).up(Some(2.into()), false)), [1, 2]);
        let (code, text) = refusal(standings(&[]).up(None, false));
        assert!(code == 3 && text.contains("after migration 9"), "{text}");
        assert_eq!(numbers(standings(&[row(9, "Else", "d")]).up(None, false)), [1, 2, 3], "on whichever table");
    }

    #[test]
    fn the_way_back_is_newest_first_by_code_or_from_images() {
        let mut members = [1, 2, 3, 5].map(|number| member(number, "d")).to_vec();
        members[2].reversible = false;
        let mut rows = [1, 2, 3, 4, 5].map(|number| row(number, "T", "d"));
        // Out of order: after all others.
        rows[1].finished = "2026-11-26T18:00:00Z".into();
        rows[4].digest = "other".into();
        let standings = series(members).against("T", &rows, &[]);
        let back = standings.back(1.into(), |_| true).unwrap();
        let ways: Vec<(u64, bool)> = back.iter().map(|back| (back.number.get(), matches!(back.way, Way::Code(_)))).collect();
        assert_eq!(ways, [(2, true), (5, false), (4, false), (3, false)]);
        let (code, text) = refusal(standings.back(1.into(), |run| run != "run-4"));
        assert!(code == 3 && text.contains("migration 4 (m4)") && text.contains("not in the folder"), "{text}");
        assert_eq!(standings.back(5.into(), |_| false).unwrap(), []);
        // 2, which would stay, was applied after all of these.
        let (code, text) = refusal(standings.back(2.into(), |_| true));
        assert!(code == 3 && text.contains("migration 5 (m5)") && text.contains("migration 2 (m2), which would stay"), "{text}");
    }

    #[test]
    fn a_baseline_is_what_is_not_applied_up_to_its_number() {
        let standings = six().against("T", &[row(2, "T", "d")], &[at_work(3, "T")]);
        assert_eq!(
            numbers(standings.baseline(4.into())),
            [1, 3, 4],
            "whether a run of one is at work is looked at under the lease"
        );
        assert_eq!(refusal(six().against("T", &[row(1, "T", "d")], &[]).baseline(1.into())).0, 2);
        assert_eq!(standings.member(2.into()).unwrap().number(), 2.into());
        assert_eq!(refusal(standings.member(7.into()).cloned()).0, 2);
    }

    #[test]
    fn a_baseline_is_not_gone_behind() {
        let mut baseline = row(2, "T", "d");
        baseline.details.push(Unrun::Baseline.detail());
        let standings = six().against("T", &[row(1, "T", "d"), baseline, row(3, "T", "d")], &[]);
        assert_eq!(standings.back(2.into(), |_| false).unwrap().len(), 1);
        let (code, text) = refusal(standings.back(1.into(), |_| true));
        assert!(code == 3 && text.contains("--not-applied 2"), "{text}");
    }
}
