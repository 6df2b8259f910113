//! A server that does no work, so that `cargo xtask bench` measures its client: canned answers about one large table.
//!
//! `null-server TABLE KEY ITEMS ROWS UPSTREAM` serves a table of so many items whose key is a number from 1 on. Their other
//! attributes are the lines of the file ROWS, over and over: DynamoDB JSON without the key. A scan gives them by segment and
//! page; a write is counted and said to have happened; no item ever changes. Calls for other tables go on to the DynamoDB at
//! UPSTREAM (an address), so that a whole `drift-host run` works against it, its history included.
//!
//! It prints its address, one line, and answers `GET /writes` with how many writes it was sent. It runs until it is ended.

use std::error::Error;
use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// DynamoDB's most for a page.
const PAGE_BYTES: usize = 1 << 20;
/// What a read unit covers.
const READ_UNIT: usize = 4096;
const TARGET: &str = "DynamoDB_20120810.";

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Server {
    table: String,
    key: String,
    items: u64,
    rows: Vec<Row>,
    upstream: String,
    writes: AtomicU64,
}

/// One line of the file.
struct Row {
    /// The attributes as they stand within an item, without the opening brace.
    text: String,
    /// The item's size as DynamoDB reckons it, more or less: the JSON without what only JSON has.
    bytes: usize,
}

/// A request as it came, so that it can be passed on.
struct Request {
    head: Vec<u8>,
    body: Vec<u8>,
    /// `GET /writes`, say.
    line: String,
    /// The operation, without the API's version.
    operation: String,
}

/// The part of a request that tells which table it is about.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct About<'a> {
    table_name: Option<&'a str>,
    #[serde(borrow)]
    statements: Option<Vec<Statement<'a>>>,
    return_consumed_capacity: Option<&'a str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Statement<'a> {
    #[serde(borrow)]
    statement: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Scan {
    limit: Option<u64>,
    segment: Option<u64>,
    total_segments: Option<u64>,
    exclusive_start_key: Option<Value>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [table, key, items, rows, upstream] = arguments.as_slice() else {
        return Err("usage: null-server TABLE KEY ITEMS ROWS UPSTREAM".into());
    };
    let text = std::fs::read_to_string(rows).map_err(|error| format!("{rows}: {error}"))?;
    let server = Arc::new(Server {
        table: table.clone(),
        key: key.clone(),
        items: items.parse().map_err(|error| format!("{items} items: {error}"))?,
        rows: text.lines().map(Row::read).collect::<Result<_, _>>()?,
        upstream: upstream.clone(),
        writes: AtomicU64::new(0),
    });
    if server.rows.is_empty() {
        return Err(format!("{rows} has no line").into());
    }
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?);
    for stream in listener.incoming() {
        let (stream, server) = (stream?, Arc::clone(&server));
        // Few connections, all at work: a thread each costs least.
        std::thread::spawn(move || {
            // A client that goes away ends its connection, and nothing else.
            let _ = server.serve(stream);
        });
    }
    Ok(())
}

impl Row {
    fn read(line: &str) -> Result<Self, String> {
        let item: Value = serde_json::from_str(line).map_err(|error| format!("{line:?} is no JSON: {error}"))?;
        let attributes = item.as_object().filter(|item| !item.is_empty());
        let attributes = attributes.ok_or_else(|| format!("{line:?} is no item with an attribute"))?;
        let value = |value: &Value| value.as_object().and_then(|of| of.values().next()?.as_str()).map_or(1, str::len);
        let bytes = attributes.iter().map(|(name, it)| name.len() + value(it)).sum();
        Ok(Self { text: line.trim().trim_start_matches('{').to_owned(), bytes })
    }
}

impl Server {
    fn serve(&self, stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut to_client = stream.try_clone()?;
        let mut from_client = BufReader::with_capacity(1 << 16, stream);
        let mut upstream = None;
        let mut answer = Vec::new();
        while let Some(request) = Request::read(&mut from_client)? {
            answer.clear();
            match self.answer(&request) {
                Some((status, body)) => frame(&mut answer, status, &body),
                None => pass_on(&request, &self.upstream, &mut upstream, &mut answer)?,
            }
            to_client.write_all(&answer)?;
        }
        Ok(())
    }

