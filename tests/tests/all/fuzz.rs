//! Damaged components and made-up answers, for seconds; `cargo xtask fuzz` goes on for as long as one likes.

use drift_tests::fuzz::{Until, answers, components, small};

#[test]
fn ten_thousand_damaged_components_are_an_error_each_or_run_within_their_limits() {
    let outcome = components(&small(), 1, Until::Trials(10_000));
    assert_eq!((outcome.trials, outcome.refused + outcome.failed + outcome.believed), (10_000, 10_000));
    // Most are damaged where it shows, and some are not.
    assert!(outcome.refused > 5_000 && outcome.failed + outcome.believed > 100, "{outcome:?}");
    println!("{outcome:?}");
}

#[test]
fn made_up_answers_are_believed_only_if_they_are_valid() {
    let outcome = answers(1, Until::Trials(20_000));
    assert!(outcome.failed > 1_000 && outcome.believed > 100, "{outcome:?}");
    println!("{outcome:?}");
}
