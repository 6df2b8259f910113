//! Behaviour seen by a user: one binary, so that what all tests share is linked once; a module a topic.

mod command_line;
mod crash;
mod dynamo_drift;
mod elsewhere;
mod examples;
mod first_look;
mod fuzz;
mod hostile;
mod interrupted;
mod journal_damaged;
mod journal_full;
mod lease;
mod local;
mod memory;
mod pace;
mod plugin;
mod proxy;
mod repair;
mod restore;
mod retry;
mod run;
mod runs;
mod versions;
mod walls;