    /// The canned answer; `None` if the request is not for this table.
    fn answer(&self, request: &Request) -> Option<(u16, Vec<u8>)> {
        if request.line.starts_with("GET /writes") {
            return Some((200, self.writes.load(Relaxed).to_string().into()));
        }
        let about: About<'_> = serde_json::from_slice(&request.body).ok()?;
        // The statement's text names the table in quotes, and those are escaped here.
        let named = format!("\\\"{}\\\"", self.table);
        let statements = about.statements.iter().flatten();
        let ours = statements.filter(|statement| statement.statement.get().contains(&named)).count();
        if about.table_name != Some(&self.table) && ours == 0 {
            return None;
        }
        let counted = about.return_consumed_capacity.is_some_and(|what| what != "NONE");
        Some(match request.operation.as_str() {
            "DescribeTable" => (200, self.description().to_string().into()),
            "Scan" => match serde_json::from_slice(&request.body) {
                Ok(scan) => (200, self.page(&scan)),
                Err(error) => refused(&format!("this scan is not understood: {error}")),
            },
            "BatchExecuteStatement" => {
                self.writes.fetch_add(ours as u64, Relaxed);
                (200, self.batch(ours, counted))
            }
            "UpdateItem" => {
                self.writes.fetch_add(1, Relaxed);
                let consumed = json!({ "ConsumedCapacity": { "TableName": self.table, "CapacityUnits": 1.0 } });
                (200, if counted { consumed.to_string().into() } else { b"{}".to_vec() })
            }
            other => refused(&format!("the null server has no answer to {other} of {}", self.table)),
        })
    }

    fn description(&self) -> Value {
        let bytes = self.rows.iter().map(|row| row.bytes).sum::<usize>() as u64 / self.rows.len().max(1) as u64 * self.items;
        json!({ "Table": {
            "TableName": self.table,
            "TableArn": format!("arn:aws:dynamodb:us-east-1:000000000000:table/{}", self.table),
            "TableId": "00000000-0000-4000-8000-000000000000",
            "TableStatus": "ACTIVE",
            "KeySchema": [{ "AttributeName": self.key, "KeyType": "HASH" }],
            "AttributeDefinitions": [{ "AttributeName": self.key, "AttributeType": "N" }],
            "BillingModeSummary": { "BillingMode": "PAY_PER_REQUEST" },
            "CreationDateTime": 1_767_225_600.0,
            "ItemCount": self.items,
            "TableSizeBytes": bytes,
        } })
    }

    /// A page of a scan. Each segment has keys one after another.
    fn page(&self, scan: &Scan) -> Vec<u8> {
        let of = scan.total_segments.unwrap_or(1).max(1);
        let segment = scan.segment.unwrap_or(0).min(of - 1);
        let first =
            |segment: u64| u64::try_from(u128::from(self.items) * u128::from(segment) / u128::from(of)).unwrap_or(self.items);
        let start =
            scan.exclusive_start_key.as_ref().and_then(|key| key.pointer(&format!("/{}/N", self.key))?.as_str()?.parse().ok());
        // Numbers begin with 1, so that the number of the last item is the index of the next.
        let begin: u64 = start.unwrap_or_else(|| first(segment));
        let (end, limit) = (first(segment + 1), scan.limit.unwrap_or(u64::MAX));
        let (mut body, mut bytes, mut count, mut next) = (Vec::with_capacity(PAGE_BYTES), 0, 0, begin);
        body.extend_from_slice(b"{\"Items\":[");
        // Which row belongs to which item does not depend on the page.
        let rows = self.rows.iter().cycle().skip(usize::try_from(begin % self.rows.len() as u64).unwrap_or(0));
        for row in rows {
            if next >= end || count >= limit || bytes >= PAGE_BYTES {
                break;
            }
            let comma = if count == 0 { "" } else { "," };
            // Writing into a Vec does not fail.
            let _ = write!(body, "{comma}{{\"{}\":{{\"N\":\"{}\"}},{}", self.key, next + 1, row.text);
            bytes += row.bytes + self.key.len() + 8;
            (count, next) = (count + 1, next + 1);
        }
        let _ = write!(body, "],\"Count\":{count},\"ScannedCount\":{count}");
        if next < end {
            let _ = write!(body, ",\"LastEvaluatedKey\":{{\"{}\":{{\"N\":\"{next}\"}}}}", self.key);
        }
        let units = bytes.div_ceil(READ_UNIT);
        let _ = write!(body, ",\"ConsumedCapacity\":{{\"TableName\":\"{}\",\"CapacityUnits\":{units}.0}}}}", self.table);
        body
    }

