//! What the host tells a migration about the run it is in.
//!
//! In native tests, what [`testing::Run`](crate::testing::Run) was told.

use crate::error::{Error, Result};
use crate::item::Item;

/// The name of the table being migrated.
pub fn table() -> String {
    host::table()
}

/// The names of the primary key's attributes, partition key first.
pub fn key_attributes() -> Vec<String> {
    host::key_attributes()
}

/// The primary key of an item of the table being migrated.
pub fn key_of(item: &Item) -> Result<Item> {
    let names = key_attributes();
    match names.iter().find(|name| !item.contains(name)) {
        Some(name) => Err(Error::new(format_args!("attribute {name:?} is missing, and belongs to the key"))),
        None => Ok(item.pick(names)),
    }
}

/// When the run began, RFC 3339 in UTC: the same for every item, also after a resume. There is no other clock.
pub fn started_at() -> String {
    host::started_at()
}

/// What the operator gave as `--arg name=value`.
pub fn argument(name: &str) -> Option<String> {
    host::argument(name)
}

#[cfg(not(target_arch = "wasm32"))]
use crate::testing::context as host;
#[cfg(target_arch = "wasm32")]
use crate::wasm::host;
