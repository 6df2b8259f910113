//! Where traces and metrics go: OpenTelemetry's own environment variables, decoded once.

use std::time::Duration;

use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::span::Trace;
use crate::dynamo::without_secrets;

/// What of the settings cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// No URL of a collector.
    #[error("{name} is {url:?}, which is no http:// or https:// URL of a collector (http://127.0.0.1:4318, say)")]
    Url {
        /// The flag or variable.
        name: String,
        /// What it is, without a password.
        url: String,
    },
    /// Pairs that are none. Their values may be secrets, and are not repeated.
    #[error("{name} is to be NAME=VALUE pairs with commas between them, its values percent-encoded; pair {at} of it is not")]
    Pairs {
        /// The variable.
        name: String,
        /// Which, from 1.
        at: usize,
    },
    /// A protocol that is not spoken.
    #[error("{name} is {protocol:?}; what is spoken here is http/protobuf and http/json")]
    Protocol {
        /// The variable.
        name: String,
        /// What it is.
        protocol: String,
    },
    /// No number of milliseconds.
    #[error("{name} is {value:?}, which is no number of milliseconds")]
    Milliseconds {
        /// The variable.
        name: String,
        /// What it is.
        value: String,
    },
    /// The certificates cannot be read.
    #[error("{name} names {path}, which cannot be read as certificates (PEM): {why}")]
    Certificates {
        /// The variable.
        name: String,
        /// The file.
        path: String,
        /// Why not.
        why: String,
    },
}

/// In which form it is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Encoding {
    #[default]
    Protobuf,
    Json,
}

/// Where one of the two goes.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) encoding: Encoding,
    pub(super) timeout: Duration,
}

/// Where traces and metrics go, and as whose.
#[derive(Clone, Debug)]
pub struct Settings {
    pub(super) traces: Option<Target>,
    pub(super) metrics: Option<Target>,
    /// Of the resource, as they were given: `service.name` and whatever else.
    pub(super) resource: Vec<(String, String)>,
    /// How often metrics are sent.
    pub(super) interval: Duration,
    /// The trace of whoever called.
    pub(super) caller: Option<Trace>,
    /// Certificates beside the system's, as PEM.
    pub(super) certificates: Vec<reqwest::Certificate>,
}

/// OpenTelemetry's default is a minute; most runs would be over.
const INTERVAL: Duration = Duration::from_secs(10);
/// OpenTelemetry's default.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Whether it is the URL of a collector, for the command line.
///
/// # Errors
/// In words, if it is not.
pub fn check_url(text: &str) -> Result<String, String> {
    url("--otlp", text, "").map(|_| text.to_owned()).map_err(|error| error.to_string())
}

impl Settings {
    /// What the environment says; `endpoint` counts more than it. `None` where nothing is to be sent.
    ///
    /// # Errors
    /// Where something is said that cannot be used.
    pub fn find(endpoint: Option<&str>) -> Result<Option<Self>, SettingsError> {
        Self::of(endpoint, |name| std::env::var(name).ok())
    }

