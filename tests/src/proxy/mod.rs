//! A DynamoDB endpoint that fails on purpose: an HTTP proxy on loopback between a client and the embedded DynamoDB.
//!
//! It reads each request's operation and JSON, and a test's [`Rule`]s say which of them fail, how, and whether DynamoDB has
//! carried them out all the same. What passes is forwarded as it is and answered as it was answered; what is made up here
//! has the headers that DynamoDB sends. Everything is noted in the order in which it was answered, for assertions.

mod answer;
mod batch;
mod body;
mod request;
mod rule;

use std::future::{Future, pending, poll_fn};
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Response, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

pub use answer::Answer;
pub use request::Request;
pub use rule::{Fault, Moment, Rule};

use body::Paced;

/// A running proxy; dropping it stops it.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

/// One request that was answered, or was to stay without an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// DynamoDB's name of the operation.
    pub operation: String,
    /// The tables that it names.
    pub tables: Vec<String>,
    /// The id of the access key that it was signed with.
    pub access_key: String,
    /// The fault, if one befell it.
    pub fault: Option<String>,
    /// Whether it went on to DynamoDB, whole or in part.
    pub forwarded: bool,
}

struct Shared {
    upstream: String,
    client: Client<HttpConnector, Full<Bytes>>,
    rules: Mutex<Vec<Arc<Rule>>>,
    log: Mutex<Vec<Passed>>,
}

/// The connection is to be reset instead of an answer.
#[derive(Debug)]
struct Reset;

impl std::fmt::Display for Reset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("reset on purpose")
    }
}

impl std::error::Error for Reset {}

impl Proxy {
    /// Starts a proxy before `upstream` (`http://127.0.0.1:8000`), on a free port and a thread of its own. Without rules
    /// everything passes.
    pub fn start(upstream: &str) -> Self {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let client = Client::builder(TokioExecutor::new()).build_http();
        let shared = Arc::new(Shared { upstream: upstream.to_owned(), client, rules: Mutex::default(), log: Mutex::default() });
        let stop = CancellationToken::new();
        let (serving, stopped) = (shared.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::from_std(listener).unwrap();
                loop {
                    tokio::select! {
                        accepted = listener.accept() => drop(tokio::spawn(serve(accepted.unwrap().0, serving.clone()))),
                        () = stopped.cancelled() => return,
                    }
                }
            });
            runtime.shutdown_background();
        });
        Self { address, shared, stop, thread: Some(thread) }
    }

    /// Where it answers: `http://127.0.0.1:41000`.
    pub fn endpoint_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Adds a rule. Of several that apply to a request, the one added first does.
    pub fn add(&self, rule: Rule) {
        self.shared.rules.lock().unwrap().push(Arc::new(rule));
    }

    /// Takes all rules away: from now on everything passes.
    pub fn mend(&self) {
        self.shared.rules.lock().unwrap().clear();
    }

    /// What was answered so far, in that order.
    pub fn log(&self) -> Vec<Passed> {
        self.shared.log.lock().unwrap().clone()
    }

    /// How many requests a fault befell.
    pub fn faults(&self) -> usize {
        self.log().iter().filter(|passed| passed.fault.is_some()).count()
    }

    /// How many requests of an operation came.
    pub fn calls(&self, operation: &str) -> usize {
        self.log().iter().filter(|passed| passed.operation == operation).count()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop.cancel();
        let _ended = self.thread.take().map(JoinHandle::join);
    }
}

type Answered = Pin<Box<dyn Future<Output = Result<Response<Paced>, Reset>> + Send>>;

/// One connection, to its end or to its reset.
async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    stream.set_nodelay(true).unwrap();
    let service = service_fn(move |request: hyper::Request<Incoming>| -> Answered {
        let shared = shared.clone();
        Box::pin(async move {
            let (head, body) = request.into_parts();
            // Who goes away while it sends gets no answer.
            let body = body.collect().await.map_err(|_| Reset)?.to_bytes();
            shared.answer(Request::read(head.headers, body)).await
        })
    });
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    if poll_fn(|context| connection.poll_without_shutdown(context)).await.is_err() {
        // Closed with a reset rather than politely: what is on its way is lost.
        let _closed_already = connection.into_parts().io.into_inner().set_zero_linger();
    }
}

