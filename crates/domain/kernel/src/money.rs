//! Exact money and quantities (semantics 1).

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::price::ParsePriceError;

/// An amount of the account's currency (BRL unless configured), exact, in centavos.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Money(i64);

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// From centavos.
    #[inline]
    pub const fn from_cents(cents: i64) -> Self {
        Self(cents)
    }

    /// From whole units of the currency.
    #[inline]
    pub const fn from_units(units: i64) -> Self {
        Self(units * 100)
    }

    /// In centavos.
    #[inline]
    pub const fn cents(self) -> i64 {
        self.0
    }

    /// For statistics and the REAL columns of the specification's tables; never for a balance.
    #[inline]
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / 100.0
    }

    /// This amount `n` times.
    #[inline]
    pub const fn times(self, n: i64) -> Self {
        Self(self.0 * n)
    }

    /// How often `part` fits into this amount, downwards; 0 where either is not above zero.
    #[inline]
    pub const fn fits(self, part: Self) -> i64 {
        if self.0 <= 0 || part.0 <= 0 { 0 } else { self.0 / part.0 }
    }

    /// Whether it is above zero.
    #[inline]
    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }
}

impl Add for Money {
    type Output = Self;
    #[inline]
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}
impl Sub for Money {
    type Output = Self;
    #[inline]
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}
impl Neg for Money {
    type Output = Self;
    #[inline]
    fn neg(self) -> Self {
        Self(-self.0)
    }
}
impl AddAssign for Money {
    #[inline]
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}
impl SubAssign for Money {
    #[inline]
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}
impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for Money {
    /// Two decimals: `-12.50`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let magnitude = self.0.unsigned_abs();
        f.pad(&format!("{sign}{}.{:02}", magnitude / 100, magnitude % 100))
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Money({self})")
    }
}

impl FromStr for Money {
    type Err = ParsePriceError;

    /// Plain decimals with at most two places, so that nothing is rounded away unseen.
    fn from_str(text: &str) -> Result<Self, ParsePriceError> {
        const CENT: i64 = crate::Price::SCALE / 100;
        let exact = text.parse::<crate::Price>()?.raw();
        if exact % CENT == 0 { Ok(Self(exact / CENT)) } else { Err(ParsePriceError { got: text.to_owned() }) }
    }
}

/// A number of contracts. Never negative: the side is said beside it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Contracts(u32);

impl Contracts {
    /// None.
    pub const ZERO: Self = Self(0);

    /// So many contracts.
    #[inline]
    pub const fn new(count: u32) -> Self {
        Self(count)
    }

    /// The count.
    #[inline]
    pub const fn count(self) -> u32 {
        self.0
    }

    /// Whether there are none.
    #[inline]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// What is left after taking `other` away; never below zero.
    #[inline]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Add for Contracts {
    type Output = Self;
    #[inline]
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl fmt::Display for Contracts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_reads_and_writes_centavos() {
        for (text, cents, shown) in
            [("10000.0", 1_000_000, "10000.00"), ("-12.5", -1_250, "-12.50"), ("0.05", 5, "0.05")]
        {
            let money: Money = text.parse().unwrap();
            assert_eq!((money.cents(), money.to_string().as_str()), (cents, shown));
        }
        assert!("0.005".parse::<Money>().is_err(), "a fraction of a centavo must not vanish");
    }

    #[test]
    fn money_fits_whole_times() {
        let fits = |a, b| Money::from_cents(a).fits(Money::from_cents(b));
        assert_eq!((fits(1_000_000, 100_000), fits(99_999, 100_000), fits(-1, 1), fits(1, 0)), (10, 0, 0, 0));
    }
}
