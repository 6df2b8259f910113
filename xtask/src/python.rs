//! Programs in Python that the tests need, in a virtual environment in the cache.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cargo::{program, target_dir};
use crate::{Result, root, toolchain};

/// Spark 4 wants it, and 3.5 takes it.
const JAVA: u32 = 17;
const DEBIAN_JAVA: &str = "openjdk-17-jre-headless";

/// moto's server, which speaks S3; installed the first time, and when its version changes.
pub(crate) fn moto() -> Result<PathBuf> {
    let ours = Wanted { name: "moto", program: "moto_server", built: false };
    ours.installed(&fs_text(&root().join("tests").join("requirements.txt"))?)
}

/// The Python of an environment with Spark, as CI has it; and Java, which it needs.
pub(crate) fn spark() -> Result<PathBuf> {
    java()?;
    Wanted::SPARK.installed(&fs_text(&root().join("tests").join("requirements-spark.txt"))?)
}

/// The same with another version of Spark.
pub(crate) fn spark_of(version: &str) -> Result<PathBuf> {
    java()?;
    Wanted { name: &format!("spark-{version}"), ..Wanted::SPARK }.installed(&format!("pyspark=={version}\n"))
}

/// Java 17 or newer, by JAVA_HOME or PATH, as Spark looks for it.
fn java() -> Result<()> {
    let found = java_version();
    if found.as_ref().is_ok_and(|version| *version >= JAVA) {
        return Ok(());
    }
    let found = found.map_or_else(|message| message, |version| format!("java is of version {version}"));
    match toolchain::install_from_debian(&[DEBIAN_JAVA]) {
        Ok(()) if java_version().is_ok_and(|version| version >= JAVA) => Ok(()),
        _ => Err(format!(
            "{found}; Spark needs Java {JAVA} or newer, in PATH or by JAVA_HOME (Debian: apt-get install {DEBIAN_JAVA})"
        )),
    }
}

fn java_version() -> Result<u32> {
    let java = env::var_os("JAVA_HOME").map_or_else(|| "java".into(), |home| PathBuf::from(home).join("bin/java"));
    let output = Command::new(&java).arg("-version").output().map_err(|error| format!("{}: {error}", java.display()))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    major(&said).ok_or_else(|| format!("{} says {:?}", java.display(), said.lines().next().unwrap_or_default()))
}

/// 17 of `openjdk version "17.0.15" 2025-04-15`.
fn major(said: &str) -> Option<u32> {
    said.split('"').nth(1)?.split('.').next()?.parse().ok()
}

/// A program of an environment.
struct Wanted<'a> {
    name: &'a str,
    program: &'a str,
    /// Whether a package may be built of its source: pyspark comes in no other way, and has nothing to compile.
    built: bool,
}

fn fs_text(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

impl Wanted<'_> {
    const SPARK: Wanted<'static> = Wanted { name: "spark", program: "python", built: true };

    /// The program, in an environment with these requirements.
    fn installed(&self, text: &str) -> Result<PathBuf> {
        let folder = target_dir()?.join("python").join(self.name);
        let (made, stamp) = (folder.join("bin").join(self.program), folder.join("requirements.txt"));
        if made.is_file() && fs::read_to_string(&stamp).is_ok_and(|stamped| stamped == text) {
            return Ok(made);
        }
        let python = env::var_os("PYTHON").unwrap_or_else(|| "python3".into());
        let failed = |message: String| {
            format!(
                "{} for the tests could not be installed: {message}. It takes Python 3.9 or newer with venv and pip (Debian: apt-get install python3-venv), and PyPI",
                self.name
            )
        };
        program(&python).args(["-m", "venv", "--clear"]).arg(&folder).run().map_err(failed)?;
        let list = folder.join("wanted.txt");
        fs::write(&list, text).map_err(|error| format!("cannot write {}: {error}", list.display()))?;
        let mut pip = program(folder.join("bin").join("python"));
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
        if !self.built {
            pip.args(["--only-binary", ":all:"]);
        }
        pip.arg("-r").arg(&list).run().map_err(failed)?;
        // Last: its presence says that all else is there.
        fs::write(&stamp, text).map_err(|error| format!("cannot write {}: {error}", stamp.display()))?;
        if made.is_file() { Ok(made) } else { Err(failed(format!("there is no {} in it", self.program))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn javas_version_is_read_as_each_prints_it() {
        for (said, version) in [
            ("openjdk version \"17.0.15\" 2025-04-15\nOpenJDK Runtime", Some(17)),
            ("java version \"1.8.0_381\"", Some(1)),
            ("openjdk version \"21\" 2023-09-19", Some(21)),
            ("Error: no java", None),
        ] {
            assert_eq!(major(said), version, "{said}");
        }
    }
}