    fn of(endpoint: Option<&str>, variable: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, SettingsError> {
        // OpenTelemetry takes an empty variable for none.
        let variable = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        if variable("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return Ok(None);
        }
        let traces = Target::of("TRACES", "v1/traces", endpoint, &variable)?;
        let metrics = Target::of("METRICS", "v1/metrics", endpoint, &variable)?;
        if traces.is_none() && metrics.is_none() {
            return Ok(None);
        }
        let mut resource = variable("OTEL_RESOURCE_ATTRIBUTES")
            .map(|text| pairs("OTEL_RESOURCE_ATTRIBUTES", &text))
            .transpose()?
            .unwrap_or_default();
        let name = variable("OTEL_SERVICE_NAME");
        if name.is_some() || !resource.iter().any(|(name, _)| name == "service.name") {
            resource.retain(|(name, _)| name != "service.name");
            resource.insert(0, ("service.name".into(), name.unwrap_or_else(|| "drift-host".into())));
        }
        let certificates = match variable("OTEL_EXPORTER_OTLP_CERTIFICATE") {
            Some(path) => certificates("OTEL_EXPORTER_OTLP_CERTIFICATE", path)?,
            None => Vec::new(),
        };
        Ok(Some(Self {
            traces,
            metrics,
            resource,
            interval: milliseconds("OTEL_METRIC_EXPORT_INTERVAL", &variable)?.unwrap_or(INTERVAL),
            // What is no context is none, as W3C says.
            caller: variable("TRACEPARENT").and_then(|parent| Trace::of_caller(&parent, variable("TRACESTATE"))),
            certificates,
        }))
    }
}

impl Target {
    fn of(
        signal: &str,
        path: &str,
        endpoint: Option<&str>,
        variable: &impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, SettingsError> {
        if variable(&format!("OTEL_{signal}_EXPORTER")).is_some_and(|value| value == "none") {
            return Ok(None);
        }
        // What is said of one signal counts more than what is said of all.
        let either = |what: &str| {
            let names = [format!("OTEL_EXPORTER_OTLP_{signal}_{what}"), format!("OTEL_EXPORTER_OTLP_{what}")];
            names.into_iter().find_map(|name| Some((variable(&name)?, name)))
        };
        let own = format!("OTEL_EXPORTER_OTLP_{signal}_ENDPOINT");
        let url = match (endpoint, variable(&own), variable("OTEL_EXPORTER_OTLP_ENDPOINT")) {
            (Some(base), ..) => url("--otlp", base, path)?,
            // The one of its own is taken as it is.
            (None, Some(whole), _) => url(&own, &whole, "")?,
            (None, None, Some(base)) => url("OTEL_EXPORTER_OTLP_ENDPOINT", &base, path)?,
            (None, None, None) => return Ok(None),
        };
        let encoding = match either("PROTOCOL") {
            None => Encoding::default(),
            Some((protocol, name)) => match protocol.as_str() {
                "http/protobuf" => Encoding::Protobuf,
                "http/json" => Encoding::Json,
                _ => return Err(SettingsError::Protocol { name, protocol }),
            },
        };
        let mut headers = HeaderMap::new();
        if let Some((text, name)) = either("HEADERS") {
            for (at, (header, value)) in (1..).zip(pairs(&name, &text)?) {
                let wrong = || SettingsError::Pairs { name: name.clone(), at };
                let header: HeaderName = header.parse().map_err(|_| wrong())?;
                let mut value: HeaderValue = value.parse().map_err(|_| wrong())?;
                value.set_sensitive(true);
                headers.insert(header, value);
            }
        }
        let timeout = match either("TIMEOUT") {
            None => TIMEOUT,
            Some((_, name)) => milliseconds(&name, variable)?.unwrap_or(TIMEOUT),
        };
        Ok(Some(Self { url, headers, encoding, timeout }))
    }
}

/// A URL, and a path below it.
fn url(name: &str, text: &str, path: &str) -> Result<Url, SettingsError> {
    let wrong = || SettingsError::Url { name: name.to_owned(), url: without_secrets(text) };
    let below = if path.is_empty() { text.to_owned() } else { format!("{}/{path}", text.trim_end_matches('/')) };
    let url: Url = below.parse().map_err(|_| wrong())?;
    if matches!(url.scheme(), "http" | "https") && url.has_host() { Ok(url) } else { Err(wrong()) }
}

fn milliseconds(name: &str, variable: &impl Fn(&str) -> Option<String>) -> Result<Option<Duration>, SettingsError> {
    let Some(value) = variable(name) else { return Ok(None) };
    match value.trim().parse::<u64>() {
        Ok(millis) if millis > 0 => Ok(Some(Duration::from_millis(millis))),
        _ => Err(SettingsError::Milliseconds { name: name.to_owned(), value }),
    }
}

fn certificates(name: &str, path: String) -> Result<Vec<reqwest::Certificate>, SettingsError> {
    let wrong = |why: String| SettingsError::Certificates { name: name.to_owned(), path: path.clone(), why };
    let pem = std::fs::read(&path).map_err(|error| wrong(error.to_string()))?;
    reqwest::Certificate::from_pem_bundle(&pem).map_err(|error| wrong(error.to_string()))
}

/// `a=1,b=two%20words`, as W3C's baggage is written.
fn pairs(name: &str, text: &str) -> Result<Vec<(String, String)>, SettingsError> {
    let pieces = text.split(',').map(str::trim).enumerate().filter(|(_, piece)| !piece.is_empty());
    let pair = |(at, piece): (usize, &str)| {
        let pair = piece.split_once('=').map(|(key, value)| (key.trim().to_owned(), decoded(value.trim())));
        match pair {
            Some((key, Some(value))) if !key.is_empty() => Ok((key, value)),
            _ => Err(SettingsError::Pairs { name: name.to_owned(), at: at + 1 }),
        }
    };
    pieces.map(pair).collect()
}

/// Without its percent-encoding.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let code = [rest.next()?, rest.next()?];
            let digits = std::str::from_utf8(&code).ok().filter(|code| code.bytes().all(|c| c.is_ascii_hexdigit()))?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(endpoint: Option<&str>, variables: &[(&str, &str)]) -> Result<Option<Settings>, SettingsError> {
        let find = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        Settings::of(endpoint, find)
    }

