//! A new project: small, building, with one migration, one unit test and one fixture.

use std::fs;
use std::path::{Path, PathBuf};

use super::build::Language;
use super::{Error, at, sdk};

/// A file of a project, and its content before names are put in.
type File = (&'static str, &'static str);

const README: &str = include_str!("template/README.md.txt");
const FIXTURE: [File; 3] = [
    ("fixtures/fixtures.json", "{\n  \"key\": [\"Id\"],\n  \"table\": \"Things\"\n}\n"),
    ("fixtures/blanks/item.json", "{\n  \"Id\": 1,\n  \"name\": \"  Ann \"\n}\n"),
    ("fixtures/blanks/expected.json", "{\n  \"after\": {\n    \"Id\": 1,\n    \"name\": \"Ann\"\n  }\n}\n"),
];
const RUST: &[File] = &[
    ("Cargo.toml", include_str!("template/rust/Cargo.toml.txt")),
    (".cargo/config.toml", include_str!("template/rust/config.toml.txt")),
    ("src/lib.rs", include_str!("template/rust/lib.rs.txt")),
    (".gitignore", "/target\n/build\n/.drift\n"),
];

const GO: &[File] = &[
    ("go.mod", include_str!("template/go/go.mod.txt")),
    ("migration.go", include_str!("template/go/migration.go.txt")),
    ("migration_test.go", include_str!("template/go/migration_test.go.txt")),
    (".gitignore", "/build\n/.drift\n"),
];

const PYTHON: &[File] = &[
    ("migration.py", include_str!("template/python/migration.py.txt")),
    ("test_migration.py", include_str!("template/python/test_migration.py.txt")),
    (".gitignore", "/build\n/.drift\n__pycache__\n"),
];

const JAVASCRIPT: &[File] = &[
    ("migration.js", include_str!("template/js/migration.js.txt")),
    ("migration.test.js", include_str!("template/js/migration.test.js.txt")),
    ("package.json", "{\n  \"private\": true,\n  \"type\": \"module\"\n}\n"),
    (".gitignore", "/build\n/.drift\n"),
];
const TYPESCRIPT: &[File] = &[
    ("migration.ts", include_str!("template/ts/migration.ts.txt")),
    ("tsconfig.json", include_str!("template/ts/tsconfig.json.txt")),
    ("package.json", include_str!("template/ts/package.json.txt")),
    (".gitignore", "/build\n/.drift\n/node_modules\n"),
];

/// What is peculiar to a language: the file of the migration, how its unit tests run, and the files.
fn of(language: Language) -> (&'static str, &'static str, &'static [File]) {
    match language {
        Language::Rust => ("src/lib.rs", "cargo test", RUST),
        Language::Go => ("migration.go", "go test", GO),
        Language::Python => ("migration.py", "PYTHONPATH=.drift/sdk/python python3 -m unittest", PYTHON),
        Language::JavaScript => ("migration.js", "node --import ./.drift/sdk/js/register.js --test", JAVASCRIPT),
        Language::TypeScript => ("migration.ts", "npm run check", TYPESCRIPT),
    }
}

/// Makes the project `folder`, its migration called as the folder is; gives what was written. With `example`, it has a
/// fixture to begin with. A folder that has something in it is left alone.
pub fn make(folder: &Path, language: Language, example: bool) -> Result<Vec<PathBuf>, Error> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let good = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if !good {
        return Err(Error(format!(
            "{name:?} is no name for a migration here: lower-case letters, digits and `-`, a letter first"
        )));
    }
    if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(at(folder, "the folder exists and is not empty; choose another name"));
    }
    let (source, unit, files) = of(language);
    let file = name.replace('-', "_");
    let number = jiff::Timestamp::now().to_string().chars().filter(char::is_ascii_digit).take(8).collect::<String>();
    let fill = |text: &str| {
        let words = [
            ("name", name.as_str()),
            ("file", &file),
            ("number", &number),
            ("source", source),
            ("unit", unit),
            ("language", language.name()),
        ];
        words.iter().fold(text.to_owned(), |text, (word, value)| text.replace(&format!("{{{{{word}}}}}"), value))
    };
    let fixture = if example { &FIXTURE[..] } else { &[] };
    let mut written = Vec::new();
    for (path, content) in files.iter().chain(fixture).chain([&("README.md", README)]) {
        let path = folder.join(path);
        let made = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&path, fill(content)));
        made.map_err(|error| at(&path, format!("cannot be written: {error}")))?;
        written.push(path);
    }
    sdk::unpack(language, folder)?;
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_is_made_once_and_never_over_another() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("trim-names");
        let written = make(&folder, Language::Rust, true).unwrap();
        assert!(written.iter().all(|path| !fs::read_to_string(path).unwrap().contains("{{")), "a word was left to fill in");
        assert_eq!(Language::of(&folder).unwrap(), Language::Rust);
        assert!(make(&folder, Language::Rust, true).unwrap_err().0.contains("not empty"));
        for wrong in ["Trim", "a b", "1st", "über", "a.b"] {
            assert!(make(&dir.path().join(wrong), Language::Rust, true).is_err(), "{wrong}");
        }
    }
}
