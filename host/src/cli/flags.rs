//! That nothing of the command line is without its word: every verb, flag and value says what it is, and what holds without it.

use clap::{Arg, Command};

/// Flags with a value that have no default, because without them nothing happens or nothing is bounded: their help need not say so.
const NOTHING_WITHOUT: &[&str] = &[
    "arg",
    "secret-arg",
    "grant",
    "policy",
    "limit",
    "stop-after",
    "window",
    "segment",
    "journal",
    "filter",
    "home-region",
    "exactly-once",
    "canary",
    "price",
    "record",
    "endpoint-url",
    "region",
    "profile",
    "to",
    "run",
    "plugin",
    "key",
    "item",
    "key-attributes",
    "from-table",
    "older-than",
    "output",
    "provisioned",
    "adopt",
    "baseline",
    "applied",
    "not-applied",
    "load",
    "table",
];

fn each(mut look: impl FnMut(&str, &Command, Option<&Arg>)) {
    let command = super::command();
    for verb in command.get_subcommands() {
        look(verb.get_name(), verb, None);
        for argument in verb.get_arguments().filter(|argument| !matches!(argument.get_id().as_str(), "help" | "version")) {
            let name = argument.get_long().unwrap_or(argument.get_id().as_str());
            look(&format!("{} {name}", verb.get_name()), verb, Some(argument));
        }
    }
}

/// What is said of it, in short and at length.
fn said(argument: &Arg) -> (String, String) {
    let short = argument.get_help().map(ToString::to_string).unwrap_or_default();
    let long = argument.get_long_help().map_or_else(|| short.clone(), ToString::to_string);
    (short, long)
}

#[test]
fn every_verb_flag_and_value_says_what_it_is_in_a_sentence() {
    let mut wrong = Vec::new();
    each(|name, verb, argument| {
        let (short, long) = match argument {
            Some(argument) => said(argument),
            None => {
                let about = verb.get_about().map(ToString::to_string).unwrap_or_default();
                (about.clone(), verb.get_long_about().map_or(about, ToString::to_string))
            }
        };
        // A sentence may begin with what it goes with: `--table T: …`, `[PLUGIN] …`.
        let begins = short.chars().next().is_some_and(|first| first.is_uppercase() || matches!(first, '-' | '['));
        if !begins || short.split_whitespace().count() < 2 || short.ends_with('.') || short.contains("\n") {
            wrong.push(format!("{name}: {short:?} is no sentence without its stop"));
        }
        let more = long.strip_prefix(&short).map(str::trim).filter(|more| !more.is_empty());
        if let Some(more) = more.filter(|more| !more.ends_with(['.', ':', ')', ']']) && !more.contains('\n')) {
            wrong.push(format!("{name}: {more:?} has no end"));
        }
        for value in argument.map(Arg::get_possible_values).unwrap_or_default() {
            let hidden = argument.is_some_and(Arg::is_hide_possible_values_set);
            let is_switch = argument.is_some_and(|argument| !argument.get_action().takes_values());
            if value.get_help().is_none() && !hidden && !is_switch {
                wrong.push(format!("{name}: nothing is said of the value {}", value.get_name()));
            }
        }
    });
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_holds_without_a_flag_is_said() {
    let (mut wrong, mut seen) = (Vec::new(), Vec::new());
    each(|name, _, argument| {
        let Some(argument) = argument.filter(|argument| argument.get_action().takes_values()) else { return };
        let long = argument.get_long().unwrap_or_default().to_owned();
        let has_default = !argument.get_default_values().is_empty() || said(argument).1.contains("[default: ");
        let needs_none = argument.is_required_set() || argument.is_positional();
        if !has_default && !needs_none && !NOTHING_WITHOUT.contains(&long.as_str()) {
            wrong.push(format!("{name}: neither a default of clap's, nor [default: …] in its help"));
        }
        if !has_default {
            seen.push(long);
        }
    });
    assert!(wrong.is_empty(), "{wrong:#?}");
    for name in NOTHING_WITHOUT {
        assert!(seen.iter().any(|seen| seen == name), "{name} is no flag without a default");
    }
}
