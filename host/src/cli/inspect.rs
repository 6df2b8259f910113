//! `inspect`: what a plugin is, says and asks for. Touches no table.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::Ended;
use super::options::load;
use crate::migration::Migration;

#[derive(Args)]
pub(super) struct InspectVerb {
    /// The plugin: a WebAssembly component
    plugin: PathBuf,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

impl InspectVerb {
    pub(super) fn run(self) -> Ended {
        let plugin = load(&self.plugin, Some(1))?;
        let said = plugin.description();
        let size = plugin.component().map_or(0, <[u8]>::len);
        let grant =
            |grant: &crate::model::GrantRequest| format!("{}:{}", grant.access.as_str(), grant.table.as_deref().unwrap_or("."));
        if self.json {
            let grants = said.grants.iter().map(|asked| json!({ "grant": grant(asked), "why": asked.why }));
            let after: Vec<String> = said.after.iter().map(ToString::to_string).collect();
            say!(
                "{}",
                json!({ "v": 1, "digest": plugin.digest(), "bytes": size, "contract": "drift:migration@0.1", "number": said.number.to_string(),
                    "name": said.name, "summary": said.summary, "repeatable": said.repeatable, "reversible": plugin.reversible(),
                    "after": after, "grants": grants.collect::<Vec<_>>(), "imports": plugin.imports(), "exports": plugin.exports(),
                    "extra": said.extra })
            );
            return Ok(0);
        }
        say!("migration {} {}", said.number, said.name);
        say!("  {}", said.summary);
        say!("  digest      {}", plugin.digest());
        say!("  size        {size} bytes, contract drift:migration@0.1");
        say!("  repeatable  {}", if said.repeatable { "yes, it says" } else { "no" });
        say!("  undo        {}", if plugin.reversible() { "yes" } else { "no" });
        for asked in &said.grants {
            say!("  asks for    {}  ({})", grant(asked), asked.why);
        }
        say!("  imports     {}", plugin.imports().join(", "));
        Ok(0)
    }
}
