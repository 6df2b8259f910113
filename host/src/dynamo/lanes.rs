//! Threads that talk to DynamoDB, each with a runtime and a connection pool of its own: no lock is shared between them.

use std::future::Future;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::client::Client;
use super::error::Error;

/// A number of lanes. Dropping it stops their threads, also from asynchronous code; what still runs on them is dropped.
#[derive(Debug)]
pub struct Lanes(Vec<Lane>);

/// One thread with a current-thread runtime and an SDK client of its own.
#[derive(Debug)]
pub struct Lane {
    client: Client,
    handle: Handle,
    /// Dropped to stop the thread.
    _stop: oneshot::Sender<()>,
}

impl Lanes {
    /// Starts one thread per client.
    pub(super) fn start(clients: Vec<Client>) -> Result<Self, Error> {
        let lanes = clients.into_iter().enumerate().map(|(index, client)| Lane::start(index, client));
        lanes.collect::<Result<Vec<_>, Error>>().map(Self)
    }

    /// How many lanes there are; at least one.
    #[allow(clippy::len_without_is_empty, reason = "never empty")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The lane of this index, modulo their number.
    #[allow(clippy::indexing_slicing, reason = "an index modulo the length of a list that is never empty")]
    pub fn lane(&self, index: usize) -> &Lane {
        &self.0[index % self.0.len()]
    }
}

impl Lane {
    fn start(index: usize, client: Client) -> Result<Self, Error> {
        let setup = |error: std::io::Error| Error::Setup(format!("lane {index} did not start: {error}"));
        let runtime = Builder::new_current_thread().enable_all().build().map_err(setup)?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        std::thread::Builder::new()
            .name(format!("dynamo-{index}"))
            .spawn(move || {
                // Either way of ending means the same: the owner is gone.
                let _ = runtime.block_on(stopped);
            })
            .map_err(setup)?;
        Ok(Self { client, handle, _stop: stop })
    }

    /// The lane's client; its connections are driven by the lane's thread if used there.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Runs a future on the lane's thread.
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.handle.spawn(future)
    }
}
