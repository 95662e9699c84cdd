use alavanca_kernel::{Timestamp, TradingDay};
use serde::{Deserialize, Serialize};

use crate::date::{self, SATURDAY, weekday};
use crate::session::{EARLY_CLOSE_MINUTES, FlatAt};
use crate::zone::DAY;
use crate::{Moment, NewsSize, NoEntry, SessionRule, TradingClock, TradingZone};

/// Where an instant lies in the trading zone and in its market's day.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Place {
    /// The trading day, the local hour and second.
    pub moment: Moment,
    /// The number of the trading week, counted from Mondays. A Sunday evening on which the market opens belongs to the
    /// week that follows, unless the market trades on Saturdays, too.
    pub week: i32,
    /// The second of the local day from which the market trades continuously on that trading day, its opening auction
    /// over; `None` where it does not trade on it. A market that is open when the day begins opens with it.
    pub opens: Option<u32>,
    /// The second of the local day until which it does, itself excluded.
    pub closes: Option<u32>,
}

/// Tells the trading day, the week and the market's hours of an instant, whether one may enter then and whether one
/// must be flat. For levels that begin anew with the day or the week, and for the engine.
///
/// Remembers the current hour and day: instants that follow each other cost next to nothing, and nothing is allocated.
/// Instants may come in any order.
///
/// ```
/// use alavanca_calendar::{MarketClock, NoEntry, Session, SessionRule, SessionSettings, TradingZone, ZoneSettings};
/// use alavanca_kernel::Timestamp;
/// let zone = TradingZone::new(&ZoneSettings::default()).unwrap();
/// let rule = SessionRule::new(Session::by_name("B3").unwrap(), &SessionSettings::default()).unwrap();
/// let mut clock = MarketClock::new(zone, rule);
/// let at = Timestamp::from_secs(1_615_494_900); // 2021-03-11 20:35 UTC
/// let place = clock.place(at);
/// assert_eq!(place.moment.second_of_day, 17 * 3_600 + 35 * 60);
/// assert_eq!((place.opens, place.closes), (Some(9 * 3_600), Some(18 * 3_600 + 25 * 60)));
/// assert_eq!(clock.entry(at), Err(NoEntry::Hours)); // entries ended at 17:30
/// assert!(!clock.must_be_flat(at)); // until 17:50
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
    holiday: bool,
    spans: [Span; 3],
    open_spans: usize,
}

/// A stretch of trading within a trading day, in seconds since the epoch.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Span {
    auction: i64,
    opens: i64,
    closes: i64,
    ends: i64,
    flat_from: i64,
}

