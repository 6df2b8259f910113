//! drift-host: per-item migrations of DynamoDB tables, sandboxed, resumable, guarded against lost updates.

#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

#[macro_use]
mod output;

pub mod author;
pub mod cli;
pub mod config;
pub mod doctor;
pub mod dynamo;
pub mod explain;
pub mod history;
pub mod iam;
pub mod insight;
pub mod journal;
pub mod local;
pub mod migration;
pub mod model;
mod native;
pub mod plugin;
pub mod policy;
pub mod report;
pub mod run;
pub mod series;
pub mod store;

pub use native::{AtOnce, Native};
pub use run::{Canary, Error, Event, ExactlyOnce, MaxErrors, Migrator, Progress, Rate, RunOptions, Summary};
