//! Migrations for drift-host, written in Rust: one function over one item, and one attribute.
//!
//! ```
//! use drift_sdk::prelude::*;
//!
//! #[migration(number = 20261101, name = "cents", summary = "Prices as cents", repeatable, undo = back)]
//! pub fn cents(item: &mut Item) -> Result<()> {
//!     if let Some(price) = item.parsed_number("Price $")? {
//!         let cents: u64 = Number::parse(format!("{price}E2"))?.to_int()?;
//!         item.set("price_cents", cents);
//!         item.rename("Price $", "old_price")?;
//!     }
//!     Ok(())
//! }
//!
//! fn back(item: &mut Item) -> Result<()> {
//!     if item.rename("old_price", "Price $")? {
//!         item.remove("price_cents");
//!     }
//!     Ok(())
//! }
//!
//! # fn main() -> Result<()> {
//! // A unit test needs no wasm: it calls the function, or runs the migration.
//! let mut shoe = item! { "Id" => 1, "Price $" => "1,250.50" };
//! drift_sdk::testing::check_undo(&MIGRATION, &shoe)?;
//! cents(&mut shoe)?;
//! assert_eq!(shoe, item! { "Id" => 1, "price_cents" => 125050, "old_price" => "1,250.50" });
//! # Ok(())
//! # }
//! ```
//!
//! What the function changed of the item becomes one patch of those attributes; nothing changed, nothing is written. What
//! else is to happen, here or in other tables, it asks of [`Actions`]. An error or a panic is that item's error, and the
//! others go on.
//!
//! The crate is compiled as a `cdylib` for wasm32; the README says how.

mod actions;
mod bytes;
mod de;
mod error;
mod item;
mod migration;
mod number;
mod path;
mod ser;
mod value;
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod wasm;

pub mod direct;
pub mod log;
pub mod run;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;

pub use actions::{Action, Actions, Existing, Insert, Patch, Target, Update};
pub use bytes::{Binary, Set};
pub use error::{Error, Result};
pub use item::{Item, Map};
pub use migration::{Access, Function, Grant, Migration};
pub use number::{Number, NumberError};
pub use path::Step;
pub use value::Value;

pub use drift_sdk_macros::migration;

/// What a migration's file begins with: `use drift_sdk::prelude::*;`.
pub mod prelude {
    pub use crate::{
        Actions, Binary, Error, Existing, Item, Map, Number, Result, Set, Step, Update, Value, bail, item, log, migration, path,
        run,
    };
}

/// For the macro's code.
#[doc(hidden)]
pub mod __private {
    pub use crate::migration::call;
    #[cfg(target_arch = "wasm32")]
    pub use crate::wasm;
}

/// Natively there is nothing to export.
#[cfg(not(target_arch = "wasm32"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __export {
    ($($anything:tt)*) => {};
}

/// The README's examples compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
