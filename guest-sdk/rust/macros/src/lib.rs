//! The attribute macro of `drift-sdk`, which re-exports it and documents its use.

mod arguments;
mod expand;

use proc_macro::TokenStream;

/// Makes a function over an item a migration.
///
/// ```ignore
/// use drift_sdk::prelude::*;
///
/// #[migration(
///     number = 20261101,                          // its place in the history, unique: a date, say
///     name = "tidy-strikes",
///     summary = "snake_case names, exact numbers", // what it does, in a sentence
///     repeatable,                                  // running it (and undo) on its own result changes nothing
///     undo = restore,                              // the way back: a function of the same form
///     after = [20261001],                          // migrations that must be applied before
///     grants(                                      // what it needs beyond patching the item at hand
///         insert("Claims", why = "one claim a strike"),
///         delete(own, why = "doubles go"),         // `own`: the table being migrated
///     ),
///     extra("owner" = "data team"),                // more about it, shown to operators
/// )]
/// pub fn tidy(item: &mut Item, actions: &mut Actions) -> Result<()> { … }
/// ```
///
/// `number` and `name` are required. The function takes `&mut Item`, and `&mut Actions` if it wants more than to
/// change the item. It returns `Result<()>`, or `Result<(), E>` where `E` implements `Display`, or nothing.
///
/// It stays a function that can be called. Beside it stands a constant `MIGRATION`, as visible as the function, for tests
/// and native programs; for wasm32, the exports that the host looks for. A component is one migration, so a crate
/// has one.
#[proc_macro_attribute]
pub fn migration(arguments: TokenStream, function: TokenStream) -> TokenStream {
    let function = proc_macro2::TokenStream::from(function);
    match expand::migration(arguments.into(), function.clone()) {
        Ok(expanded) => expanded.into(),
        // The function stays, so that its author sees this error and not those of its callers.
        Err(error) => {
            let error = error.to_compile_error();
            quote::quote!(#function #error).into()
        }
    }
}
