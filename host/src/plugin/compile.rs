//! From a file to compiled code, within the limits of size and time.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use wasmtime::Engine;
use wasmtime::component::Component;

use super::error::LoadError;
use super::{PluginOptions, cache, one_line};

/// Compiled code, and how long it took; no time if it was in the cache.
pub(super) struct Compiled {
    pub(super) component: Component,
    pub(super) time: Option<Duration>,
}

/// The bytes of a file; of one that is larger than `most`, one byte more than that, which is enough to refuse it.
pub(super) fn read(path: &Path, most: usize) -> io::Result<Vec<u8>> {
    let (file, most) = (File::open(path)?, most as u64 + 1);
    // At once as large as it becomes: growing would hold it twice.
    let size = usize::try_from(file.metadata()?.len().min(most)).unwrap_or_default();
    let mut bytes = Vec::with_capacity(size + 1);
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Compiles the component, or takes it from the cache. Compiling cannot be ended half-way: past its time it goes on in a
/// thread of its own until it or the process ends, and nothing comes of it.
pub(super) fn compile(
    engine: &Engine,
    name: &str,
    bytes: &Arc<Vec<u8>>,
    digest: &str,
    options: &PluginOptions,
) -> Result<Compiled, LoadError> {
    let dir = options.cache_dir.as_deref();
    if let Some(component) = dir.filter(|_| !options.compile_anew).and_then(|dir| cache::find(engine, digest, dir)) {
        return Ok(Compiled { component, time: None });
    }
    let (done, compiled) = mpsc::sync_channel(1);
    let (compiler, source) = (engine.clone(), bytes.clone());
    let began = Instant::now();
    let work = move || {
        // Nobody may wait for it any more.
        let _too_late = done.send(Component::from_binary(&compiler, &source));
    };
    let thread = std::thread::Builder::new().name("compile".into()).spawn(work);
    thread.map_err(|error| LoadError::Engine(format!("no thread to compile in: {error}")))?;
    let invalid = |reason: String| LoadError::Invalid { name: name.to_owned(), reason };
    let component = match compiled.recv_timeout(options.limits.compile_time) {
        Ok(component) => component.map_err(|error| invalid(one_line(&error)))?,
        Err(mpsc::RecvTimeoutError::Timeout) => {
            let most = options.limits.shown("compile-time");
            return Err(LoadError::TooLong { name: name.to_owned(), most });
        }
        Err(mpsc::RecvTimeoutError::Disconnected) => return Err(invalid("the compiler failed on it".into())),
    };
    let time = began.elapsed();
    if let Some(dir) = dir {
        cache::keep(engine, digest, dir, &component);
    }
    Ok(Compiled { component, time: Some(time) })
}
