//! Items as DynamoDB can hold them: the strategy that the host's own property tests have.

use drift_host::model::{Attributes, Item, MAX_DEPTH, Number, Value};

#[path = "../../host/src/model/arbitrary.rs"]
mod arbitrary;

pub use arbitrary::{KEY, each, item, some};
