//! What a lease promises: the numbered list in `host/src/history/lease.rs`.

use std::time::{Duration, Instant};

use drift_host::dynamo::Billing;
use drift_host::history::{Applied, Error, History, Lease, LeaseTerms};
use drift_tests::World;

const TERMS: LeaseTerms = LeaseTerms { length: Duration::from_secs(3), request_timeout: Duration::from_secs(1) };

async fn history(world: &World) -> History {
    let history = world.migrator().await.history().clone().lease_terms(TERMS);
    history.init(&Billing::OnDemand).await.unwrap();
    history
}

fn applied(run: &str) -> Applied {
    let text = String::new;
    Applied {
        number: 1.into(),
        table: "Things".into(),
        description: text(),
        name: text(),
        digest: text(),
        started: text(),
        finished: text(),
        run: run.into(),
        details: vec![],
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_gets_it_and_the_other_is_told_who_holds_it() {
    let world = World::with_rows(1);
    let history = history(&world).await;
    let (one, two) = tokio::join!(
        Lease::acquire(&history, "Things", "run-1", "ann@desk"),
        Lease::acquire(&history, "Things", "run-2", "bob@desk")
    );
    let errors: Vec<String> = [one.as_ref().err(), two.as_ref().err()].into_iter().flatten().map(ToString::to_string).collect();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].contains("@desk") && errors[0].contains("drift-host apply run-"), "{errors:?}");
    // It is renewed: a third one later is told the same.
    let third = Lease::acquire(&history, "Things", "run-3", "eve@desk").await;
    assert!(matches!(third, Err(Error::Held { .. })));
    assert!(Lease::acquire(&history, "Other", "run-3", "eve@desk").await.is_ok(), "another table's is free");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_holder_is_waited_out_for_a_whole_lease_and_a_released_one_not_at_all() {
    let world = World::with_rows(1);
    let history = history(&world).await;
    drop(Lease::acquire(&history, "Things", "run-1", "ann").await.unwrap());
    let began = Instant::now();
    let second = Lease::acquire(&history, "Things", "run-2", "bob").await.unwrap();
    assert!(began.elapsed() >= TERMS.length, "it was taken while its holder may still have been writing");
    second.release().await.unwrap();
    let third = Lease::acquire(&history, "Things", "run-3", "eve").await.unwrap();
    assert!(third.check().is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_lost_it_changes_nothing_in_the_history() {
    let world = World::with_rows(1);
    let history = history(&world).await;
    let first = Lease::acquire(&history, "Things", "run-1", "ann").await.unwrap();
    // The same run, taken up by another process.
    let second = Lease::acquire(&history, "Things", "run-1", "ann, elsewhere").await.unwrap();
    let late = history.record(&applied("run-1"), &first).await;
    assert!(matches!(late, Err(Error::Lost { .. })), "{late:?}");
    assert!(history.applied().await.unwrap().is_empty());
    history.record(&applied("run-1"), &second).await.unwrap();
    // Twice is once, after a lost acknowledgement say; another run's number is not overwritten.
    history.record(&applied("run-1"), &second).await.unwrap();
    assert!(matches!(history.record(&applied("run-2"), &second).await, Err(Error::Row { .. })));
    assert_eq!(history.applied().await.unwrap()[0].run, "run-1");
    // Giving back what is no longer one's own takes nothing from the holder.
    first.release().await.unwrap();
    assert!(history.record(&applied("run-1"), &second).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_renew_it_must_stop() {
    let world = World::with_rows(1);
    let history = history(&world).await;
    let lease = Lease::acquire(&history, "Things", "run-1", "ann").await.unwrap();
    assert!(lease.check().is_ok());
    drop(world);
    lease.lost().cancelled().await;
    assert!(lease.check().is_err());
}
