//! Where the master keys come from: a setting, a file, or a file that is made on the first start.

use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use zeroize::Zeroize;

use super::key_ring::MASTER_KEY_LENGTH;
use super::random::random_bytes;
use super::{CryptoError, KeyRing, Secret};

/// Name of the generated file in the data folder.
pub const MASTER_KEY_FILE: &str = "master.key";
/// Most keys in one source.
const KEYS_MAX: usize = 16;

/// Where the master keys come from.
///
/// Each is 32 bytes in base64 or hex; several stand behind each other, separated by commas or line ends, the current
/// one first.
#[derive(Clone, Debug)]
pub enum MasterKeySource {
    /// The keys themselves.
    Value(Secret),
    /// A file that somebody else looks after.
    File(PathBuf),
    /// `master.key` in the data folder, made on the first start.
    Generated {
        /// The data folder.
        data_dir: PathBuf,
    },
}

/// Whether the database holds something that was sealed already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealedData {
    /// Nothing was sealed yet: a key may be made.
    None,
    /// Something was: a new key would be of no use.
    Exists,
}

impl KeyRing {
    /// Reads the master keys; blocking.
    ///
    /// # Errors
    ///
    /// The source cannot be read, has no good key, or `master.key` is gone although the database was sealed with it.
    pub fn load(source: &MasterKeySource, sealed_data: SealedData) -> Result<Self, CryptoError> {
        match source {
            MasterKeySource::Value(keys) => parse(keys.expose()),
            MasterKeySource::File(path) => parse(read(path)?.expose()),
            MasterKeySource::Generated { data_dir } => {
                let path = data_dir.join(MASTER_KEY_FILE);
                match read(&path) {
                    Ok(keys) => parse(keys.expose()),
                    Err(CryptoError::MasterKeyFile { source, .. }) if source.kind() == ErrorKind::NotFound => {
                        if sealed_data == SealedData::Exists {
                            return Err(CryptoError::MasterKeyMissing { path });
                        }
                        parse(generate(&path)?.expose())
                    }
                    Err(error) => Err(error),
                }
            }
        }
    }
}

fn read(path: &Path) -> Result<Secret, CryptoError> {
    fs::read_to_string(path)
        .map(Secret::new)
        .map_err(|source| CryptoError::MasterKeyFile { path: path.to_owned(), source })
}

/// Makes the key file. It is written under another name and linked into place, so that a crash leaves no half a key
/// and of two processes that start at once one wins and both use its key.
fn generate(path: &Path) -> Result<Secret, CryptoError> {
    let file_error = |source| CryptoError::MasterKeyFile { path: path.to_owned(), source };
    let mut key = random_bytes::<MASTER_KEY_LENGTH>()?;
    let text = Secret::new(format!("{}\n", STANDARD.encode(key)));
    key.zeroize();
    let draft = path.with_extension(format!("key.{}.tmp", hex::encode(random_bytes::<8>()?)));
    let written = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft).and_then(|mut file| {
        file.write_all(text.expose().as_bytes())?;
        file.sync_all()
    });
    let linked = written.and_then(|()| match fs::hard_link(&draft, path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        result => result,
    });
    let removed = fs::remove_file(&draft);
    linked.and(removed).map_err(file_error)?;
    read(path)
}

fn parse(text: &str) -> Result<KeyRing, CryptoError> {
    let mut keys = Vec::new();
    for entry in text.split([',', '\n']).map(str::trim).filter(|entry| !entry.is_empty()).take(KEYS_MAX) {
        keys.push(parse_key(entry).ok_or(CryptoError::MasterKeyMalformed { number: keys.len() + 1 })?);
    }
    let ring = KeyRing::new(&keys);
    keys.zeroize();
    ring
}

fn parse_key(text: &str) -> Option<[u8; MASTER_KEY_LENGTH]> {
    let mut bytes = match text.len() {
        64 => hex::decode(text).ok()?,
        _ => STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok()?,
    };
    let key = bytes.as_slice().try_into().ok();
    bytes.zeroize();
    key
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const BASE64: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    const HEX: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

    fn value(text: &str) -> MasterKeySource {
        MasterKeySource::Value(Secret::new(text.to_owned()))
    }

    #[test]
    fn reads_base64_and_hex_alike() {
        let base64 = KeyRing::load(&value(BASE64), SealedData::None).unwrap();
        let hex = KeyRing::load(&value(HEX), SealedData::Exists).unwrap();
        assert_eq!(base64.current_key_id(), hex.current_key_id());
    }

    #[test]
    fn takes_the_first_of_several_as_the_current_one() {
        let other = "ff".repeat(31) + "00";
        let ring = KeyRing::load(&value(&format!("{HEX},\n {other}\n")), SealedData::None).unwrap();
        assert_eq!(ring.current_key_id(), KeyRing::load(&value(HEX), SealedData::None).unwrap().current_key_id());
    }

    #[test]
    fn refuses_what_is_no_key_and_says_which() {
        let load = |text: &str| KeyRing::load(&value(text), SealedData::None);
        assert!(matches!(load(" "), Err(CryptoError::MasterKeyEmpty)));
        assert!(matches!(load("short"), Err(CryptoError::MasterKeyMalformed { number: 1 })));
        assert!(matches!(load(&format!("{HEX},short")), Err(CryptoError::MasterKeyMalformed { number: 2 })));
        assert!(matches!(load(&"00".repeat(32)), Err(CryptoError::MasterKeyWeak { number: 1 })));
    }

    #[test]
    fn makes_a_key_once_that_only_the_owner_can_read() {
        let folder = tempfile::tempdir().unwrap();
        let source = MasterKeySource::Generated { data_dir: folder.path().to_owned() };
        let first = KeyRing::load(&source, SealedData::None).unwrap();
        let path = folder.path().join(MASTER_KEY_FILE);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(KeyRing::load(&source, SealedData::Exists).unwrap().current_key_id(), first.current_key_id());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn makes_no_new_key_for_a_sealed_database() {
        let folder = tempfile::tempdir().unwrap();
        let source = MasterKeySource::Generated { data_dir: folder.path().to_owned() };
        let result = KeyRing::load(&source, SealedData::Exists);
        assert!(matches!(result, Err(CryptoError::MasterKeyMissing { .. })));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
