use alavanca_kernel::{SettingError, TradingDay};
use serde::{Deserialize, Serialize};

use crate::Moment;
use crate::zone::{DAY, second_of_day};

/// When a market trades, by the weekday of the trading day and the local time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Session {
    name: &'static str,
    // Monday first: from which second of the day until which; `None` where there is no trading.
    hours: [Option<Window>; 7],
    entries: Window,
    flat_at: Option<u32>,
}

/// The names of all sessions.
pub const SESSIONS: [&str; 3] = ["B3", "FOREX", "ALWAYS"];

impl Session {
    /// `B3`: Monday to Friday 09:00 to 18:25, new trades 09:00 to 17:30, flat at 17:50 (before the earliest close that
    /// the index and dollar futures had). `FOREX`: Sunday to Friday, overnight positions stay. `ALWAYS`: no bounds.
    pub fn by_name(name: &str) -> Result<Self, SettingError> {
        let trading = |days: std::ops::Range<usize>, window: Window| {
            let mut hours = [None; 7];
            hours[days].fill(Some(window));
            hours
        };
        match name.to_ascii_uppercase().as_str() {
            "B3" => Ok(Self {
                name: "B3",
                hours: trading(0..5, Window::of(9 * 60, 18 * 60 + 25)),
                entries: Window::of(9 * 60, 17 * 60 + 30),
                flat_at: Some((17 * 60 + 50) * 60),
            }),
            "FOREX" => {
                let mut hours = trading(0..7, Window::ALL_DAY);
                hours[SATURDAY] = None;
                Ok(Self { name: "FOREX", hours, entries: Window::ALL_DAY, flat_at: None })
            }
            "ALWAYS" => {
                let hours = trading(0..7, Window::ALL_DAY);
                Ok(Self { name: "ALWAYS", hours, entries: Window::ALL_DAY, flat_at: None })
            }
            _ => Err(SettingError::new("SESSION", name, format!("known are {}", SESSIONS.join(", ")))),
        }
    }

    /// Its name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// From which second of the local day until which the market trades on a trading day; `None` where it does not.
    pub fn hours_on(&self, day: TradingDay) -> Option<(u32, u32)> {
        self.hours[weekday(day)].map(|hours| (hours.from, hours.until))
    }

    /// Whether there is trading on that weekday (0 is Monday) as a rule.
    pub(crate) const fn trades_on_weekday(&self, weekday: usize) -> bool {
        self.hours[weekday].is_some()
    }

    /// Whether the market trades at that moment.
    #[inline]
    pub fn is_open(&self, moment: &Moment) -> bool {
        self.hours[weekday(moment.day)].is_some_and(|hours| hours.contains(moment.second_of_day))
    }
}

pub(crate) const SATURDAY: usize = 5;

/// 0 is Monday. The epoch was a Thursday.
#[inline]
pub(crate) fn weekday(day: TradingDay) -> usize {
    (i64::from(day.days()) + 3).rem_euclid(7) as usize
}

/// From a second of the day until another, the end excluded; past midnight where the end is the smaller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Window {
    from: u32,
    until: u32,
}

impl Window {
    const ALL_DAY: Self = Self { from: 0, until: DAY as u32 };

    const fn of(from_minute: u32, until_minute: u32) -> Self {
        Self { from: from_minute * 60, until: until_minute * 60 }
    }

    fn parse(text: &str) -> Option<Self> {
        let (from, until) = text.split_once('-')?;
        let window = Self { from: second_of_day(from)?, until: second_of_day(until)? };
        (window.from != window.until && window.from < DAY as u32).then_some(window)
    }

    #[inline]
    const fn contains(self, second: u32) -> bool {
        if self.from < self.until {
            self.from <= second && second < self.until
        } else {
            self.from <= second || second < self.until
        }
    }
}

/// Settings of a session's rule. What is left out is the session's own.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SessionSettings {
    /// `SESSION_ENTRIES`: when new trades may begin, `HH:MM-HH:MM` in the trading zone, or `off` for no bounds.
    pub entries: Option<String>,
    /// `SESSION_FLAT_AT`: when every position must be closed, `HH:MM`, or `off` to keep positions overnight.
    pub flat_at: Option<String>,
}

/// When one may enter and when one must be flat.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SessionRule {
    session: Session,
    entries: Window,
    flat_at: Option<u32>,
}

impl SessionRule {
    /// A session's rule with the operator's settings.
    ///
    /// Refused are windows that cannot be read, and a time to be flat that comes before entries end.
    pub fn new(session: Session, settings: &SessionSettings) -> Result<Self, SettingError> {
        let entries = match settings.entries.as_deref().map(str::trim) {
            None => session.entries,
            Some(text) if text.eq_ignore_ascii_case("off") => Window::ALL_DAY,
            Some(text) => Window::parse(text).ok_or_else(|| {
                SettingError::new("SESSION_ENTRIES", text, "expected a window such as 09:00-17:30, or off")
            })?,
        };
        let flat_at =
            match settings.flat_at.as_deref().map(str::trim) {
                None => session.flat_at,
                Some(text) if text.eq_ignore_ascii_case("off") => None,
                Some(text) => Some(second_of_day(text).ok_or_else(|| {
                    SettingError::new("SESSION_FLAT_AT", text, "expected a time such as 17:50, or off")
                })?),
            };
        // What was only defaulted gives way to what was asked for.
        let entries = match flat_at {
            Some(flat) if settings.entries.is_none() && entries.from < flat && flat < entries.until => {
                Window { until: flat, ..entries }
            }
            _ => entries,
        };
        match flat_at {
            Some(flat) if entries.from > entries.until || entries.until > flat => Err(SettingError::new(
                "SESSION_FLAT_AT",
                settings.flat_at.as_deref().unwrap_or("(the session's own)"),
                "expected a time not before the end of SESSION_ENTRIES on the same day, or off",
            )),
            _ => Ok(Self { session, entries, flat_at }),
        }
    }

