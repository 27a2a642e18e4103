//! Limits on servers, apps and keys, and the queues in front of them.
//!
//! The proxy and the services know one small interface, [`Limiter`]: ask to be let in, get a [`Permit`] at once or
//! wait for it, give it back. [`LocalLimiter`] keeps everything in this process; one that shares its state with other
//! nodes can take its place without a change to the proxy.
//!
//! Inside: a `Window` remembers what was sent, a `Line` knows who is next, a `State` decides with both and with the time
//! that is handed to it, and a `Gate` puts a lock, sleeping and waking around it.

mod expected_output;
mod gate;
mod limiter;
mod line;
mod local;
mod lock;
mod state;
mod window;

pub use limiter::{Admission, Ask, Headroom, Held, Limiter, Owner, Patience, Permit, Refusal, Room, Settled, Turn};
pub use local::LocalLimiter;
