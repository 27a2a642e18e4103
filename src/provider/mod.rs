//! Wire formats of the providers: pure conversion, no I/O.
//!
//! A family per folder; [`crate::model::ProviderKind`] dispatches, there are no trait objects. A client's OpenAI-shaped
//! request goes to an OpenAI-compatible upstream as it came, so [`openai`] builds only what surrounds it (URL,
//! credentials) and reads token counts out of what comes back.
//!
//! [`token_estimate`] tells before a request is sent what its texts will be counted as, for every provider alike.

pub mod openai;
pub mod token_estimate;
