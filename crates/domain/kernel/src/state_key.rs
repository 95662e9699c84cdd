//! The policy's discrete state (semantics 16).

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Hour, Regime, UnknownName};

/// Low, medium or high.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Level {
    /// Below the first bound.
    Low,
    /// From the first bound on.
    Medium,
    /// From the second bound on.
    High,
}

impl Level {
    const ALL: [Self; 3] = [Self::Low, Self::Medium, Self::High];

    /// A bound belongs to the upper level.
    #[inline]
    pub fn of(value: f64, medium_from: f64, high_from: f64) -> Self {
        if value >= high_from {
            Self::High
        } else if value >= medium_from {
            Self::Medium
        } else {
            Self::Low
        }
    }

    /// `LOW`, `MEDIUM` or `HIGH`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "LOW",
            Self::Medium => "MEDIUM",
            Self::High => "HIGH",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What the policy knows of a moment: regime, hour, and how sure and how united the brains are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct StateKey {
    /// The regime.
    pub regime: Regime,
    /// The time bucket, in the trading zone.
    pub hour: Hour,
    /// How confident the ensemble is.
    pub confidence: Level,
    /// How much its brains disagree.
    pub disagreement: Level,
}

impl StateKey {
    /// How many states there are.
    pub const COUNT: usize = Regime::COUNT * StateIndex::PER_REGIME;

    /// Its place in a dense table.
    #[inline]
    pub const fn index(self) -> StateIndex {
        let within = (self.hour.get() as usize * 3 + self.confidence as usize) * 3 + self.disagreement as usize;
        StateIndex((self.regime.index() * StateIndex::PER_REGIME + within) as u16)
    }

    /// The stored name: the first 16 hex digits of SHA-256 of the state's text. Stable across platforms and releases.
    /// Every name is computed once.
    pub fn to_hash(self) -> StateHash {
        static NAMES: LazyLock<Vec<StateHash>> =
            LazyLock::new(|| (0..StateKey::COUNT).map(|i| StateIndex(i as u16).key().hash_text()).collect());
        NAMES[self.index().get()]
    }

    fn hash_text(self) -> StateHash {
        let digest = Sha256::digest(self.to_string().as_bytes());
        let mut hex = [0_u8; 16];
        for (i, byte) in digest.iter().take(8).enumerate() {
            hex[2 * i] = HEX[usize::from(byte >> 4)];
            hex[2 * i + 1] = HEX[usize::from(byte & 15)];
        }
        StateHash(hex)
    }
}

const HEX: &[u8; 16] = b"0123456789abcdef";

impl fmt::Display for StateKey {
    /// `TREND_UP|14:00|HIGH|LOW`, the text that is hashed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}|{}|{}|{}", self.regime, self.hour, self.confidence, self.disagreement)
    }
}

/// A state's place in dense tables, below [`StateKey::COUNT`]. States of one regime are neighbours.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct StateIndex(u16);

impl StateIndex {
    /// States of one regime.
    pub const PER_REGIME: usize = 24 * 3 * 3;

    /// The place itself.
    #[inline]
    pub const fn get(self) -> usize {
        self.0 as usize
    }

    /// All indices of one regime.
    pub fn of_regime(regime: Regime) -> impl Iterator<Item = Self> {
        let first = regime.index() * Self::PER_REGIME;
        (first..first + Self::PER_REGIME).map(|i| Self(i as u16))
    }

    /// The state at this place.
    pub fn key(self) -> StateKey {
        let (regime, within) = (self.get() / Self::PER_REGIME, self.get() % Self::PER_REGIME);
        StateKey {
            regime: Regime::ALL[regime],
            hour: Hour::new((within / 9) as u8).unwrap_or_default(),
            confidence: Level::ALL[within / 3 % 3],
            disagreement: Level::ALL[within % 3],
        }
    }
}

/// A state's stored name: 16 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StateHash([u8; 16]);

impl StateHash {
    /// The 16 digits.
    pub fn as_str(&self) -> &str {
        // Only ASCII digits get in, so the fallback is never taken.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The state of that name, if it is one. Searches all states: for imports, not for hot paths.
    pub fn find(self) -> Option<StateKey> {
        (0..StateKey::COUNT).map(|i| StateIndex(i as u16).key()).find(|key| key.to_hash() == self)
    }
}

impl fmt::Display for StateHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for StateHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StateHash({self})")
    }
}

impl FromStr for StateHash {
    type Err = UnknownName;
    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let error =
            || UnknownName { what: "state hash", got: text.to_owned(), known: "16 hex digits, lower case".to_owned() };
        let digits: [u8; 16] = text.as_bytes().try_into().map_err(|_| error())?;
        if digits.iter().all(|digit| HEX.contains(digit)) { Ok(Self(digits)) } else { Err(error()) }
    }
}

impl Serialize for StateHash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for StateHash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_hash_is_pinned() {
        let key = StateKey {
            regime: Regime::TrendUp,
            hour: Hour::new(14).unwrap(),
            confidence: Level::High,
            disagreement: Level::Low,
        };
        assert_eq!(key.to_string(), "TREND_UP|14:00|HIGH|LOW");
        // printf 'TREND_UP|14:00|HIGH|LOW' | sha256sum
        assert_eq!(key.to_hash().as_str(), "0da821e514cffa21");
        assert_eq!(key.to_hash().find(), Some(key));
    }

    #[test]
    fn index_and_hash_tell_all_states_apart() {
        let mut hashes = BTreeSet::new();
        for i in 0..StateKey::COUNT {
            let key = StateIndex(i as u16).key();
            assert_eq!(key.index().get(), i);
            hashes.insert(key.to_hash());
        }
        assert_eq!(hashes.len(), StateKey::COUNT);
    }

    #[test]
    fn a_bound_belongs_to_the_upper_level() {
        for (value, level) in
            [(0.55 - 1e-12, Level::Low), (0.55, Level::Medium), (0.70 - 1e-12, Level::Medium), (0.70, Level::High)]
        {
            assert_eq!(Level::of(value, 0.55, 0.70), level, "{value}");
        }
    }
}
