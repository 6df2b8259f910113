//! drift-host: per-item migrations of DynamoDB tables, sandboxed, resumable, guarded against lost updates.

pub mod cli;
pub mod local;
pub mod migration;
pub mod model;
