//! From what is kept of a run to the terms on which it writes.

use super::error::Error;
use crate::dynamo::{Guard, Proof, Terms};
use crate::history::receipts_table;
use crate::journal::Manifest;
use crate::migration::{SecretArgument, Secrets};
use crate::model::ExactlyOnce;

/// The terms of a run; the error is about the command line.
pub(super) fn terms(manifest: &Manifest) -> Result<Terms, Error> {
    let guard = guard(&manifest.guard)?;
    let run = manifest.run.clone();
    let proof = match &manifest.exactly_once {
        ExactlyOnce::No => Proof::None,
        ExactlyOnce::Receipts => Proof::Receipt { table: receipts_table(&manifest.meta_table), run },
        ExactlyOnce::Stamp(attribute) => {
            let usage = |problem: &str| Err(Error::Usage(format!("--exactly-once stamp={attribute}: {problem}")));
            if manifest.context.key.contains(attribute) {
                return usage("it is an attribute of the table's key, which no write can change");
            }
            if guard == Guard::Version(attribute.clone()) {
                return usage("it is the version attribute of --guard; name another");
            }
            Proof::Stamp { attribute: attribute.clone(), run }
        }
    };
    if manifest.no_atomic && proof != Proof::None {
        return Err(Error::Usage(
            "--no-atomic and --exactly-once exclude each other: one proof cannot speak for writes that go one by one".into(),
        ));
    }
    if manifest.no_images && guard == Guard::Item && !manifest.has_windows() {
        return Err(Error::Usage(
            "--no-images needs --guard version=ATTRIBUTE: without the item as it was seen, nothing but a version tells that it is still \
             the same. Or add --window N, less than --segments: then the items are kept until their window is done"
                .into(),
        ));
    }
    // Under a guard by the whole item they are needed, and dropped when their window is done.
    let (atomic, images) = (!manifest.no_atomic, !manifest.no_images || guard == Guard::Item);
    Ok(Terms { guard, proof, atomic, check_source: manifest.check_source, images })
}

fn guard(text: &str) -> Result<Guard, Error> {
    match text.split_once('=') {
        None if text == "item" => Ok(Guard::Item),
        Some(("version", attribute)) if !attribute.is_empty() => Ok(Guard::Version(attribute.to_owned())),
        _ => Err(Error::Usage(format!("--guard {text:?}: it is `item`, or `version=ATTRIBUTE`"))),
    }
}

/// The values of a run's secret arguments, as this process has them; the error is about the command line.
pub(super) fn secrets(secret: &[SecretArgument], arguments: &[(String, String)]) -> Result<Secrets, Error> {
    let names = || secret.iter().map(|argument| &argument.name).chain(arguments.iter().map(|(name, _)| name));
    if let Some(SecretArgument { name, .. }) = secret.iter().find(|one| names().filter(|name| **name == one.name).count() > 1) {
        return Err(Error::Usage(format!("the argument {name} is given twice, and once it is secret")));
    }
    Secrets::read(secret).map_err(|error| Error::Usage(error.to_string()))
}
