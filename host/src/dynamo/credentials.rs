//! Credentials that can be asked for again.
//!
//! The SDK keeps credentials until the time at which they say they expire. Those of a role may be revoked earlier, and those
//! in a file say no time at all. So they are kept here, and when DynamoDB calls them expired, whoever gave them is asked anew:
//! files are read again, programs run again, roles taken again.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};

use super::connect::Finder;

/// They are renewed so long before they expire.
const MARGIN: Duration = Duration::from_secs(30);
/// How long whoever gives them may take: there may be a program to be run, or another service to be asked.
const PATIENCE: Duration = Duration::from_secs(30);

/// The credentials of all clients of one database; cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Renewable(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    finder: Finder,
    kept: Mutex<Option<Kept>>,
    /// Held by the one who asks; the others wait for what it gets.
    provider: tokio::sync::Mutex<Option<SharedCredentialsProvider>>,
}

#[derive(Clone, Debug)]
struct Kept {
    credentials: Credentials,
    since: Instant,
}

impl Renewable {
    /// Nothing is asked for yet.
    pub(super) fn new(finder: Finder) -> Self {
        Self(Arc::new(Inner { finder, kept: Mutex::default(), provider: tokio::sync::Mutex::default() }))
    }

    /// Asks anew after credentials were called expired that a request took at `taken` or later; whether there are others now.
    pub(super) async fn renew(&self, taken: Instant) -> bool {
        let mut provider = self.0.provider.lock().await;
        let before = self.kept();
        if before.as_ref().is_some_and(|kept| kept.since > taken) {
            return true;
        }
        // What was read from files is kept by the provider: another one reads them again.
        *provider = None;
        match self.ask(&mut provider).await {
            Ok(now) => before.is_none_or(|kept| !same(&kept.credentials, &now)),
            Err(_) => false,
        }
    }

    fn kept(&self) -> Option<Kept> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn fresh(&self) -> Option<Credentials> {
        let Kept { credentials, .. } = self.kept()?;
        let fresh = credentials.expiry().is_none_or(|expiry| expiry > SystemTime::now() + MARGIN);
        fresh.then_some(credentials)
    }

    async fn get(&self) -> Result<Credentials, CredentialsError> {
        if let Some(credentials) = self.fresh() {
            return Ok(credentials);
        }
        let mut provider = self.0.provider.lock().await;
        match self.fresh() {
            Some(credentials) => Ok(credentials),
            None => self.ask(&mut provider).await,
        }
    }

    async fn ask(&self, provider: &mut Option<SharedCredentialsProvider>) -> Result<Credentials, CredentialsError> {
        let found = match provider.take() {
            Some(found) => found,
            None => {
                self.0.finder.credentials().await.ok_or_else(|| CredentialsError::not_loaded("no provider of credentials"))?
            }
        };
        let asked = tokio::time::timeout(PATIENCE, found.provide_credentials()).await;
        *provider = Some(found);
        let credentials = asked.map_err(|_| CredentialsError::provider_timed_out(PATIENCE))??;
        let kept = Kept { credentials: credentials.clone(), since: Instant::now() };
        *self.0.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
        Ok(credentials)
    }
}

fn same(one: &Credentials, other: &Credentials) -> bool {
    one.access_key_id() == other.access_key_id() && one.session_token() == other.session_token()
}

impl ProvideCredentials for Renewable {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.get())
    }
}