impl MarketClock {
    /// A clock of that zone for a market with that session.
    pub const fn new(zone: TradingZone, session: SessionRule) -> Self {
        Self {
            clock: TradingClock::new(zone),
            session,
            day: None,
            week: 0,
            opens: None,
            closes: None,
            holiday: false,
            spans: [Span { auction: 0, opens: 0, closes: 0, ends: 0, flat_from: 0 }; 3],
            open_spans: 0,
        }
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

    /// Whether a new trade may begin, and if not, why: the market's hours first, then the operator's.
    pub fn entry(&mut self, at: Timestamp) -> Result<(), NoEntry> {
        let moment = self.place(at).moment;
        let rule = &self.session;
        let (second, secs) = (moment.second_of_day, at.secs());
        let Some(span) = self.spans().iter().find(|span| span.auction <= secs && secs < span.ends) else {
            return Err(if self.holiday { NoEntry::Holiday } else { NoEntry::Closed });
        };
        if secs < span.opens || secs >= span.closes {
            return Err(NoEntry::Auction);
        }
        if !rule.entries.contains(second) || self.is_flat_time(&moment, secs) {
            return Err(NoEntry::Hours);
        }
        if secs < span.opens + rule.first_entry {
            return Err(NoEntry::FirstMinutes { minutes: (rule.first_entry / 60) as u32 });
        }
        if secs >= span.closes - rule.last_entry {
            return Err(NoEntry::LastMinutes { minutes: (rule.last_entry / 60) as u32 });
        }
        if !rule.weekdays[weekday(moment.day)] {
            return Err(NoEntry::Weekday);
        }
        if !rule.trade_windows.is_empty() && !rule.trade_windows.iter().any(|window| window.contains(second)) {
            return Err(NoEntry::TradeWindow);
        }
        if rule.block_windows.iter().any(|window| window.contains(second)) {
            return Err(NoEntry::BlockWindow);
        }
        if rule.last_trading_day == Some(moment.day) {
            return Err(NoEntry::LastTradingDay);
        }
        match rule.news.as_ref().and_then(|news| news.high(at)) {
            Some((at, currency)) => Err(NoEntry::News { at, currency }),
            None => Ok(()),
        }
    }

    /// The part of the usual size that a trade may begin with, where an announcement makes it smaller.
    pub fn news_size(&self, at: Timestamp) -> Option<NewsSize> {
        self.session.news.as_ref().and_then(|news| news.medium(at))
    }

    /// Whether every position must be closed by now.
    pub fn must_be_flat(&mut self, at: Timestamp) -> bool {
        let moment = self.place(at).moment;
        self.is_flat_time(&moment, at.secs())
    }

    /// Whether a position of an earlier moment must be closed by now: it is time, or the time passed unseen (a hole in
    /// the data, an outage) and the position is left from an earlier day.
    pub fn must_close(&mut self, opened: &Moment, at: Timestamp) -> bool {
        self.session.flat_at.is_some() && (self.place(at).moment.day > opened.day || self.must_be_flat(at))
    }

    /// From when until when trades may begin on the trading day of an instant, and when one must be flat, as the
    /// session's hours and its settings have it; windows, weekdays and news aside. `None` where there is no trading.
    pub fn entry_window(&mut self, at: Timestamp) -> Option<EntryWindow> {
        let moment = self.place(at).moment;
        let (first, last) = (self.spans().first()?, self.spans().last()?);
        let midnight = at.secs() - i64::from(moment.second_of_day);
        let rule = &self.session;
        let local = |second: u32| midnight + i64::from(second);
        let (mut from, mut until) = (first.opens + rule.first_entry, last.closes - rule.last_entry);
        if rule.entries != crate::hours::Window::ALL_DAY && rule.entries.from < rule.entries.until {
            from = from.max(local(rule.entries.from));
            until = until.min(local(rule.entries.until));
        }
        let flat = match rule.flat_at {
            None => None,
            Some(FlatAt::Second(second)) => Some(local(second).min(last.flat_from)),
            Some(FlatAt::BeforeClose(_)) => Some(last.flat_from),
        };
        let until = flat.map_or(until, |flat| until.min(flat));
        Some(EntryWindow {
            from: Timestamp::from_secs(from),
            until: Timestamp::from_secs(until.max(from)),
            flat_at: flat.map(Timestamp::from_secs),
        })
    }

    fn spans(&self) -> &[Span] {
        &self.spans[..self.open_spans]
    }

    fn is_flat_time(&self, moment: &Moment, secs: i64) -> bool {
        match self.session.flat_at {
            None => false,
            Some(FlatAt::Second(flat)) if moment.second_of_day >= flat => true,
            Some(_) => {
                let passed = self.spans().iter().rposition(|span| span.flat_from <= secs);
                passed.is_some_and(|last| self.spans()[last + 1..].iter().all(|later| secs < later.auction))
            }
        }
    }

    #[cold]
    fn move_to(&mut self, day: TradingDay) {
        let calendar = self.session.session().calendar();
        self.day = Some(day);
        // 1970-01-05 was a Monday: weeks from there, or from the Sunday before it.
        let saturday = date::plus(day, SATURDAY as i32 - weekday(day) as i32);
        let first = if calendar.hours_on(saturday).is_some() { 4 } else { 3 };
        self.week = (day.days() - first).div_euclid(7);
        self.holiday = calendar.hours_on(day).is_none() && calendar.special(day).is_some();
        let zone = self.clock.zone();
        let (begins, ends) = (zone.begin_of(day), zone.begin_of(date::plus(day, 1)));
        self.open_spans = 0;
        for date in (-1..=1).map(|days| date::plus(day, days)) {
            let Some(hours) = calendar.hours_on(date) else { continue };
            let instant = |second: i32| calendar.zone().instant_of(i64::from(date.days()) * DAY + i64::from(second));
            let (auction, end) = (instant(hours.auction), instant(hours.ends));
            if end > begins && auction < ends && self.open_spans < self.spans.len() {
                let (opens, closes) = (instant(hours.opens), instant(hours.closes));
                self.spans[self.open_spans] = Span { auction, opens, closes, ends: end, flat_from: i64::MAX };
                self.open_spans += 1;
            }
        }
        let second = |secs: i64| self.clock.clone().locate(Timestamp::from_secs(secs)).second_of_day;
        let first = self.spans().iter().find(|span| span.closes > begins && span.opens < ends);
        let last = self.spans().iter().rfind(|span| span.closes > begins && span.opens < ends).copied();
        let opens = first.map(|span| second(span.opens.max(begins)));
        let closes = last.map(|span| second(span.closes.min(ends) - 1) + 1);
        (self.opens, self.closes) = (opens, closes);
        match (self.session.flat_at, last) {
            (Some(FlatAt::BeforeClose(before)), _) => {
                for span in &mut self.spans[..self.open_spans] {
                    span.flat_from = span.closes - i64::from(before);
                }
            }
            // The last close of the day comes before the time to be flat.
            (Some(FlatAt::Second(flat)), Some(last)) if last.closes < ends && closes.is_some_and(|c| c <= flat) => {
                for span in self.spans[..self.open_spans].iter_mut().filter(|span| **span == last) {
                    span.flat_from = span.closes - i64::from(EARLY_CLOSE_MINUTES) * 60;
                }
            }
            _ => {}
        }
    }
}

/// When trades may begin on a day.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct EntryWindow {
    /// From then on.
    pub from: Timestamp,
    /// Until then, itself excluded.
    pub until: Timestamp,
    /// When every position must be closed; `None` where positions stay overnight.
    pub flat_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::{Session, SessionSettings, Zone, ZoneSettings, local_to_utc};