    #[test]
    fn nothing_is_sent_without_an_endpoint_or_where_it_is_turned_off() {
        assert!(of(None, &[]).unwrap().is_none());
        assert!(of(None, &[("OTEL_EXPORTER_OTLP_ENDPOINT", "")]).unwrap().is_none());
        assert!(of(Some("http://127.0.0.1:4318"), &[("OTEL_SDK_DISABLED", "True")]).unwrap().is_none());
        let traces_only = of(Some("http://127.0.0.1:4318"), &[("OTEL_METRICS_EXPORTER", "none")]).unwrap().unwrap();
        assert!(traces_only.metrics.is_none() && traces_only.traces.is_some());
    }

    #[test]
    fn an_endpoint_is_below_the_common_one_or_a_whole_one_of_its_own() {
        let settings = of(
            None,
            &[
                ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector.example/otlp/"),
                ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://127.0.0.1:9/all"),
                ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "http/json"),
                ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Basic%20abc=, x-tenant = 7"),
                ("OTEL_EXPORTER_OTLP_TIMEOUT", "1500"),
            ],
        );
        let Settings { traces: Some(traces), metrics: Some(metrics), .. } = settings.unwrap().unwrap() else { panic!("both") };
        assert_eq!(traces.url.as_str(), "https://collector.example/otlp/v1/traces");
        assert_eq!(metrics.url.as_str(), "http://127.0.0.1:9/all");
        assert_eq!((traces.encoding, metrics.encoding), (Encoding::Protobuf, Encoding::Json));
        assert_eq!(traces.headers["authorization"], "Basic abc=");
        assert_eq!((traces.headers["x-tenant"].to_str().unwrap(), traces.timeout), ("7", Duration::from_millis(1500)));
        assert!(!format!("{traces:?}").contains("Basic"), "a header may be a secret: {traces:?}");
    }

    #[test]
    fn the_service_has_a_name_whoever_gives_it() {
        let named = |variables: &[(&str, &str)]| {
            of(Some("http://127.0.0.1:4318"), variables)
                .unwrap()
                .unwrap()
                .resource
                .into_iter()
                .find(|(name, _)| name == "service.name")
        };
        assert_eq!(named(&[]).unwrap().1, "drift-host");
        assert_eq!(named(&[("OTEL_RESOURCE_ATTRIBUTES", "service.name=of%20ours,a=b")]).unwrap().1, "of ours");
        let both = [("OTEL_RESOURCE_ATTRIBUTES", "service.name=x"), ("OTEL_SERVICE_NAME", "y")];
        assert_eq!(named(&both).unwrap().1, "y");
    }

    #[test]
    fn what_cannot_be_used_is_named_without_its_secrets() {
        let at = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");
        let wrong = |variables: &[(&str, &str)]| of(None, variables).unwrap_err().to_string();
        assert!(wrong(&[at, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]).contains("http/protobuf and http/json"));
        let headers = wrong(&[at, ("OTEL_EXPORTER_OTLP_HEADERS", "a=b,secret")]);
        assert!(headers.contains("pair 2") && !headers.contains("secret"), "{headers}");
        assert!(wrong(&[at, ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon")]).contains("OTEL_EXPORTER_OTLP_TIMEOUT"));
        let url = wrong(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://me:secret@there")]);
        assert!(url.contains("ftp://there") && !url.contains("secret"), "{url}");
        assert!(check_url("127.0.0.1:4318").is_err() && check_url("http://127.0.0.1:4318").is_ok());
    }
}
