//! A scripted OpenAI-compatible upstream, for the demo, for tests and for benchmarks.
//!
//! It answers chat completions, completions, embeddings and the list of models over plain HTTP/1.1, and breaks its
//! answers in every way that a script (its keys are in the README) asks for: errors, delays, cut or reset
//! connections, strange framing, wrong usage. It can have limits of its own, too, and keep them exactly. What it saw is kept in a [`Ledger`].
//!
//! It is no model, does no TLS and no HTTP/2, and is not made to face a network that is not trusted.
//!
//! Invariants: every answer is deterministic except for its id and its time; everything that is kept is bounded;
//! every task ends before [`FakeUpstream::shutdown`] returns.

mod answer;
mod body;
mod builder;
mod connection;
mod content;
mod endpoints;
mod event_stream;
mod failure;
mod history;
mod ledger;
mod pieces;
mod quota;
mod request;
mod routes;
mod script;
mod server;
mod switch;
mod usage;
mod window;
mod wire;

pub use builder::FakeUpstreamBuilder;
pub use ledger::{Counts, Ledger, Outcome, ReceivedRequest, Tokens};
pub use server::FakeUpstream;
