//! One environment: found, and held against the account and the table that a verb is about to work on.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::file::{self, File, Moment, Settings};
use super::{ConfigError, FILE};
use crate::dynamo::Database;
use crate::model::matches_any;

/// An environment of a file.
#[derive(Clone, Debug)]
pub struct Environment {
    name: String,
    path: PathBuf,
    settings: Settings,
}

impl Environment {
    /// The environment of this name, else the file's default; `None` where there is no file, or no default and no name. Without `config`
    /// the file is that of the working directory.
    pub fn choose(config: Option<&Path>, name: Option<&str>) -> Result<Option<Self>, ConfigError> {
        let path = config.unwrap_or(Path::new(FILE));
        if config.is_none() {
            match (path.is_file(), name) {
                (false, Some(name)) => return Err(ConfigError::NoFile { environment: name.to_owned() }),
                (false, None) => return Ok(None),
                (true, _) => {}
            }
            if let Some(why) = file::others_may_write(path) {
                return Err(ConfigError::OthersMayWrite { path: path.to_owned(), why });
            }
        }
        let unusable = |problem: String| ConfigError::Unusable { path: path.to_owned(), problem };
        let text = std::fs::read_to_string(path).map_err(|error| unusable(error.to_string()))?;
        let File { default, mut env } = file::parse(&text).map_err(unusable)?;
        let Some(name) = name.map(str::to_owned).or(default) else { return Ok(None) };
        match env.remove(&name) {
            Some(settings) => Ok(Some(Self { name, path: path.to_owned(), settings })),
            None => {
                let has = if env.is_empty() { "none".into() } else { env.keys().cloned().collect::<Vec<_>>().join(", ") };
                Err(ConfigError::NoEnvironment { path: path.to_owned(), name, has })
            }
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The flags that it stands for, by their names with `_`, where they are not given. The folder of the runs is the only one that counts
    /// for a run that has begun elsewhere.
    pub fn flags(&self) -> Vec<(&'static str, String)> {
        let settings = &self.settings;
        let beside = |place: &String| match place.contains("://") || Path::new(place).is_absolute() {
            true => place.clone(),
            // What stands in the file is relative to the file.
            false => self.path.parent().unwrap_or(Path::new("")).join(place).display().to_string(),
        };
        let flags = [
            ("runs_dir", settings.runs_dir.as_ref().map(beside)),
            ("region", settings.region.clone()),
            ("profile", settings.profile.clone()),
            ("endpoint_url", settings.endpoint_url.clone()),
            ("meta_table", settings.meta_table.clone()),
            ("policy", settings.policy.as_ref().map(beside)),
            ("max_read_units", settings.max_read_units.map(|units| units.0.to_string())),
            ("max_write_units", settings.max_write_units.map(|units| units.0.to_string())),
        ];
        flags.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }

    /// The commands that run at this moment, in their order.
    pub fn hooks(&self, moment: Moment) -> &[String] {
        self.settings.hooks.get(&moment).map_or(&[], |commands| commands.all())
    }

    /// How long each of them may take, where the file says so.
    pub fn hook_timeout(&self) -> Option<Duration> {
        self.settings.hook_timeout.map(|span| span.0)
    }

    /// Refuses a table, by name or ARN, that is none of the environment's, or that another account has.
    pub fn check_table(&self, table: &str) -> Result<(), ConfigError> {
        let arn_account = table.strip_prefix("arn:").and_then(|arn| arn.split(':').nth(3));
        if let (Some(wanted), Some(is)) = (&self.settings.account, arn_account.filter(|account| !account.is_empty()))
            && wanted.0 != is
        {
            return Err(self.other_account(format!("the table {table} is of {is}")));
        }
        let name = table.rsplit('/').next().unwrap_or(table);
        match &self.settings.tables {
            Some(tables) if !tables.iter().any(|pattern| matches_any(pattern, name)) => Err(ConfigError::Table {
                path: self.path.clone(),
                environment: self.name.clone(),
                table: name.to_owned(),
                tables: if tables.is_empty() { "none".into() } else { tables.join(", ") },
            }),
            _ => Ok(()),
        }
    }

    /// Refuses credentials of another account than the environment's. Asks STS whose they are, unless the endpoint is on this machine,
    /// where any credentials will do.
    pub async fn check_account(&self, database: &Database) -> Result<(), crate::Error> {
        let Some(wanted) = &self.settings.account else { return Ok(()) };
        match database.account().await? {
            Some(is) if is != wanted.0 => Err(self.other_account(format!("these credentials are of {is}")).into()),
            _ => Ok(()),
        }
    }

    fn other_account(&self, found: String) -> ConfigError {
        let wanted = self.settings.account.as_ref().map(|account| account.0.clone()).unwrap_or_default();
        ConfigError::Account { path: self.path.clone(), environment: self.name.clone(), wanted, found }
    }

    /// In a few words: which it is, and what it bounds.
    pub fn told(&self, database: &Database) -> String {
        let account = self.settings.account.as_ref().map(|account| match database.has_account() {
            true => format!(", account {} as it says", account.0),
            false => format!(", account {} not looked at: the endpoint is on this machine", account.0),
        });
        let tables = self.settings.tables.as_ref().map(|tables| format!(", tables {}", tables.join(", ")));
        let hooks: Vec<&str> =
            Moment::ALL.into_iter().filter(|moment| !self.hooks(*moment).is_empty()).map(Moment::as_str).collect();
        let hooks = if hooks.is_empty() { String::new() } else { format!(", hooks on {}", hooks.join(", ")) };
        let (path, name) = (self.path.display(), &self.name);
        format!("{name}, of {path}{}{}{hooks}", account.unwrap_or_default(), tables.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_folder(text: &str) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("drift.toml");
        std::fs::write(&path, text).unwrap();
        (dir, path)
    }

    const TWO: &str = r#"
        default = "staging"
        [env.staging]
        runs-dir = "runs"
        policy = "/etc/policy.toml"
        tables = ["Orders", "audit-*"]
        max-write-units = 50
        [env.production]
        account = "123456789012"
        runs-dir = "s3://bucket/prefix"
    "#;

    #[test]
    fn the_one_that_is_named_holds_else_the_default() {
        let (dir, path) = in_folder(TWO);
        let staging = Environment::choose(Some(&path), None).unwrap().unwrap();
        assert_eq!(staging.name(), "staging");
        let runs = dir.path().join("runs").display().to_string();
        let expected =
            [("runs_dir", runs), ("policy", "/etc/policy.toml".to_owned()), ("max_write_units", "50".to_owned())].to_vec();
        assert_eq!(staging.flags(), expected, "paths are relative to the file");
        let production = Environment::choose(Some(&path), Some("production")).unwrap().unwrap();
        assert_eq!(production.flags(), [("runs_dir", "s3://bucket/prefix".to_owned())]);
        let none = Environment::choose(Some(&path), Some("prod")).unwrap_err().to_string();
        assert!(none.contains("\"prod\"") && none.contains("production, staging"), "{none}");
        let (_dir, path) = in_folder("[env.a]\n");
        assert!(Environment::choose(Some(&path), None).unwrap().is_none(), "no default, no name");
        assert!(Environment::choose(Some(Path::new("/nowhere/drift.toml")), None).is_err());
    }

    #[test]
    fn a_table_that_is_none_of_its_own_is_refused_by_name_and_arn() {
        let (_dir, path) = in_folder(TWO);
        let staging = Environment::choose(Some(&path), None).unwrap().unwrap();
        for table in ["Orders", "audit-2026", "arn:aws:dynamodb:eu-west-1:210987654321:table/Orders"] {
            staging.check_table(table).unwrap();
        }
        for table in ["Users", "Orders2", "arn:aws:dynamodb:eu-west-1:210987654321:table/Users"] {
            let said = staging.check_table(table).unwrap_err().to_string();
            assert!(said.contains("staging") && said.contains("Orders, audit-*"), "{said}");
        }
        let production = Environment::choose(Some(&path), Some("production")).unwrap().unwrap();
        production.check_table("arn:aws:dynamodb:eu-west-1:123456789012:table/Any").unwrap();
        let said = production.check_table("arn:aws:dynamodb:eu-west-1:210987654321:table/Any").unwrap_err();
        assert!(matches!(said, ConfigError::Account { .. }), "{said}");
    }

    #[cfg(unix)]
    #[test]
    fn who_else_may_write_the_file_is_seen() {
        use std::os::unix::fs::PermissionsExt;
        let (_dir, path) = in_folder(TWO);
        for (mode, others) in [(0o644, false), (0o600, false), (0o664, false), (0o666, true)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(file::others_may_write(&path).is_some(), others, "{mode:o}");
        }
    }
}
