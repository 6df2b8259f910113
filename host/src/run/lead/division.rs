//! How a rate is divided among those who are at work. Nothing here waits, asks or knows the time.
//!
//! Promised, whoever heeds what he is told late, or is lost: all that may be taken at a time comes to no more than the rate, if it did
//! before; whoever uses less than an equal part leaves the rest to the others; and nobody is left without, where there is a unit a second for
//! each.

/// A rate without limit.
pub(super) const ANY: u32 = u32::MAX;

/// Divides a rate max-min fair among so many, each of whom wants so much at most, `None`: as much as there is. What nobody wants is divided
/// as well, so that who begins to want more has some room. Where there is less than one unit for each, the first have one.
pub(super) fn division(rate: u32, wants: &[Option<u32>]) -> Vec<u32> {
    let mut parts = vec![0; wants.len()];
    let all = u32::try_from(wants.len()).unwrap_or(ANY);
    let mut order: Vec<(u32, &mut u32)> = wants.iter().map(|want| want.unwrap_or(ANY)).zip(&mut parts).collect();
    if rate < all {
        order.into_iter().take(rate as usize).for_each(|(_, part)| *part = 1);
        return parts;
    }
    // Whoever wants least first: what he leaves is for all who come after him.
    order.sort_by_key(|(want, _)| *want);
    let (mut left, mut others) = (rate, all);
    for (want, part) in &mut order {
        **part = (*want).clamp(1, left / others);
        left -= **part;
        others -= 1;
    }
    others = all;
    for (_, part) in &mut order {
        let more = left / others;
        **part += more;
        left -= more;
        others -= 1;
    }
    parts
}

/// One who is at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    /// What he was told last.
    pub(super) told: u32,
    /// What he heeds, by his own word.
    pub(super) heeds: u32,
    /// Whether that is what he was told last. Only then is he told something else: so he never heeds more than the larger of the two.
    pub(super) settled: bool,
    /// What he could use; `None`: more than he has.
    pub(super) wants: Option<u32>,
    /// He has not been heard of for a while. What he may take is still his.
    pub(super) silent: bool,
}

impl Standing {
    /// The most that he may be taking.
    pub(super) fn held(&self) -> u32 {
        if self.settled { self.told } else { self.told.max(self.heeds) }
    }

    /// Whether he has clearly less than his part.
    fn is_behind(&self, part: u32) -> bool {
        u64::from(self.told) * 10 < u64::from(part) * 9
    }
}

/// What each is to be told next, `None`: nothing new. `expected`: so many more will come, for whom a part is kept.
///
/// 1. The parts are as of [`division`], of what the silent ones leave.
/// 2. Where nobody is clearly behind his part, all stays as it is.
/// 3. Who has more than his part is told to take less. That frees nothing until he heeds it.
/// 4. Who has less is given of what is free now, those who have least of their part first.
pub(super) fn turns(rate: u32, all: &[Standing], expected: usize) -> Vec<Option<u32>> {
    let sum = |of: &dyn Fn(&Standing) -> u32| all.iter().map(|one| u64::from(of(one))).sum::<u64>();
    let rest = |taken: u64| u32::try_from(u64::from(rate).saturating_sub(taken)).unwrap_or(0);
    let silent = sum(&|one| if one.silent { one.held() } else { 0 });
    let present = all.iter().filter(|one| !one.silent).map(|one| one.wants);
    let wants: Vec<Option<u32>> = present.chain(std::iter::repeat_n(None, expected)).collect();
    let mut parts = division(rest(silent), &wants).into_iter();
    let parts: Vec<u32> = all.iter().map(|one| if one.silent { one.told } else { parts.next().unwrap_or(0) }).collect();
    let may_turn = |one: &Standing| one.settled && !one.silent;
    let behind = all.iter().zip(&parts).any(|(one, part)| may_turn(one) && one.is_behind(*part));
    let over = sum(&|one| one.told) > u64::from(rate);
    let mut turns = vec![None; all.len()];
    if !behind && !over {
        return turns;
    }
    let mut free = rest(sum(&Standing::held));
    let mut less = Vec::new();
    for ((one, part), turn) in all.iter().zip(&parts).zip(&mut turns) {
        match one.told.cmp(part) {
            _ if !may_turn(one) => {}
            std::cmp::Ordering::Greater => *turn = Some(*part),
            std::cmp::Ordering::Less => less.push((one.told, *part, turn)),
            std::cmp::Ordering::Equal => {}
        }
    }
    less.sort_by_key(|(told, part, _)| u64::from(*told) * 1_000 / u64::from(*part).max(1));
    for (told, part, turn) in less {
        let more = (part - told).min(free);
        if more > 0 {
            *turn = Some(told + more);
            free -= more;
        }
    }
    turns
}

