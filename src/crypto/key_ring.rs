//! The master keys, and sealing with them.
//!
//! The first key seals, every key opens, so that a new key can be put in front while old seals still open. What is
//! sealed is bound to the record it belongs to (the associated data): moved to another record it does not open.
//!
//! A seal is: version byte 1, the key's id (4 bytes), nonce (12 bytes), ciphertext with tag. A random nonce is safe for
//! 2^32 seals under one key, which configuration never comes near.

use std::fmt;

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use sha2::{Digest, Sha256};

use super::random::random_bytes;
use super::{CryptoError, Secret};

const VERSION: u8 = 1;
const KEY_ID_LENGTH: usize = 4;
const NONCE_LENGTH: usize = 12;
const CHECK_TEXT: &str = "sluice master key check";
const CHECK_RECORD: &str = "master_key_check/1/sealed";

/// Length of a master key, in bytes.
pub const MASTER_KEY_LENGTH: usize = 32;

struct MasterKey {
    id: [u8; KEY_ID_LENGTH],
    cipher: Aes256Gcm,
}

impl MasterKey {
    fn new(key: &[u8; MASTER_KEY_LENGTH]) -> Self {
        let digest: [u8; 32] = Sha256::digest(key).into();
        let [first, second, third, fourth, ..] = digest;
        Self { id: [first, second, third, fourth], cipher: Aes256Gcm::new(key.into()) }
    }
}

/// The master keys: the first seals, all open.
pub struct KeyRing {
    current: MasterKey,
    former: Vec<MasterKey>,
}

impl KeyRing {
    /// A ring of these keys; the first one seals.
    ///
    /// # Errors
    ///
    /// There is no key, or one that is obviously weak (all bytes the same).
    pub fn new(keys: &[[u8; MASTER_KEY_LENGTH]]) -> Result<Self, CryptoError> {
        for (index, key) in keys.iter().enumerate() {
            if key.windows(2).all(|pair| matches!(pair, [left, right] if left == right)) {
                return Err(CryptoError::MasterKeyWeak { number: index + 1 });
            }
        }
        let (current, former) = keys.split_first().ok_or(CryptoError::MasterKeyEmpty)?;
        Ok(Self { current: MasterKey::new(current), former: former.iter().map(MasterKey::new).collect() })
    }

    /// Id of the key that seals: the first 8 hex digits of its SHA-256.
    pub fn current_key_id(&self) -> String {
        hex::encode(self.current.id)
    }

