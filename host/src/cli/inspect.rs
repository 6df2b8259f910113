//! `inspect`: what a plugin is, says and asks for. Touches no table.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Map, Value, json};

use super::Ended;
use super::options::{Limited, parse_grants};
use super::source::{Building, Loading};
use crate::iam::{Needs, policies};
use crate::migration::Migration;
use crate::model::GrantRequest;
use crate::plugin::{Grants, Import, Plugin};

#[derive(Args)]
pub(super) struct InspectVerb {
    /// The plugin: a WebAssembly component
    plugin: PathBuf,
    #[command(flatten)]
    limited: Limited,
    /// Print one JSON document
    #[arg(long, conflicts_with = "iam_policy")]
    json: bool,
    /// Print the least AWS IAM policies for it as JSON: `plan`, and `apply`; `run` needs both
    #[arg(long)]
    iam_policy: bool,
    /// The table to migrate, by name or ARN, for --iam-policy; without an ARN, REGION and ACCOUNT are left to fill in
    #[arg(long, value_name = "NAME|ARN", requires = "iam_policy", default_value = "TABLE")]
    table: String,
    /// The metadata table, for --iam-policy
    #[arg(long, value_name = "NAME", requires = "iam_policy", default_value = "drift_migrations")]
    meta_table: String,
    /// Grants to reckon with, for --iam-policy, instead of all that it asks for
    #[arg(long = "grant", value_name = "ACCESS:TABLE", requires = "iam_policy")]
    grants: Vec<String>,
}

fn grant(asked: &GrantRequest) -> String {
    format!("{}:{}", asked.access.as_str(), asked.table.as_deref().unwrap_or("."))
}

impl InspectVerb {
    pub(super) fn run(self) -> Ended {
        let plugin = Loading { compile_anew: true, building: Building::Allowed, ..Loading::new(self.limited.limits(&[])?) }
            .load(&self.plugin)?;
        if self.iam_policy {
            let grants = match self.grants.is_empty() {
                true => Grants::asked_by(plugin.description()),
                false => parse_grants(&self.grants)?,
            };
            let after = !plugin.description().after.is_empty();
            let needs = Needs { table: &self.table, meta: &self.meta_table, grants: &grants, after };
            say!("{:#}", policies(&needs));
            return Ok(0);
        }
        match self.json {
            true => say!("{}", document(&plugin)),
            false => print(&plugin),
        }
        Ok(0)
    }
}

fn document(plugin: &Plugin) -> Value {
    let (said, about) = (plugin.description(), plugin.about());
    let size = plugin.component().map_or(0, <[u8]>::len);
    let grants = said.grants.iter().map(|asked| json!({ "grant": grant(asked), "why": asked.why }));
    let after: Vec<String> = said.after.iter().map(ToString::to_string).collect();
    let explained = plugin.explained_imports();
    let allows: Map<String, Value> = explained.iter().map(|import| (import.name.clone(), import.allows.into())).collect();
    let producers = about.producers.iter();
    let producers = producers.map(|made| json!({ "role": made.role, "name": made.name, "version": made.version }));
    let limits = plugin.limits();
    let mut shown: Map<String, Value> =
        limits.lines().into_iter().map(|line| (line.name.to_owned(), line.value.into())).collect();
    shown.insert("fresh-instances".into(), limits.fresh_instances.into());
    json!({
        "v": 1, "digest": plugin.digest(), "bytes": size, "contract": plugin.contract(), "number": said.number.to_string(),
        "name": said.name, "summary": said.summary, "repeatable": said.repeatable, "reversible": plugin.reversible(),
        "after": after, "grants": grants.collect::<Vec<_>>(), "imports": plugin.imports(), "exports": plugin.exports(),
        "allows": allows, "review": careful(plugin, &explained), "producers": producers.collect::<Vec<_>>(),
        "compile_seconds": plugin.compile_time().map(|time| time.as_secs_f64()), "memory_floor_bytes": about.memory_floor,
        "has_lines": about.has_lines, "limits": shown, "extra": said.extra,
    })
}

fn print(plugin: &Plugin) {
    let (said, about) = (plugin.description(), plugin.about());
    say!("migration {} {}", said.number, said.name);
    say!("  {}", said.summary);
    say!("  digest      {}", plugin.digest());
    say!("  size        {} bytes, contract {}", plugin.component().map_or(0, <[u8]>::len), plugin.contract());
    for made in &about.producers {
        let version = if made.version.is_empty() { String::new() } else { format!(" {}", made.version) };
        say!("  made by     {}{version} ({}), it says", made.name, made.role);
    }
    let compiled = plugin.compile_time().map_or_else(String::new, |time| format!("compiles in {:.2} s, ", time.as_secs_f64()));
    let lines = if about.has_lines { "with" } else { "without" };
    say!("  costs       {compiled}begins with {} KiB of memory; backtraces {lines} line numbers", about.memory_floor >> 10);
    say!("  repeatable  {}", if said.repeatable { "yes, it says" } else { "no" });
    say!("  undo        {}", if plugin.reversible() { "yes" } else { "no" });
    for number in &said.after {
        say!("  after       {number}");
    }
    for (name, value) in said.extra.iter().filter(|(name, _)| name.starts_with("needs-")) {
        say!("  needs       {}: {value}", name.trim_start_matches("needs-"));
    }
    for asked in &said.grants {
        say!("  asks for    {}  ({})", grant(asked), asked.why);
    }
    let explained = plugin.explained_imports();
    for import in &explained {
        say!("  imports     {:<38}  {}", import.name, import.allows);
    }
    say!("  exports     {}", plugin.exports().join(", "));
    for line in plugin.limits().lines() {
        say!("  limit       {:<24}  {}", format!("{}={}", line.name, line.value), line.about);
    }
    say!("  instances   {}", if plugin.limits().fresh_instances { "a new one for each item" } else { "kept from item to item" });
    for line in careful(plugin, &explained) {
        say!("  REVIEW CAREFULLY: {line}");
    }
}

/// What a person should look at before granting anything.
fn careful(plugin: &Plugin, imports: &[Import]) -> Vec<String> {
    let said = plugin.description();
    let beyond = said.grants.iter().map(|asked| format!("it asks for {}: {}", grant(asked), asked.why));
    let (sockets, others): (Vec<&Import>, Vec<&Import>) =
        imports.iter().filter(|import| import.careful).partition(|import| import.name.starts_with("wasi:sockets/"));
    let sockets = sockets.first().map(|import| format!("it imports wasi:sockets: {}", import.allows));
    let imports = others.into_iter().map(|import| format!("it imports {}: {}", import.name, import.allows)).chain(sockets);
    let repeatable = (said.repeatable && said.grants.iter().any(|asked| asked.access.as_str() != "direct-read")).then(|| {
        "it says that it is repeatable and acts on more than its item: whether all of it may happen twice, only its code tells".to_owned()
    });
    beyond.chain(imports).chain(repeatable).collect()
}
