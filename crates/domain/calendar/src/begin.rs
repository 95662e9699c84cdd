use alavanca_kernel::{Timestamp, TradingDay};

use crate::TradingZone;

/// Days from here to there have a begin that a [`Timestamp`] can say.
const FURTHEST_DAY: i32 = 90_000_000;

impl TradingZone {
    /// The first instant of a trading day.
    ///
    /// ```
    /// use alavanca_calendar::{TradingZone, ZoneSettings};
    /// use alavanca_kernel::{Timestamp, TradingDay};
    /// let zone = TradingZone::new(&ZoneSettings::default())?; // America/Sao_Paulo, days begin at 00:00
    /// assert_eq!(zone.first_instant(TradingDay::from_days(18_697)), Timestamp::from_secs(1_615_431_600)); // 03:00 UTC
    /// # Ok::<(), alavanca_kernel::SettingError>(())
    /// ```
    pub fn first_instant(self, day: TradingDay) -> Timestamp {
        let day = TradingDay::from_days(day.days().clamp(-FURTHEST_DAY, FURTHEST_DAY));
        Timestamp::from_secs(self.begin_of(day))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{TradingClock, ZoneSettings};

    #[test]
    fn a_day_begins_where_the_clock_first_names_it() {
        for (timezone, day_cut) in [
            ("America/Sao_Paulo", "00:00"),
            ("America/New_York", "17:00"),
            ("Europe/Athens", "05:00"),
            ("Pacific/Kiritimati", "23:00"),
            ("UTC", "00:00"),
        ] {
            let settings = ZoneSettings { timezone: timezone.to_owned(), day_cut: day_cut.to_owned() };
            let zone = TradingZone::new(&settings).unwrap();
            for days in (17_300..18_900).step_by(7).chain([-40, 0, 1]) {
                let day = TradingDay::from_days(days);
                let begin = zone.first_instant(day);
                let mut clock = TradingClock::new(zone);
                assert_eq!(clock.locate(begin).day, day, "{timezone} {day_cut} {day}");
                assert!(clock.locate(begin.plus_secs(-1)).day < day, "{timezone} {day_cut} {day}");
            }
        }
    }
}
