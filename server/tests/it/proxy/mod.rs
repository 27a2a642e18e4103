//! The path of a request, from an app's socket to an upstream's and back.

mod callers;
mod cancellation;
mod errors;
mod estimates;
mod raw_upstream;
mod secrets;
mod streams;
mod transparency;
