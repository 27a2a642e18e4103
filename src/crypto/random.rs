//! Random bytes from the operating system.

use rand::TryRng;
use rand::rngs::SysRng;

use super::CryptoError;

/// Random bytes from the operating system, fit for keys.
pub(crate) fn random_bytes<const LENGTH: usize>() -> Result<[u8; LENGTH], CryptoError> {
    let mut bytes = [0; LENGTH];
    SysRng.try_fill_bytes(&mut bytes).map_err(|_| CryptoError::Random)?;
    Ok(bytes)
}
