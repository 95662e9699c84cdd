//! The clock that a file's stamps were written by.

use std::fmt;
use std::str::FromStr;

use alavanca_calendar::{LocalKind, TradingClock, TradingZone, Zone, ZoneSettings, local_to_utc};
use alavanca_kernel::{SettingError, Timestamp};
use chrono::DateTime;
use serde::{Serialize, Serializer};

pub(crate) const DAY_SECS: i64 = 86_400;
pub(crate) const MICROS: i64 = 1_000_000;

/// A file's clock (semantics 34).
///
/// ```
/// use alavanca_adapters_files::DataZone;
/// assert_eq!("America/Sao_Paulo".parse::<DataZone>()?.to_string(), "America/Sao_Paulo");
/// assert_eq!("broker".parse::<DataZone>()?, DataZone::Broker);
/// assert!("Brasilia".parse::<DataZone>().is_err());
/// # Ok::<(), alavanca_kernel::SettingError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DataZone {
    /// A zone of the IANA database.
    Named(Zone),
    /// The usual server clock of forex brokers: seven hours ahead of New York, so that the trading week's midnights
    /// are New York's 17:00 (UTC+2, UTC+3 while New York has daylight time). Written `BROKER` or `NY+7`.
    Broker,
}

impl DataZone {
    /// Coordinated universal time.
    pub const UTC: Self = Self::Named(Zone::UTC);

    fn iana(name: &str) -> Self {
        Zone::by_name(KEY, name).map_or(Self::UTC, Self::Named)
    }

    pub(crate) fn sao_paulo() -> Self {
        Self::iana("America/Sao_Paulo")
    }

    pub(crate) fn new_york() -> Self {
        Self::iana("America/New_York")
    }

    /// The zone, and by how many seconds stamps run ahead of it.
    fn parts(self) -> (Zone, i64) {
        match self {
            Self::Named(zone) => (zone, 0),
            Self::Broker => {
                let Self::Named(zone) = Self::new_york() else { unreachable!("New York is a named zone") };
                (zone, 7 * 3600)
            }
        }
    }
}

const KEY: &str = "--data-tz";

impl fmt::Display for DataZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Named(zone) => zone.name(),
            Self::Broker => "NY+7",
        })
    }
}

impl FromStr for DataZone {
    type Err = SettingError;
    fn from_str(text: &str) -> Result<Self, SettingError> {
        match text.trim().to_ascii_uppercase().as_str() {
            "BROKER" | "NY+7" => Ok(Self::Broker),
            _ => Zone::by_name(KEY, text).map(Self::Named).map_err(|error| SettingError {
                allowed: format!("{}, or BROKER for the usual forex server clock (New York + 7 h)", error.allowed),
                ..error
            }),
        }
    }
}

impl Serialize for DataZone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What a file's clock shows at an instant, fast where instants lie near each other.
#[derive(Clone, Debug)]
pub struct FileClock {
    clock: TradingClock,
    /// Seconds by which the stamps run ahead of the zone.
    ahead: i64,
}

impl FileClock {
    /// Of that zone.
    pub fn new(zone: DataZone) -> Self {
        let (zone, ahead) = zone.parts();
        let settings = ZoneSettings { timezone: zone.name().to_owned(), ..ZoneSettings::default() };
        let zone = TradingZone::new(&settings).unwrap_or_else(|_| unreachable!("a zone is known by its own name"));
        Self { clock: TradingClock::new(zone), ahead }
    }

    /// Seconds since 1970-01-01 00:00 as the clock counts them. Where clocks are put back they repeat.
    #[inline]
    pub fn wall_seconds(&mut self, at: Timestamp) -> i64 {
        self.clock.wall_seconds(at) + self.ahead
    }
}

/// Turns wall-clock times into instants. Remembers the offset of one local day.
#[derive(Clone, Debug)]
pub(crate) struct WallClock {
    zone: Zone,
    /// Seconds by which the stamps run ahead of the zone.
    ahead: i64,
    descending: bool,
    day: i64,
    /// Seconds to take off on that day; `None` where the clock changes in it.
    offset: Option<i64>,
    last: Option<i64>,
    /// Times that the clock never showed.
    pub(crate) skipped: u64,
}

impl WallClock {
    /// `descending` where the file is newest first.
    pub(crate) fn new(zone: DataZone, descending: bool) -> Self {
        let (zone, ahead) = zone.parts();
        Self { zone, ahead, descending, day: i64::MIN, offset: None, last: None, skipped: 0 }
    }

    /// What to take off local times of a day (in days since the epoch); `None` where the clock changes in that day.
    pub(crate) fn day_offset(&mut self, day: i64) -> Option<i64> {
        if self.day != day {
            let (first, first_kind) = self.resolve(day * DAY_SECS);
            let (last, last_kind) = self.resolve((day + 1) * DAY_SECS - 1);
            let exact = first_kind == LocalKind::Exact && last_kind == LocalKind::Exact;
            self.offset = (exact && last - first == DAY_SECS - 1).then_some(day * DAY_SECS - first);
            self.day = day;
        }
        self.offset
    }

    /// The instant, in microseconds, of a local time of that day.
    #[inline]
    pub(crate) fn instant(&mut self, day: i64, micros_of_day: i64) -> i64 {
        match self.day_offset(day) {
            Some(offset) => (day * DAY_SECS - offset) * MICROS + micros_of_day,
            None => self.instant_on_changing_day(day, micros_of_day),
        }
    }

