//! An embedded DynamoDB for tests, on a thread and a runtime of its own.

use tokio::sync::oneshot;

use super::{Billing, ConnectionSettings, Database, TableInfo};
use crate::model::{Item, KeyAttribute, KeySchema, KeyType, Value};

/// A running endpoint; dropping it stops it.
pub(crate) struct Embedded {
    pub(crate) database: Database,
    _stop: oneshot::Sender<()>,
}

impl Embedded {
    /// Starts an empty one.
    pub(crate) async fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                let served = dynoxide::server::serve_with_shutdown(
                    listener,
                    dynoxide::Database::memory().unwrap(),
                    std::future::pending(),
                );
                tokio::select! { _ = served => {}, _ = stopped => {} }
            });
        });
        let settings = ConnectionSettings { endpoint_url: Some(format!("http://{address}")), ..ConnectionSettings::default() };
        Self { database: Database::connect(&settings).await.unwrap(), _stop: stop }
    }

    /// Makes a table with the partition key `pk` (S).
    pub(crate) async fn table(&self, name: &str) -> TableInfo {
        let key = KeySchema { partition: KeyAttribute { name: "pk".into(), kind: KeyType::S }, sort: None };
        let client = self.database.client();
        assert!(client.create_table(name, &key, &Billing::OnDemand).await.unwrap());
        client.wait_until_active(name, std::time::Duration::from_secs(10)).await.unwrap()
    }
}

/// An item of pairs.
pub(crate) fn item(pairs: &[(&str, Value)]) -> Item {
    pairs.iter().map(|(name, value)| (*name, value.clone())).collect()
}
