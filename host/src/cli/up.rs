//! `up`: the migrations of a folder that are not applied, in the order of their numbers.

use std::path::PathBuf;

use clap::Args;

use super::connection::Connection;
use super::options::Flow;
use super::run::{First, Output, tell_of_writes_at_once};
use super::{Ended, series};
use crate::model::MigrationNumber;
use crate::report;
use crate::series::{Member, in_turn};

#[derive(Args)]
pub(super) struct UpVerb {
    /// The folder of migrations: components (.wasm), .js files and projects
    dir: PathBuf,
    /// The table: a name or an ARN
    #[arg(long)]
    table: String,
    /// No further than this number
    #[arg(long, value_name = "NUMBER")]
    to: Option<MigrationNumber>,
    /// Also those with a lower number than one that is applied
    #[arg(long)]
    out_of_order: bool,
    #[command(flatten)]
    flow: Flow,
    #[command(flatten)]
    first: First,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    output: Output,
}

impl UpVerb {
    pub(super) async fn run(self) -> Ended {
        let (building, dir, table) = (self.connection.building(), self.dir.display(), &self.table);
        let migrator = self.connection.migrator().await?;
        self.connection.lasting(&migrator)?;
        let standings = series::read(&self.dir, self.flow.limits()?, building)?.on(table, &migrator).await?;
        let members = standings.up(self.to, self.out_of_order)?;
        // What is not granted to the last one, or does not fit it, is said before the first one runs.
        for member in &members {
            self.flow.check(member, table, building)?;
            migrator.check_fits(&member.description, table).await?;
        }
        if !members.is_empty() {
            crate::output::aside(format_args!("{}", report::series::pending(&standings, &members)));
            self.output.confirm_all(&migrator, table, members.len())?;
        }
        let hooks = self.flow.hooks(&self.connection)?;
        let walk = in_turn(&members, async |member| {
            let (migration, mut options) = self.flow.load_member(member, table, building)?;
            self.first.give(&mut options);
            tell_of_writes_at_once(migration.as_ref());
            let migrator = self.output.watched(hooks.gated(self.first.asked(migrator.clone(), &self.output)));
            series::end_one(&hooks, &self.output, migrator.run(migration, &options).await)
        });
        let walk = walk.await;
        let numbers: Vec<MigrationNumber> = members.iter().map(Member::number).collect();
        let to = self.to.map(|to| format!(" --to {to}")).unwrap_or_default();
        let none = format!("up to date: nothing of {dir}{to} is left to apply on {}", standings.table);
        let out_of_order = if self.out_of_order { " --out-of-order" } else { "" };
        let command = format!("drift-host up {dir} --table {table}{to}{out_of_order}");
        series::end(&self.output, &standings, walk, &numbers, &none, &command)
    }
}
