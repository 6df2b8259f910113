//! What a program does that embeds drift-host with a migration of its own, for `cargo xtask bench`: the whole run as the binary
//! makes it, with a closure in place of a plugin.
//!
//! `native-run ENDPOINT TABLE RUNS_DIR` sets `touched` to true on every item, and prints how many items were applied.

use std::error::Error;
use std::sync::Arc;

use drift_host::dynamo::ConnectionSettings;
use drift_host::model::{Action, Attributes, Description, Item, Patch};
use drift_host::{Migrator, Native, RunOptions};

/// As the binary has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [endpoint, table, runs] = arguments.as_slice() else {
        return Err("usage: native-run ENDPOINT TABLE RUNS_DIR".into());
    };
    let settings = ConnectionSettings { endpoint_url: Some(endpoint.clone()), ..ConnectionSettings::default() };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let summary = runtime.block_on(async {
        let migrator = Migrator::connect(settings).await?.runs_dir(runs.into());
        migrator.run(Arc::new(touch()), &RunOptions::new(table)).await.map_err(Box::<dyn Error>::from)
    })?;
    if summary.state != "applied" {
        return Err(format!("the run ended {}: {:?}", summary.state, summary.errors.first()).into());
    }
    println!("{}", summary.counts.done);
    Ok(())
}

fn touch() -> Native {
    let description = Description::new(20_261_126_u32, "touch").summary("Adds an attribute").repeatable();
    Native::new(description, "1", |_: Item| {
        let set: Attributes = [("touched".to_owned(), true.into())].into_iter().collect();
        Ok::<_, String>(vec![Action::Patch(Patch { set, remove: Vec::new() })])
    })
}
