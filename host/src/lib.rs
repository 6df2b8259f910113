//! drift-host: per-item migrations of DynamoDB tables, sandboxed, resumable, guarded against lost updates.

pub mod dynamo;
pub mod migration;
pub mod model;
pub mod plugin;
