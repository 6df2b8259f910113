//! What people and CI run: `cargo xtask guests | demo | test | languages | crash | fleet | fuzz | bench | instructions | soak | measure | docs | record | deny | lint`.
//!
//! Nothing large is built into the clone: every cargo call made here keeps its output in a cache that all clones share,
//! so that the second command, and the second clone, wait for no dependency.

mod bench;
mod cargo;
mod crash;
mod demo;
mod deny;
mod fleet;
mod fuzz;
mod guests;
mod instructions;
mod languages;
mod python;
mod record;
mod scan;
mod soak;
mod toolchain;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask guests              build every guest, and say where they are
cargo xtask demo                the whole way on an embedded DynamoDB: try, run, status, undo
cargo xtask test [ARGUMENTS]    guests, then every test; arguments go to `cargo test`, and choose
cargo xtask languages           of those, the unit tests of the SDKs and examples in JavaScript, TypeScript, Go and Python
cargo xtask crash [OPTIONS]     kill migrations, resume them, look at every item: --runs N --seed S --kind KIND (docs/crash.md)
cargo xtask fleet [OPTIONS]     runs on Spark whose processes are killed, frozen and stopped: --spark VERSION, --only WORDS, --rounds N (docs/spark.md)
cargo xtask fuzz [OPTIONS]      damaged components and made-up answers against the host: --seconds N --seed S [COMPONENT.wasm]...
cargo xtask bench [OPTIONS]     drift-host against a bare SDK loop: --items N --rounds N --data FILE.csv --json
cargo xtask instructions        how many instructions an item costs, against before (bench/instructions.json; --bless writes it)
cargo xtask soak [LANGUAGE]...  a million calls of one instance in each language, its memory looked at: --items N
cargo xtask measure [LANGUAGE]...  what the same little work costs in each language (docs/languages/choosing.md): --json
cargo xtask docs                write docs/verbs, a page for each verb, from the help texts
cargo xtask record              an operator's tour, typed into a terminal of tmux: writes docs/recording.md
cargo xtask deny                licences, bans and sources of what is depended on, by deny.toml; advisories where cargo-deny is
cargo xtask lint                formatting and clippy; the first time it checks every dependency, which takes minutes

Output is kept in CARGO_TARGET_DIR, else in ~/.cache/drift-host/target, else in ./target.";

/// An error is a message for a person: what was tried, why it failed, what to do.
type Result<T, E = String> = std::result::Result<T, E>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (verb, rest) = arguments.split_first().map_or(("", &[][..]), |(verb, rest)| (verb.as_str(), rest));
    let done = match (verb, rest.is_empty()) {
        ("guests", true) => guests::build().map(|built| println!("{}", built.folder.display())),
        ("demo", true) => demo::run(),
        ("test", _) => test(rest),
        ("languages", true) => languages(),
        ("crash", _) => crash::run(rest),
        ("fleet", _) => fleet::run(rest),
        ("fuzz", _) => fuzz::run(rest),
        ("bench", _) => bench::run(rest),
        ("instructions", _) => instructions::run(rest),
        ("soak", _) => soak::soak(rest),
        ("measure", _) => soak::measure(rest),
        ("docs", true) => docs(),
        ("record", true) => record::run(),
        ("deny", true) => deny::run(),
        ("lint", true) => lint(),
        ("help" | "--help" | "-h", true) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}

