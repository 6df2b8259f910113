//! The command line: one verb a file. It reads arguments, calls the library and prints; it decides nothing.
//!
//! Results go to standard output, all else to standard error.

mod local;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Runs sandboxed WebAssembly migrations over the items of a DynamoDB table.
#[derive(Debug, Parser)]
#[command(name = "drift-host", version, about, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Local(local::Arguments),
}

/// How the program ends: one table of exit codes for all verbs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done, or nothing to do.
    Done = 0,
    /// Wrong usage, or an unusable plugin or file. Clap ends with the same code.
    Usage = 2,
    /// Try again: locked, unreachable, in use.
    TryAgain = 75,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Runs the program with the arguments of the process.
pub fn main() -> ExitCode {
    let exit = match Cli::parse().command {
        Command::Local(arguments) => local::run(arguments),
    };
    exit.into()
}

/// Says what went wrong, on standard error.
fn complain(error: &dyn std::fmt::Display) {
    eprintln!("drift-host: {error}");
}
