use alavanca_kernel::{SettingError, Timestamp, TradingDay};
use chrono::{DateTime, NaiveDateTime, Offset, TimeZone};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

/// A zone of the IANA database, such as `America/Sao_Paulo`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Zone(Tz);

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Self = Self(Tz::UTC);

    /// The zone of that name; `key` is the setting that asked for it.
    pub fn by_name(key: &'static str, name: &str) -> Result<Self, SettingError> {
        name.trim().parse().map(Self).map_err(|_| {
            let allowed = "expected an IANA zone such as America/Sao_Paulo, America/New_York, Europe/Athens or UTC";
            SettingError::new(key, name, allowed)
        })
    }

    /// Its IANA name.
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// What the zone's wall clocks show at an instant, as microseconds since their own 1970-01-01 00:00.
    pub fn wall_clock_micros(self, at: Timestamp) -> i64 {
        at.micros().saturating_add(self.offset_at(at.secs()) * 1_000_000)
    }

    /// The instant of a local time, both in seconds; see [`local_to_utc`](crate::local_to_utc).
    pub(crate) fn instant_of(self, local_secs: i64) -> i64 {
        crate::local_to_utc(self, naive(local_secs)).at.secs()
    }

    /// Seconds by which local time is ahead of UTC at an instant (in seconds since the epoch).
    pub(crate) fn offset_at(self, utc_secs: i64) -> i64 {
        self.0.offset_from_utc_datetime(&naive(utc_secs)).fix().local_minus_utc().into()
    }

    /// The offset's span around an instant, looked for within one UTC day.
    ///
    /// A day is short enough that no zone changes twice in it and comes back.
    pub(crate) fn span_at(self, utc_secs: i64) -> OffsetSpan {
        let utc_secs = utc_secs.clamp(-FURTHEST_SECS, FURTHEST_SECS);
        let (first, last) = {
            let first = utc_secs.div_euclid(DAY) * DAY;
            (first, first + DAY - 1)
        };
        let offset = self.offset_at(utc_secs);
        let from = if self.offset_at(first) == offset { first } else { self.change(first, utc_secs) };
        let until = if self.offset_at(last) == offset { last + 1 } else { self.change(utc_secs, last) };
        OffsetSpan { from, until, offset }
    }

    /// The first second after `before` with another offset than it; there is one up to `after`.
    pub(crate) fn change(self, before: i64, after: i64) -> i64 {
        let (mut before, mut after, offset) = (before, after, self.offset_at(before));
        while after - before > 1 {
            let middle = before + (after - before) / 2;
            if self.offset_at(middle) == offset { before = middle } else { after = middle }
        }
        after
    }

    pub(crate) const fn tz(self) -> Tz {
        self.0
    }
}

pub(crate) const DAY: i64 = 86_400;

/// Within chrono's range, with days to spare.
const FURTHEST_SECS: i64 = 8_000_000_000_000;

pub(crate) fn naive(secs: i64) -> NaiveDateTime {
    let secs = secs.clamp(-FURTHEST_SECS, FURTHEST_SECS);
    DateTime::from_timestamp(secs, 0).unwrap_or_default().naive_utc()
}

/// Instants (in seconds, the end excluded) that share an offset.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct OffsetSpan {
    pub(crate) from: i64,
    pub(crate) until: i64,
    pub(crate) offset: i64,
}

/// Settings of the trading zone.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ZoneSettings {
    /// `TRADING_TIMEZONE`: an IANA name.
    pub timezone: String,
    /// `TRADING_DAY_CUT`: the local time `HH:MM` at which a trading day begins.
    pub day_cut: String,
}

impl Default for ZoneSettings {
    fn default() -> Self {
        Self { timezone: "America/Sao_Paulo".to_owned(), day_cut: "00:00".to_owned() }
    }
}

/// The zone whose days and hours everything goes by, and when its days begin.
///
/// A cut before noon belongs to the date it falls on (`05:00`: the early hours still belong to yesterday). A cut from
/// noon on begins the next date's day (`17:00` in New York: Sunday evening belongs to Monday), as forex has it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TradingZone {
    zone: Zone,
    cut: u32,
}

