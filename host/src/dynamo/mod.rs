//! Everything that talks to DynamoDB: connections, scans, guarded writes, capacity and errors.
//!
//! It promises: no write is ever repeated here after an answer that leaves open whether it happened (the caller is told
//! [`Outcome::InDoubt`]); no write on the handed-in item is sent without its guard; and no SDK type is needed by a caller. The SDK's
//! own retries are off; those made here are jittered, bounded and counted in [`Meter`]. The module knows only `model`.

mod client;
mod connect;
mod convert;
mod credentials;
mod error;
mod features;
mod filter;
mod identity;
mod lanes;
mod latency;
mod meter;
mod pace;
mod query;
mod table;
mod throttle;
mod wire;
mod write;

#[cfg(test)]
mod testing;

pub use client::{Change, Client, Condition, ScanPage, ScanRequest};
pub use connect::{ConnectionSettings, Database};
pub(crate) use connect::{is_loopback, without_secrets};
pub use error::{Error, ErrorKind, Failure};
pub use filter::{Filter, FilterError};
pub use lanes::{Lane, Lanes};
pub use latency::{Asked, BOUNDS as LATENCY_BOUNDS, Latencies};
pub use meter::{Meter, Units};
pub use pace::{PresentRate, RateControl, Rates, Waits};
pub use query::QueryRequest;
pub use table::{Billing, TableInfo, Throughput};
pub use throttle::Throttle;
pub use write::{Attempt, Guard, Outcome, Proof, Row, Terms};
