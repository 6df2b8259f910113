//! Finding the endpoint, the region and the credentials.

use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::environment::{EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider};
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider};
use aws_config::provider_config::ProviderConfig;
use aws_config::timeout::TimeoutConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, IdentityCache, Region, StalledStreamProtectionConfig};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder as HttpBuilder, Connector};
use aws_smithy_runtime_api::client::http::SharedHttpClient;

use super::client::Client;
use super::credentials::Renewable;
use super::error::Error;
use super::lanes::Lanes;
use super::meter::Meter;
use super::pace::RateControl;

/// Where and as whom to connect. What is not given is found as every AWS tool finds it.
#[derive(Clone, Debug)]
pub struct ConnectionSettings {
    /// The endpoint; else AWS_ENDPOINT_URL_DYNAMODB or AWS_ENDPOINT_URL, else AWS's own for the region.
    pub endpoint_url: Option<String>,
    /// The region; else AWS_REGION or the profile's.
    pub region: Option<String>,
    /// The profile; else AWS_PROFILE or `default`.
    pub profile: Option<String>,
    /// How long one request may take.
    pub request_timeout: Duration,
}

impl Default for ConnectionSettings {
    fn default() -> Self {
        Self { endpoint_url: None, region: None, profile: None, request_timeout: Duration::from_secs(10) }
    }
}

impl ConnectionSettings {
    /// Whether the endpoint that was given is on this machine; one that only a profile names does not count.
    pub fn is_local(&self) -> bool {
        self.given().as_deref().is_some_and(is_loopback)
    }

    fn given(&self) -> Option<String> {
        let given = self.endpoint_url.clone().or_else(|| variable("AWS_ENDPOINT_URL_DYNAMODB"));
        given.or_else(|| variable("AWS_ENDPOINT_URL"))
    }
}

/// A DynamoDB, found and ready; cheap to clone.
#[derive(Clone, Debug)]
pub struct Database {
    config: aws_sdk_dynamodb::Config,
    tls: TlsContext,
    /// The host's roots, whatever the endpoint is: for other services of the account.
    pub(super) roots: TlsContext,
    client: Client,
    credentials: Renewable,
    region: String,
    meter: Meter,
    endpoint: String,
    local: bool,
}

impl Database {
    /// Finds endpoint, region and credentials; sends nothing to DynamoDB yet. A loopback endpoint needs neither credentials
    /// nor a region, and the metadata service of an instance is never asked for it.
    pub async fn connect(settings: &ConnectionSettings) -> Result<Self, Error> {
        let finder = Finder::new(settings)?;
        let shared = finder.load().await;
        let Some(region) = shared.region() else { return Err(Error::NoRegion) };
        let endpoint = match shared.endpoint_url() {
            Some(url) => without_secrets(url),
            None => format!("DynamoDB in {region}"),
        };
        let local = finder.local() || shared.endpoint_url().is_some_and(is_loopback);
        // Reading the system's roots takes longer than all else that a start does, and nobody asks for them on the way to this very
        // machine without TLS. Elsewhere a proxy may.
        let tls = if shared.endpoint_url().is_some_and(|url| url.starts_with("http://") && is_loopback(url)) {
            tls_context(TrustStore::empty())?
        } else {
            finder.tls.clone()
        };
        let roots = finder.tls.clone();
        let credentials = Renewable::new(finder);
        let config = aws_sdk_dynamodb::config::Builder::from(&shared)
            .http_client(http_client(tls.clone()))
            .credentials_provider(credentials.clone())
            .identity_cache(IdentityCache::no_cache())
            .build();
        let (meter, partiql_denied) = (Meter::default(), Arc::default());
        let sdk = aws_sdk_dynamodb::Client::from_conf(config.clone());
        let region = region.to_string();
        let client = Client::new(sdk, endpoint.clone(), credentials.clone(), meter.clone(), Arc::clone(&partiql_denied));
        Ok(Self { config, tls, roots, client, credentials, region, meter, endpoint, local })
    }

    /// Whether the endpoint is on this machine: a stand-in for DynamoDB, in which nothing is paid for.
    pub fn is_local(&self) -> bool {
        self.local
    }

    /// The endpoint or the region, for people.
    pub fn endpoint(&self) -> String {
        self.endpoint.clone()
    }

    /// The region.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Whoever gives the credentials of this connection, for other services of the same account.
    pub fn credentials(&self) -> SharedCredentialsProvider {
        SharedCredentialsProvider::new(self.credentials.clone())
    }

    /// A client whose connections run on the caller's runtime.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// What all clients of this database have cost so far.
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    /// How many read and write units a second all clients take, to be looked at and changed at any time.
    pub fn rates(&self) -> RateControl {
        RateControl(self.meter().pace().clone())
    }

    /// Starts `count` lanes (at least one): a thread, a runtime and a connection pool each.
    pub fn lanes(&self, count: usize) -> Result<Lanes, Error> {
        let client = |_| {
            let config = self.config.to_builder().http_client(http_client(self.tls.clone())).build();
            self.client.with(aws_sdk_dynamodb::Client::from_conf(config))
        };
        Lanes::start((0..count.max(1)).map(client).collect())
    }
}

