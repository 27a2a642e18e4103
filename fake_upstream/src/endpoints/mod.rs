//! The endpoints: each turns a parsed request into an answer. None of them knows sockets or timing.

pub(crate) mod admin;
pub(crate) mod embeddings;
pub(crate) mod generation;
pub(crate) mod models;

/// When the models of the list were made, and what stands for a time that is not known.
const LONG_AGO: u64 = 1_700_000_000;
