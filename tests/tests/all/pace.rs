//! The rates that an operator sets.

use drift_tests::{World, guest};
use serde_json::Value as Json;

#[test]
fn a_run_takes_no_more_write_units_a_second_than_it_was_given() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_rows(600);
    let arguments = ["run", &echo, "--table", "Things", "--max-write-units", "200", "--json"];
    let (code, out, error) = world.drift_host(&arguments);
    assert_eq!(code, 0, "{error}");
    assert!(error.contains("at most any number of read and 200 write units a second"), "{error}");
    let document: Json = serde_json::from_str(&out).unwrap();
    let (seconds, units) = (document["seconds"]["apply"].as_f64().unwrap(), document["units"]["write"].as_f64().unwrap());
    assert!(units >= 600.0, "{out}");
    // A machine that is slow takes longer: only too little time would break the promise. A quarter of a second is saved up.
    assert!(seconds >= 600.0 / 200.0 - 0.25, "{units} units in {seconds} s");
}

#[test]
fn a_share_is_of_what_the_table_has_and_is_kept_with_the_run() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_rows(30);
    let (code, _, error) =
        world.drift_host(&["plan", &echo, "--table", "Things", "--max-read-units", "50%", "--max-write-units", "10%"]);
    assert_eq!(code, 0, "{error}");
    // An on-demand table begins with 12,000 and 4,000.
    assert!(error.contains("at most 6000 read and 400 write units a second"), "{error}");
    let run = world.only_run();
    let (code, _, error) = world.drift_host(&["apply", &run, "--max-read-units", "900"]);
    assert_eq!(code, 0, "{error}");
    assert!(error.contains("at most 900 read and 400 write units a second"), "{error}");
    let (code, _, error) = world.drift_host(&["run", &echo, "--table", "Things", "--max-write-units", "half"]);
    assert_eq!(code, 2, "{error}");
    assert!(error.contains("a share of what the table has (50%)"), "{error}");
}
