//! Rewards as integers, so that sums do not depend on their order.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A reward from 0 to 1, in micro-units.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Reward(u32);

impl Reward {
    /// Micro-units in one.
    pub const ONE_MICROS: u32 = 1_000_000;
    /// 0.5: above it a trade counts as won, below it as lost (semantics 25).
    pub const HALF: Self = Self(500_000);

    /// `None` above one million micro-units.
    pub const fn from_micros(micros: u32) -> Option<Self> {
        if micros <= Self::ONE_MICROS { Some(Self(micros)) } else { None }
    }

    /// The nearest reward; `None` where the value is NaN or outside 0..=1.
    pub fn from_f64(value: f64) -> Option<Self> {
        (0.0..=1.0).contains(&value).then(|| Self((value * f64::from(Self::ONE_MICROS)).round() as u32))
    }

    /// In micro-units.
    #[inline]
    pub const fn micros(self) -> u32 {
        self.0
    }

    /// For statistics and the REAL columns.
    pub fn to_f64(self) -> f64 {
        f64::from(self.0) / f64::from(Self::ONE_MICROS)
    }
}

impl fmt::Display for Reward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_f64())
    }
}