/// The guests, then the tests of the workspace, then the unit tests that authors of migrations write, in each language.
fn test(arguments: &[String]) -> Result<()> {
    let mut skipped = Vec::new();
    let guests = match guests::build() {
        Ok(built) => Some(built.folder),
        // A machine of one's own may lack a compiler for guests; the machine that decides may not.
        Err(message) if !in_ci() => {
            skipped.push(format!("Rust guests: {message}"));
            None
        }
        Err(message) => return Err(message),
    };
    let moto = match python::moto() {
        Ok(program) => Some(program),
        Err(message) if !in_ci() => {
            skipped.push(format!("runs in S3: {message}"));
            None
        }
        Err(message) => return Err(message),
    };
    let spark = match python::spark() {
        Ok(program) => Some(program),
        Err(message) if !in_ci() => {
            skipped.push(format!("runs on Spark: {message}"));
            None
        }
        Err(message) => return Err(message),
    };
    // Before the tests: they start it. With the whole workspace selected, so that dependencies have the same features and
    // are built once.
    let drift_host = drift_host()?;
    let mut tests = cargo::here(&["test", "--locked", "--workspace", "--no-fail-fast"]);
    tests.args(arguments).env("DRIFT_HOST_BIN", &drift_host);
    match &guests {
        Some(folder) => tests.env("DRIFT_GUESTS_DIR", folder),
        None => tests.env_remove("DRIFT_GUESTS_DIR"),
    };
    match &moto {
        Some(program) => tests.env("DRIFT_MOTO", program),
        None => tests.env_remove("DRIFT_MOTO"),
    };
    match &spark {
        Some(program) => tests.env("DRIFT_SPARK_PYTHON", program),
        None => tests.env_remove("DRIFT_SPARK_PYTHON"),
    };
    if guests.is_some() {
        toolchain::find()?.tell(&mut tests);
    }
    let workspace = tests.run();
    // Arguments choose among the tests of this workspace, and mean nothing in another.
    let examples = match guests::EXAMPLES.manifest().filter(|_| arguments.is_empty()) {
        Some(manifest) => cargo::here(&["test", "--manifest-path"])
            .arg(manifest)
            .env("CARGO_TARGET_DIR", cargo::target_dir()?.join("examples-native"))
            .run(),
        None => {
            skipped.push("the unit tests of the examples: they run where there are examples, and no arguments".into());
            Ok(())
        }
    };
    let languages = if arguments.is_empty() {
        languages::test(&drift_host, &mut skipped)
    } else {
        skipped.push("the unit tests of JavaScript, TypeScript, Go and Python: they run where there are no arguments".into());
        Ok(())
    };
    tell(&skipped);
    workspace.and(examples).and(languages)
}

/// The pages of the verbs, by a program that links drift-host: this one is kept small.
fn docs() -> Result<()> {
    cargo::here(&["build", "--locked", "--workspace", "--bin", "verbs"]).run()?;
    cargo::program(cargo::target_dir()?.join("debug").join(exe("verbs"))).run()
}

/// Those of the languages that are not Rust, by themselves.
fn languages() -> Result<()> {
    let mut skipped = Vec::new();
    let done = languages::test(&drift_host()?, &mut skipped);
    tell(&skipped);
    done
}

/// The binary, built.
fn drift_host() -> Result<PathBuf> {
    cargo::here(&["build", "--locked", "--workspace", "--bin", "drift-host"]).run()?;
    Ok(cargo::target_dir()?.join("debug").join(exe("drift-host")))
}

fn tell(skipped: &[String]) {
    for skip in skipped {
        eprintln!("xtask: SKIPPED {skip}");
    }
}

/// Formatting of every workspace here, and clippy of those that compile for this machine: a test guest does so for wasm32 only.
fn lint() -> Result<()> {
    cargo::here(&["fmt", "--all", "--", "--check"]).run()?;
    for manifest in guest_workspaces() {
        cargo::here(&["fmt", "--all", "--manifest-path"]).arg(manifest).args(["--", "--check"]).run()?;
    }
    cargo::here(&["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"]).run()?;
    if let Some(manifest) = guests::EXAMPLES.manifest() {
        cargo::here(&["clippy", "--locked", "--manifest-path"])
            .arg(manifest)
            .args(["--all-targets", "--", "-D", "warnings"])
            .env("CARGO_TARGET_DIR", cargo::target_dir()?.join("examples-native"))
            .run()?;
    }
    Ok(())
}

fn guest_workspaces() -> impl Iterator<Item = PathBuf> {
    [guests::EXAMPLES, guests::TESTS].into_iter().filter_map(guests::Workspace::manifest)
}

/// Whether this machine decides over a change: `CI` set to anything but nothing, `0` or `false`.
fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"))
}

/// The workspace's root, wherever the command was given.
fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

fn exe(name: &str) -> String {
    format!("{name}{}", std::env::consts::EXE_SUFFIX)
}
