use alavanca_kernel::{Hour, Timestamp, TradingDay};
use serde::{Deserialize, Serialize};

use crate::TradingZone;
use crate::zone::{DAY, OffsetSpan};

/// Where an instant lies in the trading zone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Moment {
    /// The trading day, by the day cut.
    pub day: TradingDay,
    /// The local hour.
    pub hour: Hour,
    /// Seconds since local midnight, as the clock on the wall shows them.
    pub second_of_day: u32,
}

/// Tells day and hour of an instant. Remembers the current hour, so that instants that follow each other cost next to
/// nothing. Instants may come in any order.
#[derive(Clone, Debug)]
pub struct TradingClock {
    zone: TradingZone,
    // The remembered stretch, in microseconds: within one local hour, one offset and one trading day.
    from: i64,
    until: i64,
    day: TradingDay,
    hour: Hour,
    // Added to seconds since the epoch gives seconds since local midnight.
    to_second: i64,
    span: OffsetSpan,
}

impl TradingClock {
    /// A clock of that zone.
    pub const fn new(zone: TradingZone) -> Self {
        Self {
            zone,
            from: 0,
            until: 0,
            day: TradingDay::from_days(0),
            hour: match Hour::new(0) {
                Some(hour) => hour,
                None => unreachable!(),
            },
            to_second: 0,
            span: OffsetSpan { from: 0, until: 0, offset: 0 },
        }
    }

    /// The zone it goes by.
    pub const fn zone(&self) -> TradingZone {
        self.zone
    }

    /// Day, hour and second of day of an instant.
    #[inline]
    pub fn locate(&mut self, at: Timestamp) -> Moment {
        if at.micros() < self.from || at.micros() >= self.until {
            self.move_to(at.secs());
        }
        let second_of_day = (at.secs() + self.to_second) as u32;
        Moment { day: self.day, hour: self.hour, second_of_day }
    }

    /// Seconds since 1970-01-01 00:00 as the clock on the wall counts them. Where clocks are put back they repeat.
    #[inline]
    pub fn wall_seconds(&mut self, at: Timestamp) -> i64 {
        if at.micros() < self.from || at.micros() >= self.until {
            self.move_to(at.secs());
        }
        at.secs() + self.span.offset
    }

    #[cold]
    fn move_to(&mut self, secs: i64) {
        if secs < self.span.from || secs >= self.span.until {
            self.span = self.zone.zone().span_at(secs);
        }
        let OffsetSpan { from, until, offset } = self.span;
        let local = secs + offset;
        let (date, second) = (local.div_euclid(DAY), local.rem_euclid(DAY));
        let midnight = local - second;
        let (mut start, mut end) = (second / 3_600 * 3_600, second / 3_600 * 3_600 + 3_600);
        let cut = i64::from(self.zone.day_cut());
        if start < cut && cut < end {
            if second < cut { end = cut } else { start = cut }
        }
        let micros = |local_second: i64, bound: i64, pick: fn(i64, i64) -> i64| {
            pick(midnight + local_second - offset, bound).saturating_mul(1_000_000)
        };
        self.from = micros(start, from, i64::max);
        self.until = micros(end, until, i64::min);
        self.day = TradingDay::from_days((date + self.zone.day_shift(second as u32)) as i32);
        self.hour = Hour::new((second / 3_600) as u8).unwrap_or_default();
        self.to_second = offset - midnight;
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Timelike};
    use proptest::prelude::*;

    use super::*;
    use crate::{Zone, ZoneSettings};

    fn clock(timezone: &str, day_cut: &str) -> TradingClock {
        let settings = ZoneSettings { timezone: timezone.to_owned(), day_cut: day_cut.to_owned() };
        TradingClock::new(TradingZone::new(&settings).unwrap())
    }

    fn at(utc: &str) -> Timestamp {
        Timestamp::from_secs(DateTime::parse_from_rfc3339(utc).unwrap().timestamp())
    }

    #[test]
    fn wall_seconds_are_what_a_clock_on_the_wall_shows() {
        let check = |zone: &str, utc: &str, wall: &str| {
            let shown = chrono::NaiveDateTime::parse_from_str(wall, "%Y-%m-%d %H:%M:%S").unwrap();
            assert_eq!(clock(zone, "17:00").wall_seconds(at(utc)), shown.and_utc().timestamp(), "{zone} {utc}");
        };
        check("America/Sao_Paulo", "2021-03-11T20:35:07Z", "2021-03-11 17:35:07");
        check("America/Sao_Paulo", "2021-03-11T01:00:00Z", "2021-03-10 22:00:00");
        check("America/New_York", "2021-03-14T06:59:59Z", "2021-03-14 01:59:59");
        check("America/New_York", "2021-03-14T07:00:00Z", "2021-03-14 03:00:00");
        check("Asia/Kolkata", "1969-12-31T23:59:59Z", "1970-01-01 05:29:59");
    }