    /// A time that the clock showed twice is the earlier instant, unless that would go against the file's order.
    #[cold]
    fn instant_on_changing_day(&mut self, day: i64, micros_of_day: i64) -> i64 {
        let local = day * DAY_SECS + micros_of_day.div_euclid(MICROS);
        let (earlier, kind) = self.resolve(local);
        let mut utc = earlier;
        match kind {
            LocalKind::Exact => {}
            LocalKind::Nonexistent => self.skipped += 1,
            LocalKind::Ambiguous => {
                // Half a day on, the clock has surely changed and shows the second offset.
                let after = local + DAY_SECS / 2;
                let later = local - (after - self.resolve(after).0);
                let take_later = match self.last {
                    None => self.descending,
                    Some(last) if self.descending => later <= last,
                    Some(last) => earlier < last,
                };
                utc = if take_later { later } else { earlier };
            }
        }
        self.last = Some(utc);
        utc * MICROS + micros_of_day.rem_euclid(MICROS)
    }

    fn resolve(&self, local: i64) -> (i64, LocalKind) {
        let shown = DateTime::from_timestamp(local - self.ahead, 0).unwrap_or_default().naive_utc();
        let resolved = local_to_utc(self.zone, shown);
        (resolved.at.secs(), resolved.kind)
    }
}

/// Days since 1970-01-01 of a proleptic Gregorian date; `None` where there is no such date.
pub(crate) fn days_of(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1900..3000).contains(&year) || !(1..=length).contains(&day) {
        return None;
    }
    // Years that begin in March, so that the leap day is the last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    Some(
        365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + (153 * month + 2) / 5 + day
            - 719_469,
    )
}

/// 0 is Monday, 6 is Sunday.
pub(crate) const fn weekday(days: i64) -> i64 {
    (days + 3).rem_euclid(7)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::NaiveDate;

    #[test]
    fn dates_agree_with_chrono() {
        for (y, m, d) in [(1970, 1, 1), (2000, 2, 29), (2021, 3, 11), (1999, 12, 31), (2100, 3, 1), (1900, 1, 1)] {
            let date = NaiveDate::from_ymd_opt(y, m, d).unwrap();
            let days = days_of(i64::from(y), i64::from(m), i64::from(d)).unwrap();
            assert_eq!(days, i64::from(date.to_epoch_days()), "{date}");
            assert_eq!(weekday(days), i64::from(chrono::Datelike::weekday(&date).num_days_from_monday()), "{date}");
        }
        for (y, m, d) in [(2021, 2, 29), (2100, 2, 29), (2021, 13, 1), (2021, 0, 1), (2021, 4, 31), (2021, 1, 0)] {
            assert_eq!(days_of(y, m, d), None, "{y}-{m}-{d}");
        }
    }

    fn check(zone: &str, descending: bool, locals: &[(&str, &str)]) {
        let mut clock = WallClock::new(zone.parse().unwrap(), descending);
        for (local, utc) in locals {
            let local = chrono::NaiveDateTime::parse_from_str(local, "%Y-%m-%d %H:%M").unwrap().and_utc().timestamp();
            let got = clock.instant(local.div_euclid(DAY_SECS), local.rem_euclid(DAY_SECS) * MICROS);
            assert_eq!(alavanca_kernel::Timestamp::from_micros(got).to_string(), *utc, "{zone} {local}");
        }
    }

    #[test]
    fn the_brokers_clock_follows_new_york() {
        // New York changed on 2021-03-14, Athens on 2021-03-28.
        check(
            "BROKER",
            false,
            &[
                ("2021-03-12 10:00", "2021-03-12T08:00:00Z"),
                ("2021-03-15 00:00", "2021-03-14T21:00:00Z"),
                ("2021-03-22 10:00", "2021-03-22T07:00:00Z"),
                ("2021-11-08 10:00", "2021-11-08T08:00:00Z"),
            ],
        );
        check("Europe/Athens", false, &[("2021-03-22 10:00", "2021-03-22T08:00:00Z")]);
    }

    #[test]
    fn a_repeated_hour_follows_the_files_order() {
        check(
            "America/New_York",
            false,
            &[
                ("2018-11-04 01:00", "2018-11-04T05:00:00Z"),
                ("2018-11-04 01:59", "2018-11-04T05:59:00Z"),
                ("2018-11-04 01:00", "2018-11-04T06:00:00Z"),
                ("2018-11-04 01:59", "2018-11-04T06:59:00Z"),
                ("2018-11-04 02:00", "2018-11-04T07:00:00Z"),
            ],
        );
        check(
            "America/New_York",
            true,
            &[
                ("2018-11-04 02:00", "2018-11-04T07:00:00Z"),
                ("2018-11-04 01:59", "2018-11-04T06:59:00Z"),
                ("2018-11-04 01:00", "2018-11-04T06:00:00Z"),
                ("2018-11-04 01:59", "2018-11-04T05:59:00Z"),
                ("2018-11-04 01:00", "2018-11-04T05:00:00Z"),
            ],
        );
    }

    #[test]
    fn an_hour_that_never_was_is_counted() {
        let mut clock = WallClock::new(DataZone::sao_paulo(), false);
        let day = days_of(2018, 11, 4).unwrap();
        clock.instant(day, 1_800 * MICROS);
        assert_eq!(clock.skipped, 1);
        clock.instant(day, 3_600 * MICROS);
        assert_eq!(clock.skipped, 1);
    }
}
