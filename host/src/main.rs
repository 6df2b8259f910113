//! The binary: a thin skin over the library.

/// A fifth of the time went to the system's allocator: items are many small texts (docs/decisions/0016-the-fast-path.md). A program that
/// embeds the library chooses its own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    drift_host::cli::main()
}