impl Shared {
    async fn answer(&self, request: Request) -> Result<Response<Paced>, Reset> {
        let request = Arc::new(request);
        let rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let rule = rules.into_iter().find(|rule| rule.applies_to(&request));
        let Some(rule) = rule else {
            self.note(&request, None, true);
            return Ok(self.forward(&request, request.body.clone()).await.whole());
        };
        if let Some(hook) = rule.before.clone() {
            call(hook, &request).await;
        }
        let (forwarded, answer) = match &rule.fault {
            Fault::Rewrite(change) => {
                let answer = self.forward(&request, request.body.clone()).await;
                (true, Some(answer.changed(change.as_ref())))
            }
            Fault::Answer(json) => (false, Some(Answer::json(200, json))),
            Fault::Pass | Fault::CutBody | Fault::SlowBody => (true, Some(self.forward(&request, request.body.clone()).await)),
            Fault::Error { status, code, moment } => {
                let forwarded = self.when(*moment, &request).await;
                (forwarded, Some(Answer::error(*status, code)))
            }
            Fault::Throttled { reason } => (false, Some(Answer::throttled(reason))),
            Fault::Foreign { status } => (false, Some(Answer::foreign(*status))),
            Fault::Cancelled { code, action } => (false, Some(Answer::cancelled(&request, code, *action))),
            Fault::Statements { code, moment, which } => {
                let split = batch::split(&request, *moment, which);
                let theirs = match &split.forwarded {
                    Some(body) => Some(self.forward(&request, body.clone()).await),
                    None => None,
                };
                (theirs.is_some(), Some(batch::merge(&split, theirs, code)))
            }
            Fault::Reset(moment) | Fault::Hang(moment) => (self.when(*moment, &request).await, None),
        };
        if let Some(hook) = rule.after.clone() {
            call(hook, &request).await;
        }
        self.note(&request, rule.name(), forwarded);
        match (answer, &rule.fault) {
            (Some(answer), Fault::CutBody) => Ok(answer.cut()),
            (Some(answer), Fault::SlowBody) => Ok(answer.slow()),
            (Some(answer), _) => Ok(answer.whole()),
            (None, Fault::Hang(_)) => pending().await,
            (None, _) => Err(Reset),
        }
    }

    /// Has the request carried out if the fault comes after that; whether it was.
    async fn when(&self, moment: Moment, request: &Request) -> bool {
        if moment == Moment::After {
            let lost = self.forward(request, request.body.clone()).await;
            assert!(lost.status < 500, "the embedded DynamoDB failed by itself: {lost:?}");
        }
        moment == Moment::After
    }

    async fn forward(&self, request: &Request, body: Bytes) -> Answer {
        let mut forwarded = hyper::Request::post(self.upstream.parse::<Uri>().unwrap());
        for (name, value) in request.headers.iter().filter(|(name, _)| *name != "host" && *name != "content-length") {
            forwarded = forwarded.header(name, value);
        }
        let answer = match self.client.request(forwarded.body(Full::new(body)).unwrap()).await {
            Ok(answer) => answer,
            Err(error) => return Answer::error(502, &format!("UpstreamFailed: {error}")),
        };
        let (head, body) = answer.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: head.status.as_u16(), headers: head.headers, body }
    }

    fn note(&self, request: &Request, fault: Option<String>, forwarded: bool) {
        let passed = Passed {
            operation: request.operation.clone(),
            tables: request.tables(),
            access_key: request.access_key(),
            fault,
            forwarded,
        };
        self.log.lock().unwrap_or_else(PoisonError::into_inner).push(passed);
    }
}

/// Hooks may block, for instance on a call of the embedded DynamoDB.
async fn call(hook: rule::Hook, request: &Arc<Request>) {
    let request = request.clone();
    let called = tokio::task::spawn_blocking(move || hook(&request)).await;
    assert!(called.is_ok(), "a hook panicked");
}
