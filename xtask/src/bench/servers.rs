//! The servers that answer while a client is measured: each a process of its own, with a table that nobody has touched.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use super::measure;
use super::programs::{Programs, pinned};
use super::rows::Rows;
use super::{ADDED, KEY, TABLE};
use crate::{Result, scan};

/// A server with the table in it.
pub(crate) struct Server {
    child: Child,
    /// Host and port.
    address: String,
    pub items: u64,
    /// The DynamoDB behind a null server, for its other tables.
    behind: Option<Box<Server>>,
}

impl Server {
    /// `drift-host local` with the rows loaded.
    pub(super) fn embedded(programs: &Programs, rows: &Rows) -> Result<Self> {
        let load = format!("{TABLE}:+{KEY}*{}={}", rows.times, rows.file.display());
        Self::serving(&mut programs.host(None), &load)
    }

    /// The same of any drift-host, with what is to be loaded as it takes it.
    pub(crate) fn serving(host: &mut Command, load: &str) -> Result<Self> {
        let (child, said) = start(host.args(["local", "--port", "0", "--json", "--load", load]))?;
        let mut server = Self { child, address: String::new(), items: 0, behind: None };
        let document = local(&said)?;
        server.address = address(&document)?;
        let items = document.pointer("/tables/0/items").and_then(serde_json::Value::as_u64);
        server.items = items.ok_or_else(|| format!("drift-host local said {said:?}"))?;
        Ok(server)
    }

    /// Canned answers about a table of so many items, with `drift-host local` behind them for all other tables. It keeps off the
    /// cores that are measured, if there are others.
    pub(super) fn null(programs: &Programs, rows: &Rows, items: u64, measured: Option<usize>) -> Result<Self> {
        let (child, said) = start(programs.host(None).args(["local", "--port", "0", "--json"]))?;
        let mut behind = Self { child, address: String::new(), items: 0, behind: None };
        behind.address = address(&local(&said)?)?;
        let others: Vec<usize> = measure::cores().into_iter().skip(measured.unwrap_or(0)).collect();
        let mut command = match others.is_empty() || measured.is_none() {
            true => Command::new(&programs.null_server),
            false => {
                let mut command = pinned(others.into_iter());
                command.arg(&programs.null_server);
                command
            }
        };
        command.args([TABLE, KEY, &items.to_string()]).arg(&rows.file).arg(&behind.address);
        let (child, said) = start(&mut command)?;
        Ok(Self { child, address: said.trim().to_owned(), items, behind: Some(Box::new(behind)) })
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Processor time until now, in seconds.
    pub fn cpu_seconds(&self) -> f64 {
        measure::cpu_seconds(&self.child)
    }

    /// How many items have the attribute that is added; for a null server, how many writes it was sent.
    pub fn written(&self) -> Result<u64> {
        if self.behind.is_none() {
            return scan::count(&self.address, TABLE, ADDED);
        }
        let failed = |error: std::io::Error| format!("the null server does not say how many writes it got: {error}");
        let mut answer = String::new();
        let mut stream = TcpStream::connect(&self.address).map_err(failed)?;
        stream.write_all(b"GET /writes HTTP/1.1\r\n\r\n").map_err(failed)?;
        stream.shutdown(std::net::Shutdown::Write).map_err(failed)?;
        stream.read_to_string(&mut answer).map_err(failed)?;
        let count = answer.rsplit("\r\n\r\n").next().and_then(|body| body.parse().ok());
        count.ok_or_else(|| format!("the null server said {answer:?}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its tables are in memory: nothing is lost by stopping it so.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts a server, and gives the first line that it says.
fn start(command: &mut Command) -> Result<(Child, String)> {
    let name = command.get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| format!("cannot start {name}: {error}"))?;
    let mut line = String::new();
    match child.stdout.take().map(|out| BufReader::new(out).read_line(&mut line)) {
        Some(Ok(1..)) => Ok((child, line)),
        _ => {
            let _ = child.kill();
            let status = child.wait().map_or_else(|error| error.to_string(), |status| status.to_string());
            Err(format!("{name} did not start: {status}"))
        }
    }
}

fn local(said: &str) -> Result<serde_json::Value> {
    serde_json::from_str(said).map_err(|error| format!("drift-host local said {said:?}: {error}"))
}

fn address(document: &serde_json::Value) -> Result<String> {
    let endpoint = document.pointer("/endpoint").and_then(serde_json::Value::as_str);
    endpoint.map(|url| url.trim_start_matches("http://").to_owned()).ok_or_else(|| format!("drift-host local said {document}"))
}
