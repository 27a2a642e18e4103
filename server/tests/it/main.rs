//! The gateway as a whole, over real sockets: real database file, scripted fake upstream, public APIs only.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]
#![expect(clippy::print_stdout, reason = "what was measured is printed")]

mod assets;
mod authorization;
mod binary;
mod browser_defences;
mod command_line;
mod connections;
mod harness;
mod health;
mod journal;
mod limits;
mod live;
mod money;
mod outcomes;
mod proxy;
mod requests;
mod rest;
mod session;
mod setup;
mod shutdown;
mod usage;
