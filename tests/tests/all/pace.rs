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
