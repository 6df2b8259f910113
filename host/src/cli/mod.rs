//! The command line: one verb a file, no logic of its own.
//!
//! Results go to standard output, progress and errors to standard error. Exit codes are one table for all verbs: 0 done,
//! or nothing to do; 1 failed or doubtful items, or `plan --check` found changes; 2 usage or unusable plugin; 3 refused;
//! 4 denied, unknown credentials, or table missing; 65 journal corrupt or foreign; 75 try again (locked, unreachable, no answer,
//! expired credentials); 130/143 interrupted and resumable.

mod apply;
mod build;
mod connection;
mod ctl;
mod doctor;
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
mod show;
mod signals;
mod source;
mod span;
mod status;
mod test;
mod try_;
mod undo;
mod up;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Changes the items of a live DynamoDB table, safely, with sandboxed migrations.
#[derive(Parser)]
#[command(name = "drift-host", version, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Plan and apply a migration
    Run(run::RunVerb),
    /// Scan and migrate, and stop before anything is written
    Plan(run::PlanVerb),
    /// Go on with a run from wherever it stands
    #[command(alias = "resume")]
    Apply(apply::ApplyVerb),
    /// Stand for a run whose segments are done by other processes: the lease, the rates, the history
    Lead(lead::LeadVerb),
    /// Go back by the migration's own code, or by the host from what a run kept
    Undo(undo::UndoVerb),
    /// Steer a run that is at work, from any machine: pause, resume, other rates, stop
    Ctl(ctl::CtlVerb),
    /// Decide what only people can: a dead lease, a lost journal, an item in doubt, another digest
    Repair(repair::RepairVerb),
    /// Apply the migrations of a folder that are not applied yet, in the order of their numbers
    Up(up::UpVerb),
    /// See what a migration would do to a few items, without commitment
    Try(try_::TryVerb),
    /// Look whether a run on a table would find what it needs; writes nothing
    Doctor(doctor::DoctorVerb),
    /// Applied migrations and unfinished runs; of a folder, where each migration stands
    Status(status::StatusVerb),
    /// All that is known of one run
    Show(show::ShowVerb),
    /// Make a small project of a migration, in a language of your choice
    New(new::NewVerb),
    /// Make a component of a project
    Build(build::BuildVerb),
    /// Try a migration on fixtures: items, and what should become of them
    Test(test::TestVerb),
    /// What a plugin is, says and asks for
    Inspect(inspect::InspectVerb),
    /// Create the metadata tables
    Init(status::InitVerb),
    /// Serve DynamoDB on loopback, with data, for trying things out
    Local(local::Arguments),
}

/// How `local` ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    /// Done, or nothing to do.
    Done = 0,
    /// Wrong usage, or an unusable plugin or file.
    Usage = 2,
    /// Try again: locked, unreachable, in use.
    TryAgain = 75,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Says what went wrong, on standard error.
fn complain(error: &dyn std::fmt::Display) {
    tell!("error: {error}");
}

/// What a verb ends with: an exit code, or an error with its own.
type Ended = Result<u8, crate::Error>;

/// Runs the command line.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let local = match cli.command {
        Command::Local(arguments) => return local::run(arguments).into(),
        other => other,
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tell!("error: the runtime could not be started: {error}");
            return ExitCode::from(75);
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
            Command::Init(verb) => verb.run().await,
            Command::Local(_) => Ok(0),
        }
    });
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    let code = ended.unwrap_or_else(|error| {
        complain(&error);
        error.exit_code()
    });
    ExitCode::from(signals::exit_code(code))
}
