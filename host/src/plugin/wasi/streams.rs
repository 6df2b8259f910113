//! `wasi:io/streams`, `wasi:io/error`, and the three standard streams: an empty input, and two outputs into the item's log.

use wasmtime::component::{ComponentType, Lift, Linker, Lower, Resource, ResourceType};

use super::super::guest_log::Stream;
use super::super::instance::State;

/// What an output takes at a time.
const ROOM: u64 = 64 << 10;
/// An output's number as a resource.
const OUTPUT: u32 = 1;
const ERROR: u32 = 2;

/// `wasi:io/error.error`; no operation here fails in a way that makes one.
struct Problem;
struct Input;
struct Output;

#[derive(ComponentType, Lift, Lower)]
#[component(variant)]
enum StreamError {
    #[component(name = "last-operation-failed")]
    LastOperationFailed(Resource<Problem>),
    #[component(name = "closed")]
    Closed,
}

type Read<T> = (Result<T, StreamError>,);

fn write(state: &mut State, stream: &Resource<Output>, bytes: &[u8]) -> wasmtime::Result<()> {
    state.hand_over("wasi:io/streams", bytes.len())?;
    let stream = if stream.rep() == ERROR { Stream::Error } else { Stream::Output };
    state.log.stream(stream, bytes);
    Ok(())
}

pub(super) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut error = linker.instance("wasi:io/error@0.2.0")?;
    error.resource("error", ResourceType::host::<Problem>(), |_, _| Ok(()))?;
    error.func_wrap("[method]error.to-debug-string", |_, (_,): (Resource<Problem>,)| Ok((String::new(),)))?;

    let mut streams = linker.instance("wasi:io/streams@0.2.0")?;
    streams.resource("input-stream", ResourceType::host::<Input>(), |_, _| Ok(()))?;
    for name in ["read", "blocking-read"] {
        streams.func_wrap(
            &format!("[method]input-stream.{name}"),
            |_, (_, _): (Resource<Input>, u64)| -> wasmtime::Result<Read<Vec<u8>>> { Ok((Err(StreamError::Closed),)) },
        )?;
    }
    for name in ["skip", "blocking-skip"] {
        streams.func_wrap(
            &format!("[method]input-stream.{name}"),
            |_, (_, _): (Resource<Input>, u64)| -> wasmtime::Result<Read<u64>> { Ok((Err(StreamError::Closed),)) },
        )?;
    }
    streams.func_wrap("[method]input-stream.subscribe", |mut store, (_,): (Resource<Input>,)| {
        Ok((store.data_mut().wasi.clock.pollable(0),))
    })?;

    streams.resource("output-stream", ResourceType::host::<Output>(), |_, _| Ok(()))?;
    streams.func_wrap("[method]output-stream.check-write", |_, (_,): (Resource<Output>,)| -> wasmtime::Result<Read<u64>> {
        Ok((Ok(ROOM),))
    })?;
    for name in ["write", "blocking-write-and-flush"] {
        let name = format!("[method]output-stream.{name}");
        streams.func_wrap(&name, |mut store, (stream, bytes): (Resource<Output>, Vec<u8>)| -> wasmtime::Result<Read<()>> {
            write(store.data_mut(), &stream, &bytes)?;
            Ok((Ok(()),))
        })?;
    }
    for name in ["write-zeroes", "blocking-write-zeroes-and-flush"] {
        let name = format!("[method]output-stream.{name}");
        streams.func_wrap(&name, |mut store, (stream, count): (Resource<Output>, u64)| -> wasmtime::Result<Read<()>> {
            let zeroes = vec![0; usize::try_from(count.min(ROOM)).unwrap_or_default()];
            write(store.data_mut(), &stream, &zeroes)?;
            Ok((Ok(()),))
        })?;
    }
    for name in ["flush", "blocking-flush"] {
        let name = format!("[method]output-stream.{name}");
        streams.func_wrap(&name, |_, (_,): (Resource<Output>,)| -> wasmtime::Result<Read<()>> { Ok((Ok(()),)) })?;
    }
    streams.func_wrap("[method]output-stream.subscribe", |mut store, (_,): (Resource<Output>,)| {
        Ok((store.data_mut().wasi.clock.pollable(0),))
    })?;
    for name in ["splice", "blocking-splice"] {
        let name = format!("[method]output-stream.{name}");
        type Splice = (Resource<Output>, Resource<Input>, u64);
        streams.func_wrap(&name, |_, (_, _, _): Splice| -> wasmtime::Result<Read<u64>> { Ok((Err(StreamError::Closed),)) })?;
    }

    linker.instance("wasi:cli/stdin@0.2.0")?.func_wrap("get-stdin", |_, ()| Ok((Resource::<Input>::new_own(0),)))?;
    linker.instance("wasi:cli/stdout@0.2.0")?.func_wrap("get-stdout", |_, ()| Ok((Resource::<Output>::new_own(OUTPUT),)))?;
    linker.instance("wasi:cli/stderr@0.2.0")?.func_wrap("get-stderr", |_, ()| Ok((Resource::<Output>::new_own(ERROR),)))
}
