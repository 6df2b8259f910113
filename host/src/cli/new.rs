//! `new`: a small project with one migration, ready to be built and tested.

use std::path::PathBuf;

use clap::Args;

use super::Ended;
use super::connection::Connection;
use crate::Error;
use crate::author::build::Language;
use crate::author::{Mask, fixture, template};
use crate::dynamo::ScanRequest;

#[derive(Args)]
pub(super) struct NewVerb {
    /// The project's folder; its last part is the migration's name
    folder: PathBuf,
    /// The language
    #[arg(long)]
    lang: Language,
    /// Begin with fixtures of items of this table, their values masked
    #[arg(long, value_name = "TABLE")]
    from_table: Option<String>,
    /// So many of them
    #[arg(long, value_name = "N", default_value_t = 5, requires = "from_table", value_parser = clap::value_parser!(u32).range(1..=100))]
    sample: u32,
    /// Leave the values as they are: only where the project may hold them
    #[arg(long, requires = "from_table")]
    unmasked: bool,
    #[command(flatten)]
    connection: Connection,
}

impl NewVerb {
    pub(super) async fn run(self) -> Ended {
        // First, so that a table that cannot be read leaves no half of a project.
        let sampled = match &self.from_table {
            Some(table) => Some(self.sample_of(table).await?),
            None => None,
        };
        let written = template::make(&self.folder, self.lang, sampled.is_none())?;
        if let Some((table, items)) = sampled {
            let names: Vec<&str> = table.key.attributes().map(|attribute| attribute.name.as_str()).collect();
            fixture::begin_all(&self.folder.join("fixtures"), &table.name, &names, &items)?;
        }
        for path in written {
            say!("{}", path.display());
        }
        tell!(
            "next: cd {} && drift-host build && drift-host test{}",
            self.folder.display(),
            if self.from_table.is_some() { " --bless" } else { "" }
        );
        Ok(0)
    }

    async fn sample_of(&self, name: &str) -> Result<(crate::dynamo::TableInfo, Vec<crate::model::Item>), Error> {
        let migrator = self.connection.migrator().await?;
        let client = migrator.database().client();
        let table = client.describe_table(name).await?;
        let request = ScanRequest {
            table: table.name.clone(),
            segment: 0,
            segments: 1,
            consistent: false,
            limit: self.sample,
            filter: None,
            start: None,
        };
        let items = client.scan_page(&request).await?.items;
        if items.is_empty() {
            return Err(Error::Usage(format!("there is no item to begin with: the table {} is empty", table.name)));
        }
        let mask = Mask::new();
        let items = if self.unmasked { items } else { items.iter().map(|item| mask.item(item)).collect() };
        Ok((table, items))
    }
}
