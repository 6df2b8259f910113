//! The audit trail of a run: what was granted, how often it was used, and what was refused.

use crate::journal::Manifest;
use crate::migration::AccessCount;

/// One grant of a run, or one access that was refused without any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessLine {
    /// As on the command line: `insert:Claims`.
    pub grant: String,
    /// Whether the operator granted exactly this.
    pub granted: bool,
    /// Actions, or calls at once, that were allowed; of a pattern all that it allowed.
    pub used: u64,
    /// Those that were refused.
    pub refused: u64,
    /// The key of the first item for which it was refused.
    pub first_refused: Option<String>,
}

impl AccessLine {
    /// Each grant of the run, in the operator's order, then what was allowed by a pattern, then what was refused.
    pub(super) fn all(manifest: &Manifest, counts: &[AccessCount]) -> Vec<Self> {
        let migrated = manifest.context.table.as_str();
        let own = |text: &str| match text.split_once(':') {
            Some((access, table)) if table == migrated => format!("{access}:."),
            _ => text.to_owned(),
        };
        let line = |grant: String, granted: bool, count: Option<&AccessCount>| Self {
            grant,
            granted,
            used: count.map_or(0, |count| count.allowed),
            refused: count.map_or(0, |count| count.refused),
            first_refused: count.and_then(|count| count.first_refused.clone()),
        };
        let find = |grant: &str| counts.iter().find(|count| text(count) == own(grant));
        let granted = manifest.grants.iter().map(|grant| line(grant.clone(), true, find(grant)));
        let other = |count: &&AccessCount| !manifest.grants.iter().any(|grant| own(grant) == text(count));
        granted.chain(counts.iter().filter(other).map(|count| line(text(count), false, Some(count)))).collect()
    }

    /// In a few words: `insert:Claims, used 209 times`.
    pub fn told(&self) -> String {
        let times = |count: u64| if count == 1 { "once".to_owned() } else { format!("{count} times") };
        let used = match (self.granted, self.used) {
            (true, 0) if self.grant.contains('*') => ", a pattern".to_owned(),
            (true, 0) => ", not used".to_owned(),
            (_, 0) => String::new(),
            (true, count) => format!(", used {}", times(count)),
            (false, count) => format!(", by a pattern, used {}", times(count)),
        };
        let refused = match (self.refused, &self.first_refused) {
            (0, _) => String::new(),
            (count, Some(key)) => format!(", refused {}, first for {key}", times(count)),
            (count, None) => format!(", refused {}", times(count)),
        };
        format!("{}{used}{refused}", self.grant)
    }
}

fn text(count: &AccessCount) -> String {
    format!("{}:{}", count.access.as_str(), count.table.as_deref().unwrap_or("."))
}

/// The audit's line of a run; none if nothing was granted and nothing refused.
pub(super) fn line(manifest: &Manifest, counts: &[AccessCount], owner: &str) -> Option<String> {
    let all = AccessLine::all(manifest, counts);
    let told: Vec<String> = all.iter().map(AccessLine::told).collect();
    let (granted, refused) = (told.join("; "), all.iter().map(|line| line.refused).sum::<u64>());
    (!all.is_empty()).then(|| {
        format!(
            "migration {} ({}) of {} ran on {} by {owner}, beyond patches: {granted}; {refused} attempts refused",
            manifest.number, manifest.name, manifest.digest, manifest.context.table
        )
    })
}
