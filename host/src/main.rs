//! The binary: a thin skin over the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    drift_host::cli::main()
}
