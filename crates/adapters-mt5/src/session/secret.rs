use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

/// What engine and bridge both know and nobody else: 32 bytes. In its file 64 hexadecimal digits on one line, readable by
/// its owner alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret([u8; 32]);

/// Why there is no secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file could not be read or made.
    #[error("secret {}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Others than its owner can get at it: what they may have read is no secret any more.
    #[error(
        "secret {}: others can read or write it (mode {mode:03o}); delete it, have a new one made, and give that to the bridge",
        path.display()
    )]
    NotPrivate {
        /// Which.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// Not 64 hexadecimal digits.
    #[error("secret {}: expected 64 hexadecimal digits on one line, found {found}", path.display())]
    Content {
        /// Which.
        path: PathBuf,
        /// What is there instead, without saying it.
        found: String,
    },
    /// The system gave no randomness.
    #[error("the system gave no randomness: {0}")]
    Chance(String),
}

impl Secret {
    /// Reads the file.
    ///
    /// # Errors
    /// [`SecretError`]; also where others can get at the file (on systems with such permissions).
    pub fn read(path: &Path) -> Result<Self, SecretError> {
        let wrong = |source| SecretError::File { path: path.into(), source };
        let file = File::open(path).map_err(wrong)?;
        private(&file, path)?;
        let mut text = String::new();
        let found = match file.take(1024).read_to_string(&mut text) {
            Err(error) if error.kind() == ErrorKind::InvalidData => Err("what is no text".to_owned()),
            Err(error) => return Err(wrong(error)),
            Ok(_) => Self::from_hex(text.trim_end()).ok_or_else(|| format!("{} characters", text.trim_end().len())),
        };
        found.map_err(|found| SecretError::Content { path: path.into(), found })
    }

    /// Makes a new one out of the system's randomness, in a file that only its owner can read. A file that is there is
    /// left alone, and is an error.
    ///
    /// # Errors
    /// [`SecretError::File`] and [`SecretError::Chance`].
    pub fn make(path: &Path) -> Result<Self, SecretError> {
        let wrong = |source| SecretError::File { path: path.into(), source };
        let secret = Self(chance()?);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path).map_err(wrong)?;
        file.write_all(format!("{}\n", hex(&secret.0)).as_bytes()).and_then(|()| file.sync_all()).map_err(wrong)?;
        Ok(secret)
    }

    /// Reads the file, or makes it where there is none. Says whether it was made.
    ///
    /// # Errors
    /// [`SecretError`].
    pub fn read_or_make(path: &Path) -> Result<(Self, bool), SecretError> {
        match Self::read(path) {
            Err(SecretError::File { source, .. }) if source.kind() == ErrorKind::NotFound => {
                Ok((Self::make(path)?, true))
            }
            read => Ok((read?, false)),
        }
    }

    /// From 64 hexadecimal digits of either case.
    pub fn from_hex(text: &str) -> Option<Self> {
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
        }
        Some(Self(bytes))
    }

    /// The key of the proofs.
    pub(super) fn key(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// So many bytes of the system's randomness, as lower-case hexadecimal digits: a nonce (32) or a session's name (16).
///
/// # Errors
/// [`SecretError::Chance`].
pub fn nonce<const BYTES: usize>() -> Result<String, SecretError> {
    chance::<BYTES>().map(|bytes| hex(&bytes))
}

fn chance<const BYTES: usize>() -> Result<[u8; BYTES], SecretError> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).map_err(|error| SecretError::Chance(error.to_string()))?;
    Ok(bytes)
}

pub(super) fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(unix)]
fn private(file: &File, path: &Path) -> Result<(), SecretError> {
    use std::os::unix::fs::PermissionsExt as _;
    // Of the file that was opened, not of what its name may mean by now.
    let mode = file.metadata().map_err(|source| SecretError::File { path: path.into(), source })?.permissions().mode();
    let others = mode & 0o077;
    if others == 0 { Ok(()) } else { Err(SecretError::NotPrivate { path: path.into(), mode: mode & 0o777 }) }
}

/// Elsewhere a file of the user's own folder belongs to the user; the book says how to check it.
#[cfg(not(unix))]
fn private(_: &File, _: &Path) -> Result<(), SecretError> {
    Ok(())
}
