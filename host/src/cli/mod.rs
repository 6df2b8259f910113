//! The command line: one verb a file, no logic of its own.
//!
//! Results go to standard output, progress and errors to standard error. Exit codes are one table for all verbs: 0 done,
//! or nothing to do; 1 failed or doubtful items, or `plan --check` found changes; and for errors that of their code
//! ([`crate::explain`]): 2 usage or unusable plugin; 3 refused; 4 denied, unknown credentials, or table missing; 65 journal corrupt
//! or foreign; 75 try again (locked, unreachable, no answer, expired credentials); 130/143 interrupted and resumable.

mod apply;
mod build;
mod completions;
mod connection;
mod ctl;
mod doctor;
mod examples;
mod explain;
#[cfg(test)]
mod flags;
mod help;
mod hooks;
mod inspect;
#[cfg(unix)]
mod keys;
mod lead;
mod local;
mod new;
mod options;
mod repair;
mod run;
mod segment;
mod series;
mod settled;
mod show;
mod signals;
mod source;
mod status;
mod test;
mod try_;
mod undo;
mod up;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::explain::Code;
use crate::output::{Lines, complain, complain_to_machines, is_for_machines};

/// The variable for `--log`.
const LOG: &str = "DRIFT_LOG";

/// Changes the items of a live DynamoDB table, safely, with sandboxed migrations.
#[derive(Parser)]
#[command(name = "drift-host", version, max_term_width = 110)]
struct Cli {
    /// Lines for people, or JSON objects
    ///
    /// Of standard error: an object a line (docs/json.md), progress as by --json-progress. DRIFT_LOG says the same.
    #[arg(long, global = true, value_name = "text|json", value_enum, env = LOG, hide_env = true, hide_possible_values = true, default_value = "text", display_order = 1000)]
    log: Lines,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a small project of a migration, in any of five languages
    New(new::NewVerb),
    /// Make a component of a project
    Build(build::BuildVerb),
    /// Try a migration on fixtures: items, and what they should become
    Test(test::TestVerb),
    /// See what a migration would do to a few items; writes nothing
    Try(try_::TryVerb),
    /// What a plugin is, says and asks for
    Inspect(inspect::InspectVerb),
    /// Look whether a run would find what it needs; writes nothing
    Doctor(doctor::DoctorVerb),
    /// Scan and migrate, and stop before anything is written
    Plan(run::PlanVerb),
    /// Plan and apply a migration
    Run(run::RunVerb),
    /// Go on with a run from wherever it stands
    #[command(alias = "resume")]
    Apply(apply::ApplyVerb),
    /// Stand for a run whose segments other processes do
    ///
    /// It holds the lease, says how fast each may be, waits until all are planned and then until all are applied, and records it once.
    Lead(lead::LeadVerb),
    /// Go back: by the migration's own code, or from what a run kept
    Undo(undo::UndoVerb),
    /// Apply what of a folder of migrations is not applied yet
    ///
    /// In the order of their numbers, and no further than the first that does not end well.
    Up(up::UpVerb),
    /// Steer a run at work, from any machine: pause, rates, stop
    Ctl(ctl::CtlVerb),
    /// What is applied, what is unfinished; where a folder stands
    Status(status::StatusVerb),
    /// All that is known of one run
    Show(show::ShowVerb),
    /// Decide what only people can: a dead lease, an item in doubt
    ///
    /// And a journal that is lost, or code with another digest. Each asks first, and each leaves a line in the audit.
    Repair(repair::RepairVerb),
    /// Create the metadata tables
    Init(status::InitVerb),
    /// Serve DynamoDB on loopback, with data, for trying things out
    ///
    /// Prints its URL on standard output when it answers, and runs until Ctrl-C. Tables are kept in memory unless --data names a file.
    Local(local::Arguments),
    /// What an error's code means, and what to do about it
    Explain(explain::ExplainVerb),
    /// A script by which a shell completes verbs, flags and values
    Completions(completions::CompletionsVerb),
}

/// What a verb ends with: an exit code, or an error with its own.
type Ended = Result<u8, crate::Error>;

/// The tree of verbs and flags, with their help texts and examples: what `--help`, completions and the pages of the verbs are made from.
pub fn command() -> clap::Command {
    help::arranged(Cli::command())
}

/// Runs the command line.
pub fn main() -> ExitCode {
    let matches = match settled::matches(command()) {
        Ok(matches) => matches,
        Err(error) => {
            complain(&error, error.code(), error.exit_code());
            return ExitCode::from(error.exit_code());
        }
    };
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => misused(&error),
    };
    crate::output::choose(cli.log);
    let local = match cli.command {
        Command::Local(arguments) => return local::run(arguments),
        other => other,
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(&format!("the runtime could not be started: {error}"), Code::Process, Code::Process.exit_code());
            return ExitCode::from(Code::Process.exit_code());
        }
    };
    let ended = runtime.block_on(async {
        match local {
            Command::Run(verb) => verb.run().await,
            Command::Undo(verb) => verb.run().await,
            Command::Ctl(verb) => verb.run().await,
            Command::Doctor(verb) => verb.run().await,
            Command::Up(verb) => verb.run().await,
            Command::Repair(verb) => verb.run().await,
            Command::Plan(verb) => verb.run().await,
            Command::Apply(verb) => verb.run().await,
            Command::Lead(verb) => verb.run().await,
            Command::Try(verb) => verb.run().await,
            Command::Status(verb) => verb.run().await,
            Command::Show(verb) => verb.run().await,
            Command::New(verb) => verb.run().await,
            Command::Build(verb) => verb.run(),
            Command::Test(verb) => verb.run(),
            Command::Inspect(verb) => verb.run(),
            Command::Explain(verb) => verb.run(),
            Command::Completions(verb) => verb.run(),
            Command::Init(verb) => verb.run().await,
            Command::Local(_) => Ok(0),
        }
    });
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    let code = ended.unwrap_or_else(|error| {
        let exit = signals::exit_code(error.exit_code());
        // Whoever reads progress as objects reads how it ended likewise, beside the line for people.
        if is_set(&matches, "json_progress") && !is_for_machines() {
            complain_to_machines(&error, error.code(), exit);
        }
        complain(&error, error.code(), exit);
        exit
    });
    ExitCode::from(signals::exit_code(code))
}

/// Whether the verb has this flag, and it was given.
fn is_set(matches: &clap::ArgMatches, flag: &str) -> bool {
    let verb = matches.subcommand().map(|(_, verb)| verb);
    verb.and_then(|verb| verb.try_get_one::<bool>(flag).ok().flatten()).is_some_and(|set| *set)
}

/// Wrong usage, or a page of help. No flag is known yet, but what was wanted of these lines can be seen all the same.
fn misused(error: &clap::Error) -> ! {
    let mut before = String::new();
    let wanted = std::env::args().any(|argument| {
        let is_said = argument == "--log=json" || before == "--log" && argument == "json";
        before = argument;
        is_said
    });
    let is_wanted = wanted || std::env::var(LOG).is_ok_and(|lines| lines == "json");
    if !error.use_stderr() || !is_wanted {
        error.exit();
    }
    crate::output::choose(Lines::Json);
    complain(&error.to_string().trim_start_matches("error: ").trim_end(), Code::Usage, Code::Usage.exit_code());
    std::process::exit(Code::Usage.exit_code().into());
}
