//! Two versions of the contract side by side, and what is said of a third.

use drift_tests::fuzz::encoded_in;
use drift_tests::{World, guest};

/// A guest of the contract's test version: a description with an owner, and an error with advice.
const SECOND: &str = r#"(module
  (memory (export "memory") 1)
  (data (i32.const 0) "\80\00\00\00\03\00\00\00\84\00\00\00\06\00\00\00")
  (data (i32.const 44) "\90\00\00\00\07\00\00\00")
  (data (i32.const 128) "779\00second\00\00\00\00\00\00the owl")
  (data (i32.const 256) "\01\00\00\00\90\01\00\00\06\00\00\00\01\00\00\00\a0\01\00\00\05\00\00\00")
  (data (i32.const 400) "no way")
  (data (i32.const 416) "wait!")
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 4096))
  (func (export "describe") (result i32) (i32.const 0))
  (func (export "migrate") (param i32 i32 i32 i32) (result i32) (i32.const 256)))"#;

#[test]
fn each_plugin_is_spoken_to_in_the_version_that_it_was_built_against() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_rows(3);
    let second = world.dir.path().join("second.wasm");
    let core = wat::parse_str(SECOND).unwrap();
    std::fs::write(&second, encoded_in(&core, &["migration.wit", "test/migration.wit"])).unwrap();
    let second = second.display().to_string();
    let inspected = |plugin: &str| {
        let output = std::process::Command::new(drift_tests::binary()).args(["inspect", plugin, "--json"]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()
    };
    assert_eq!(inspected(&echo)["contract"], "drift:migration@0.1.0");
    let said = inspected(&second);
    assert_eq!(
        (&said["contract"], &said["extra"]),
        (&"drift:migration@0.2.0-test".into(), &serde_json::json!([["owner", "the owl"]]))
    );
    let (code, out, error) = world.drift_host(&["run", &second, "--table", "Things", "--max-errors", "3"]);
    assert_eq!((code, out.contains("Id=2: no way (wait!)")), (1, true), "{out}{error}");
    let (code, out, error) = world.drift_host(&["run", &echo, "--table", "Things", "--meta-table", "another_history"]);
    assert_eq!(code, 0, "{out}{error}");
}

#[test]
fn a_plugin_of_another_version_is_told_both_that_there_are() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_rows(1);
    let mut bytes = std::fs::read(echo).unwrap();
    for at in 0..bytes.len() - 5 {
        if bytes[at..].starts_with(b"@0.1.0") {
            bytes[at + 3] = b'9';
        }
    }
    let later = world.dir.path().join("later.wasm");
    std::fs::write(&later, bytes).unwrap();
    let (code, _, error) = world.drift_host(&["run", &later.display().to_string(), "--table", "Things"]);
    assert_eq!(code, 2, "{error}");
    for words in ["built against drift:migration@0.9.0", "drift:migration@0.1.x and drift:migration@0.2.0-test"] {
        assert!(error.contains(words), "{error}");
    }
}
