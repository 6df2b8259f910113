//! Nothing lost, nothing twice: each kind of migration killed and resumed a few times by the crash harness. `cargo xtask crash`
//! does it as often as one likes.

use drift_tests::crash::{possible, run};
use drift_tests::guest;

fn holds(kind: &str) {
    if guest("steps").is_none() {
        return;
    }
    let kind = kind.parse().unwrap();
    if !possible().0.contains(&kind) {
        println!("skipped: {kind}: this binary has no --exactly-once");
        return;
    }
    let problems: Vec<String> = [11, 12].into_iter().flat_map(|seed| run(kind, seed).1).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn a_repeatable_patch_killed_and_resumed_is_done_on_what_is_there() {
    holds("loud");
}

#[test]
fn a_counter_killed_and_resumed_is_counted_once_or_in_doubt() {
    holds("plus");
}

#[test]
fn a_counter_with_a_stamp_is_counted_exactly_once() {
    holds("plus-stamp");
}

#[test]
fn a_counter_with_receipts_is_counted_exactly_once() {
    holds("plus-receipts");
}

#[test]
fn a_copy_elsewhere_that_may_exist_is_there_once() {
    holds("copy-keep");
}

#[test]
fn a_copy_elsewhere_that_must_not_exist_is_there_once_or_listed() {
    holds("copy-fail");
}

#[test]
fn an_add_elsewhere_is_made_once_or_in_doubt() {
    holds("add");
}

#[test]
fn an_add_elsewhere_with_receipts_is_made_exactly_once() {
    holds("add-receipts");
}

#[test]
fn a_delete_takes_only_what_it_has_seen() {
    holds("delete");
}

#[test]
fn a_delete_with_receipts_never_takes_an_item_that_came_back_after_it() {
    holds("delete-receipts");
}

#[test]
fn a_move_happens_as_a_whole_or_not_at_all() {
    holds("move");
}

#[test]
fn a_move_with_receipts_happens_exactly_once_as_a_whole() {
    holds("move-receipts");
}

#[test]
fn a_repeatable_patch_guarded_by_a_version_is_done_on_what_is_there() {
    holds("loud-version");
}

#[test]
fn a_counter_guarded_by_a_version_is_counted_once_or_in_doubt() {
    holds("plus-version");
}

#[test]
fn a_counter_without_images_is_counted_once_or_in_doubt() {
    holds("plus-bare");
}

#[test]
fn a_delete_guarded_by_a_version_takes_only_what_it_has_seen() {
    holds("delete-version");
}

#[test]
fn a_copy_elsewhere_with_its_source_checked_is_there_once_or_listed() {
    holds("copy-fail-checked");
}

#[test]
fn an_add_elsewhere_with_its_source_checked_is_made_once_or_in_doubt() {
    holds("add-checked");
}

#[test]
fn a_move_in_parts_never_deletes_what_it_has_not_copied() {
    holds("move-apart");
}

#[test]
fn a_counter_in_windows_is_counted_once_or_in_doubt() {
    holds("plus-windows");
}

#[test]
fn a_counter_in_windows_whose_images_are_dropped_is_counted_once_or_in_doubt() {
    holds("plus-passing");
}

#[test]
fn a_copy_elsewhere_in_windows_is_there_once_or_listed() {
    holds("copy-fail-windows");
}

#[test]
fn an_add_elsewhere_in_windows_is_made_once_or_in_doubt() {
    holds("add-windows");
}

#[test]
fn of_several_hosts_on_one_table_one_counts_and_the_others_are_sent_away() {
    holds("plus-hosts");
}

#[test]
fn with_a_stamp_only_the_run_of_one_host_is_seen_on_the_items() {
    holds("plus-stamp-hosts");
}

/// Processes that share a run, two at each segment, some of them frozen and killed, beside the application.
fn holds_shared(kinds: &[&str]) {
    if guest("steps").is_none() {
        return;
    }
    // Most of the time of each is the waiting for a lease.
    let problems: Vec<String> = std::thread::scope(|scope| {
        let runs = kinds.iter().map(|kind| scope.spawn(|| run(kind.parse().unwrap(), 11).1));
        runs.collect::<Vec<_>>().into_iter().flat_map(|run| run.join().unwrap()).collect()
    });
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[cfg(unix)]
#[test]
fn two_processes_at_one_segment_double_nothing_without_a_proof() {
    holds_shared(&["plus-shared", "add-shared", "copy-fail-shared", "delete-shared", "move-shared"]);
}

#[cfg(unix)]
#[test]
fn two_processes_at_one_segment_are_exact_where_a_migration_is_repeatable_or_has_a_proof() {
    holds_shared(&["loud-shared", "copy-keep-shared", "plus-receipts-shared", "add-receipts-shared", "move-receipts-shared"]);
}
