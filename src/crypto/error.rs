//! What can go wrong with keys, seals and passwords.

use std::path::PathBuf;

/// What can go wrong with keys, seals and passwords. No message repeats any part of a secret.
#[derive(Debug, thiserror::Error)]
pub enum CryptoError {
    /// A master key is not 32 bytes in base64 or hex.
    #[error("master key number {number} is not 32 bytes written in base64 or hex; `openssl rand -base64 32` makes one")]
    MasterKeyMalformed {
        /// Which of the keys, from 1.
        number: usize,
    },
    /// A master key that can be guessed.
    #[error("master key number {number} is obviously weak; `openssl rand -base64 32` makes a good one")]
    MasterKeyWeak {
        /// Which of the keys, from 1.
        number: usize,
    },
    /// There is no master key in the setting or in the file.
    #[error("no master key was given")]
    MasterKeyEmpty,
    /// The file with the master key cannot be read or made.
    #[error("the master key file {} cannot be used", path.display())]
    MasterKeyFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The database was sealed with a key whose file is gone. A new key would open nothing, so none is made.
    #[error(
        "the database holds secrets that were sealed with a master key, but {} does not exist; put that file back, or set \
         `SLUICE_MASTER_KEY` to the key. Nothing was changed",
        path.display()
    )]
    MasterKeyMissing {
        /// Where the file should be.
        path: PathBuf,
    },
    /// The master key is not the one that the database was sealed with.
    #[error(
        "the master key is not the one that this database was sealed with; start with the former key, or put it behind \
         the new one, separated by a comma. Nothing was changed"
    )]
    MasterKeyWrong,
    /// Something that was sealed is too short or has a format of another version.
    #[error("the sealed value has an unknown format")]
    SealMalformed,
    /// Something was sealed with a key that is not at hand.
    #[error("the value was sealed with master key {key_id}, which is not at hand")]
    SealKeyUnknown {
        /// Id of the key: the first 8 hex digits of its SHA-256.
        key_id: String,
    },
    /// The seal is broken: other bytes, or the value belongs to another record.
    #[error("the sealed value was changed, or belongs to another record")]
    SealBroken,
    /// The operating system gave no random bytes.
    #[error("the operating system gives no random bytes")]
    Random,
    /// More passwords are waiting to be hashed than this process is willing to hash.
    #[error("too many passwords are being checked at once")]
    PasswordsBusy,
    /// A password could not be hashed, or a stored hash cannot be read.
    #[error("the password could not be hashed")]
    PasswordHash,
}
