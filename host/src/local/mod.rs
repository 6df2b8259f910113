//! A DynamoDB of one's own: `dynoxide` in this process, on loopback, with tables loaded from files.
//!
//! For trying, testing and learning. It listens on 127.0.0.1 only and asks for no credentials. It answers on one thread
//! of its own and starts in milliseconds; without a file to keep them in, its tables are gone when it stops. It never
//! throttles, which a real table does.

mod elements;
mod fill;
mod rows;
mod spec;

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::Duration;

use dynoxide::Database;
use tokio_util::sync::CancellationToken;

use crate::explain::Code;

pub use spec::{Load, LoadKey, LoadSpecError};

/// The port unless another is asked for, as with Amazon's own local DynamoDB.
pub const DEFAULT_PORT: u16 = 8000;

/// How long a request under way may take to end after [`Running::stop`].
const GRACE: Duration = Duration::from_secs(2);

/// What to serve and where.
#[derive(Clone, Debug)]
pub struct Options {
    /// The port on 127.0.0.1; 0 takes a free one. Default: [`DEFAULT_PORT`].
    pub port: u16,
    /// The file that keeps the tables; created where missing. Default: none, they are kept in memory.
    pub data: Option<PathBuf>,
    /// Tables to fill before the first request is answered, no table twice. One that exists is left as it is.
    pub load: Vec<Load>,
    /// Whether loaded tables get a stream of old and new images. It keeps every write in memory or in the file.
    /// Default: no.
    pub streams: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { port: DEFAULT_PORT, data: None, load: Vec::new(), streams: false }
    }
}

/// What became of one `--load`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableReport {
    /// The table.
    pub name: String,
    /// How many items it has now.
    pub items: u64,
    /// How many rows were read, or `None` if the table was there already and nothing was loaded. More rows than items
    /// means that some had the same key; the last of them stayed.
    pub rows: Option<u64>,
}

/// The embedded DynamoDB.
#[derive(Debug)]
pub struct EmbeddedDynamoDb;

impl EmbeddedDynamoDb {
    /// Loads the tables and serves them. When this returns, requests are answered.
    ///
    /// It blocks for as long as the loading takes: about a second for 50,000 items.
    pub fn start(options: Options) -> Result<Running, LocalError> {
        let mut names: Vec<&str> = options.load.iter().map(Load::table).collect();
        names.sort_unstable();
        if let Some([twice, _]) = names.windows(2).find(|pair| matches!(pair, [a, b] if a == b)) {
            return Err(LocalError::TableTwice { table: (*twice).to_owned() });
        }
        // The port first: who cannot have it should not wait for a long load to hear so.
        let listener = listen(options.port)?;
        let engine = open(options.data.as_ref())?;
        let tables = options.load.iter().map(|load| fill::load(&engine, load, options.streams)).collect::<Result<_, _>>()?;
        let address = listener.local_addr().map_err(LocalError::Serve)?;
        let stop = CancellationToken::new();
        let thread = serve(listener, engine, stop.clone()).map_err(LocalError::Serve)?;
        Ok(Running { address, tables, stop, thread: Some(thread) })
    }
}

fn listen(port: u16) -> Result<TcpListener, LocalError> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => LocalError::PortInUse { port },
        _ => LocalError::Listen { port, source },
    })?;
    listener.set_nonblocking(true).map_err(LocalError::Serve)?;
    Ok(listener)
}

fn open(data: Option<&PathBuf>) -> Result<Database, LocalError> {
    let Some(path) = data else {
        return Database::memory()
            .map_err(|error| LocalError::Data { path: PathBuf::from(":memory:"), problem: error.to_string() });
    };
    let unusable = |problem: String| LocalError::Data { path: path.clone(), problem };
    let text = path.to_str().ok_or_else(|| unusable("the path is not UTF-8 text".into()))?;
    Database::new(text).map_err(|error| unusable(error.to_string()))
}