    /// The session it belongs to.
    pub const fn session(&self) -> &Session {
        &self.session
    }

    /// From which second of the local day new trades may begin.
    pub const fn entry_from(&self) -> u32 {
        self.entries.from
    }

    /// Until which second of the local day, itself excluded.
    pub const fn entry_until(&self) -> u32 {
        self.entries.until
    }

    /// From which second of the local day on every position must be closed.
    pub const fn flat_at(&self) -> Option<u32> {
        self.flat_at
    }

    /// Whether a new trade may begin.
    #[inline]
    pub fn may_enter(&self, moment: &Moment) -> bool {
        self.entries.contains(moment.second_of_day) && self.session.is_open(moment) && !self.must_be_flat(moment)
    }

    /// Whether every position must be closed by now.
    #[inline]
    pub fn must_be_flat(&self, moment: &Moment) -> bool {
        self.flat_at.is_some_and(|flat| moment.second_of_day >= flat)
    }

    /// Whether a position of an earlier moment must be closed by now: it is time, or the time passed unseen (a hole in
    /// the data, an outage) and the position is left from an earlier day.
    #[inline]
    pub fn must_close(&self, opened: &Moment, now: &Moment) -> bool {
        self.flat_at.is_some() && (now.day > opened.day || self.must_be_flat(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alavanca_kernel::Hour;

    // 2021-03-08 was a Monday.
    const MONDAY: i32 = 18_694;

    fn moment(weekday: i32, time: &str) -> Moment {
        let second = second_of_day(time).unwrap();
        let hour = Hour::new((second / 3_600) as u8).unwrap();
        Moment { day: TradingDay::from_days(MONDAY + weekday), hour, second_of_day: second }
    }

    fn rule(session: &str, entries: Option<&str>, flat_at: Option<&str>) -> Result<SessionRule, SettingError> {
        let settings = SessionSettings { entries: entries.map(str::to_owned), flat_at: flat_at.map(str::to_owned) };
        SessionRule::new(Session::by_name(session).unwrap(), &settings)
    }

    #[test]
    fn entries_and_flat() {
        let check = |session, entries, flat, (weekday, time): (i32, &str), expected: (bool, bool)| {
            let rule = rule(session, entries, flat).unwrap();
            let moment = moment(weekday, time);
            let got = (rule.may_enter(&moment), rule.must_be_flat(&moment));
            assert_eq!(got, expected, "{session} {entries:?} {flat:?} day {weekday} {time}");
        };
        check("B3", None, None, (0, "08:59"), (false, false));
        check("B3", None, None, (0, "09:00"), (true, false));
        check("B3", None, None, (4, "17:29"), (true, false));
        check("B3", None, None, (4, "17:30"), (false, false));
        check("B3", None, None, (4, "17:49"), (false, false));
        check("B3", None, None, (4, "17:50"), (false, true));
        check("B3", None, None, (5, "12:00"), (false, false));
        check("B3", None, None, (6, "12:00"), (false, false));
        check("B3", Some("10:00-18:00"), Some("off"), (0, "17:59"), (true, false));
        check("B3", Some("off"), Some("off"), (0, "18:24"), (true, false));
        check("B3", Some("off"), Some("off"), (0, "18:25"), (false, false));
        check("B3", None, Some("17:00"), (0, "16:59"), (true, false));
        check("B3", None, Some("17:00"), (0, "17:00"), (false, true));
        check("FOREX", None, None, (0, "00:00"), (true, false));
        check("FOREX", None, None, (4, "23:59"), (true, false));
        check("FOREX", None, None, (5, "12:00"), (false, false));
        check("FOREX", None, None, (6, "20:00"), (true, false));
        check("FOREX", Some("22:00-06:00"), None, (1, "23:00"), (true, false));
        check("FOREX", Some("22:00-06:00"), None, (1, "05:59"), (true, false));
        check("FOREX", Some("22:00-06:00"), None, (1, "06:00"), (false, false));
        check("ALWAYS", None, None, (5, "03:00"), (true, false));
    }

    #[test]
    fn a_position_left_from_yesterday_is_overdue() {
        let opened = moment(0, "17:00");
        for (session, now, overdue) in [
            ("B3", moment(0, "17:49"), false),
            ("B3", moment(0, "17:50"), true),
            ("B3", moment(1, "09:00"), true),
            ("FOREX", moment(1, "09:00"), false),
        ] {
            assert_eq!(rule(session, None, None).unwrap().must_close(&opened, &now), overdue, "{session} {now:?}");
        }
    }

    #[test]
    fn refuses_what_cannot_be() {
        for (entries, flat, key) in [
            (Some("09:00"), None, "SESSION_ENTRIES"),
            (Some("09:00-09:00"), None, "SESSION_ENTRIES"),
            (Some("9h-17h"), None, "SESSION_ENTRIES"),
            (None, Some("1750"), "SESSION_FLAT_AT"),
            (Some("09:00-17:00"), Some("16:59"), "SESSION_FLAT_AT"),
            (Some("22:00-06:00"), Some("17:00"), "SESSION_FLAT_AT"),
            (None, Some("08:00"), "SESSION_FLAT_AT"),
        ] {
            assert_eq!(rule("B3", entries, flat).unwrap_err().key, key, "{entries:?} {flat:?}");
        }
        let error = Session::by_name("NYSE").unwrap_err();
        assert!(error.to_string().contains("B3, FOREX, ALWAYS"), "{error}");
    }
}
