//! From an attribute and a function to a constant and the exports.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Error, ItemFn, Result};

use crate::arguments::{Arguments, Grant};

/// The function as it was, and what makes it a migration.
pub(crate) fn migration(arguments: TokenStream, function: TokenStream) -> Result<TokenStream> {
    let arguments: Arguments = syn::parse2(arguments)?;
    let function: ItemFn =
        syn::parse2(function).map_err(|error| Error::new(error.span(), "#[migration(…)] stands on a function"))?;
    check(&function)?;

    let Arguments { number, name, summary, repeatable, undo, after, grants, extra } = arguments;
    let summary = summary.map_or_else(String::new, |summary| summary.value());
    let migrate = called(&function.sig.ident, function.sig.ident.span());
    let world = Ident::new(if undo.is_some() { "reversible" } else { "forward" }, Span::call_site());
    let undo = match undo {
        Some(path) => {
            let call = called(&path, path.span());
            quote!(::core::option::Option::Some(#call))
        }
        None => quote!(::core::option::Option::None),
    };
    let grants = grants.into_iter().map(|Grant { access, table, why }| {
        let table = match table {
            Some(table) => quote!(::core::option::Option::Some(#table)),
            None => quote!(::core::option::Option::None),
        };
        quote!(::drift_sdk::Grant { access: ::drift_sdk::Access::#access, table: #table, why: #why })
    });
    let extra = extra.into_iter().map(|(name, value)| quote!((#name, #value)));
    let visibility = &function.vis;
    let docs = format!("The migration {} `{}`.", number, name.value());
    Ok(quote! {
        #function

        #[doc = #docs]
        #[allow(dead_code)]
        #visibility const MIGRATION: ::drift_sdk::Migration = ::drift_sdk::Migration {
            number: #number,
            name: #name,
            summary: #summary,
            repeatable: #repeatable,
            after: &[#(#after),*],
            grants: &[#(#grants),*],
            extra: &[#(#extra),*],
            migrate: #migrate,
            undo: #undo,
        };

        ::drift_sdk::__export!(#world MIGRATION);
    })
}

/// A function of either form as one of the same form. Errors about the form point at its name.
fn called(function: &impl quote::ToTokens, span: Span) -> TokenStream {
    quote_spanned!(span=> |item, actions| ::drift_sdk::__private::call(#function, item, actions))
}

/// What the compiler would say of generated code instead.
fn check(function: &ItemFn) -> Result<()> {
    let signature = &function.sig;
    if let Some(asynchronous) = signature.asyncness {
        return Err(Error::new(asynchronous.span(), "a migration is not async: it computes, and the host does the rest"));
    }
    if !signature.generics.params.is_empty() {
        return Err(Error::new(signature.generics.span(), "a migration's function has no generic parameters"));
    }
    if let Some(receiver) = signature.receiver() {
        return Err(Error::new(receiver.span(), "a migration is a function, not a method"));
    }
    if !(1..=2).contains(&signature.inputs.len()) {
        return Err(Error::new(
            signature.ident.span(),
            "a migration takes `&mut Item`, and `&mut Actions` if it wants more than to change the item",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(arguments: TokenStream, function: TokenStream) -> String {
        migration(arguments, function).unwrap().to_string()
    }

    fn refused(arguments: TokenStream) -> String {
        migration(
            arguments,
            quote!(
                fn f(item: &mut Item) {}
            ),
        )
        .unwrap_err()
        .to_string()
    }

    #[test]
    fn the_world_is_reversible_only_with_an_undo_and_the_constant_is_as_visible_as_the_function() {
        let forward = expanded(
            quote!(number = 1, name = "a"),
            quote!(
                fn f(item: &mut Item) {}
            ),
        );
        assert!(forward.contains("__export ! (forward MIGRATION)") && !forward.contains("pub const"), "{forward}");
        let reversible = expanded(
            quote!(number = 1, name = "a", undo = back::f),
            quote!(
                pub fn f(item: &mut Item) {}
            ),
        );
        assert!(reversible.contains("__export ! (reversible MIGRATION)") && reversible.contains("pub const"), "{reversible}");
    }

    #[test]
    fn each_wrong_argument_is_named_with_the_right_form() {
        assert_eq!(refused(quote!(name = "a")), "a migration needs `number = 20261101`");
        assert_eq!(refused(quote!(number = 1)), "a migration needs `name = \"…\"`");
        assert!(
            refused(quote!(number = 1, name = "a", undoo = f))
                .starts_with("there is no argument `undoo`; there are number, name,")
        );
        assert!(refused(quote!(number = 1, number = 2, name = "a")).contains("given twice"));
        assert!(refused(quote!(number = 10000000000000000000, name = "a")).contains("at most 19 digits"));
        assert!(refused(quote!(number = 1u8, name = "a")).contains("no suffix"));
        assert_eq!(refused(quote!(number = 1, name = " ")), "this is empty");
        for grant in
            [quote!(read("T", why = "x")), quote!(insert(this, why = "x")), quote!(insert("T", because = "x")), quote!("T")]
        {
            assert!(refused(quote!(number = 1, name = "a", grants(#grant))).starts_with("a grant is written insert("), "{grant}");
        }
        assert!(refused(quote!(number = 1, name = "a", grants(insert("T")))).contains("say why"));
        assert!(refused(quote!(number = 1, name = "a", extra(owner = "x"))).contains("extra(\"owner\""));
    }

    #[test]
    fn each_wrong_function_is_told_what_a_migration_is() {
        let of = |function| migration(quote!(number = 1, name = "a"), function).unwrap_err().to_string();
        assert!(
            of(quote!(
                fn f() {}
            ))
            .contains("takes `&mut Item`")
        );
        assert!(
            of(quote!(
                fn f(a: A, b: B, c: C) {}
            ))
            .contains("takes `&mut Item`")
        );
        assert!(
            of(quote!(
                async fn f(a: A) {}
            ))
            .contains("not async")
        );
        assert!(
            of(quote!(
                fn f<T>(a: T) {}
            ))
            .contains("no generic")
        );
        assert!(
            of(quote!(
                fn f(&self) {}
            ))
            .contains("not a method")
        );
        assert!(
            of(quote!(
                struct S;
            ))
            .contains("stands on a function")
        );
    }
}
