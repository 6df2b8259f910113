//! Items, keys and actions as plain Rust: what every room of the house speaks.
//!
//! No AWS type and no wasmtime type comes in here; `dynamo` and `plugin` each translate to and from these at their own
//! edge. Equality is DynamoDB's: `10` equals `10.0`, and sets ignore order.

mod action;
mod bytes;
mod description;
mod exactly_once;
mod features;
mod key;
mod number;
mod pattern;
mod plain;
mod preconditions;
mod rate;
mod size;
mod span;
mod validate;
mod value;

pub mod json;

#[cfg(test)]
pub(crate) mod arbitrary;

pub use action::{Action, Address, Existing, Insert, Patch, Target, Update};
pub use bytes::Bytes;
pub use description::{Access, Description, GrantRequest, MigrationNumber, MigrationNumberError};
pub use exactly_once::ExactlyOnce;
pub use features::{Checked, Features, IndexKey};
pub use key::{Key, KeyAttribute, KeySchema, KeyType};
pub use number::{Number, NumberError};
pub(crate) use pattern::matches_any;
pub use plain::{is_plain, shown};
pub use preconditions::Preconditions;
pub use rate::Rate;
pub use size::{MAX_DEPTH, MAX_ITEM_BYTES, item_bytes};
pub(crate) use span::span;
pub use validate::validate;
pub use value::{Attributes, Item, Value};
