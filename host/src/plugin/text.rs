//! Items and actions as the JSON text of `json-migration`.
//!
//! An object in it is always a value's descriptor, so that what JSON can say by itself stands as itself without a doubt: an
//! interpreter's own parser makes nearly all of an item, and the SDK looks at the rest. An answer is checked as what is lifted from
//! records is: numbers are numbers, names are unique, nothing nests deeper than DynamoDB's levels.

mod read;
mod write;

pub(super) use read::actions;
pub(super) use write::of;

/// A whole number of so many digits may stand as itself: it is exact in every language's parser of JSON.
const EXACT_DIGITS: u32 = 15;

#[cfg(test)]
mod tests;
