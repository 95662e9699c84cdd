//! Time as a value. Nothing here asks a clock.

use std::fmt;

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

/// An instant, in microseconds since 1970-01-01 00:00 UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Before every event.
    pub const MIN: Self = Self(i64::MIN);
    /// After every event.
    pub const MAX: Self = Self(i64::MAX);

    /// From microseconds since the epoch.
    #[inline]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// From seconds since the epoch.
    #[inline]
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs * 1_000_000)
    }

    /// Microseconds since the epoch.
    #[inline]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, downwards.
    #[inline]
    pub const fn secs(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// So many seconds later (or earlier). Stays at the ends of time instead of passing them.
    #[inline]
    pub const fn plus_secs(self, secs: i64) -> Self {
        Self(self.0.saturating_add(secs.saturating_mul(1_000_000)))
    }

    /// So many microseconds later (or earlier).
    #[inline]
    pub const fn plus_micros(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    /// Whole seconds since an earlier instant; 0 where it is not earlier.
    #[inline]
    pub const fn secs_since(self, earlier: Self) -> i64 {
        let micros = self.0.saturating_sub(earlier.0);
        if micros <= 0 { 0 } else { micros / 1_000_000 }
    }

    /// As chrono's UTC instant; `None` outside its range.
    pub fn to_utc(self) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp_micros(self.0)
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with as many decimals as needed: `2021-03-11T20:35:00Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_utc() {
            Some(time) => f.pad(&time.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
            None => write!(f, "{}us", self.0),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Timestamp({self})")
    }
}

/// A day of the trading zone, as days since 1970-01-01 (semantics 34: everything that says "today" uses it).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TradingDay(i32);

impl TradingDay {
    /// From days since 1970-01-01.
    #[inline]
    pub const fn from_days(days: i32) -> Self {
        Self(days)
    }

    /// Days since 1970-01-01.
    #[inline]
    pub const fn days(self) -> i32 {
        self.0
    }

    /// As a calendar date; `None` outside chrono's range.
    pub fn to_date(self) -> Option<NaiveDate> {
        NaiveDate::from_epoch_days(self.0)
    }
}

impl fmt::Display for TradingDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_date() {
            Some(date) => date.fmt(f),
            None => write!(f, "day {}", self.0),
        }
    }
}

impl fmt::Debug for TradingDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TradingDay({self})")
    }
}

/// An hour of the day in the trading zone, 0 to 23: the specification's time bucket.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Hour(u8);

impl Hour {
    /// `None` where it is not 0 to 23.
    #[inline]
    pub const fn new(hour: u8) -> Option<Self> {
        if hour < 24 { Some(Self(hour)) } else { None }
    }

    /// 0 to 23.
    #[inline]
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl fmt::Display for Hour {
    /// The specification's `HH:00`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:00", self.0)
    }
}

impl TryFrom<u8> for Hour {
    type Error = String;
    fn try_from(hour: u8) -> Result<Self, String> {
        Self::new(hour).ok_or_else(|| format!("{hour} is not an hour of the day (0 to 23)"))
    }
}

impl From<Hour> for u8 {
    fn from(hour: Hour) -> Self {
        hour.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_itself_as_people_write_it() {
        assert_eq!(Timestamp::from_secs(1_615_494_900).to_string(), "2021-03-11T20:35:00Z");
        assert_eq!(Timestamp::from_micros(1_615_494_900_292_000).to_string(), "2021-03-11T20:35:00.292Z");
        assert_eq!(TradingDay::from_days(18_697).to_string(), "2021-03-11");
        assert_eq!(Hour::new(9).unwrap().to_string(), "09:00");
        assert_eq!(Hour::new(24), None);
    }

    #[test]
    fn time_backwards_counts_as_nothing() {
        let (early, late) = (Timestamp::from_secs(10), Timestamp::from_micros(12_999_999));
        assert_eq!((late.secs_since(early), early.secs_since(late)), (2, 0));
        assert_eq!(Timestamp::MAX.plus_secs(1), Timestamp::MAX);
    }
}
