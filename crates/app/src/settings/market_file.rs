//! Files of dated facts that a setting names: read when settings are loaded, so that a wrong line is refused there.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};

/// A file that was read, with its name as written and the digest of its content. Two are equal where both are.
#[derive(Debug, Clone)]
pub struct MarketFile<T> {
    path: String,
    sha256: String,
    content: Arc<T>,
}

impl<T> PartialEq for MarketFile<T> {
    fn eq(&self, other: &Self) -> bool {
        (&self.path, &self.sha256) == (&other.path, &other.sha256)
    }
}

impl<T> MarketFile<T> {
    /// What it says.
    pub fn content(&self) -> &T {
        &self.content
    }

    /// The same, to be kept.
    pub fn shared(&self) -> Arc<T> {
        Arc::clone(&self.content)
    }

    /// Its name, as written.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// SHA-256 of its bytes, in hex.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// `none`, or a file that `parse` reads. What is wrong with it is said with its name, and `parse` says the line.
    pub(super) fn read<E: fmt::Display>(
        text: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<Self>, String> {
        let path = text.trim();
        if path.is_empty() || path.eq_ignore_ascii_case("none") {
            return Ok(None);
        }
        let bytes = std::fs::read(Path::new(path))
            .map_err(|error| format!("{path} cannot be read: {error}. Check the name and the folder, or write none"))?;
        let sha256 = format!("{:x}", Sha256::digest(&bytes));
        let content = String::from_utf8(bytes)
            .map_err(|error| format!("{path} is no UTF-8 text, from byte {}", error.utf8_error().valid_up_to()))?;
        // A mark that editors on Windows put before the text.
        let content = content.strip_prefix('\u{feff}').unwrap_or(&content);
        let content = parse(content).map_err(|error| format!("{path} {error}"))?;
        Ok(Some(Self { path: path.to_owned(), sha256, content: Arc::new(content) }))
    }

    pub(super) fn show(file: Option<&Self>) -> String {
        file.map_or_else(|| "none".to_owned(), |file| file.path.clone())
    }
}
