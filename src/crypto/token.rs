//! Tokens that Sluice issues: 256 random bits, written in base64url, with a prefix that says what they are for.
//!
//! Only the SHA-256 of a token is stored. That is enough for a token of 256 random bits, which nobody can guess, and it
//! makes finding one a lookup by hash: text from outside never reaches a query.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use super::random::random_bytes;
use super::{CryptoError, Secret};

/// SHA-256 of a token: what is stored of it, and how it is found.
pub type KeyHash = [u8; 32];

/// How an issued key begins.
pub const ISSUED_KEY_PREFIX: &str = "sk-sluice-";
/// How a token for the administration API begins.
pub const ADMIN_TOKEN_PREFIX: &str = "sluice-admin-";
/// Longest text that is looked at as a token, in bytes; nothing that Sluice issued is longer.
pub const TOKEN_MAX: usize = 128;

/// A new key for an app: `sk-sluice-` and 43 characters.
pub fn new_issued_key() -> Result<Secret, CryptoError> {
    new_token_with_prefix(ISSUED_KEY_PREFIX)
}

/// A new token for the administration API: `sluice-admin-` and 43 characters.
pub fn new_admin_token() -> Result<Secret, CryptoError> {
    new_token_with_prefix(ADMIN_TOKEN_PREFIX)
}

/// A new token for a session or a set-up link: 43 characters.
pub fn new_token() -> Result<Secret, CryptoError> {
    new_token_with_prefix("")
}

/// What is stored of a token, and how it is found.
pub fn hash_token(token: &str) -> KeyHash {
    Sha256::digest(token.as_bytes()).into()
}

/// Whether two hashes are the same, in a time that does not depend on where they differ.
pub fn same_hash(left: &KeyHash, right: &KeyHash) -> bool {
    left.ct_eq(right).into()
}

fn new_token_with_prefix(prefix: &str) -> Result<Secret, CryptoError> {
    let mut bytes = random_bytes::<32>()?;
    let mut token = String::with_capacity(prefix.len() + 43);
    token.push_str(prefix);
    URL_SAFE_NO_PAD.encode_string(bytes, &mut token);
    bytes.zeroize();
    Ok(Secret::new(token))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn has_the_announced_formats() {
        let key = new_issued_key().unwrap();
        assert!(key.expose().starts_with("sk-sluice-"));
        assert_eq!(key.expose().len(), 10 + 43);
        let token = new_admin_token().unwrap();
        assert!(token.expose().starts_with("sluice-admin-"));
        assert_eq!(token.expose().len(), 13 + 43);
        assert_eq!(new_token().unwrap().expose().len(), 43);
    }

    #[test]
    fn is_another_one_each_time() {
        assert_ne!(new_token().unwrap(), new_token().unwrap());
    }

    #[test]
    fn compares_hashes() {
        assert!(same_hash(&hash_token("a"), &hash_token("a")));
        assert!(!same_hash(&hash_token("a"), &hash_token("b")));
    }
}
