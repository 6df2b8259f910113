//! Faults from outside: what a run does when DynamoDB, or the way to it, fails. The rules are docs/decisions/0002-delivery.md.
//!
//! Every row ends with the tables looked at item by item: each item is done once, or listed as in doubt or as failed; nothing
//! is done twice or by half; and the history has a row only when everything is done.

mod apart;
mod application;
mod endpoint;
mod place;
mod proof;
mod table;
mod wide;