/// The engine answers on the thread that polls it, so it gets one.
fn serve(listener: TcpListener, engine: Database, stop: CancellationToken) -> io::Result<JoinHandle<Result<(), String>>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("local-dynamodb".into()).spawn(move || {
        let served = runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).map_err(|error| error.to_string())?;
            let stopped = stop.clone();
            let out_of_patience = async {
                stop.cancelled().await;
                tokio::time::sleep(GRACE).await;
            };
            tokio::select! {
                served = dynoxide::server::serve_with_shutdown(listener, engine, async move { stopped.cancelled().await }) => served,
                () = out_of_patience => Ok(()),
            }
        });
        runtime.shutdown_background();
        served
    })
}

/// An embedded DynamoDB that answers. It stops when this is dropped.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    tables: Vec<TableReport>,
    stop: CancellationToken,
    thread: Option<JoinHandle<Result<(), String>>>,
}

impl Running {
    /// Where it answers: `http://127.0.0.1:8000`.
    pub fn endpoint_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What became of each load, in their order.
    pub fn tables(&self) -> &[TableReport] {
        &self.tables
    }

    /// Lets requests under way end, two seconds at most, and stops.
    pub fn stop(mut self) -> Result<(), LocalError> {
        self.end()
    }

    fn end(&mut self) -> Result<(), LocalError> {
        self.stop.cancel();
        match self.thread.take().map(JoinHandle::join) {
            None | Some(Ok(Ok(()))) => Ok(()),
            Some(Ok(Err(problem))) => Err(LocalError::Serve(io::Error::other(problem))),
            Some(Err(_)) => Err(LocalError::Serve(io::Error::other("its thread panicked"))),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Nobody is left to hear of it.
        let _ = self.end();
    }
}

/// Why there is no embedded DynamoDB.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// Somebody else listens there.
    #[error("port {port} on 127.0.0.1 is in use; choose another with --port, or --port 0 for any free one")]
    PortInUse {
        /// The port.
        port: u16,
    },
    /// The port cannot be had.
    #[error("cannot listen on 127.0.0.1:{port}: {source}; choose another port with --port, or --port 0 for any free one")]
    Listen {
        /// The port.
        port: u16,
        /// What the system says.
        source: io::Error,
    },
    /// The file of tables cannot be used.
    #[error("cannot keep tables in {}: {problem}; --data takes a file that this program made, or one that does not exist yet", path.display())]
    Data {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A table would be filled twice.
    #[error("--load names the table {table} twice; put its rows into one file, or load the files under two names")]
    TableTwice {
        /// The table.
        table: String,
    },
    /// A file cannot be loaded.
    #[error("cannot load {table} from {place}")]
    Load {
        /// The table.
        table: String,
        /// File, line and column, and the problem.
        place: Place,
    },
    /// The engine refuses what is needed for loading.
    #[error("{doing} the table {table} failed: {problem}")]
    Engine {
        /// What was tried.
        doing: &'static str,
        /// On which table.
        table: String,
        /// The engine's words.
        problem: String,
    },
    /// The server cannot run or has ended.
    #[error("the embedded DynamoDB cannot serve: {0}")]
    Serve(io::Error),
}

impl LocalError {
    /// See [`crate::Error::code`].
    pub fn code(&self) -> Code {
        match self {
            Self::PortInUse { .. } => Code::PortInUse,
            Self::Engine { .. } | Self::Serve(_) => Code::LocalFailed,
            Self::Listen { .. } | Self::Data { .. } | Self::TableTwice { .. } | Self::Load { .. } => Code::LocalUnusable,
        }
    }
}

/// Where a file is wrong, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// The line on which the row begins, from 1.
    pub line: Option<u64>,
    /// The column or attribute.
    pub column: Option<String>,
    /// What is wrong there.
    pub problem: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        if let Some(column) = &self.column {
            write!(f, ", column {column:?}")?;
        }
        write!(f, ": {}", self.problem)
    }
}

impl LocalError {
    fn from_row(load: &Load, error: rows::RowError) -> Self {
        let rows::RowError { line, column, problem } = error;
        Self::Load { table: load.table().into(), place: Place { file: load.file().into(), line, column, problem } }
    }

    fn engine(doing: &'static str, table: &str, error: dynoxide::DynoxideError) -> Self {
        Self::Engine { doing, table: table.into(), problem: error.to_string() }
    }
}

#[cfg(test)]
mod tests;
