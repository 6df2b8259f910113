//! Room for a journal: looked at before the scan, and never more than it was given.

use drift_host::journal::{self, Journal};
use drift_host::model::Value;
use drift_tests::proxy::{Fault, Proxy, Rule};
use drift_tests::{World, guest};

async fn touched(world: &World) -> usize {
    world.table("Things").await.iter().filter(|item| item.get("touched") == Some(&Value::Bool(true))).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_journal_has_no_room_does_not_begin_and_says_how_much_it_takes() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_rows(300);
    let proxy = Proxy::start(&world.running.endpoint_url());
    // So many items that no disk holds their journal.
    let many = Fault::Rewrite(Box::new(|answer| answer["Table"]["ItemCount"] = 8_000_000_000_000_000_u64.into()));
    proxy.add(Rule::on(&["DescribeTable"], many).table("Things"));
    for verb in ["run", "plan"] {
        let (code, out, error) = world.drift_host_at(&proxy.endpoint_url(), &[verb, &echo, "--table", "Things"]);
        assert_eq!((code, out.as_str()), (75, ""), "{error}");
        for part in [
            "there is no room for this run's journal",
            " free, and the journal will take about ",
            " TB, with ",
            "--runs-dir",
            "--no-images",
        ] {
            assert!(error.contains(part), "{part} in {error}");
        }
        assert!(!error.contains("drift-host apply"), "there is no run to go on with: {error}");
    }
    assert!(journal::list(&world.runs()).unwrap_or_default().is_empty());
    assert_eq!(touched(&world).await, 0);
    // Nobody is in the way of whoever has the room.
    let (code, out, error) = world.drift_host(&["run", &echo, "--table", "Things"]);
    assert_eq!((code, touched(&world).await), (0, 300), "{out}{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_has_all_that_it_may_have_stops_the_run_with_75_and_with_more_it_goes_on() {
    let Some(echo) = guest("echo") else { return };
    let whole = World::with_noise(8_000);
    let (code, _, error) = whole.drift_host(&["plan", &echo, "--table", "Things"]);
    assert_eq!(code, 0, "{error}");
    let size = |world: &World| std::fs::metadata(world.runs().join(format!("{}.drift", world.only_run()))).unwrap().len();
    let (all, plugin) = (size(&whole), std::fs::metadata(&echo).unwrap().len());
    let most = (all + plugin) / 2;

    let world = World::with_noise(8_000);
    let given = format!("{most}B");
    let (code, out, error) = world.drift_host(&["run", &echo, "--table", "Things", "--journal-max", &given]);
    assert_eq!((code, out.as_str()), (75, ""), "{error}");
    let run = world.only_run();
    assert!(error.contains("(--journal-max)") && error.contains(&format!("drift-host apply {run}")), "{error}");
    assert!(size(&world) <= most, "{} of {most}", size(&world));
    let journal = Journal::read(&world.runs().join(format!("{run}.drift"))).unwrap();
    assert_eq!(journal.check(), Ok(()));
    let before = journal.counts().unwrap().scanned;
    assert!(0 < before && before < 8_000, "{before}");
    drop(journal);
    let (_, shown, _) = world.drift_host(&["show", &run]);
    assert!(shown.starts_with("interrupted") && shown.contains(&format!("to go on: drift-host apply {run}")), "{shown}");

    // It is kept with the run, and given anew.
    let (code, _, error) = world.drift_host(&["apply", &run]);
    assert_eq!((code, error.contains("(--journal-max)")), (75, true), "{error}");
    assert_eq!(touched(&world).await, 0, "nothing is written before all is planned");
    let (code, out, error) = world.drift_host(&["apply", &run, "--journal-max", "1GB"]);
    assert_eq!((code, out.starts_with("applied"), touched(&world).await), (0, true, 8_000), "{out}{error}");
}

#[test]
fn a_size_that_is_none_is_said_with_the_form_of_one() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_rows(1);
    let (code, _, error) = world.drift_host(&["run", &echo, "--table", "Things", "--journal-max", "20"]);
    assert_eq!((code, error.contains("20GB, 500MB or 64MiB")), (2, true), "{error}");
}
