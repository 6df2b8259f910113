//! Traces and metrics as OTLP's messages, by the numbers and names of opentelemetry-proto 1.x.

use super::encode::{Message, Value};
use super::metric::{Amount, Kind, Metric, Point};
use super::span::{Attribute, Nanos, Said, Span, Trace};
use crate::dynamo::LATENCY_BOUNDS;

/// What all spans and metrics of a run are of: names and what is said under them.
pub(super) type Resource = Vec<(String, Said)>;

/// Since the process began to work on the run: what is sent later includes what was sent before, so that nothing is lost with a message.
const CUMULATIVE: u32 = 2;
const INTERNAL: u32 = 1;
const ERROR: u32 = 2;
/// Flags of a span: sampled, and whether its parent is known to be in another process.
const SAMPLED: u32 = 0x1;
const KNOWN: u32 = 0x100;
const REMOTE: u32 = 0x200;

/// `ExportTraceServiceRequest`.
pub(super) fn traces(resource: &Resource, trace: &Trace, spans: &[Span]) -> Message {
    let spans = spans.iter().map(|span| Value::Message(self::span(trace, span))).collect();
    let scoped = Message::default().with(1, "scope", scope()).with(2, "spans", Value::Each(spans));
    of_resource("resourceSpans", resource, "scopeSpans", scoped)
}

/// `ExportMetricsServiceRequest`, of counts between two moments.
pub(super) fn metrics(resource: &Resource, start: Nanos, now: Nanos, metrics: &[Metric]) -> Message {
    let metrics = metrics.iter().map(|metric| Value::Message(self::metric(metric, start, now))).collect();
    let scoped = Message::default().with(1, "scope", scope()).with(2, "metrics", Value::Each(metrics));
    of_resource("resourceMetrics", resource, "scopeMetrics", scoped)
}

fn of_resource(list: &'static str, resource: &Resource, scoped: &'static str, content: Message) -> Message {
    let attributes = resource.iter().map(|(name, said)| key_value(name, said)).collect();
    let resource = Message::default().with(1, "attributes", Value::Each(attributes));
    let whole = Message::default().with(1, "resource", Value::Message(resource)).with(
        2,
        scoped,
        Value::Each(vec![Value::Message(content)]),
    );
    Message::default().with(1, list, Value::Each(vec![Value::Message(whole)]))
}

fn scope() -> Value {
    let scope = Message::default().with(1, "name", Value::text("drift-host"));
    Value::Message(scope.with(2, "version", Value::text(env!("CARGO_PKG_VERSION"))))
}

fn span(trace: &Trace, span: &Span) -> Message {
    let mut message =
        Message::default().with(1, "traceId", Value::Id(trace.id.to_vec())).with(2, "spanId", Value::Id(span.id.to_vec()));
    if !trace.state.is_empty() {
        message = message.with(3, "traceState", Value::text(&trace.state));
    }
    if let Some(parent) = span.parent {
        message = message.with(4, "parentSpanId", Value::Id(parent.to_vec()));
    }
    let events = span.events.iter().map(|event| {
        let message = Message::default().with(1, "timeUnixNano", Value::Fixed(event.at)).with(2, "name", Value::text(event.what));
        Value::Message(message.with(3, "attributes", attributes(&event.attributes)))
    });
    message = message
        .with(5, "name", Value::text(span.name))
        .with(6, "kind", Value::Short(INTERNAL))
        .with(7, "startTimeUnixNano", Value::Fixed(span.start))
        .with(8, "endTimeUnixNano", Value::Fixed(span.end));
    let mut said = span.attributes.clone();
    said.extend(span.error.map(|error| ("error.type", Said::from(error))));
    message = message.with(9, "attributes", attributes(&said)).with(11, "events", Value::Each(events.collect()));
    if let Some(error) = span.error {
        let status = Message::default().with(2, "message", Value::text(error)).with(3, "code", Value::Short(ERROR));
        message = message.with(15, "status", Value::Message(status));
    }
    let remote = if span.parent.is_some() && span.parent == trace.parent { REMOTE } else { 0 };
    message.with(16, "flags", Value::Fixed32(SAMPLED | KNOWN | remote))
}

fn metric(metric: &Metric, start: Nanos, now: Nanos) -> Message {
    let points = metric.points.iter().map(|point| Value::Message(self::point(point, start, now))).collect();
    let data = Message::default().with(1, "dataPoints", Value::Each(points));
    let temporal = |data: Message| data.with(2, "aggregationTemporality", Value::Short(CUMULATIVE));
    let of = metric.instrument;
    let message = Message::default().with(1, "name", Value::text(of.name)).with(2, "description", Value::text(of.what)).with(
        3,
        "unit",
        Value::text(of.unit),
    );
    match of.kind {
        Kind::Gauge => message.with(5, "gauge", Value::Message(data)),
        Kind::Counter => message.with(7, "sum", Value::Message(temporal(data).with(3, "isMonotonic", Value::Flag(true)))),
        Kind::Histogram => message.with(9, "histogram", Value::Message(temporal(data))),
    }
}

fn point(point: &Point, start: Nanos, now: Nanos) -> Message {
    let (start, now) = (Value::Fixed(start), Value::Fixed(now));
    let times = Message::default().with(2, "startTimeUnixNano", start).with(3, "timeUnixNano", now);
    let said = attributes(&point.attributes);
    match &point.amount {
        Amount::Whole(count) => times.with(6, "asInt", Value::Fixed(*count)).with(7, "attributes", said),
        Amount::Real(number) => times.with(4, "asDouble", Value::Double(*number)).with(7, "attributes", said),
        Amount::Times(of) => times
            .with(4, "count", Value::Fixed(of.count()))
            .with(5, "sum", Value::Double(of.seconds))
            .with(6, "bucketCounts", Value::Packed(of.buckets.iter().map(|count| Value::Fixed(*count)).collect()))
            .with(7, "explicitBounds", Value::Packed(LATENCY_BOUNDS.iter().map(|bound| Value::Double(*bound)).collect()))
            .with(9, "attributes", said),
    }
}

fn attributes(of: &[Attribute]) -> Value {
    Value::Each(of.iter().map(|(name, said)| key_value(name, said)).collect())
}

fn key_value(name: &str, said: &Said) -> Value {
    let value = Message::default();
    let value = match said {
        Said::Text(text) => value.with(1, "stringValue", Value::text(text)),
        Said::Flag(flag) => value.with(2, "boolValue", Value::Flag(*flag)),
        Said::Count(count) => value.with(3, "intValue", Value::Long(*count)),
    };
    Value::Message(Message::default().with(1, "key", Value::text(name)).with(2, "value", Value::Message(value)))
}
