//! Envelope encryption of secrets, the key ring, hashing, and the format of issued keys.
//!
//! Nothing here knows what a secret is for; callers name the record it belongs to, and that name is sealed in with it.

mod error;
mod key_ring;
mod master_key;
mod password;
mod random;
mod secret;
mod token;

pub use error::CryptoError;
pub use key_ring::{KeyRing, MASTER_KEY_LENGTH};
pub use master_key::{MASTER_KEY_FILE, MasterKeySource, SealedData};
pub use password::{PasswordHash, Passwords};
pub use secret::Secret;
pub use token::{
    ADMIN_TOKEN_PREFIX, ISSUED_KEY_PREFIX, KeyHash, TOKEN_MAX, hash_token, new_admin_token, new_issued_key, new_token,
    same_hash,
};
