//! The line on a terminal: a bar where there is room for one, and of the rest what matters most.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::{Half, View, left};
use crate::dynamo::Units;

/// How much of the past the rate is of.
const OF_LATE: Duration = Duration::from_secs(10);
/// A bar's cells.
const CELLS: u64 = 20;

/// How fast items come of late, so that an end that is told is told from what happens now.
pub(super) struct Rate {
    began: Instant,
    /// When, and how many then.
    steps: VecDeque<(Instant, u64)>,
}

impl Rate {
    pub(super) fn begin(now: Instant) -> Self {
        Self { began: now, steps: VecDeque::new() }
    }

    pub(super) fn add(&mut self, now: Instant, items: u64) {
        while self.steps.front().is_some_and(|(at, _)| now.saturating_duration_since(*at) > OF_LATE) {
            self.steps.pop_front();
        }
        match self.steps.back_mut() {
            // A thousand steps a second would be kept otherwise.
            Some((at, sum)) if now.saturating_duration_since(*at) < OF_LATE / 100 => *sum += items,
            _ => self.steps.push_back((now, items)),
        }
    }

    /// Items a second.
    pub(super) fn of_late(&self, now: Instant) -> f64 {
        let since = now.checked_sub(OF_LATE).map_or(self.began, |since| since.max(self.began));
        let items: u64 = self.steps.iter().filter(|(at, _)| *at >= since).map(|(_, items)| items).sum();
        items as f64 / now.saturating_duration_since(since).as_secs_f64().max(0.001)
    }
}

/// `apply  [=========>          ]  45 %  4500 of 10000  1234/s  4 s left  3 failed  12 conflicts  4500 write units  ...`, without what
/// there is no room for in `width` columns.
pub(super) fn bar(view: &View, used: Units, now: Instant, width: usize) -> String {
    let rate = view.rate.of_late(now);
    let (what, units) = match view.half {
        Half::Scan => ("scan ", format!("{:.0} read units", used.read)),
        Half::Apply => ("apply", format!("{:.0} write units", used.write)),
    };
    let is_known = view.done < view.of;
    let share = if is_known { view.done * CELLS / view.of } else { CELLS };
    // Usize is as wide as what it counts here: twenty.
    let cells = usize::try_from(share).unwrap_or_default();
    let head = if is_known { ">" } else { "" };
    let drawn = format!("[{:<20}]", "=".repeat(cells) + head);
    let counted = match (is_known, view.of, view.half) {
        (true, of, _) => format!("{:>3} %  {} of {of}", view.done * 100 / of, view.done),
        // The count of the table was too low, and nobody knows by how much.
        (false, of, Half::Scan) if view.done > of => format!("{}, more than the {of} expected", view.done),
        (false, ..) => format!("{}", view.done),
    };
    let failed = (view.failed > 0).then(|| format!("{} failed", view.failed));
    let conflicts = (view.conflicts > 0).then(|| format!("{} conflicts", view.conflicts));
    let ends = is_known.then(|| left(view.of - view.done, rate)).flatten().map(|left| format!("{left} left"));
    let pace = (!view.pace.is_empty()).then(|| view.pace.clone());
    // In the order in which they stand, with how much they matter: what matters least goes first.
    let parts = [
        (Some(what.to_owned()), 9),
        (Some(drawn), 2),
        (Some(counted), 8),
        (Some(format!("{rate:.0}/s")), 6),
        (ends, 7),
        (failed, 5),
        (conflicts, 3),
        (Some(units), 1),
        (pace, 4),
    ];
    let parts: Vec<(String, u8)> = parts.into_iter().filter_map(|(part, matters)| Some((part?, matters))).collect();
    // The last column is left free: some terminals begin a new line in it.
    let room = width.saturating_sub(1);
    for least in 0..=9 {
        let kept: Vec<&str> = parts.iter().filter(|(_, matters)| *matters >= least).map(|(part, _)| part.as_str()).collect();
        let line = kept.join("  ");
        if line.chars().count() <= room {
            return line;
        }
    }
    parts.first().map_or_else(String::new, |(what, _)| what.chars().take(room).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(now: Instant) -> View {
        let began = now.checked_sub(Duration::from_secs(5)).unwrap();
        let mut view = View { rate: Rate::begin(began), done: 4_500, failed: 3, conflicts: 12, ..View::of(Half::Apply, 10_000) };
        view.pace = "425 of 500 write units a second (throttled: table)".into();
        view.rate.add(now, 4_500);
        view
    }

    #[test]
    fn what_matters_least_goes_first_and_no_line_is_wider_than_the_window() {
        let now = Instant::now();
        let (view, used) = (view(now), Units { write: 4_600.0, ..Units::default() });
        let whole = bar(&view, used, now, 200);
        assert_eq!(
            whole,
            "apply  [=========>          ]   45 %  4500 of 10000  900/s  6 s left  3 failed  12 conflicts  4600 write units  425 of 500 write units a second (throttled: table)"
        );
        for width in 0..200 {
            let line = bar(&view, used, now, width);
            assert!(line.chars().count() < width.max(1), "{width}: {line}");
        }
        assert_eq!(bar(&view, used, now, 45), "apply   45 %  4500 of 10000  900/s  6 s left");
        assert_eq!(bar(&view, used, now, 10), "apply");
        assert_eq!(bar(&view, used, now, 4), "app");
    }

    #[test]
    fn a_count_that_was_too_low_promises_no_end() {
        let now = Instant::now();
        let view = View { half: Half::Scan, of: 4_000, failed: 0, conflicts: 0, pace: String::new(), ..view(now) };
        let line = bar(&view, Units::default(), now, 200);
        assert_eq!(line, "scan   [====================]  4500, more than the 4000 expected  900/s  0 read units");
    }

    #[test]
    fn the_rate_is_that_of_late() {
        let began = Instant::now();
        let mut rate = Rate::begin(began);
        let at = |seconds| began + Duration::from_secs(seconds);
        (0..60).for_each(|second| rate.add(at(second), 1_000));
        assert!((900.0..=1_100.0).contains(&rate.of_late(at(59))), "{}", rate.of_late(at(59)));
        // Paused.
        assert!(rate.of_late(at(120)) < 0.01);
    }
}
