//! How a setting is refused.

/// A setting with a value that cannot be. The application adds where the value came from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key} = {got} is not possible: {allowed}")]
pub struct SettingError {
    /// The environment key, as in the specification.
    pub key: &'static str,
    /// The value that was found.
    pub got: String,
    /// What would be accepted.
    pub allowed: String,
}

impl SettingError {
    /// Names the key, the value found and what is allowed.
    pub fn new(key: &'static str, got: impl ToString, allowed: impl Into<String>) -> Self {
        Self { key, got: got.to_string(), allowed: allowed.into() }
    }
}
