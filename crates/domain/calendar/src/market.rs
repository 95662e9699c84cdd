use alavanca_kernel::{Timestamp, TradingDay};
use serde::{Deserialize, Serialize};

use crate::session::{SATURDAY, weekday};
use crate::{Moment, SessionRule, TradingClock, TradingZone};

/// Where an instant lies in the trading zone and in its market's day.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Place {
    /// The trading day, the local hour and second.
    pub moment: Moment,
    /// The number of the trading week, counted from Mondays. A Sunday evening on which the market opens belongs to the
    /// week that follows, unless the market trades on Saturdays, too.
    pub week: i32,
    /// The second of the local day from which the market trades continuously on that trading day, its opening auction
    /// over; `None` where it does not trade on it.
    pub opens: Option<u32>,
    /// The second of the local day until which it does, itself excluded.
    pub closes: Option<u32>,
}

/// Tells the trading day, the week and the market's hours of an instant. For levels that begin anew with the day or
/// the week, and for whoever asks whether one may enter.
///
/// Remembers the current hour and day: instants that follow each other cost next to nothing, and nothing is allocated.
/// Instants may come in any order.
///
/// ```
/// use alavanca_calendar::{MarketClock, Session, SessionRule, SessionSettings, TradingZone, ZoneSettings};
/// use alavanca_kernel::Timestamp;
/// let zone = TradingZone::new(&ZoneSettings::default()).unwrap();
/// let rule = SessionRule::new(Session::by_name("B3").unwrap(), &SessionSettings::default()).unwrap();
/// let mut clock = MarketClock::new(zone, rule);
/// let place = clock.place(Timestamp::from_secs(1_615_494_900)); // 2021-03-11 20:35 UTC
/// assert_eq!(place.moment.second_of_day, 17 * 3_600 + 35 * 60);
/// assert_eq!(place.opens, Some(9 * 3_600));
/// ```
#[derive(Clone, Debug)]
pub struct MarketClock {
    clock: TradingClock,
    session: SessionRule,
    // Of the day that was placed last.
    day: Option<TradingDay>,
    week: i32,
    opens: Option<u32>,
    closes: Option<u32>,
}

impl MarketClock {
    /// A clock of that zone for a market with that session.
    pub const fn new(zone: TradingZone, session: SessionRule) -> Self {
        Self { clock: TradingClock::new(zone), session, day: None, week: 0, opens: None, closes: None }
    }

    /// The zone it goes by.
    pub const fn zone(&self) -> TradingZone {
        self.clock.zone()
    }

    /// The session's rule.
    pub const fn session(&self) -> &SessionRule {
        &self.session
    }

    /// Trading day, week and hours of an instant.
    #[inline]
    pub fn place(&mut self, at: Timestamp) -> Place {
        let moment = self.clock.locate(at);
        if self.day != Some(moment.day) {
            self.move_to(moment.day);
        }
        Place { moment, week: self.week, opens: self.opens, closes: self.closes }
    }

    /// Seconds since 1970-01-01 00:00 as the clock on the wall counts them. Where clocks are put back they repeat.
    #[inline]
    pub fn wall_seconds(&mut self, at: Timestamp) -> i64 {
        self.clock.wall_seconds(at)
    }

    #[cold]
    fn move_to(&mut self, day: TradingDay) {
        let session = self.session.session();
        self.day = Some(day);
        // 1970-01-05 was a Monday: weeks from there, or from the Sunday before it.
        let first = if session.trades_on_weekday(SATURDAY) { 4 } else { 3 };
        self.week = (day.days() - first).div_euclid(7);
        let hours = session.hours_on(day);
        self.opens = hours.map(|(opens, _)| opens);
        self.closes = hours.map(|(_, closes)| closes);
        debug_assert!(hours.is_none() || session.trades_on_weekday(weekday(day)), "hours on a weekday without trading");
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::{Session, SessionSettings, ZoneSettings};

    fn clock(session: &str, timezone: &str, day_cut: &str) -> MarketClock {
        let settings = ZoneSettings { timezone: timezone.to_owned(), day_cut: day_cut.to_owned() };
        let rule = SessionRule::new(Session::by_name(session).unwrap(), &SessionSettings::default()).unwrap();
        MarketClock::new(TradingZone::new(&settings).unwrap(), rule)
    }

    fn at(utc: &str) -> Timestamp {
        Timestamp::from_secs(DateTime::parse_from_rfc3339(utc).unwrap().timestamp())
    }

    #[test]
    fn weeks_begin_with_the_markets_first_day() {
        let week = |session, zone, cut, utc| clock(session, zone, cut).place(at(utc)).week;
        let sao = "America/Sao_Paulo";
        // 2021-03-08 was a Monday. B3 rests from Friday evening on.
        let monday = week("B3", sao, "00:00", "2021-03-08T12:00:00Z");
        assert_eq!(week("B3", sao, "00:00", "2021-03-12T20:00:00Z"), monday);
        assert_eq!(week("B3", sao, "00:00", "2021-03-05T20:00:00Z"), monday - 1);
        assert_eq!(week("B3", sao, "00:00", "2021-03-15T12:00:00Z"), monday + 1);
        // Forex opens on Sunday evening, however the days are cut.
        for (zone, cut) in [(sao, "00:00"), ("America/New_York", "17:00"), ("UTC", "00:00")] {
            assert_eq!(week("FOREX", zone, cut, "2021-03-07T23:00:00Z"), monday, "{zone}");
            assert_eq!(week("FOREX", zone, cut, "2021-03-12T21:00:00Z"), monday, "{zone}");
            assert_eq!(week("FOREX", zone, cut, "2021-03-14T23:00:00Z"), monday + 1, "{zone}");
        }
        // Who trades on every day has weeks from Monday to Sunday.
        assert_eq!(week("ALWAYS", "UTC", "00:00", "2021-03-07T23:59:59Z"), monday - 1);
        assert_eq!(week("ALWAYS", "UTC", "00:00", "2021-03-08T00:00:00Z"), monday);
        assert_eq!(week("ALWAYS", "UTC", "00:00", "1969-12-29T00:00:00Z"), -1);
    }

    #[test]
    fn hours_are_those_of_the_trading_day() {
        let mut clock = clock("B3", "America/Sao_Paulo", "00:00");
        for (utc, trades) in [
            ("2021-03-08T12:00:00Z", true),
            ("2021-03-12T23:00:00Z", true),
            ("2021-03-13T15:00:00Z", false),
            ("2021-03-14T15:00:00Z", false),
            // Backwards, too.
            ("2021-03-09T03:00:00Z", true),
        ] {
            let place = clock.place(at(utc));
            assert_eq!(place.opens, trades.then_some(9 * 3_600), "{utc}");
            assert_eq!(place.closes.is_some(), trades, "{utc}");
        }
    }
}
