//! Where machines listen: a run as a trace, and its metrics, sent to an OpenTelemetry collector by OTLP over HTTP.
//!
//! Promised: nothing of an item, a key, an argument or a guest's words is ever sent, because none of it reaches this module's types
//! ([`span::Said`], [`course`]); and whatever the collector does, a run neither waits for it nor fails by it. It knows of a run by its
//! [`Event`]s and meters alone, as everybody who observes one does.
//!
//! It costs a lock and some additions for an event (an event is a page or a chunk of writes), a thread, and at a process's end up to
//! five seconds if the collector is there and does not answer. A program that embeds the library starts a [`Telemetry`] if it wants one;
//! one that has telemetry of its own takes the events.

mod course;
mod encode;
mod metric;
mod otlp;
mod send;
mod settings;
mod span;

use std::collections::VecDeque;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use tokio_util::sync::CancellationToken;

pub use settings::{Settings, SettingsError, check_url};

use self::course::Course;
use self::metric::Metric;
use self::otlp::Resource;
use self::span::{Nanos, Said, Span, Trace, now};
use crate::dynamo::{Meter, RateControl};
use crate::run::{About, Event, Guests, Migrator};

/// Why telemetry could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No HTTP client: the system's certificates, say.
    #[error("telemetry could not be started: no HTTP client could be made: {0}")]
    Client(String),
    /// No thread, or no runtime in it.
    #[error("telemetry could not be started: no thread for it: {0}")]
    Thread(#[from] std::io::Error),
}

/// The meters of a migrator.
struct Sources {
    meter: Meter,
    rates: RateControl,
    guests: Guests,
}

/// What of a run is sent at a time.
struct Export {
    resource: Resource,
    trace: Trace,
    spans: Vec<Span>,
    start: Nanos,
    at: Nanos,
    metrics: Vec<Metric>,
    /// Nothing more will be said of this run.
    is_last: bool,
}

/// Runs that are over and not sent yet, at most: a sweep's rounds, say.
const MOST_ENDED: usize = 16;

/// What was told so far.
#[derive(Default)]
struct Told {
    /// When something was heard of a run that is not at work yet.
    heard: Option<Nanos>,
    course: Option<Course>,
    ended: VecDeque<Export>,
}

struct Shared {
    told: Mutex<Told>,
    sources: Sources,
    /// Of every run.
    resource: Resource,
    caller: Option<Trace>,
    warned: AtomicBool,
}

impl Shared {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn see(&self, event: &Event) {
        let (mut told, now) = (self.told(), now());
        let Told { heard, course, ended } = &mut *told;
        if let Event::Begun(about) = event {
            let trace = self.caller.clone().unwrap_or_else(Trace::of_its_own);
            *course = Some(Course::begin((**about).clone(), trace, heard.take().unwrap_or(now), now, &self.sources));
        } else if course.as_mut().is_some_and(|course| course.see(event, now, &self.sources)) {
            ended.extend(course.take().map(|mut course| self.export(&mut course, now, true)));
            if ended.len() > MOST_ENDED {
                ended.pop_front();
            }
        } else if course.is_none() {
            heard.get_or_insert(now);
        }
    }

    fn look(&self) {
        if let Some(course) = &mut self.told().course {
            course.look(&self.sources);
        }
    }

    /// What is to be sent now; `over`: nothing more will be told.
    fn exports(&self, over: bool) -> Vec<Export> {
        let (mut told, now) = (self.told(), now());
        let mut exports: Vec<Export> = told.ended.drain(..).collect();
        if over {
            exports.extend(told.course.take().map(|mut course| {
                course.abandon(now);
                self.export(&mut course, now, true)
            }));
        } else {
            exports.extend(told.course.as_mut().map(|course| self.export(course, now, false)));
        }
        exports
    }

    fn export(&self, course: &mut Course, at: Nanos, is_last: bool) -> Export {
        let resource = self.resource.iter().cloned().chain(of_run(&course.about)).collect();
        let spans = course.take_spans();
        Export {
            resource,
            trace: course.trace.clone(),
            spans,
            start: course.start,
            at,
            metrics: course.metrics(&self.sources),
            is_last,
        }
    }
}

/// What says which run it is.
fn of_run(about: &About) -> impl Iterator<Item = (String, Said)> {
    let text = |name: &str, text: String| (name.to_owned(), Said::Text(text));
    [
        text("drift.run.id", about.run.clone()),
        text("drift.migration.number", about.number.to_string()),
        text("drift.migration.name", about.name.clone()),
        text("aws.dynamodb.table_name", about.table.clone()),
    ]
    .into_iter()
}

/// Telemetry of the runs of one migrator. When it is dropped the last of it is sent, which takes five seconds at most; in an asynchronous
/// program, drop it where that may be waited for.
pub struct Telemetry {
    shared: Arc<Shared>,
    end: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Telemetry {
    /// Starts to send what is told of the runs of this migrator, once it is [watched](Self::watch). `warn` is called once, if something
    /// could not be sent.
    ///
    /// # Errors
    /// Where there is no client or thread for it.
    pub fn start(settings: Settings, migrator: &Migrator, warn: impl Fn(&str) + Send + 'static) -> Result<Self, Error> {
        let client = send::client(&settings).map_err(|error| Error::Client(error.to_string()))?;
        let database = migrator.database();
        let mut resource: Resource =
            settings.resource.iter().map(|(name, text)| (name.clone(), Said::Text(text.clone()))).collect();
        let mut say = |name: &str, text: &str| {
            // What whoever runs it says counts more.
            if !resource.iter().any(|(known, _)| known == name) {
                resource.push((name.to_owned(), text.into()));
            }
        };
        say("service.version", env!("CARGO_PKG_VERSION"));
        if !database.is_local() {
            say("cloud.provider", "aws");
            say("cloud.region", database.region());
        }
        let shared = Arc::new(Shared {
            told: Mutex::default(),
            sources: Sources { meter: database.meter().clone(), rates: migrator.rates(), guests: migrator.guests().clone() },
            resource,
            caller: settings.caller.clone(),
            warned: AtomicBool::new(false),
        });
        let end = CancellationToken::new();
        let sender = send::Sender { shared: shared.clone(), settings, client, warn: Box::new(warn), end: end.clone() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new().name("telemetry".into()).spawn(move || {
            runtime.block_on(sender.work());
            // A name that is still being looked up is not waited for.
            runtime.shutdown_background();
        })?;
        Ok(Self { shared, end, thread: Some(thread) })
    }

    /// The same migrator, whose events are told here as well.
    #[must_use]
    pub fn watch(&self, migrator: Migrator) -> Migrator {
        let shared = self.shared.clone();
        migrator.also_observe(move |event| shared.see(event))
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        self.end.cancel();
        let _over = self.thread.take().map(JoinHandle::join);
    }
}
