//! The one writer of a journal: a thread that does all that waits in one transaction, commits it to the disk, and only
//! then acknowledges each. That is the group commit which makes a durable mark cheap.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use rusqlite::{Connection, Transaction};
use tokio::sync::oneshot;

use super::error::{Error, storage};

type Write = Box<dyn FnOnce(&Transaction<'_>) -> rusqlite::Result<()> + Send>;
type Message = (Write, oneshot::Sender<Result<(), Error>>);

/// The writer's end of a journal. Dropping it waits until all that was handed in is on the disk and the file is closed.
pub(super) struct Writer {
    messages: Option<Sender<Message>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the writer thread.
    pub(super) fn start(connection: Connection, path: PathBuf) -> Result<Self, Error> {
        let (sender, messages) = channel();
        let shown = path.display().to_string();
        let thread = std::thread::Builder::new().name("journal".into()).spawn(move || work(connection, &messages, &path));
        let thread = thread.map_err(|error| storage(&shown, "written", error))?;
        Ok(Self { messages: Some(sender), thread: Some(thread) })
    }

    /// Returns when the write is on the disk, with all that was committed beside it. It is done even if nobody waits for it.
    pub(super) async fn write(
        &self,
        path: &Path,
        write: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()> + Send + 'static,
    ) -> Result<(), Error> {
        let ended = || storage(&path.display().to_string(), "written", "its writer has ended");
        let (done, is_done) = oneshot::channel();
        self.messages.as_ref().ok_or_else(ended)?.send((Box::new(write), done)).map_err(|_| ended())?;
        is_done.await.map_err(|_| ended())?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.messages.take());
        if let Some(thread) = self.thread.take() {
            // A writer that panicked has told those who waited by hanging up.
            let _ended = thread.join();
        }
    }
}

fn work(mut connection: Connection, messages: &Receiver<Message>, path: &Path) {
    while let Ok(first) = messages.recv() {
        let batch = std::iter::once(first).chain(messages.try_iter().take(256));
        let (writes, waiting): (Vec<Write>, Vec<_>) = batch.unzip();
        let result = commit(&mut connection, writes);
        let result = result.map_err(|error| storage(&path.display().to_string(), "written", error));
        for done in waiting {
            // Whoever no longer waits has been cancelled; what was written stands.
            let _cancelled = done.send(result.clone());
        }
    }
}

fn commit(connection: &mut Connection, writes: Vec<Write>) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    writes.into_iter().try_for_each(|write| write(&transaction))?;
    transaction.commit()
}
