//! The SDK carries the contract with it, so that a crate outside of this repository finds it.

#[test]
fn the_contract_in_the_sdk_is_the_contract() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    assert_eq!(read("wit/migration.wit"), read("../../wit/migration.wit"), "copy wit/migration.wit to guest-sdk/rust/wit/");
}
