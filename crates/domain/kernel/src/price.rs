//! Exact prices (semantics 1).

use std::fmt;
use std::ops::{Add, Neg, Sub};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A price or a distance between prices, exact, in units of 10⁻⁸.
///
/// Sums and differences are checked: an overflow stops the program. Prices that come from outside are bounded
/// (see [`Price::LIMIT`]), so that it cannot happen with anything that was let in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Price(i64);

impl Price {
    /// How many units make one: 10⁸.
    pub const SCALE: i64 = 100_000_000;
    /// Zero.
    pub const ZERO: Self = Self(0);
    /// The largest price that parsing lets in: ten billion. Far from overflow in any sum of a few.
    pub const LIMIT: Self = Self(10_000_000_000 * Self::SCALE);
    /// Above every real price; stands for "no level" where a comparison must stay cheap.
    pub const NEVER_ABOVE: Self = Self(i64::MAX);
    /// Below every real price; stands for "no level" where a comparison must stay cheap.
    pub const NEVER_BELOW: Self = Self(i64::MIN);

    /// From units of 10⁻⁸.
    #[inline]
    pub const fn from_raw(raw: i64) -> Self {
        Self(raw)
    }

    /// In units of 10⁻⁸.
    #[inline]
    pub const fn raw(self) -> i64 {
        self.0
    }

    /// The nearest exact price, or `None` where the value is not finite or beyond [`Price::LIMIT`].
    pub fn from_f64(value: f64) -> Option<Self> {
        let raw = (value * Self::SCALE as f64).round();
        (raw.is_finite() && raw.abs() <= Self::LIMIT.0 as f64).then_some(Self(raw as i64))
    }

    /// For indicators and statistics only; never for a comparison of prices or for money.
    #[inline]
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / Self::SCALE as f64
    }

    /// The absolute distance to another price.
    #[inline]
    pub const fn distance(self, other: Self) -> Self {
        Self((self.0 - other.0).abs())
    }

    /// The nearest multiple of `tick`; halves away from zero. A tick of zero or less leaves the price as it is.
    pub const fn to_tick(self, tick: Self) -> Self {
        if tick.0 <= 0 {
            return self;
        }
        let half = if self.0 >= 0 { tick.0 / 2 } else { -(tick.0 / 2) };
        Self((self.0 + half) / tick.0 * tick.0)
    }

    /// This distance `n` times.
    #[inline]
    pub const fn times(self, n: i64) -> Self {
        Self(self.0 * n)
    }

    /// Half of this distance, towards zero.
    #[inline]
    pub const fn half(self) -> Self {
        Self(self.0 / 2)
    }

    /// Whether it is above zero.
    #[inline]
    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }
}

impl Add for Price {
    type Output = Self;
    #[inline]
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Price {
    type Output = Self;
    #[inline]
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Neg for Price {
    type Output = Self;
    #[inline]
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl fmt::Display for Price {
    /// Plain decimals without trailing zeros: `1.085`, `130250`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let magnitude = self.0.unsigned_abs();
        let (whole, fraction) = (magnitude / Self::SCALE as u64, magnitude % Self::SCALE as u64);
        if fraction == 0 {
            return f.pad(&format!("{sign}{whole}"));
        }
        let digits = format!("{fraction:08}");
        f.pad(&format!("{sign}{whole}.{}", digits.trim_end_matches('0')))
    }
}

impl fmt::Debug for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Price({self})")
    }
}

/// Why a text is no price.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{got}` is not a price: expected plain decimals such as 1.0850, at most ten billion")]
pub struct ParsePriceError {
    /// The text that was found.
    pub got: String,
}

impl FromStr for Price {
    type Err = ParsePriceError;

    /// Plain decimals with a dot, an optional sign, and any number of digits; beyond eight decimals it rounds,
    /// halves away from zero (feeds carry float noise such as `1.1445400000000001`).
    fn from_str(text: &str) -> Result<Self, ParsePriceError> {
        let error = || ParsePriceError { got: text.to_owned() };
        let (negative, body) = match text.as_bytes() {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            rest => (false, rest),
        };
        let (mut raw, mut decimals, mut digits, mut round_up) = (0_i64, None::<u32>, 0_u32, false);
        for &byte in body {
            match (byte, decimals) {
                (b'.', None) => decimals = Some(0),
                (b'0'..=b'9', Some(8)) => {
                    round_up = byte >= b'5';
                    decimals = Some(9);
                    digits += 1;
                }
                (b'0'..=b'9', Some(n)) if n > 8 => digits += 1,
                (b'0'..=b'9', _) => {
                    raw = raw.checked_mul(10).and_then(|r| r.checked_add(i64::from(byte - b'0'))).ok_or_else(error)?;
                    decimals = decimals.map(|n| n + 1);
                    digits += 1;
                }
                _ => return Err(error()),
            }
        }
        if digits == 0 {
            return Err(error());
        }
        let missing = 8 - decimals.unwrap_or(0).min(8);
        let raw = raw
            .checked_mul(10_i64.pow(missing))
            .and_then(|r| r.checked_add(i64::from(round_up)))
            .filter(|&r| r <= Self::LIMIT.0)
            .ok_or_else(error)?;
        Ok(Self(if negative { -raw } else { raw }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_and_writes_plain_decimals() {
        for (text, raw, shown) in [
            ("1.0850", 108_500_000, "1.085"),
            ("130250", 13_025_000_000_000, "130250"),
            ("-0.5", -50_000_000, "-0.5"),
            ("0", 0, "0"),
            (".5", 50_000_000, "0.5"),
            ("1.1445400000000001", 114_454_000, "1.14454"),
            ("0.000000015", 2, "0.00000002"),
            ("0.0000000149", 1, "0.00000001"),
        ] {
            let price: Price = text.parse().unwrap();
            assert_eq!((price.raw(), price.to_string().as_str()), (raw, shown), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_price() {
        for text in ["", "-", ".", "1,5", "1.2.3", "NaN", "inf", "1e5", " 1", "99999999999", "9223372036854775808"] {
            assert!(text.parse::<Price>().is_err(), "{text:?}");
        }
        assert_eq!(Price::from_f64(f64::NAN), None);
        assert_eq!(Price::from_f64(1e12), None);
    }

    #[test]
    fn rounds_to_the_tick() {
        let tick = Price::from_raw(5 * Price::SCALE);
        for (raw, rounded) in [(102, 100), (103, 105), (-103, -105), (105, 105)] {
            assert_eq!(Price::from_raw(raw * Price::SCALE).to_tick(tick), Price::from_raw(rounded * Price::SCALE));
        }
    }

    proptest! {
        #[test]
        fn text_round_trips(raw in -Price::LIMIT.raw()..=Price::LIMIT.raw()) {
            let price = Price::from_raw(raw);
            prop_assert_eq!(price.to_string().parse::<Price>().unwrap(), price);
        }
    }
}
