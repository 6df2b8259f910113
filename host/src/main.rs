//! The binary: a thin skin over the library.

fn main() -> std::process::ExitCode {
    drift_host::cli::main()
}
