//! An executor that is lost and not dead: two processes at one segment at once, and a live application beside them.

use super::*;

/// `flags`: those of a migration that counts each item up and is not repeatable; without, one that is.
async fn two_at_one_segment(flags: Option<&[&str]>) {
    let (Some(echo), Some(steps)) = (guest("echo"), guest("steps")) else { return };
    let (plugin, counts, flags) = (if flags.is_some() { &steps } else { &echo }, flags.is_some(), flags.unwrap_or_default());
    let fleet = Fleet::new(World::with_numbers(800));
    let leader = fleet.lead(plugin, &[flags, &["--max-write-units", "320"]].concat());
    fleet.plan_all(plugin, flags);
    fleet.until_there("manifest.json").await;
    let is_done = |item: &Item| if !counts { touched(item) } else { number(item, "n") != number(item, "Id") };
    let frozen: Vec<Child> = (0..SEGMENTS).map(|segment| fleet.apply(segment, &[])).collect();
    fleet.until_some(is_done).await;
    // As an engine sees it: lost. They are not.
    let signal = |signal: &str, child: &Child| {
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
    };
    frozen.iter().for_each(|child| signal("-STOP", child));
    let others: Vec<Child> = (0..SEGMENTS).map(|segment| fleet.apply(segment, &[])).collect();
    fleet.until_there("again").await;
    frozen.iter().for_each(|child| signal("-CONT", child));
    for child in frozen.into_iter().chain(others) {
        let (code, said) = ended(child);
        assert!(code == 0 || code == 75, "{flags:?}: {code} {said}");
    }
    let (code, said) = ended(leader);
    assert_eq!(code, 0, "{flags:?}: {said}");
    match counts {
        false => assert!(fleet.world.table("Things").await.iter().all(touched)),
        true => counted_once(&fleet.world).await,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_at_one_segment_at_once_double_nothing_without_a_proof() {
    two_at_one_segment(Some(&PLUS)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_at_one_segment_at_once_leave_nothing_out() {
    two_at_one_segment(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_at_one_segment_at_once_do_each_item_once_with_receipts() {
    two_at_one_segment(Some(&plus("receipts"))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_at_one_segment_at_once_do_each_item_once_with_a_stamp() {
    two_at_one_segment(Some(&plus("stamp=done_by"))).await;
}
