//! Whose account it is that the credentials are of.

use std::time::Duration;

use aws_sdk_sts::config::retry::RetryConfig;
use aws_sdk_sts::config::timeout::TimeoutConfig;
use aws_sdk_sts::config::{BehaviorVersion, Config, IdentityCache, Region};
use aws_smithy_async::rt::sleep::TokioSleep;

use super::connect::{Database, http_client, variable};
use super::error::{Error, from_sdk};

/// How long one call may take; there are three at most.
const PATIENCE: Duration = Duration::from_secs(10);

impl Database {
    /// Whether its credentials are an account's: a stand-in on this machine takes any, unless an STS is named beside it.
    pub fn has_account(&self) -> bool {
        !self.is_local() || variable("AWS_ENDPOINT_URL_STS").is_some()
    }

    /// The number of the account that the credentials are of, by the word of STS (`GetCallerIdentity`, which needs no right); `None` where
    /// they are no account's.
    pub async fn account(&self) -> Result<Option<String>, Error> {
        if !self.has_account() {
            return Ok(None);
        }
        let endpoint = variable("AWS_ENDPOINT_URL_STS").or_else(|| variable("AWS_ENDPOINT_URL"));
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(self.region().to_owned()))
            .credentials_provider(self.credentials())
            .identity_cache(IdentityCache::no_cache())
            .http_client(http_client(self.roots.clone()))
            .sleep_impl(aws_smithy_async::rt::sleep::SharedAsyncSleep::new(TokioSleep::new()))
            .retry_config(RetryConfig::standard())
            .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(PATIENCE).build());
        let shown = endpoint.as_deref().map_or_else(|| format!("STS in {}", self.region()), super::without_secrets);
        let config = match endpoint {
            Some(url) => config.endpoint_url(url),
            None => config,
        };
        let answer = aws_sdk_sts::Client::from_conf(config.build()).get_caller_identity().send().await;
        let answer = answer.map_err(|error| from_sdk(&error, "GetCallerIdentity", "the account", &shown, None))?;
        Ok(answer.account)
    }
}
