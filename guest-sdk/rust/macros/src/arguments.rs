//! What stands in the attribute's parentheses.

use proc_macro2::Span;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Error, Ident, LitInt, LitStr, Path, Result, Token, bracketed, parenthesized};

const KNOWN: &str = "number, name, summary, repeatable, undo, after, grants, extra";

pub(crate) struct Arguments {
    pub number: u64,
    pub name: LitStr,
    pub summary: Option<LitStr>,
    pub repeatable: bool,
    pub undo: Option<Path>,
    pub after: Vec<u64>,
    pub grants: Vec<Grant>,
    pub extra: Vec<(LitStr, LitStr)>,
}

pub(crate) struct Grant {
    /// The variant of `drift_sdk::Access`.
    pub access: Ident,
    /// `None`: the table being migrated.
    pub table: Option<LitStr>,
    pub why: LitStr,
}

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let (mut number, mut name, mut summary, mut undo) = (None, None, None, None);
        let (mut repeatable, mut after, mut grants, mut extra) = (None, None, None, None);
        while !input.is_empty() {
            let argument: Ident = input.parse()?;
            match argument.to_string().as_str() {
                "number" => once(&argument, &mut number, value(input).and_then(migration_number))?,
                "name" => once(&argument, &mut name, value(input).and_then(filled))?,
                "summary" => once(&argument, &mut summary, value(input).and_then(filled))?,
                "repeatable" => once(&argument, &mut repeatable, Ok(()))?,
                "undo" => once(&argument, &mut undo, value(input))?,
                "after" => once(&argument, &mut after, numbers(input))?,
                "grants" => once(&argument, &mut grants, list(input))?,
                "extra" => once(&argument, &mut extra, list(input))?,
                other => return Err(Error::new(argument.span(), format!("there is no argument `{other}`; there are {KNOWN}"))),
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        let missing = |what: &str| Error::new(Span::call_site(), format!("a migration needs `{what}`"));
        Ok(Self {
            number: number.ok_or_else(|| missing("number = 20261101"))?,
            name: name.ok_or_else(|| missing("name = \"…\""))?,
            summary,
            repeatable: repeatable.is_some(),
            undo,
            after: after.unwrap_or_default(),
            grants: grants.unwrap_or_default(),
            extra: extra.unwrap_or_default().into_iter().map(|Extra(name, value)| (name, value)).collect(),
        })
    }
}

fn once<T>(argument: &Ident, place: &mut Option<T>, value: Result<T>) -> Result<()> {
    match place.replace(value?) {
        None => Ok(()),
        Some(_) => Err(Error::new(argument.span(), format!("`{argument}` is given twice"))),
    }
}

fn value<T: Parse>(input: ParseStream<'_>) -> Result<T> {
    input.parse::<Token![=]>()?;
    input.parse()
}

fn filled(text: LitStr) -> Result<LitStr> {
    if text.value().trim().is_empty() { Err(Error::new(text.span(), "this is empty")) } else { Ok(text) }
}

fn migration_number(literal: LitInt) -> Result<u64> {
    match literal.base10_parse::<u64>() {
        Ok(number) if number <= 9_999_999_999_999_999_999 && literal.suffix().is_empty() => Ok(number),
        _ => Err(Error::new(literal.span(), "a migration's number has at most 19 digits and no suffix: 20261101, say")),
    }
}

fn numbers(input: ParseStream<'_>) -> Result<Vec<u64>> {
    input.parse::<Token![=]>()?;
    let content;
    bracketed!(content in input);
    Punctuated::<LitInt, Token![,]>::parse_terminated(&content)?.into_iter().map(migration_number).collect()
}

fn list<T: Parse>(input: ParseStream<'_>) -> Result<Vec<T>> {
    let content;
    parenthesized!(content in input);
    Ok(Punctuated::<T, Token![,]>::parse_terminated(&content)?.into_iter().collect())
}

impl Parse for Grant {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        const FORM: &str = "a grant is written insert(\"Claims\", why = \"…\"), update(…), delete(…), direct_read(…) or direct_write(…); the table being migrated is `own`";
        let access: Ident = input.parse().map_err(|error| Error::new(error.span(), FORM))?;
        let variant = match access.to_string().as_str() {
            "insert" => "Insert",
            "update" => "Update",
            "delete" => "Delete",
            "direct_read" => "DirectRead",
            "direct_write" => "DirectWrite",
            _ => return Err(Error::new(access.span(), FORM)),
        };
        let content;
        parenthesized!(content in input);
        let table = if content.peek(Ident) {
            let own: Ident = content.parse()?;
            if own != "own" {
                return Err(Error::new(own.span(), FORM));
            }
            None
        } else {
            Some(content.parse().and_then(filled).map_err(|error| Error::new(error.span(), FORM))?)
        };
        if content.is_empty() {
            return Err(Error::new(access.span(), "the operator is asked for this grant: say why = \"…\""));
        }
        content.parse::<Token![,]>()?;
        let why: Ident = content.parse()?;
        if why != "why" {
            return Err(Error::new(why.span(), FORM));
        }
        let why = value(&content).and_then(filled)?;
        let _: Option<Token![,]> = content.parse()?;
        if !content.is_empty() {
            return Err(Error::new(content.span(), FORM));
        }
        Ok(Self { access: Ident::new(variant, access.span()), table, why })
    }
}

/// `"name" = "value"`.
struct Extra(LitStr, LitStr);

impl Parse for Extra {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let form = |span| Error::new(span, "this is written extra(\"owner\" = \"data team\")");
        let name: LitStr = input.parse().map_err(|error| form(error.span()))?;
        let value = value(input).map_err(|_| form(name.span()))?;
        Ok(Self(name, value))
    }
}
