//! What is in a folder of migrations.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Member, Series, Unusable};
use crate::Error;
use crate::author::build::Language;
use crate::migration::Migration;

/// What an entry of the folder is, by its name and kind alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Migration,
    /// For those who look for it.
    Ignored,
    /// Hidden, and not spoken of.
    Hidden,
}

impl Series {
    /// Reads a folder; `load` makes a migration of a component, a file of JavaScript or a project, and refuses what is none.
    pub fn read(dir: &Path, load: impl Fn(&Path) -> Result<Arc<dyn Migration>, Error>) -> Result<Self, Error> {
        let shown = dir.display();
        let unreadable =
            |error: std::io::Error| Error::Usage(format!("the folder of migrations {shown} cannot be read: {error}"));
        if dir.is_file() {
            return Err(Error::Usage(format!(
                "{shown} is a file, and a folder of migrations is wanted; one alone is for `drift-host run`"
            )));
        }
        let entries = std::fs::read_dir(dir).map_err(unreadable)?.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
        let mut paths: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
        paths.sort();
        let mut series = Self { dir: dir.to_owned(), members: Vec::new(), unusable: Vec::new(), ignored: Vec::new() };
        for path in paths {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            match kind(&name, &path) {
                Kind::Hidden => {}
                Kind::Ignored => series.ignored.push(name),
                Kind::Migration => match load(&path) {
                    Ok(migration) => series.members.push(Member {
                        description: migration.description().clone(),
                        digest: migration.digest().to_owned(),
                        reversible: migration.reversible(),
                        path,
                    }),
                    Err(error) => series.unusable.push(Unusable { path, problem: error.to_string() }),
                },
            }
        }
        series.members.sort_by_key(Member::number);
        Ok(series.without_twins())
    }

    /// A number is one migration's: of several that say the same none can be told to be it.
    fn without_twins(mut self) -> Self {
        let same = |one: &Member, other: &Member| one.number() == other.number() && one.path != other.path;
        let (twins, members): (Vec<Member>, Vec<Member>) =
            self.members.iter().cloned().partition(|member| self.members.iter().any(|other| same(member, other)));
        for twin in &twins {
            let others = twins.iter().filter(|other| same(twin, other));
            let others: Vec<String> = others.map(|other| other.path.display().to_string()).collect();
            let (number, others) = (twin.number(), others.join(", "));
            let problem =
                format!("it says number {number}, and so does {others}. A number is one migration's: give one of them another");
            self.unusable.push(Unusable { path: twin.path.clone(), problem });
        }
        self.members = members;
        self
    }
}

fn kind(name: &str, path: &Path) -> Kind {
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    if name.starts_with('.') {
        return Kind::Hidden;
    }
    let is_one = match path.is_dir() {
        true => Language::of(path).is_ok(),
        false => ends(&[".wasm", ".js", ".mjs"]) && !ends(&[".test.js", ".test.mjs"]),
    };
    if is_one { Kind::Migration } else { Kind::Ignored }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Native;
    use crate::model::Description;

    /// A migration whose number is what stands in its file.
    fn load(path: &Path) -> Result<Arc<dyn Migration>, Error> {
        let file = if path.is_dir() { path.join("go.mod") } else { path.to_owned() };
        let text = std::fs::read_to_string(file).unwrap();
        let number: u32 = text.trim().parse().map_err(|_| Error::Usage(format!("{text} is no migration")))?;
        Ok(Arc::new(Native::new(Description::new(number, "one"), &text, |_| Ok::<_, String>(vec![]))))
    }

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        dir
    }

    fn names(paths: impl Iterator<Item = PathBuf>) -> Vec<String> {
        paths.map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn migrations_are_in_the_order_of_their_numbers_and_the_rest_is_named() {
        let dir = folder(&[
            ("a.wasm", "30"),
            ("b.js", "4"),
            ("c.mjs", "7"),
            ("project/go.mod", "5"),
            ("README.md", ""),
            ("b.test.js", ""),
            ("fixtures/item.json", ""),
            (".git/config", ""),
        ]);
        let series = Series::read(dir.path(), load).unwrap();
        let numbers: Vec<u64> = series.members.iter().map(|member| member.number().get()).collect();
        assert_eq!(numbers, [4, 5, 7, 30]);
        assert_eq!(series.ignored, ["README.md", "b.test.js", "fixtures"]);
        assert_eq!(series.unusable, []);
    }

    #[test]
    fn what_is_no_migration_and_what_has_the_number_of_another_are_unusable() {
        let dir = folder(&[("a.js", "1"), ("b.js", "2"), ("c.js", "1"), ("d.wasm", "x")]);
        let series = Series::read(dir.path(), load).unwrap();
        assert_eq!(names(series.members.iter().map(|member| member.path.clone())), ["b.js"]);
        assert_eq!(names(series.unusable.iter().map(|one| one.path.clone())), ["d.wasm", "a.js", "c.js"]);
        assert_eq!(series.unusable[0].problem, "x is no migration");
        assert!(series.unusable[1].problem.contains("number 1") && series.unusable[1].problem.contains("c.js"));
    }

    #[test]
    fn a_file_or_nothing_is_no_folder() {
        let dir = folder(&[("a.js", "1")]);
        for (path, word) in [(dir.path().join("a.js"), "drift-host run"), (dir.path().join("none"), "cannot be read")] {
            let error = Series::read(&path, load).unwrap_err();
            assert_eq!((error.exit_code(), error.to_string().contains(word)), (2, true), "{error}");
        }
    }
}
