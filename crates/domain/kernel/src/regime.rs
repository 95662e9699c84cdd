//! Market regimes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::UnknownName;

/// What kind of market it is. `TRANSITION` is no regime but a flag beside it (semantics 8).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Regime {
    /// Directional, upwards.
    TrendUp,
    /// Directional, downwards.
    TrendDown,
    /// No direction.
    Range,
    /// Volatility well above its usual.
    HighVol,
    /// Volatility far above its usual, without direction.
    Chaotic,
    /// A trend that runs out.
    Exhaustion,
    /// Not enough seen to say.
    Unknown,
}

impl Regime {
    /// How many there are.
    pub const COUNT: usize = 7;
    /// All, in the order of their index.
    pub const ALL: [Self; Self::COUNT] =
        [Self::TrendUp, Self::TrendDown, Self::Range, Self::HighVol, Self::Chaotic, Self::Exhaustion, Self::Unknown];

    /// The specification's spelling, as stored and as written in settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TrendUp => "TREND_UP",
            Self::TrendDown => "TREND_DOWN",
            Self::Range => "RANGE",
            Self::HighVol => "HIGH_VOL",
            Self::Chaotic => "CHAOTIC",
            Self::Exhaustion => "EXHAUSTION",
            Self::Unknown => "UNKNOWN",
        }
    }

    /// Its place in [`Regime::ALL`].
    #[inline]
    pub const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Regime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Regime {
    type Err = UnknownName;
    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::ALL.into_iter().find(|regime| regime.as_str() == text).ok_or_else(|| UnknownName {
            what: "regime",
            got: text.to_owned(),
            known: Self::ALL.map(Self::as_str).join(", "),
        })
    }
}

/// A set of regimes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RegimeSet(u8);

impl RegimeSet {
    /// No regime.
    pub const EMPTY: Self = Self(0);

    /// These regimes.
    pub const fn of(regimes: &[Regime]) -> Self {
        let (mut bits, mut i) = (0, 0);
        while i < regimes.len() {
            bits |= 1 << regimes[i] as u8;
            i += 1;
        }
        Self(bits)
    }

    /// The set with one regime more.
    pub const fn with(self, regime: Regime) -> Self {
        Self(self.0 | 1 << regime as u8)
    }

    /// Whether the regime is in the set.
    #[inline]
    pub const fn contains(self, regime: Regime) -> bool {
        self.0 >> regime as u8 & 1 == 1
    }

    /// Whether no regime is in the set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The regimes in the set, in the order of their index.
    pub fn iter(self) -> impl Iterator<Item = Regime> {
        Regime::ALL.into_iter().filter(move |&regime| self.contains(regime))
    }
}

impl fmt::Display for RegimeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.iter().map(Regime::as_str).collect();
        f.pad(&names.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_indices_are_dense() {
        for (index, regime) in Regime::ALL.into_iter().enumerate() {
            assert_eq!((regime.index(), regime.as_str().parse()), (index, Ok(regime)));
        }
        assert!("TRANSITION".parse::<Regime>().unwrap_err().to_string().contains("TREND_UP, TREND_DOWN"));
    }

    #[test]
    fn sets_hold_what_was_put_in() {
        let set = RegimeSet::of(&[Regime::TrendUp, Regime::Unknown]);
        assert!(set.contains(Regime::Unknown) && !set.contains(Regime::Range));
        assert_eq!(set.to_string(), "TREND_UP,UNKNOWN");
    }
}
