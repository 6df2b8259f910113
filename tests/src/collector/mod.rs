//! An OpenTelemetry collector on loopback that keeps what it is sent, read by the `.proto` files that OpenTelemetry publishes; or one that
//! answers errors, or nothing at all.

mod protobuf;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value as Json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use protobuf::Reader;

/// How it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// It takes everything.
    Well,
    /// With this status, and keeps nothing.
    With(u16),
    /// With 503 so many times, and then it takes everything.
    Late(usize),
    /// Never.
    Nothing,
}

/// What it was sent.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    /// Messages, as OTLP's JSON whatever they came as.
    pub traces: Vec<Json>,
    pub metrics: Vec<Json>,
    /// Of each request: path, content type, and the header `x-tenant`.
    pub requests: Vec<(String, String, Option<String>)>,
    /// All bytes of all bodies.
    pub bytes: Vec<u8>,
}

/// A running collector; dropping it stops it.
pub struct Collector {
    address: SocketAddr,
    heard: Arc<Mutex<Heard>>,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Collector {
    /// Starts one on a free port and a thread of its own.
    pub fn start(answers: Answers) -> Self {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (heard, stop) = (Arc::<Mutex<Heard>>::default(), CancellationToken::new());
        let (keeping, stopped) = (heard.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::from_std(listener).unwrap();
                loop {
                    let (stream, _) = tokio::select! {
                        accepted = listener.accept() => accepted.unwrap(),
                        () = stopped.cancelled() => return,
                    };
                    let keeping = keeping.clone();
                    tokio::spawn(async move {
                        let service = service_fn(move |request| take(request, answers, keeping.clone()));
                        let _gone = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                    });
                }
            });
            runtime.shutdown_background();
        });
        Self { address, heard, stop, thread: Some(thread) }
    }

    /// Where it listens: `http://127.0.0.1:41000`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn heard(&self) -> Heard {
        self.heard.lock().unwrap().clone()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.stop.cancel();
        let _ended = self.thread.take().map(JoinHandle::join);
    }
}

async fn take(
    request: Request<Incoming>,
    answers: Answers,
    heard: Arc<Mutex<Heard>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    let (path, form, tenant) = (request.uri().path().to_owned(), header("content-type").unwrap_or_default(), header("x-tenant"));
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let mut answer = Response::new(Full::new(Bytes::new()));
    heard.lock().unwrap().requests.push((path.clone(), form.clone(), tenant));
    let before = heard.lock().unwrap().requests.len() - 1;
    match answers {
        Answers::Late(times) if before < times => *answer.status_mut() = hyper::StatusCode::SERVICE_UNAVAILABLE,
        Answers::Nothing => return std::future::pending().await,
        Answers::With(status) => *answer.status_mut() = hyper::StatusCode::from_u16(status).unwrap(),
        Answers::Well | Answers::Late(_) => {
            let mut heard = heard.lock().unwrap();
            heard.bytes.extend(&body);
            let is_trace = path.ends_with("/traces");
            let (message, kept) = match is_trace {
                true => ("ExportTraceServiceRequest", &mut heard.traces),
                false => ("ExportMetricsServiceRequest", &mut heard.metrics),
            };
            let reader = Reader::new();
            let json = match form.as_str() {
                "application/x-protobuf" => reader.read(message, &body),
                "application/json" => serde_json::from_slice(&body).unwrap(),
                form => panic!("{form} is no encoding of OTLP"),
            };
            reader.check(message, &json);
            kept.push(json);
        }
    }
    Ok(answer)
}

/// A list in a message; one that is empty is not there.
fn each<'a>(of: &'a Json, list: &str) -> impl Iterator<Item = &'a Json> {
    of[list].as_array().into_iter().flatten()
}

/// A number of 64 bits.
fn long(of: &Json, name: &str) -> u64 {
    of[name].as_str().unwrap_or_else(|| panic!("{name} in {of}")).parse().unwrap()
}