    /// As many successes as statements.
    fn batch(&self, statements: usize, counted: bool) -> Vec<u8> {
        let one = format!("{{\"TableName\":\"{}\"}}", self.table);
        let all = vec![one.as_str(); statements].join(",");
        let consumed = match counted {
            true => format!(",\"ConsumedCapacity\":[{{\"TableName\":\"{}\",\"CapacityUnits\":{statements}.0}}]", self.table),
            false => String::new(),
        };
        format!("{{\"Responses\":[{all}]{consumed}}}").into()
    }
}

impl Request {
    /// The next request of a connection; `None` at its end.
    fn read(from: &mut BufReader<TcpStream>) -> io::Result<Option<Self>> {
        let mut request = Self { head: Vec::new(), body: Vec::new(), line: String::new(), operation: String::new() };
        let mut length = 0;
        loop {
            let begin = request.head.len();
            if from.read_until(b'\n', &mut request.head)? == 0 {
                return Ok(None);
            }
            let line = String::from_utf8_lossy(request.head.get(begin..).unwrap_or_default()).trim().to_owned();
            if line.is_empty() {
                break;
            }
            match line.split_once(':') {
                Some((name, value)) if begin > 0 => match name.to_ascii_lowercase().as_str() {
                    "content-length" => length = value.trim().parse().map_err(io::Error::other)?,
                    "x-amz-target" => request.operation = value.trim().trim_start_matches(TARGET).to_owned(),
                    "transfer-encoding" => return Err(io::Error::other("a body in chunks is not understood")),
                    _ => {}
                },
                _ => request.line = line,
            }
        }
        request.body.resize(length, 0);
        from.read_exact(&mut request.body)?;
        Ok(Some(request))
    }
}

/// Sends a request on as it is, and takes the answer over as it is.
fn pass_on(request: &Request, address: &str, kept: &mut Option<BufReader<TcpStream>>, answer: &mut Vec<u8>) -> io::Result<()> {
    let mut upstream = match kept.take() {
        Some(open) => open,
        None => {
            let stream = TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            BufReader::new(stream)
        }
    };
    upstream.get_mut().write_all(&request.head)?;
    upstream.get_mut().write_all(&request.body)?;
    let mut length = None;
    loop {
        let begin = answer.len();
        if upstream.read_until(b'\n', answer)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = String::from_utf8_lossy(answer.get(begin..).unwrap_or_default()).trim().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = Some(value.trim().parse::<usize>().map_err(io::Error::other)?);
        }
    }
    let head = answer.len();
    answer.resize(head + length.ok_or_else(|| io::Error::other("an answer without its length is not understood"))?, 0);
    upstream.read_exact(answer.get_mut(head..).unwrap_or_default())?;
    *kept = Some(upstream);
    Ok(())
}

fn refused(message: &str) -> (u16, Vec<u8>) {
    let kind = "com.amazonaws.dynamodb.v20120810#ValidationException";
    (400, json!({ "__type": kind, "message": message }).to_string().into())
}

fn frame(answer: &mut Vec<u8>, status: u16, body: &[u8]) {
    let reason = if status == 200 { "OK" } else { "Bad Request" };
    let length = body.len();
    // Writing into a Vec does not fail.
    let _ = write!(
        answer,
        "HTTP/1.1 {status} {reason}\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: {length}\r\n\r\n"
    );
    answer.extend_from_slice(body);
}
