//! Sending: a thread of its own, with a runtime of its own, so that nothing here waits in the way of a run.
//!
//! There is no queue between a run and its telemetry: events change [`super::Told`], and what stands there is sent now and then. What
//! cannot be sent is kept, within bounds, and sent later; counts include what was sent before, so that a message that is lost loses nothing.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, USER_AGENT};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::encode::Message;
use super::settings::{Encoding, Settings, Target};
use super::{Export, Shared, otlp};
use crate::dynamo::without_secrets;

/// How often a look is taken at what the run waits for.
const LOOK: Duration = Duration::from_secs(1);
/// So long the end of a process waits for the last of it, at most.
pub(super) const FLUSH: Duration = Duration::from_secs(5);
/// How often the last of it is tried again where the collector says that it might take it later, and after which pause.
const LAST_TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(200);
/// What is kept for later, at most: messages of spans, or of a run's end.
const MOST_KEPT: usize = 64;

/// Why something was not taken.
enum NotTaken {
    /// It may be taken later.
    ForNow(String),
    /// It never will be.
    Ever(String),
}

/// What waits to be sent once more.
struct Waiting {
    target: Target,
    body: Vec<u8>,
}

pub(super) struct Sender {
    pub(super) shared: Arc<Shared>,
    pub(super) settings: Settings,
    pub(super) client: reqwest::Client,
    pub(super) warn: Box<dyn Fn(&str) + Send>,
    pub(super) end: CancellationToken,
}

/// A client as it is used here: nobody is sent elsewhere with somebody's headers.
pub(super) fn client(settings: &Settings) -> Result<reqwest::Client, reqwest::Error> {
    // Whoever embeds this library may have chosen already.
    let _chosen = rustls::crypto::ring::default_provider().install_default();
    let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).connect_timeout(Duration::from_secs(5));
    settings.certificates.iter().cloned().fold(builder, reqwest::ClientBuilder::add_root_certificate).build()
}

impl Sender {
    /// Sends until the end, and then the last of it, within [`FLUSH`].
    pub(super) async fn work(self) {
        let end = self.end.clone();
        let bound = async {
            end.cancelled().await;
            tokio::time::sleep(FLUSH).await;
        };
        tokio::select! {
            () = self.keep_sending() => {}
            () = bound => self.warn_once("the last of it could not be sent in time"),
        }
    }

    async fn keep_sending(&self) {
        let mut waiting = VecDeque::new();
        let mut next = Instant::now() + self.settings.interval;
        loop {
            let over = tokio::select! {
                () = self.end.cancelled() => true,
                () = tokio::time::sleep(LOOK.min(self.settings.interval)) => false,
            };
            self.shared.look();
            if over {
                break;
            }
            if Instant::now() >= next {
                self.send_all(&mut waiting, self.shared.exports(false)).await;
                next = Instant::now() + self.settings.interval;
            }
        }
        self.send_all(&mut waiting, self.shared.exports(true)).await;
        for tried in 1..LAST_TRIES {
            if waiting.is_empty() {
                break;
            }
            tokio::time::sleep(PAUSE * tried).await;
            self.send_all(&mut waiting, Vec::new()).await;
        }
    }

    /// Sends what waited before, and then this.
    async fn send_all(&self, waiting: &mut VecDeque<Waiting>, exports: Vec<Export>) {
        for export in exports {
            let Export { resource, trace, spans, start, at, metrics, is_last } = export;
            if let Some(target) = self.settings.traces.as_ref().filter(|_| !spans.is_empty() && trace.sampled) {
                let body = target.encoding.of(&otlp::traces(&resource, &trace, &spans));
                waiting.push_back(Waiting { target: target.clone(), body });
            }
            if let Some(target) = &self.settings.metrics {
                let message =
                    Waiting { target: target.clone(), body: target.encoding.of(&otlp::metrics(&resource, start, at, &metrics)) };
                match is_last {
                    true => waiting.push_back(message),
                    // The next one says all that this one does.
                    false => drop(self.send(&message).await),
                }
            }
        }
        // Who is away is asked once, and keeps the other waiting for nothing.
        let mut away = Vec::new();
        for message in std::mem::take(waiting) {
            let url = &message.target.url;
            if away.contains(url) {
                waiting.push_back(message);
            } else if let Err(NotTaken::ForNow(_)) = self.send(&message).await {
                away.push(url.clone());
                waiting.push_back(message);
            }
        }
        while waiting.len() > MOST_KEPT {
            waiting.pop_front();
        }
    }

    async fn send(&self, Waiting { target, body }: &Waiting) -> Result<(), NotTaken> {
        let taken = self.post(target, body.clone()).await;
        if let Err(NotTaken::ForNow(why) | NotTaken::Ever(why)) = &taken {
            self.warn_once(&format!("{} did not take it: {why}", without_secrets(target.url.as_str())));
        }
        taken
    }

    async fn post(&self, target: &Target, body: Vec<u8>) -> Result<(), NotTaken> {
        let request = self
            .client
            .post(target.url.clone())
            .header(USER_AGENT, concat!("drift-host/", env!("CARGO_PKG_VERSION")))
            .headers(target.headers.clone())
            .header(CONTENT_TYPE, target.encoding.content_type())
            .timeout(target.timeout)
            .body(body);
        // The URL may have a password in it.
        let answer = request.send().await.map_err(|error| NotTaken::ForNow(in_words(&error.without_url())))?;
        match answer.status() {
            status if status.is_success() => Ok(()),
            status @ (StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT) => Err(NotTaken::ForNow(format!("it answered {status}"))),
            status => Err(NotTaken::Ever(format!("it answered {status}"))),
        }
    }

    fn warn_once(&self, why: &str) {
        if !self.shared.warned.swap(true, std::sync::atomic::Ordering::Relaxed) {
            (self.warn)(&format!("telemetry: {why}. The run is not touched by it, and this is not said again"));
        }
    }
}

/// An error and what it came of.
fn in_words(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        words += &format!(": {error}");
        source = error.source();
    }
    words
}

impl Encoding {
    fn content_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        }
    }

    fn of(self, message: &Message) -> Vec<u8> {
        match self {
            Self::Protobuf => message.to_protobuf(),
            Self::Json => message.to_json().to_string().into_bytes(),
        }
    }
}
