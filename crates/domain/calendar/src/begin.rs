use alavanca_kernel::{Timestamp, TradingDay};

use crate::zone::DAY;
use crate::{TradingClock, TradingZone};

/// Days from here to there have a begin that a [`Timestamp`] can say.
const FURTHEST_DAY: i64 = 90_000_000;

impl TradingZone {
    /// The first instant of a trading day.
    ///
    /// ```
    /// use alavanca_calendar::{TradingZone, ZoneSettings};
    /// use alavanca_kernel::{Timestamp, TradingDay};
    /// let zone = TradingZone::new(&ZoneSettings::default())?; // America/Sao_Paulo, days begin at 00:00
    /// assert_eq!(zone.begin_of(TradingDay::from_days(18_697)), Timestamp::from_secs(1_615_431_600)); // 03:00 UTC
    /// # Ok::<(), alavanca_kernel::SettingError>(())
    /// ```
    pub fn begin_of(self, day: TradingDay) -> Timestamp {
        let mut clock = TradingClock::new(self);
        let midnight = i64::from(day.days()).clamp(-FURTHEST_DAY, FURTHEST_DAY) * DAY;
        // No zone is two days away from Greenwich, its cut included.
        let (mut before, mut from) = (midnight - 2 * DAY, midnight + 2 * DAY);
        while from - before > 1 {
            let middle = before + (from - before) / 2;
            if clock.locate(Timestamp::from_secs(middle)).day < day { before = middle } else { from = middle }
        }
        Timestamp::from_secs(from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ZoneSettings;

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
                let begin = zone.begin_of(day);
                let mut clock = TradingClock::new(zone);
                assert_eq!(clock.locate(begin).day, day, "{timezone} {day_cut} {day}");
                assert!(clock.locate(begin.plus_secs(-1)).day < day, "{timezone} {day_cut} {day}");
            }
        }
    }
}