/// The same without a limit: whoever has one is told so.
pub(super) fn unlimited(all: &[Standing]) -> Vec<Option<u32>> {
    all.iter().map(|one| (one.settled && one.told != ANY).then_some(ANY)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(parts: &[u32]) -> u64 {
        parts.iter().map(|part| u64::from(*part)).sum()
    }

    #[test]
    fn a_rate_is_divided_and_who_wants_less_leaves_the_rest() {
        assert_eq!(division(400, &[None; 4]), [100; 4]);
        assert_eq!(division(400, &[None, Some(40), None, None]), [120, 40, 120, 120]);
        assert_eq!(division(10, &[None; 3]), [3, 3, 4]);
        assert_eq!(division(2, &[None; 3]), [1, 1, 0]);
        assert_eq!(division(100, &[Some(10), Some(20)]), [45, 55], "what nobody wants is room for both");
        assert_eq!(division(100, &[Some(0), None]), [1, 99]);
        assert!(division(5, &[]).is_empty());
    }

    #[test]
    fn whatever_is_wanted_no_more_than_the_rate_is_given_and_nobody_hoards_or_is_left_without() {
        let mut random = fastrand::Rng::with_seed(26);
        for _ in 0..20_000 {
            let most = if random.bool() { 40 } else { 40_000 };
            let rate = random.u32(0..=most);
            let wants: Vec<Option<u32>> =
                (0..random.usize(0..=30)).map(|_| random.bool().then(|| random.u32(0..=5_000))).collect();
            let parts = division(rate, &wants);
            let all = wants.len() as u32;
            assert!(sum(&parts) <= u64::from(rate), "{rate} {wants:?}: {parts:?}");
            if all == 0 || rate < all {
                continue;
            }
            assert_eq!(sum(&parts), u64::from(rate), "all of it is given");
            assert!(parts.iter().all(|part| *part >= 1), "{rate} {wants:?}: {parts:?}");
            let has_enough = |(want, part): (&Option<u32>, &u32)| want.is_some_and(|want| *part >= want.max(1));
            let least = wants.iter().zip(&parts).filter(|one| !has_enough(*one)).map(|(_, part)| *part).min();
            // Where somebody lacks something, nobody has more than he wants and than those who lack.
            for (want, part) in wants.iter().zip(&parts) {
                let fair = least.is_none_or(|least| *part <= least + 1 || want.is_some_and(|want| *part <= want.max(1)));
                assert!(fair, "{rate} {wants:?}: {parts:?}");
            }
        }
    }

    /// A worker that hears and says things late.
    struct Late {
        standing: Standing,
        /// What it takes by, which may differ from what it last said.
        takes: u32,
        lost: bool,
    }

    #[test]
    fn whoever_heeds_late_or_is_lost_the_rate_is_never_passed_and_all_come_to_their_part() {
        let mut random = fastrand::Rng::with_seed(9);
        for _ in 0..300 {
            let mut rate = random.u32(1..=2_000);
            let mut all: Vec<Late> = Vec::new();
            for step in 0..400 {
                if step < 200 && all.len() < 12 && random.u8(..) < 30 {
                    let standing = Standing { told: 0, heeds: 0, settled: true, wants: None, silent: false };
                    all.push(Late { standing, takes: 0, lost: false });
                }
                if step < 200 && random.u8(..) < 6 && !all.is_empty() {
                    let one = random.usize(..all.len());
                    // Ended, or lost, and a lease later known to be.
                    if all[one].lost || random.bool() {
                        all.remove(one);
                    } else {
                        (all[one].lost, all[one].standing.silent) = (true, true);
                    }
                }
                if step < 200 && random.u8(..) < 3 {
                    rate = rate.max(random.u32(1..=2_000));
                }
                for one in all.iter_mut().filter(|one| !one.lost) {
                    match random.u8(..) {
                        0..60 => one.takes = one.standing.told,
                        60..120 => {
                            one.standing.heeds = one.takes;
                            one.standing.settled = one.takes == one.standing.told;
                        }
                        120..130 if step < 200 => one.standing.wants = random.bool().then(|| random.u32(0..=500)),
                        _ => {}
                    }
                }
                let standings: Vec<Standing> = all.iter().map(|one| one.standing).collect();
                for (one, turn) in all.iter_mut().zip(turns(rate, &standings, 0)) {
                    if let Some(told) = turn {
                        (one.standing.told, one.standing.settled) = (told, false);
                    }
                }
                let taken: u64 = all.iter().map(|one| u64::from(one.takes)).sum();
                assert!(taken <= u64::from(rate), "{taken} of {rate}");
            }
            let standings: Vec<Standing> = all.iter().map(|one| one.standing).collect();
            assert!(turns(rate, &standings, 0).iter().all(Option::is_none), "in the end everybody has his part: {standings:?}");
        }
    }

    #[test]
    fn a_part_is_kept_for_who_will_come_and_a_lower_rate_is_told_at_once() {
        let new = Standing { told: 0, heeds: 0, settled: true, wants: None, silent: false };
        assert_eq!(turns(800, &[new], 7), [Some(100)]);
        let full = Standing { told: 100, heeds: 100, ..new };
        assert_eq!(turns(800, &[full; 8], 0), [None; 8]);
        assert_eq!(turns(400, &[full; 8], 0), [Some(50); 8]);
        assert_eq!(turns(800, &[full], 0), [Some(800)], "nobody else is left");
        let any = Standing { told: ANY, heeds: ANY, ..new };
        assert_eq!(turns(100, &[any, any], 0), [Some(50); 2]);
        assert_eq!(unlimited(&[full, any]), [Some(ANY), None]);
    }
}
