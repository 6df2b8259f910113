//! Writes `docs/verbs`, a page for each verb: `cargo xtask docs`.

use std::process::ExitCode;

use drift_tests::book::{root, verbs};

fn main() -> ExitCode {
    let folder = root().join("docs/verbs");
    let written = || -> std::io::Result<usize> {
        // What is written there by hand would stay unnoticed; a verb that is gone would too.
        if folder.is_dir() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(&folder)?;
        let pages = verbs::pages();
        for (name, text) in &pages {
            std::fs::write(folder.join(name), text)?;
        }
        Ok(pages.len())
    };
    match written() {
        Ok(count) => {
            println!("{count} pages in {}", folder.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("cannot write {}: {error}", folder.display());
            ExitCode::FAILURE
        }
    }
}