    /// Seals a secret for a record, which is named like `servers/42/api_key`.
    pub fn seal(&self, secret: &Secret, record: &str) -> Result<Vec<u8>, CryptoError> {
        let nonce = random_bytes::<NONCE_LENGTH>()?;
        let payload = Payload { msg: secret.expose().as_bytes(), aad: record.as_bytes() };
        let ciphertext =
            self.current.cipher.encrypt(&Nonce::from(nonce), payload).map_err(|_| CryptoError::SealBroken)?;
        let mut sealed = Vec::with_capacity(1 + KEY_ID_LENGTH + NONCE_LENGTH + ciphertext.len());
        sealed.push(VERSION);
        sealed.extend_from_slice(&self.current.id);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&ciphertext);
        Ok(sealed)
    }

    /// Opens what was sealed for the same record, with whichever key it was sealed.
    ///
    /// # Errors
    ///
    /// The key is not at hand, the bytes were changed, or they belong to another record.
    pub fn open(&self, sealed: &[u8], record: &str) -> Result<Secret, CryptoError> {
        let Some((&VERSION, rest)) = sealed.split_first() else {
            return Err(CryptoError::SealMalformed);
        };
        let (id, rest) = rest.split_first_chunk::<KEY_ID_LENGTH>().ok_or(CryptoError::SealMalformed)?;
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_LENGTH>().ok_or(CryptoError::SealMalformed)?;
        let key = std::iter::once(&self.current)
            .chain(&self.former)
            .find(|key| key.id == *id)
            .ok_or_else(|| CryptoError::SealKeyUnknown { key_id: hex::encode(id) })?;
        let payload = Payload { msg: ciphertext, aad: record.as_bytes() };
        let plaintext = key.cipher.decrypt(&Nonce::from(*nonce), payload).map_err(|_| CryptoError::SealBroken)?;
        String::from_utf8(plaintext).map(Secret::new).map_err(|_| CryptoError::SealMalformed)
    }

    /// A sealed known text, kept in the database so that a wrong master key is noticed at start.
    pub fn seal_check(&self) -> Result<Vec<u8>, CryptoError> {
        self.seal(&Secret::new(CHECK_TEXT.to_owned()), CHECK_RECORD)
    }

    /// Whether this ring has the key that the known text was sealed with.
    ///
    /// # Errors
    ///
    /// [`CryptoError::MasterKeyWrong`] if it has not.
    pub fn verify_check(&self, sealed: &[u8]) -> Result<(), CryptoError> {
        match self.open(sealed, CHECK_RECORD) {
            Ok(text) if text.expose() == CHECK_TEXT => Ok(()),
            Ok(_) | Err(_) => Err(CryptoError::MasterKeyWrong),
        }
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("KeyRing")
            .field("current", &self.current_key_id())
            .field("former", &self.former.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(seed: u8) -> [u8; MASTER_KEY_LENGTH] {
        std::array::from_fn(|index| seed.wrapping_add(u8::try_from(index).unwrap()))
    }

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    #[test]
    fn opens_what_it_sealed_for_the_same_record_only() {
        let ring = KeyRing::new(&[key(1)]).unwrap();
        let sealed = ring.seal(&secret("sk-upstream"), "servers/1/api_key").unwrap();
        assert_eq!(ring.open(&sealed, "servers/1/api_key").unwrap(), secret("sk-upstream"));
        assert!(matches!(ring.open(&sealed, "servers/2/api_key"), Err(CryptoError::SealBroken)));
    }

    #[test]
    fn never_seals_the_same_way_twice() {
        let ring = KeyRing::new(&[key(1)]).unwrap();
        assert_ne!(ring.seal(&secret("a"), "r").unwrap(), ring.seal(&secret("a"), "r").unwrap());
    }

    #[test]
    fn opens_with_a_former_key_and_seals_with_the_current_one() {
        let old = KeyRing::new(&[key(1)]).unwrap();
        let sealed = old.seal(&secret("a"), "r").unwrap();
        let both = KeyRing::new(&[key(2), key(1)]).unwrap();
        assert_eq!(both.open(&sealed, "r").unwrap(), secret("a"));
        let resealed = both.seal(&secret("a"), "r").unwrap();
        assert!(matches!(old.open(&resealed, "r"), Err(CryptoError::SealKeyUnknown { .. })));
    }

    #[test]
    fn notices_the_wrong_key() {
        let check = KeyRing::new(&[key(1)]).unwrap().seal_check().unwrap();
        KeyRing::new(&[key(2), key(1)]).unwrap().verify_check(&check).unwrap();
        let wrong = KeyRing::new(&[key(2)]).unwrap().verify_check(&check);
        assert!(matches!(wrong, Err(CryptoError::MasterKeyWrong)));
    }

    #[test]
    fn refuses_weak_keys_and_none() {
        assert!(matches!(KeyRing::new(&[]), Err(CryptoError::MasterKeyEmpty)));
        assert!(matches!(KeyRing::new(&[key(1), [7; 32]]), Err(CryptoError::MasterKeyWeak { number: 2 })));
    }

    #[test]
    fn debug_shows_no_key() {
        let ring = KeyRing::new(&[key(1)]).unwrap();
        assert!(!format!("{ring:?}").contains(&hex::encode(key(1))));
    }

    proptest! {
        #[test]
        fn opens_nothing_that_was_changed(text in ".{0,64}", position: prop::sample::Index, flip in 1u8..) {
            let ring = KeyRing::new(&[key(1)]).unwrap();
            let mut sealed = ring.seal(&secret(&text), "r").unwrap();
            let index = position.index(sealed.len());
            *sealed.get_mut(index).unwrap() ^= flip;
            prop_assert!(ring.open(&sealed, "r").is_err());
        }

        #[test]
        fn takes_any_bytes_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            prop_assert!(KeyRing::new(&[key(1)]).unwrap().open(&bytes, "r").is_err());
        }
    }
}
