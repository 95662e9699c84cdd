//! Numbers between 0 and 1.

use serde::{Deserialize, Serialize};

/// A finite number from 0 to 1: a confidence, a disagreement, a strength.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug, Default, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Unit(f64);

impl Unit {
    /// 0.
    pub const ZERO: Self = Self(0.0);
    /// 1.
    pub const ONE: Self = Self(1.0);

    /// `None` where the value is NaN or outside 0..=1.
    #[inline]
    pub fn new(value: f64) -> Option<Self> {
        (0.0..=1.0).contains(&value).then_some(Self(value))
    }

    /// The nearest value inside 0..=1; NaN becomes 0.
    #[inline]
    pub fn saturating(value: f64) -> Self {
        if value >= 1.0 {
            Self::ONE
        } else if value > 0.0 {
            Self(value)
        } else {
            Self::ZERO
        }
    }

    /// The number.
    #[inline]
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Unit {
    type Error = String;
    fn try_from(value: f64) -> Result<Self, String> {
        Self::new(value).ok_or_else(|| format!("{value} is not within 0..=1"))
    }
}

impl From<Unit> for f64 {
    fn from(unit: Unit) -> Self {
        unit.0
    }
}

#[cfg(test)]
mod tests {
    use super::Unit;

    #[test]
    fn only_zero_to_one_gets_in() {
        for value in [-f64::EPSILON, 1.0 + f64::EPSILON, f64::NAN, f64::INFINITY] {
            assert_eq!(Unit::new(value), None, "{value}");
        }
        assert_eq!(Unit::new(1.0), Some(Unit::ONE));
        assert_eq!(Unit::saturating(f64::NAN), Unit::ZERO);
        assert_eq!(Unit::saturating(7.0), Unit::ONE);
    }
}