/// Looks for region and credentials where every AWS tool looks, as often as it is asked.
#[derive(Clone, Debug)]
pub(super) struct Finder {
    settings: ConnectionSettings,
    tls: TlsContext,
    /// The endpoint, if one was given.
    given: Option<String>,
}

impl Finder {
    fn new(settings: &ConnectionSettings) -> Result<Self, Error> {
        Ok(Self { settings: settings.clone(), tls: tls_context(roots()?)?, given: settings.given() })
    }

    fn local(&self) -> bool {
        self.given.as_deref().is_some_and(is_loopback)
    }

    /// Whoever gives credentials now: files are read anew when it is asked.
    pub(super) async fn credentials(&self) -> Option<SharedCredentialsProvider> {
        self.load().await.credentials_provider()
    }

    async fn load(&self) -> SdkConfig {
        let settings = &self.settings;
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(settings.request_timeout.min(Duration::from_secs(5)))
            .operation_attempt_timeout(settings.request_timeout)
            .build();
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http_client(self.tls.clone()))
            .retry_config(RetryConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .timeout_config(timeouts);
        if let Some(url) = &self.given {
            loader = loader.endpoint_url(url);
        }
        if let Some(profile) = &settings.profile {
            loader = loader.profile_name(profile);
        }
        let region = RegionProviderChain::first_try(settings.region.clone().map(Region::new));
        if self.local() {
            // Both look into files only; but they are built with all that a profile could ask for, and that needs HTTP.
            let provider = ProviderConfig::default().with_http_client(http_client(self.tls.clone()));
            let mut credentials = ProfileFileCredentialsProvider::builder().configure(&provider);
            let mut profile_region = ProfileFileRegionProvider::builder().configure(&provider);
            if let Some(profile) = &settings.profile {
                credentials = credentials.profile_name(profile);
                profile_region = profile_region.profile_name(profile);
            }
            let chain = CredentialsProviderChain::first_try("Environment", EnvironmentVariableCredentialsProvider::new())
                .or_else("Profile", credentials.build())
                .or_else("Local", Credentials::new("local", "local", None, None, "Local"));
            let region = region
                .or_else(EnvironmentVariableRegionProvider::new())
                .or_else(profile_region.build())
                .or_else(Region::from_static("us-east-1"));
            loader = loader.credentials_provider(chain).region(region);
        } else if settings.region.is_some() {
            loader = loader.region(region);
        }
        loader.load().await
    }
}

/// An environment variable that is set and not empty.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The host's roots, and those of AWS_CA_BUNDLE if it is set.
fn roots() -> Result<TrustStore, Error> {
    let roots = TrustStore::default();
    let Some(path) = variable("AWS_CA_BUNDLE") else { return Ok(roots) };
    let pem = std::fs::read(&path).map_err(|error| Error::Setup(format!("AWS_CA_BUNDLE names {path}: {error}")))?;
    Ok(roots.with_pem_certificate(pem))
}

fn tls_context(roots: TrustStore) -> Result<TlsContext, Error> {
    let context = TlsContext::builder().with_trust_store(roots).build();
    context.map_err(|error| Error::Setup(format!("the TLS certificates cannot be used: {error}")))
}

/// An HTTP client with a pool of its own, which heeds HTTPS_PROXY, HTTP_PROXY and NO_PROXY.
pub(super) fn http_client(tls: TlsContext) -> SharedHttpClient {
    HttpBuilder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = Connector::builder().proxy_config(ProxyConfig::from_env());
        connector.set_connector_settings(settings.cloned());
        if let Some(components) = components {
            connector.set_sleep_impl(components.sleep_impl());
        }
        connector.tls_provider(Provider::Rustls(CryptoMode::Ring)).tls_context(tls.clone()).build()
    })
}

/// Whether a URL's host is this machine itself.
pub(crate) fn is_loopback(url: &str) -> bool {
    let host = authority(url).rsplit('@').next().unwrap_or_default();
    let host = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    host.eq_ignore_ascii_case("localhost") || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A URL without the user and password that it may have.
pub(crate) fn without_secrets(url: &str) -> String {
    let authority = authority(url);
    match authority.rsplit_once('@') {
        Some((secret, _)) => url.replacen(&format!("{secret}@"), "", 1),
        None => url.to_owned(),
    }
}

fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_told_from_the_rest() {
        for url in ["http://localhost:8000", "http://127.0.0.1:8000/", "https://[::1]:8000", "http://u:p@127.1.2.3"] {
            assert!(is_loopback(url), "{url}");
        }
        for url in
            ["http://localhost.example.com", "https://10.0.0.1:8000", "http://127.0.0.1.example.com", "http://localhost@a.b"]
        {
            assert!(!is_loopback(url), "{url}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        assert_eq!(without_secrets("http://user:secret@127.0.0.1:8000/x"), "http://127.0.0.1:8000/x");
        assert_eq!(without_secrets("http://127.0.0.1:8000"), "http://127.0.0.1:8000");
    }
}