    #[test]
    fn days_and_hours_are_local() {
        let check = |zone: &str, cut: &str, utc: &str, day: &str, wall: &str| {
            let moment = clock(zone, cut).locate(at(utc));
            let shown = (moment.hour.get() as u32 * 60 + moment.second_of_day / 60 % 60, moment.second_of_day % 60);
            let wall: Vec<u32> = wall.split(':').map(|part| part.parse().unwrap()).collect();
            assert_eq!(moment.day.to_string(), day, "{zone} {cut} {utc}");
            assert_eq!(shown, (wall[0] * 60 + wall[1], wall[2]), "{zone} {cut} {utc}");
            assert_eq!(moment.second_of_day, wall[0] * 3_600 + wall[1] * 60 + wall[2], "{zone} {cut} {utc}");
        };
        let sao = "America/Sao_Paulo";
        check(sao, "00:00", "2021-03-11T20:35:00Z", "2021-03-11", "17:35:00");
        check(sao, "00:00", "2021-03-12T02:59:59Z", "2021-03-11", "23:59:59");
        check(sao, "00:00", "2021-03-12T03:00:00Z", "2021-03-12", "00:00:00");
        // Summer time: 23:59:59, then 01:00:00.
        check(sao, "00:00", "2018-11-04T02:59:59Z", "2018-11-03", "23:59:59");
        check(sao, "00:00", "2018-11-04T03:00:00Z", "2018-11-04", "01:00:00");
        // Its end: 23:59:59, then 23:00:00 of the same day once more.
        check(sao, "00:00", "2019-02-17T01:59:59Z", "2019-02-16", "23:59:59");
        check(sao, "00:00", "2019-02-17T02:00:00Z", "2019-02-16", "23:00:00");
        check(sao, "00:00", "2019-02-17T03:00:00Z", "2019-02-17", "00:00:00");
        // A cut in the early hours leaves them to yesterday; one in the evening begins tomorrow.
        check(sao, "05:00", "2021-03-12T07:59:59Z", "2021-03-11", "04:59:59");
        check(sao, "05:00", "2021-03-12T08:00:00Z", "2021-03-12", "05:00:00");
        check("America/New_York", "17:00", "2021-03-12T21:59:59Z", "2021-03-12", "16:59:59");
        check("America/New_York", "17:00", "2021-03-12T22:00:00Z", "2021-03-13", "17:00:00");
        check("Asia/Kolkata", "17:30", "2021-03-12T11:59:59Z", "2021-03-12", "17:29:59");
        check("Asia/Kolkata", "17:30", "2021-03-12T12:00:00Z", "2021-03-13", "17:30:00");
        check("UTC", "00:00", "1969-12-31T23:59:59Z", "1969-12-31", "23:59:59");
    }

    #[test]
    fn the_ends_of_time_do_not_stop_it() {
        for zone in ["America/Sao_Paulo", "UTC", "Asia/Kolkata"] {
            let mut clock = clock(zone, "00:00");
            let ends = [Timestamp::MIN, Timestamp::MAX].map(|end| clock.locate(end).second_of_day);
            assert!(ends.iter().all(|&second| second < DAY as u32));
        }
    }

    proptest! {
        #[test]
        fn remembering_changes_nothing(
            start in 800_000_000_i64..1_900_000_000,
            steps in prop::collection::vec(-4_000_i64..9_000, 1..200),
            (zone, cut) in prop::sample::select(vec![
                ("America/Sao_Paulo", "00:00"), ("America/New_York", "17:00"), ("Australia/Lord_Howe", "02:15"),
                ("Asia/Kathmandu", "05:30"), ("Africa/Casablanca", "00:00"), ("Europe/Athens", "00:00"),
            ]),
        ) {
            let mut clock = clock(zone, cut);
            let tz = Zone::by_name("TRADING_TIMEZONE", zone).unwrap().tz();
            let mut secs = start;
            for step in steps {
                secs += step;
                let got = clock.locate(Timestamp::from_micros(secs * 1_000_000 + 999_999));
                let local = DateTime::from_timestamp(secs, 0).unwrap().with_timezone(&tz);
                let second = local.num_seconds_from_midnight();
                prop_assert_eq!(got.second_of_day, second);
                prop_assert_eq!(u32::from(got.hour.get()), second / 3_600);
                let day = local.date_naive().to_epoch_days();
                let cut = clock.zone().day_cut();
                let expected = match (cut < 43_200, second < cut) {
                    (true, true) => day - 1,
                    (false, false) => day + 1,
                    _ => day,
                };
                prop_assert_eq!(got.day.days(), expected);
            }
        }
    }
}