/// Attributes by name, as text.
pub fn attributes(of: &Json) -> BTreeMap<String, String> {
    let text = |pair: &Json| {
        let (_, value) = pair["value"].as_object().unwrap().iter().next().unwrap();
        value.as_str().map_or_else(|| value.to_string(), str::to_owned)
    };
    each(of, "attributes").map(|pair| (pair["key"].as_str().unwrap().to_owned(), text(pair))).collect()
}

/// A span.
#[derive(Clone, Debug)]
pub struct Span {
    pub name: String,
    pub trace: String,
    pub id: String,
    /// Empty if it has none.
    pub parent: String,
    pub start: u64,
    pub end: u64,
    pub attributes: BTreeMap<String, String>,
    /// The status's code: 2 is an error.
    pub status: u64,
}

impl Span {
    fn of(json: &Json) -> Self {
        let text = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
        Self {
            name: text("name"),
            trace: text("traceId"),
            id: text("spanId"),
            parent: text("parentSpanId"),
            start: long(json, "startTimeUnixNano"),
            end: long(json, "endTimeUnixNano"),
            attributes: attributes(json),
            status: json["status"]["code"].as_u64().unwrap_or_default(),
        }
    }

    /// Whether it is a child of that one, in its time.
    pub fn is_within(&self, outer: &Self) -> bool {
        let is_child = self.parent == outer.id && self.trace == outer.trace;
        is_child && outer.start <= self.start && self.start <= self.end && self.end <= outer.end
    }
}

/// The points of one metric: their attributes' values in words (`read`; several with commas between them, by their names' order), and
/// their numbers; of histograms the count.
pub type Points = BTreeMap<String, f64>;

impl Heard {
    pub fn spans(&self) -> Vec<Span> {
        let scopes = self.traces.iter().flat_map(|request| each(request, "resourceSpans")).flat_map(|of| each(of, "scopeSpans"));
        scopes.flat_map(|scope| each(scope, "spans")).map(Span::of).collect()
    }

    /// The span of this name, of which there is one.
    pub fn span(&self, name: &str) -> Span {
        let spans = self.spans();
        let mut found = spans.iter().filter(|span| span.name == name);
        let span = found.next().unwrap_or_else(|| panic!("no {name} in {spans:?}"));
        assert!(found.next().is_none(), "several {name}");
        span.clone()
    }

    /// What the last message says of the resource.
    pub fn resource(&self) -> BTreeMap<String, String> {
        attributes(&self.metrics.last().unwrap()["resourceMetrics"][0]["resource"])
    }

    /// The metrics of the last message, by name.
    pub fn metrics(&self) -> BTreeMap<String, Points> {
        let mut found = BTreeMap::new();
        for metric in each(&self.metrics.last().unwrap()["resourceMetrics"][0]["scopeMetrics"][0], "metrics") {
            let kind = ["gauge", "sum", "histogram"].into_iter().find(|kind| metric.get(kind).is_some()).unwrap();
            let data = &metric[kind];
            assert!(kind == "gauge" || data["aggregationTemporality"] == 2, "{metric}");
            assert!(kind != "sum" || data["isMonotonic"] == true, "{metric}");
            let mut points = Points::new();
            for point in each(data, "dataPoints") {
                assert!(long(point, "startTimeUnixNano") <= long(point, "timeUnixNano"), "{metric}");
                let words = attributes(point).into_values().collect::<Vec<_>>().join(",");
                assert!(points.insert(words, amount(kind, point)).is_none(), "twice the same point: {metric}");
            }
            let name = metric["name"].as_str().unwrap().to_owned();
            assert!(found.insert(name, points).is_none(), "twice: {metric}");
        }
        found
    }
}

fn amount(kind: &str, point: &Json) -> f64 {
    if kind != "histogram" {
        return point["asDouble"].as_f64().unwrap_or_else(|| long(point, "asInt") as f64);
    }
    let counts: Vec<u64> = each(point, "bucketCounts").map(|count| count.as_str().unwrap().parse().unwrap()).collect();
    assert_eq!(counts.len(), each(point, "explicitBounds").count() + 1);
    assert_eq!(counts.iter().sum::<u64>(), long(point, "count"));
    assert!(point["sum"].as_f64().unwrap() > 0.0);
    long(point, "count") as f64
}
