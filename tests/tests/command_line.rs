//! The binary: bad input, status, and its exit codes.

use drift_tests::World;

#[test]
fn a_text_file_and_a_core_module_are_refused_as_plugins() {
    let world = World::with_rows(1);
    let write = |name: &str, bytes: &[u8]| {
        let path = world.dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.display().to_string()
    };
    let text = write("text.wasm", b"hello, this is no component");
    let core = write("core.wasm", &wat::parse_str("(module)").unwrap());
    let empty = write("empty.wasm", &wat::parse_str("(component)").unwrap());
    for (plugin, word) in [
        (text, "is not WebAssembly"),
        (core, "core WebAssembly module"),
        (empty, "another world"),
        ("nowhere.wasm".into(), "cannot be read"),
    ] {
        let (code, out, error) = world.drift_host(&["run", &plugin, "--table", "Things"]);
        assert_eq!((code, out.as_str()), (2, ""), "{error}");
        assert!(error.contains(word), "{error}");
    }
}

#[test]
fn status_of_nothing_is_nothing_and_writes_nothing() {
    let world = World::with_rows(1);
    let (code, out, _) = world.drift_host(&["status"]);
    assert_eq!((code, out.as_str()), (0, "no migration is applied\n"));
    let (code, out, _) = world.drift_host(&["status", "--json"]);
    assert_eq!((code, out.trim()), (0, r#"{"v":1,"applied":[],"unfinished":[]}"#));
    let (code, _, error) = world.drift_host(&["show", "20260101"]);
    assert_eq!(code, 3, "{error}");
}