    const SAO: &str = "America/Sao_Paulo";

    fn rule(session: &str, settings: &SessionSettings) -> SessionRule {
        SessionRule::new(Session::by_name(session).unwrap(), settings).unwrap()
    }

    fn clock_with(session: &str, timezone: &str, day_cut: &str, settings: &SessionSettings) -> MarketClock {
        let zone = ZoneSettings { timezone: timezone.to_owned(), day_cut: day_cut.to_owned() };
        MarketClock::new(TradingZone::new(&zone).unwrap(), rule(session, settings))
    }

    fn clock(session: &str, timezone: &str, day_cut: &str) -> MarketClock {
        clock_with(session, timezone, day_cut, &SessionSettings::default())
    }

    fn at(utc: &str) -> Timestamp {
        Timestamp::from_secs(DateTime::parse_from_rfc3339(utc).unwrap().timestamp())
    }

    /// A wall-clock time in São Paulo.
    fn sao(text: &str) -> Timestamp {
        let zone = Zone::by_name("--data-tz", SAO).unwrap();
        local_to_utc(zone, chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").unwrap()).at
    }

    #[test]
    fn weeks_begin_with_the_markets_first_day() {
        let week = |session, zone, cut, utc| clock(session, zone, cut).place(at(utc)).week;
        // 2021-03-08 was a Monday. B3 rests from Friday evening on.
        let monday = week("B3", SAO, "00:00", "2021-03-08T12:00:00Z");
        assert_eq!(week("B3", SAO, "00:00", "2021-03-12T20:00:00Z"), monday);
        assert_eq!(week("B3", SAO, "00:00", "2021-03-05T20:00:00Z"), monday - 1);
        assert_eq!(week("B3", SAO, "00:00", "2021-03-15T12:00:00Z"), monday + 1);
        // Forex opens on Sunday evening, however the days are cut.
        for (zone, cut) in [(SAO, "00:00"), ("America/New_York", "17:00"), ("UTC", "00:00")] {
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
        let check = |session: &str, zone: &str, cut: &str, utc: &str, expected: Option<(&str, &str)>| {
            let place = clock(session, zone, cut).place(at(utc));
            let second = |text: &str| crate::zone::second_of_day(text).unwrap();
            let expected = expected.map(|(opens, closes)| (second(opens), second(closes)));
            assert_eq!(place.opens.zip(place.closes), expected, "{session} {zone} {cut} {utc}");
        };
        check("B3", SAO, "00:00", "2021-03-08T12:00:00Z", Some(("09:00", "18:25")));
        check("B3", SAO, "00:00", "2021-03-12T23:00:00Z", Some(("09:00", "18:25")));
        check("B3", SAO, "00:00", "2021-03-15T23:00:00Z", Some(("09:00", "17:55")));
        check("B3", SAO, "00:00", "2021-03-13T15:00:00Z", None);
        check("B3", SAO, "00:00", "2021-02-15T15:00:00Z", None);
        check("B3", SAO, "00:00", "2021-02-17T15:00:00Z", Some(("13:00", "18:25")));
        check("B3_DOLLAR", SAO, "00:00", "2021-03-15T23:00:00Z", Some(("09:00", "18:00")));
        // Another trading zone reads the same hours on its own clock; Brazil had summer time in January 2019.
        check("B3", "UTC", "00:00", "2021-03-15T23:00:00Z", Some(("12:00", "20:55")));
        check("B3", "UTC", "00:00", "2019-01-15T23:00:00Z", Some(("11:00", "20:15")));
        // 17:00 in New York is 19:00 in São Paulo in winter, 18:00 in summer.
        check("FOREX", SAO, "00:00", "2021-03-07T12:00:00Z", Some(("19:00", "24:00")));
        check("FOREX", SAO, "00:00", "2021-03-10T12:00:00Z", Some(("00:00", "24:00")));
        check("FOREX", SAO, "00:00", "2021-03-12T12:00:00Z", Some(("00:00", "19:00")));
        check("FOREX", SAO, "00:00", "2021-03-19T12:00:00Z", Some(("00:00", "18:00")));
        check("FOREX", SAO, "00:00", "2021-03-13T12:00:00Z", None);
        check("FOREX", "America/New_York", "17:00", "2021-03-10T12:00:00Z", Some(("17:05", "17:00")));
        check("FOREX", "America/New_York", "17:00", "2021-03-08T12:00:00Z", Some(("17:00", "17:00")));
        check("ALWAYS", SAO, "00:00", "2021-03-13T12:00:00Z", Some(("00:00", "24:00")));
    }

    #[test]
    fn going_back_and_forth_changes_nothing() {
        let mut one = clock("FOREX", SAO, "00:00");
        for step in 0..2_000_i64 {
            let at = at("2021-01-01T00:00:00Z").plus_secs(step * 7_919 % 300 * 3_600);
            assert_eq!(one.place(at), clock("FOREX", SAO, "00:00").place(at), "{at}");
        }
    }

    #[test]
    fn entries_and_flat() {
        let check = |session, entries: Option<&str>, flat: Option<&str>, time: &str, expected: (Option<&str>, bool)| {
            let settings = SessionSettings {
                entries: entries.map(str::to_owned),
                flat_at: flat.map(str::to_owned),
                ..SessionSettings::default()
            };
            let mut clock = clock_with(session, SAO, "00:00", &settings);
            let at = sao(time);
            let got = (clock.entry(at).err().map(|refusal| refusal.as_str()), clock.must_be_flat(at));
            assert_eq!(got, expected, "{session} {entries:?} {flat:?} {time}");
        };
        let (ok, session) = (None, Some("session"));
        // 2021-03-08 was a Monday.
        check("B3", None, None, "2021-03-08 08:54:59", (session, false));
        check("B3", None, None, "2021-03-08 08:55:00", (Some("auction"), false));
        check("B3", None, None, "2021-03-08 08:59:59", (Some("auction"), false));
        check("B3", None, None, "2021-03-08 09:00:00", (ok, false));
        check("B3", None, None, "2021-03-12 17:29:59", (ok, false));
        check("B3", None, None, "2021-03-12 17:30:00", (session, false));
        check("B3", None, None, "2021-03-12 17:49:59", (session, false));
        check("B3", None, None, "2021-03-12 17:50:00", (session, true));
        check("B3", None, None, "2021-03-13 12:00:00", (session, false));
        check("B3", None, None, "2021-03-14 12:00:00", (session, false));
        check("B3", None, None, "2021-02-15 12:00:00", (Some("holiday"), false));
        check("B3", None, None, "2021-02-17 12:54:59", (session, false));
        check("B3", None, None, "2021-02-17 12:59:59", (Some("auction"), false));
        check("B3", None, None, "2021-02-17 13:00:00", (ok, false));
        // A half day: 13:00 was the close.
        check("B3", None, None, "2014-06-17 12:34:59", (ok, false));
        check("B3", None, None, "2014-06-17 12:35:00", (Some("last_minutes"), false));
        check("B3", None, None, "2014-06-17 12:54:59", (Some("last_minutes"), false));
        check("B3", None, None, "2014-06-17 12:55:00", (session, true));
        check("B3", None, None, "2014-06-17 13:00:00", (session, true));
        check("B3", Some("10:00-18:00"), Some("off"), "2021-03-08 17:59:59", (ok, false));
        check("B3", Some("off"), Some("off"), "2021-03-08 18:24:59", (ok, false));
        check("B3", Some("off"), Some("off"), "2021-03-08 18:25:00", (Some("auction"), false));
        check("B3", Some("off"), Some("off"), "2021-03-08 18:35:00", (session, false));
        check("B3", None, Some("17:00"), "2021-03-08 16:59:59", (ok, false));
        check("B3", None, Some("17:00"), "2021-03-08 17:00:00", (session, true));
        check("B3", Some("off"), Some("close-10"), "2021-03-08 18:14:59", (ok, false));
        check("B3", Some("off"), Some("close-10"), "2021-03-08 18:15:00", (session, true));
        check("B3", Some("off"), Some("close-10"), "2021-03-15 17:44:59", (ok, false));
        check("B3", Some("off"), Some("close-10"), "2021-03-15 17:45:00", (session, true));
        check("B3", Some("off"), Some("close-10"), "2021-03-15 23:59:59", (session, true));
        check("B3", Some("off"), Some("close-10"), "2021-03-16 00:00:00", (session, false));
        check("FOREX", None, None, "2021-03-08 00:00:00", (ok, false));
        check("FOREX", None, None, "2021-03-12 18:59:59", (ok, false));
        check("FOREX", None, None, "2021-03-12 19:00:00", (session, false));
        check("FOREX", None, None, "2021-03-13 12:00:00", (session, false));
        check("FOREX", None, None, "2021-03-14 17:59:59", (session, false));
        check("FOREX", None, None, "2021-03-14 18:00:00", (ok, false));
        // The daily break of five minutes.
        check("FOREX", None, None, "2021-03-15 18:00:00", (session, false));
        check("FOREX", None, None, "2021-03-15 18:04:59", (session, false));
        check("FOREX", None, None, "2021-03-15 18:05:00", (ok, false));
        check("FOREX", None, None, "2020-12-25 12:00:00", (Some("holiday"), false));
        check("FOREX", Some("22:00-06:00"), None, "2021-03-09 23:00:00", (ok, false));
        check("FOREX", Some("22:00-06:00"), None, "2021-03-09 05:59:59", (ok, false));
        check("FOREX", Some("22:00-06:00"), None, "2021-03-09 06:00:00", (session, false));
        // Flat before the daily close, and free again after the break; a fixed time knows no break.
        check("FOREX", None, Some("close-30"), "2021-03-15 17:29:59", (ok, false));
        check("FOREX", None, Some("close-30"), "2021-03-15 17:30:00", (session, true));
        check("FOREX", None, Some("close-30"), "2021-03-15 18:05:00", (ok, false));
        check("FOREX", None, Some("20:00"), "2021-03-15 19:59:59", (ok, false));
        check("FOREX", None, Some("20:00"), "2021-03-15 20:00:00", (session, true));
        check("FOREX", None, Some("20:00"), "2021-03-19 17:54:59", (ok, false));
        check("FOREX", None, Some("20:00"), "2021-03-19 17:55:00", (session, true));
        check("ALWAYS", None, None, "2021-03-13 03:00:00", (ok, false));
    }

    #[test]
    fn filters_of_the_day() {
        let check = |settings: &SessionSettings, time: &str, expected: Result<(), NoEntry>| {
            assert_eq!(clock_with("B3", SAO, "00:00", settings).entry(sao(time)), expected, "{time} {settings:?}");
        };
        let minutes = SessionSettings { first_entry_minutes: 15, last_entry_minutes: Some(60), ..Default::default() };
        check(&minutes, "2021-03-08 09:14:59", Err(NoEntry::FirstMinutes { minutes: 15 }));
        check(&minutes, "2021-03-08 09:15:00", Ok(()));
        check(&minutes, "2021-03-08 17:24:59", Ok(()));
        check(&minutes, "2021-03-08 17:25:00", Err(NoEntry::LastMinutes { minutes: 60 }));
        // Ash Wednesday opens at 13:00.
        check(&minutes, "2021-02-17 13:14:59", Err(NoEntry::FirstMinutes { minutes: 15 }));
        check(&minutes, "2021-02-17 13:15:00", Ok(()));
        let windows = SessionSettings {
            trade_windows: "09:05-11:30, 14:00-17:00".to_owned(),
            block_windows: "10:00-10:15".to_owned(),
            weekdays: "mon-thu".to_owned(),
            ..Default::default()
        };
        check(&windows, "2021-03-08 09:04:59", Err(NoEntry::TradeWindow));
        check(&windows, "2021-03-08 09:05:00", Ok(()));
        check(&windows, "2021-03-08 09:59:59", Ok(()));
        check(&windows, "2021-03-08 10:00:00", Err(NoEntry::BlockWindow));
        check(&windows, "2021-03-08 10:14:59", Err(NoEntry::BlockWindow));
        check(&windows, "2021-03-08 10:15:00", Ok(()));
        check(&windows, "2021-03-08 11:29:59", Ok(()));
        check(&windows, "2021-03-08 11:30:00", Err(NoEntry::TradeWindow));
        check(&windows, "2021-03-08 14:00:00", Ok(()));
        check(&windows, "2021-03-11 10:15:00", Ok(()));
        check(&windows, "2021-03-12 10:15:00", Err(NoEntry::Weekday));
        // What the market says comes before what the operator says.
        check(&windows, "2021-03-12 08:56:00", Err(NoEntry::Auction));
        check(&windows, "2021-02-15 10:15:00", Err(NoEntry::Holiday));
    }

    #[test]
    fn a_contracts_last_day_and_news() {
        let contract: crate::Contract = "WINJ21".parse().unwrap();
        let zone = TradingZone::new(&ZoneSettings::default()).unwrap();
        let b3 = || rule("B3", &SessionSettings::default());
        let mut clock = MarketClock::new(zone, b3().without_last_day_of(contract));
        assert_eq!(clock.entry(sao("2021-04-13 10:00:00")), Ok(()));
        assert_eq!(clock.entry(sao("2021-04-14 10:00:00")), Err(NoEntry::LastTradingDay));
        assert_eq!(clock.entry(sao("2021-04-15 10:00:00")), Ok(()));

        let text = "# clock: America/Sao_Paulo\ntime,currency,impact,title\n2021-03-11 10:00,USD,high,CPI\n\
                    2021-03-11 11:00,USD,medium,PPI\n";
        let news = crate::NewsCalendar::parse(text).unwrap();
        let win = alavanca_kernel::Instrument::preset("WIN").unwrap();
        let filter = crate::NewsFilter::new(&news, &crate::NewsSettings::default(), &win).unwrap();
        let mut clock = MarketClock::new(zone, b3().with_news(filter));
        let usd = "USD".parse().unwrap();
        let cpi = NoEntry::News { at: sao("2021-03-11 10:00:00"), currency: usd };
        assert_eq!(clock.entry(sao("2021-03-11 09:44:59")), Ok(()));
        assert_eq!(clock.entry(sao("2021-03-11 09:45:00")), Err(cpi));
        assert_eq!(clock.entry(sao("2021-03-11 10:15:00")), Ok(()));
        assert_eq!(clock.news_size(sao("2021-03-11 10:30:00")), None);
        assert_eq!(clock.news_size(sao("2021-03-11 10:45:00")).unwrap().at, sao("2021-03-11 11:00:00"));
    }

    #[test]
    fn a_position_left_from_yesterday_is_overdue() {
        let opened = clock("B3", SAO, "00:00").place(sao("2021-03-08 17:00:00")).moment;
        for (session, now, overdue) in [
            ("B3", "2021-03-08 17:49:59", false),
            ("B3", "2021-03-08 17:50:00", true),
            ("B3", "2021-03-09 09:00:00", true),
            ("FOREX", "2021-03-09 09:00:00", false),
        ] {
            assert_eq!(clock(session, SAO, "00:00").must_close(&opened, sao(now)), overdue, "{session} {now}");
        }
    }

    #[test]
    fn the_days_window_is_what_entries_go_by() {
        for (session, day) in [("B3", "2021-03-08"), ("B3", "2021-02-17"), ("B3", "2014-06-17"), ("B3", "2021-03-15")] {
            let mut clock = clock(session, SAO, "00:00");
            let window = clock.entry_window(sao(&format!("{day} 12:00:00"))).unwrap();
            assert_eq!(clock.entry(window.from), Ok(()), "{day}");
            assert!(clock.entry(window.from.plus_secs(-1)).is_err(), "{day}");
            assert_eq!(clock.entry(window.until.plus_secs(-1)), Ok(()), "{day}");
            assert!(clock.entry(window.until).is_err(), "{day}");
            let flat = window.flat_at.unwrap();
            assert!(clock.must_be_flat(flat) && !clock.must_be_flat(flat.plus_secs(-1)), "{day}");
        }
        assert_eq!(clock("B3", SAO, "00:00").entry_window(sao("2021-02-15 12:00:00")), None);
    }
}
