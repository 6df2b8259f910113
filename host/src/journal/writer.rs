//! The one writer of a journal: a thread that does all that waits in one transaction, commits it to the disk, and only
//! then acknowledges each. That is the group commit which makes a durable mark cheap.
//!
//! The rules of a journal are looked at inside that transaction, so nothing can come between a rule and what it allows. A
//! write that breaks one is taken back alone; where the disk fails, all of the transaction is, and all are told.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::oneshot;

use super::error::{Error, storage};
use super::store::Problem;

type Write = Box<dyn FnOnce(&Connection) -> Result<(), Problem> + Send>;
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
        write: impl FnOnce(&Connection) -> Result<(), Problem> + Send + 'static,
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
        let results = match commit(&mut connection, writes) {
            Ok(results) => results.into_iter().map(|result| result.map_err(|problem| problem.at(path, "written"))).collect(),
            Err(error) => vec![Err(Problem::Sqlite(error).at(path, "written")); waiting.len()],
        };
        for (done, result) in waiting.into_iter().zip(results) {
            // Whoever no longer waits has been cancelled; what was written stands.
            let _cancelled = done.send(result);
        }
    }
}

fn commit(connection: &mut Connection, writes: Vec<Write>) -> rusqlite::Result<Vec<Result<(), Problem>>> {
    let mut transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut results = Vec::with_capacity(writes.len());
    for write in writes {
        let savepoint = transaction.savepoint()?;
        results.push(match write(&savepoint) {
            Ok(()) => savepoint.commit().map(Ok)?,
            Err(Problem::Sqlite(error)) => return Err(error),
            Err(refused) => savepoint.finish().map(|()| Err(refused))?,
        });
    }
    transaction.commit()?;
    Ok(results)
}
