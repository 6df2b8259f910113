//! S3, and what speaks its protocol.

use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use object_store::aws::{AmazonS3Builder, AwsCredential};
use object_store::client::{Certificate, ClientOptions};
use object_store::path::Path;
use object_store::{CredentialProvider, ObjectStore, RetryConfig};

use super::error::{Error, ErrorKind};

/// Where S3 is and as whom to speak to it: as to DynamoDB.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The region.
    pub region: String,
    /// The endpoint, where it is not AWS's own.
    pub endpoint_url: Option<String>,
    /// Whoever gives credentials; asked for each request, so it should keep them.
    pub credentials: SharedCredentialsProvider,
    /// How long one request may take before it is tried again.
    pub request_timeout: Duration,
}

/// The store and the prefix that a URL names.
pub(super) fn open(url: &str, settings: Settings) -> Result<(Arc<dyn ObjectStore>, Path), Error> {
    let usage = |problem: String| Error::new(ErrorKind::Usage, format!("{url}: {problem}"));
    let rest = url.strip_prefix("s3://").ok_or_else(|| usage("it is s3://BUCKET/PREFIX, or a folder".into()))?;
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let good =
        bucket.len() >= 3 && bucket.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-' | '_'));
    if !good {
        return Err(usage(format!("{bucket:?} is no name of a bucket")));
    }
    let prefix = Path::parse(prefix.trim_matches('/')).map_err(|error| usage(error.to_string()))?;
    // reqwest takes the process's; whoever embeds this library may have chosen already.
    let _chosen = rustls::crypto::ring::default_provider().install_default();
    let mut client = ClientOptions::new()
        .with_timeout(settings.request_timeout.max(Duration::from_secs(30)))
        .with_connect_timeout(Duration::from_secs(5));
    if let Some(path) = std::env::var_os("AWS_CA_BUNDLE").filter(|path| !path.is_empty()) {
        let pem = std::fs::read(&path).map_err(|error| usage(format!("AWS_CA_BUNDLE names {}: {error}", path.display())))?;
        for certificate in Certificate::from_pem_bundle(&pem).map_err(|error| usage(format!("AWS_CA_BUNDLE: {error}")))? {
            client = client.with_root_certificate(certificate);
        }
    }
    let retry = RetryConfig { max_retries: 5, retry_timeout: Duration::from_secs(60), ..RetryConfig::default() };
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(bucket)
        .with_region(settings.region)
        .with_credentials(Arc::new(Credentials(settings.credentials)))
        .with_retry(retry);
    if let Some(endpoint) = settings.endpoint_url {
        let plain = endpoint.starts_with("http://");
        if plain && !crate::dynamo::is_loopback(&endpoint) {
            return Err(usage(format!(
                "the endpoint {} is not encrypted, and not on this machine",
                crate::dynamo::without_secrets(&endpoint)
            )));
        }
        client = client.with_allow_http(plain);
        builder = builder.with_endpoint(endpoint).with_virtual_hosted_style_request(false).with_allow_http(plain);
    }
    let store = builder.with_client_options(client).build().map_err(|error| usage(error.to_string()))?;
    Ok((Arc::new(store), prefix))
}

#[derive(Debug)]
struct Credentials(SharedCredentialsProvider);

#[async_trait::async_trait]
impl CredentialProvider for Credentials {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let found = self.0.provide_credentials().await;
        let found = found.map_err(|error| object_store::Error::Generic { store: "S3", source: Box::new(error) })?;
        Ok(Arc::new(AwsCredential {
            key_id: found.access_key_id().to_owned(),
            secret_key: found.secret_access_key().to_owned(),
            token: found.session_token().map(str::to_owned),
        }))
    }
}
