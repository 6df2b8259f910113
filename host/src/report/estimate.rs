//! What a run will take, and what it took, for people.

use std::time::Duration;

use super::progress::span;
use crate::journal::Estimate;
use crate::model::Bytes;
use crate::run::Summary;

/// Said before a run.
pub(super) fn lines(estimate: &Estimate) -> Vec<String> {
    let Estimate { items, bytes, sampled, matching, read_units, write_units, indexes, replicas, journal_bytes, .. } = estimate;
    let of_filter = if matching == items { String::new() } else { format!(", of which about {matching} match the filter") };
    let from = match sampled {
        0 => "by DynamoDB's count, up to six hours old".to_owned(),
        sampled => format!("by DynamoDB's count, up to six hours old, and a sample of {sampled}"),
    };
    let mut lines = vec![
        format!("estimate: {items} items, {}{of_filter}, {from}", Bytes(*bytes)),
        format!(
            "  {read_units} read units; at most {write_units} write units if each item is written; a journal of about {}",
            Bytes(*journal_bytes)
        ),
    ];
    if *indexes > 0 {
        let all = estimate.write_units_with_indexes();
        lines.push(format!(
            "  with {indexes} secondary indexes up to {all} write units, twice that of an index whose key changes"
        ));
    }
    if *replicas > 0 {
        lines.push(format!("  and as many again in each of {replicas} replicas"));
    }
    let left = |seconds: u64| span(Duration::from_secs(seconds));
    match (estimate.seconds_to_first_write, estimate.seconds_to_end) {
        (Some(first), Some(end)) => {
            lines.push(format!("  at these rates: the first write in about {}, the end in {} at most", left(first), left(end)));
        }
        (Some(first), None) => lines.push(format!("  at this rate: the first write in about {}", left(first))),
        _ => {}
    }
    lines.push("  not in it: inserts and writes elsewhere, growth of items, items that change meanwhile, calls at once".into());
    lines
}

/// Said after a run, beside what it took.
pub(super) fn compared(estimate: &Estimate, summary: &Summary) -> String {
    let (scanned, (read, write)) = (summary.counts.scanned, summary.units);
    format!(
        "{} items, {} read, at most {} write units;  it took {scanned}, {read:.0}, {write:.0}",
        estimate.items,
        estimate.read_units,
        estimate.write_units_with_indexes()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_says_what_it_knows_and_what_it_leaves_out() {
        let mut estimate = Estimate {
            items: 12_000,
            bytes: 4_900_000,
            sampled: 0,
            matching: 12_000,
            read_units: 1_197,
            write_units: 12_000,
            indexes: 0,
            replicas: 0,
            journal_bytes: 5_400_000,
            seconds_to_first_write: None,
            seconds_to_end: None,
        };
        assert_eq!(
            lines(&estimate)[..2],
            [
                "estimate: 12000 items, 4.9 MB, by DynamoDB's count, up to six hours old",
                "  1197 read units; at most 12000 write units if each item is written; a journal of about 5.4 MB"
            ]
        );
        estimate = Estimate {
            sampled: 200,
            matching: 3_000,
            indexes: 2,
            replicas: 1,
            seconds_to_first_write: Some(60),
            seconds_to_end: Some(10_000),
            ..estimate
        };
        let said = lines(&estimate).join("\n");
        for part in [
            "about 3000 match the filter",
            "a sample of 200",
            "2 secondary indexes up to 36000 write units",
            "each of 1 replicas",
            "the first write in about 60 s, the end in 2 h 46 min at most",
            "not in it: inserts",
        ] {
            assert!(said.contains(part), "{part} in {said}");
        }
    }
}
