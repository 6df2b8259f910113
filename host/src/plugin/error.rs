//! Why a file is no plugin.

/// A file could not be loaded as a migration. Each message says what was found, what is accepted and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// Not to be read.
    #[error("the plugin {name} cannot be read: {reason}")]
    Unreadable {
        /// The file.
        name: String,
        /// The system's word.
        reason: String,
    },
    /// Not WebAssembly at all.
    #[error(
        "{name} is not WebAssembly: it begins with {found}. drift-host runs components (.wasm): build one with `cargo build --release --target wasm32-unknown-unknown`, say, as in example-migrations/rust"
    )]
    NotWasm {
        /// The file.
        name: String,
        /// Its first bytes, shown.
        found: String,
    },
    /// A core module, not a component.
    #[error(
        "{name} is a core WebAssembly module, and a migration is a component. Link it with `linker = \"wasm-component-ld\"` (Rust), or wrap it with `wasm-tools component new`"
    )]
    CoreModule {
        /// The file.
        name: String,
    },
    /// The component does not compile.
    #[error(
        "{name} is not a valid component: {reason}. Build it again; if it was copied, compare its size and digest with the original"
    )]
    Invalid {
        /// The file.
        name: String,
        /// The compiler's word.
        reason: String,
    },
    /// Another contract version.
    #[error(
        "{name} was built against drift:migration@{found}, and this drift-host accepts {accepted}. Build it against the wit/ folder of this version, or use a drift-host that speaks {found}"
    )]
    Version {
        /// The file.
        name: String,
        /// The version found.
        found: String,
        /// The versions accepted.
        accepted: String,
    },
    /// No migration in it.
    #[error(
        "{name} is a component of another world: it does not export {missing}. Found the exports: {exports}. A migration exports `describe` and `migrate` of drift:migration@0.1.0 (see wit/migration.wit)"
    )]
    World {
        /// The file.
        name: String,
        /// The export that is missing.
        missing: String,
        /// What it exports instead.
        exports: String,
    },
    /// It imports what is not on the list.
    #[error(
        "{name} imports {imports}, which is not allowed. {why}: a migration may import drift:migration/run, log and dynamodb, and of WASI 0.2 wasi:clocks, wasi:random, wasi:io, wasi:cli and wasi:filesystem, all of them virtual (no time of day, no files, no environment). Build it without; `drift-host inspect` of a component that loads says what each import allows"
    )]
    Refused {
        /// The file.
        name: String,
        /// The imports, by name.
        imports: String,
        /// In a few words.
        why: &'static str,
    },
    /// JavaScript with the runtime of another version of this program.
    #[error(
        "{name} was made by another drift-host: its JavaScript runtime is {found}, and this one packs {packed}. Build it again with this one (`drift-host build`, or name the .js file itself); a run that began with it goes on only with the drift-host that it began with"
    )]
    Runtime {
        /// The file.
        name: String,
        /// The digest of its runtime, the beginning of it.
        found: String,
        /// The same of the runtime that is packed into this program.
        packed: String,
    },
    /// It needs what nobody gives.
    #[error(
        "{name} cannot be linked: {reason}. Its imports are allowed by name, and differ from what they are here; build it against the wit/ folder of this version and WASI 0.2"
    )]
    Import {
        /// The file.
        name: String,
        /// The linker's word.
        reason: String,
    },
    /// It is larger than a component may be.
    #[error(
        "{name} is larger than {most}, the limit of a component. If it is to be run all the same, raise it: `--limit component=SIZE`, more than {most}"
    )]
    TooLarge {
        /// The file.
        name: String,
        /// The limit.
        most: String,
    },
    /// It takes too long to compile.
    #[error(
        "{name} took longer than {most} to compile, the limit. If it is to be run all the same, raise it: `--limit compile-time=TIME`, more than {most}"
    )]
    TooLong {
        /// The file.
        name: String,
        /// The limit.
        most: String,
    },
    /// Its memories or tables are too large from the beginning.
    #[error("{name} cannot be run: it {reason}")]
    TooMuch {
        /// The file.
        name: String,
        /// Which limit it passes.
        reason: String,
    },
    /// `describe` failed or said something impossible.
    #[error("{name}: `describe` {reason}")]
    Describe {
        /// The file.
        name: String,
        /// What went wrong.
        reason: String,
    },
    /// Its SDK says that it cannot be run: a file with a syntax error, say.
    #[error("{name} cannot be run: {what}")]
    Broken {
        /// The file.
        name: String,
        /// What its SDK says.
        what: String,
    },
    /// The engine could not be set up.
    #[error("the WebAssembly engine could not be set up: {0}")]
    Engine(String),
}
