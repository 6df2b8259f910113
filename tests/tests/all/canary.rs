//! `--canary N`: the first items are carried out and looked at, and nothing beyond them is written without a yes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use drift_host::model::{Action, Description, Item, Patch, Value};
use drift_host::{Event, Native, RunOptions};
use drift_tests::{World, guest};

async fn touched(world: &World) -> usize {
    world.table("Things").await.iter().filter(|item| item.get("touched") == Some(&Value::Bool(true))).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_yes_only_the_first_items_are_written_and_the_run_goes_on_or_back() {
    let Some(echo) = guest("echo") else { return };
    for back in [false, true] {
        let world = World::with_rows(2_500);
        let (code, out, error) = world.drift_host(&["run", &echo, "--table", "Things", "--canary", "30"]);
        assert_eq!(code, 1, "{out}{error}");
        let looked = "canary: 30 items carried out: 30 are as planned, 0 were changed since; 0 failed, 0 in doubt; 2470 are left";
        assert!(error.contains(looked), "{error}");
        assert!(out.starts_with("incomplete") && out.contains("stopped after its canary"), "{out}");
        assert_eq!(touched(&world).await, 30);
        let run = world.only_run();
        let (_, status, _) = world.drift_host(&["status"]);
        assert!(status.starts_with("no migration is applied") && status.contains(&run), "{status}");
        if back {
            let (code, out, error) = world.drift_host(&["undo", "--run", &run]);
            assert_eq!((code, touched(&world).await), (0, 0), "{out}{error}");
        } else {
            let (code, out, error) = world.drift_host(&["apply", &run]);
            assert_eq!((code, out.starts_with("applied"), touched(&world).await), (0, true, 2_500), "{out}{error}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_yes_in_advance_the_rest_follows_and_a_plan_may_have_a_canary_too() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_rows(200);
    let (code, out, error) = world.drift_host(&["plan", &echo, "--table", "Things"]);
    assert_eq!(code, 0, "{out}{error}");
    let run = world.only_run();
    let (code, out, error) = world.drift_host(&["apply", &run, "--canary", "7"]);
    assert_eq!((code, touched(&world).await), (1, 7), "{out}{error}");
    let (code, out, error) = world.drift_host(&["apply", &run, "--canary", "7", "--yes"]);
    assert_eq!((code, touched(&world).await), (0, 200), "{out}{error}");
    assert!(error.contains("canary: 7 items carried out") && error.contains("186 are left"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_called_repeatable_and_is_not_is_found_by_its_canary_and_nobody_is_asked() {
    let world = World::with_numbers(300);
    let asked = Arc::new(AtomicBool::new(false));
    let (ask, seen) = (asked.clone(), Arc::new(std::sync::Mutex::new(Vec::new())));
    let told = seen.clone();
    let migrator = world.migrator().await.approve(move |_| {
        ask.store(true, Relaxed);
        true
    });
    let migrator = migrator.observe(move |event| {
        if let Event::Canary(canary) = event {
            told.lock().unwrap().push(canary);
        }
    });
    let describe = Description { repeatable: true, ..Description::new(4, "grow") };
    let grow = Native::new(describe, "1", |item: Item| {
        let n: i64 = item.get("n").unwrap().as_n().unwrap().to_string().parse().unwrap();
        Ok::<_, String>(vec![Action::Patch(Patch { set: [("n", (n + 1).into())].into_iter().collect(), remove: vec![] })])
    });
    let options = RunOptions { canary: Some(5), ..RunOptions::new("Things") };
    let summary = migrator.run(Arc::new(grow), &options).await.unwrap();
    assert_eq!((summary.state.as_str(), asked.load(Relaxed)), ("incomplete", false));
    let seen = seen.lock().unwrap().clone();
    assert_eq!((seen.len(), seen[0].done, seen[0].as_planned, seen[0].not_settled, seen[0].left), (1, 5, 5, 5, 295));
    assert!(!seen[0].is_clean() && seen[0].to_string().contains("would change 5 of them once more"), "{}", seen[0]);
    let changed = world.table("Things").await.iter().filter(|item| item.get("n") != item.get("Id")).count();
    assert_eq!(changed, 5, "nothing further was written");
}