impl TradingZone {
    /// From checked settings.
    pub fn new(settings: &ZoneSettings) -> Result<Self, SettingError> {
        let zone = Zone::by_name("TRADING_TIMEZONE", &settings.timezone)?;
        let cut = second_of_day(&settings.day_cut).filter(|&cut| cut < DAY as u32).ok_or_else(|| {
            SettingError::new("TRADING_DAY_CUT", &settings.day_cut, "expected a local time such as 00:00 or 17:00")
        })?;
        Ok(Self { zone, cut })
    }

    /// The zone.
    pub const fn zone(&self) -> Zone {
        self.zone
    }

    /// The second of the local day at which a trading day begins.
    pub const fn day_cut(&self) -> u32 {
        self.cut
    }

    /// When a trading day begins, in seconds since the epoch.
    pub(crate) fn begin_of(self, day: TradingDay) -> i64 {
        // A cut from noon on falls on the date before.
        let shift = if self.cut < DAY as u32 / 2 { 0 } else { -1 };
        self.zone.instant_of((i64::from(day.days()) + shift) * DAY + i64::from(self.cut))
    }

    /// Days to add to a local date to name the trading day, at this second of it.
    pub(crate) const fn day_shift(self, second: u32) -> i64 {
        let noon = DAY as u32 / 2;
        if self.cut < noon {
            if second < self.cut { -1 } else { 0 }
        } else if second >= self.cut {
            1
        } else {
            0
        }
    }
}

/// `HH:MM` as seconds since midnight, up to 24:00.
pub(crate) fn second_of_day(text: &str) -> Option<u32> {
    let (hours, minutes) = text.trim().split_once(':')?;
    let number = |digits: &str, most: u32| {
        let plain = (1..=2).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        digits.parse::<u32>().ok().filter(|&n| plain && n <= most)
    };
    let (hours, minutes) = (number(hours, 24)?, number(minutes, 59).filter(|_| minutes.len() == 2)?);
    let second = hours * 3_600 + minutes * 60;
    (second <= DAY as u32).then_some(second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_times_of_day() {
        for (text, expected) in [
            ("00:00", Some(0)),
            ("9:05", Some(32_700)),
            ("17:50", Some(64_200)),
            ("24:00", Some(86_400)),
            ("24:01", None),
            ("25:00", None),
            ("17:60", None),
            ("17:5", None),
            ("+1:00", None),
            ("1730", None),
            ("17:50:00", None),
            ("", None),
        ] {
            assert_eq!(second_of_day(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_wall_clock_shows_local_time() {
        // Summer time in São Paulo ended at 2019-02-17 02:00 UTC, when its clocks went back from midnight to 23:00.
        let zone = Zone::by_name("TRADING_TIMEZONE", "America/Sao_Paulo").unwrap();
        let ends = Timestamp::from_secs(1_550_368_800);
        for (at, hours) in [(ends.plus_micros(-1), -2), (ends, -3)] {
            assert_eq!(zone.wall_clock_micros(at), at.plus_secs(hours * 3_600).micros(), "{at}");
        }
    }

    #[test]
    fn refuses_what_is_no_zone_or_no_time() {
        let error = Zone::by_name("--data-tz", "Brasilia").unwrap_err();
        assert!(error.to_string().starts_with("--data-tz = Brasilia"), "{error}");
        assert!(error.allowed.contains("America/Sao_Paulo"), "{error}");
        for (timezone, day_cut, key) in [
            ("Mars/Olympus", "00:00", "TRADING_TIMEZONE"),
            ("", "00:00", "TRADING_TIMEZONE"),
            ("UTC", "24:00", "TRADING_DAY_CUT"),
            ("UTC", "noon", "TRADING_DAY_CUT"),
        ] {
            let settings = ZoneSettings { timezone: timezone.to_owned(), day_cut: day_cut.to_owned() };
            assert_eq!(TradingZone::new(&settings).unwrap_err().key, key);
        }
    }

    #[test]
    fn no_zone_changes_and_comes_back_within_a_day() {
        // The claim that lets a span be found from a day's two ends, for all zones since 2005.
        for tz in chrono_tz::TZ_VARIANTS {
            let zone = Zone(tz);
            for day in 12_784_i64..23_742 {
                let (first, last) = (day * DAY, day * DAY + DAY - 1);
                if zone.offset_at(first) == zone.offset_at(last) {
                    assert_eq!(zone.offset_at(first + DAY / 2), zone.offset_at(first), "{} day {day}", zone.name());
                }
            }
        }
    }
}
