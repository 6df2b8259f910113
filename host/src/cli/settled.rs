//! The flags of a verb with those that its environment stands for: what was given counts, then the environment's, then each flag's default.
//!
//! A run that has begun goes on where it began, and as fast as it was told: of an environment that nobody named only the folder of runs
//! counts for it. The environment's account and tables are bounds for it all the same.

use std::path::PathBuf;

use clap::{ArgMatches, Command};

use crate::Error;
use crate::config::Environment;

/// Parses the command line, ends where it is wrong or asks for help, and parses it again with what the environment says.
pub(super) fn matches(command: Command) -> Result<ArgMatches, Error> {
    let given = command.clone().get_matches();
    let Some((verb, flags)) = given.subcommand() else { return Ok(given) };
    // Verbs that touch no table have no such flag, and need no file of environments.
    if !command.find_subcommand(verb).is_some_and(|verb| has_flag(verb, "environment")) {
        return Ok(given);
    }
    let (config, name) = (flags.get_one::<PathBuf>("config"), flags.get_one::<String>("environment"));
    let Some(environment) = Environment::choose(config.map(PathBuf::as_path), name.map(String::as_str))? else {
        return Ok(given);
    };
    for table in ["table", "from_table"] {
        if let Some(table) = flags.try_get_one::<String>(table).ok().flatten() {
            environment.check_table(table)?;
        }
    }
    let goes_on = name.is_none() && has_begun(verb, flags);
    let command = command.mut_subcommand(verb, |command| {
        environment.flags().into_iter().filter(|(flag, _)| !goes_on || *flag == "runs_dir").fold(command, with_default)
    });
    Ok(command.get_matches())
}

/// Whether the verb goes on with a run, or back from one.
fn has_begun(verb: &str, flags: &ArgMatches) -> bool {
    let has = |flag| flags.try_get_one::<String>(flag).ok().flatten().is_some();
    match verb {
        "apply" => true,
        "undo" => has("run"),
        "repair" => has("item"),
        _ => false,
    }
}

fn has_flag(verb: &Command, flag: &str) -> bool {
    verb.get_arguments().any(|argument| argument.get_id() == flag)
}

/// The verb, with this default of a flag if it has that.
fn with_default(verb: Command, (flag, value): (&'static str, String)) -> Command {
    if !has_flag(&verb, flag) {
        return verb;
    }
    // clap wants it for as long as the process lives: a few texts, once.
    let value: &'static str = value.leak();
    verb.mut_arg(flag, |argument| argument.default_value(value))
}
