//! `wasi:cli` without its streams, and `wasi:filesystem/preopens`: nothing is there.

use wasmtime::component::{Linker, Resource, ResourceType};

use super::super::instance::State;
use super::Exit;
use super::denied::Absent;

struct TerminalInput;
struct TerminalOutput;

pub(super) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut environment = linker.instance("wasi:cli/environment@0.2.0")?;
    environment.func_wrap("get-environment", |_, ()| Ok((Vec::<(String, String)>::new(),)))?;
    environment.func_wrap("get-arguments", |_, ()| Ok((Vec::<String>::new(),)))?;
    environment.func_wrap("initial-cwd", |_, ()| Ok((None::<String>,)))?;

    let mut exit = linker.instance("wasi:cli/exit@0.2.0")?;
    exit.func_wrap("exit", |_, (status,): (Result<(), ()>,)| -> wasmtime::Result<()> {
        Err(Exit(u8::from(status.is_err())).into())
    })?;
    exit.func_wrap("exit-with-code", |_, (status,): (u8,)| -> wasmtime::Result<()> { Err(Exit(status).into()) })?;

    linker.instance("wasi:cli/terminal-input@0.2.0")?.resource(
        "terminal-input",
        ResourceType::host::<TerminalInput>(),
        |_, _| Ok(()),
    )?;
    linker.instance("wasi:cli/terminal-output@0.2.0")?.resource(
        "terminal-output",
        ResourceType::host::<TerminalOutput>(),
        |_, _| Ok(()),
    )?;
    linker
        .instance("wasi:cli/terminal-stdin@0.2.0")?
        .func_wrap("get-terminal-stdin", |_, ()| Ok((None::<Resource<TerminalInput>>,)))?;
    for (interface, function) in
        [("wasi:cli/terminal-stdout@0.2.0", "get-terminal-stdout"), ("wasi:cli/terminal-stderr@0.2.0", "get-terminal-stderr")]
    {
        linker.instance(interface)?.func_wrap(function, |_, ()| Ok((None::<Resource<TerminalOutput>>,)))?;
    }

    linker
        .instance("wasi:filesystem/preopens@0.2.0")?
        .func_wrap("get-directories", |_, ()| Ok((Vec::<(Resource<Absent>, String)>::new(),)))
}
