use std::sync::Arc;

use alavanca_kernel::{SettingError, TradingDay};
use serde::{Deserialize, Serialize};

use crate::hours::Window;
use crate::sessions::parse_weekdays;
use crate::zone::second_of_day;
use crate::{Contract, DayHours, NewsFilter, SessionCalendar, SessionCalendars};

/// When a market trades: a dated calendar by its name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Session {
    calendar: Arc<SessionCalendar>,
}

/// The names of the sessions that come along.
pub const SESSIONS: [&str; 4] = ["B3", "B3_DOLLAR", "FOREX", "ALWAYS"];

impl Session {
    /// A session that comes along. `B3`: the index futures (also for what has no session of its own there), new trades
    /// 09:00 to 17:30, flat at 17:50, earlier on days that end earlier. `B3_DOLLAR`: the dollar futures, which end a few
    /// minutes later. `FOREX`: Sunday to Friday, overnight positions stay. `ALWAYS`: no bounds.
    pub fn by_name(name: &str) -> Result<Self, SettingError> {
        Self::of(SessionCalendars::built_in(), name)
    }

    /// A session of these calendars.
    pub fn of(calendars: &SessionCalendars, name: &str) -> Result<Self, SettingError> {
        calendars.get(name).map(|calendar| Self { calendar }).ok_or_else(|| unknown(calendars, name))
    }

    /// A session of these calendars with the ordinary hours of its weekdays alone: no holiday, no half day. For a
    /// market that is made up and knows none.
    pub fn without_holidays(calendars: &SessionCalendars, name: &str) -> Result<Self, SettingError> {
        calendars.without_specials(name).map(|calendar| Self { calendar }).ok_or_else(|| unknown(calendars, name))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.calendar.name()
    }

    /// Its calendar.
    pub fn calendar(&self) -> &SessionCalendar {
        &self.calendar
    }

    /// The hours of a date, on the market's own clock; `None` where it does not trade.
    pub fn hours_on(&self, day: TradingDay) -> Option<DayHours> {
        self.calendar.hours_on(day)
    }
}

fn unknown(calendars: &SessionCalendars, name: &str) -> SettingError {
    let mut known: Vec<&str> = SESSIONS.iter().copied().filter(|name| calendars.get(name).is_some()).collect();
    known.extend(calendars.names().filter(|name| !SESSIONS.contains(name)));
    SettingError::new("SESSION", name, format!("known are {}", known.join(", ")))
}

/// Settings of a session's rule. What is left out is the session's own.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SessionSettings {
    /// `SESSION_ENTRIES`: when new trades may begin, `HH:MM-HH:MM` in the trading zone, or `off` for no bounds.
    pub entries: Option<String>,
    /// `SESSION_FLAT_AT`: when every position must be closed, `HH:MM`, `close-N` for N minutes before the day's close,
    /// or `off` to keep positions overnight. A day that closes before that time is left [`EARLY_CLOSE_MINUTES`] minutes
    /// before its close.
    pub flat_at: Option<String>,
    /// `SESSION_FIRST_ENTRY_MINUTES`: so long after the opening no trade begins.
    pub first_entry_minutes: u32,
    /// `SESSION_LAST_ENTRY_MINUTES`: so long before the close no trade begins. Where `SESSION_ENTRIES` is said and this
    /// is not, it is 0.
    pub last_entry_minutes: Option<u32>,
    /// `TRADE_WINDOWS`: trades begin in one of these alone, `09:05-11:30,14:00-17:00` in the trading zone; empty for no
    /// bounds.
    pub trade_windows: String,
    /// `BLOCK_WINDOWS`: no trade begins in one of these.
    pub block_windows: String,
    /// `TRADE_WEEKDAYS`: trades begin on these days alone, `mon-fri` or `tue,thu`; empty for all.
    pub weekdays: String,
}

/// How long before the close one is flat on a day that closes before the usual time to be flat.
pub const EARLY_CLOSE_MINUTES: u32 = 5;

/// When every position must be closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FlatAt {
    /// From that second of the local day on.
    Second(u32),
    /// So many seconds before the day's close.
    BeforeClose(u32),
}

/// When one may enter and when one must be flat.
#[derive(Clone, PartialEq, Debug)]
pub struct SessionRule {
    session: Session,
    pub(crate) entries: Window,
    pub(crate) flat_at: Option<FlatAt>,
    pub(crate) first_entry: i64,
    pub(crate) last_entry: i64,
    pub(crate) trade_windows: Vec<Window>,
    pub(crate) block_windows: Vec<Window>,
    pub(crate) weekdays: [bool; 7],
    pub(crate) last_trading_day: Option<TradingDay>,
    pub(crate) news: Option<NewsFilter>,
}

impl SessionRule {
    /// A session's rule with the operator's settings.
    ///
    /// Refused are windows that cannot be read, and a time to be flat that comes before entries end.
    pub fn new(session: Session, settings: &SessionSettings) -> Result<Self, SettingError> {
        let own = session.calendar();
        let entries = match settings.entries.as_deref().map(str::trim) {
            None => own.entries,
            Some(text) if text.eq_ignore_ascii_case("off") => Window::ALL_DAY,
            Some(text) => Window::parse(text).ok_or_else(|| {
                SettingError::new("SESSION_ENTRIES", text, "expected a window such as 09:00-17:30, or off")
            })?,
        };
        let flat_at = match settings.flat_at.as_deref().map(str::trim) {
            None => own.flat_at.map(FlatAt::Second),
            Some(text) => parse_flat(text)?,
        };
        // What was only defaulted gives way to what was asked for.
        let entries = match flat_at {
            Some(FlatAt::Second(flat)) if settings.entries.is_none() && entries.from < flat && flat < entries.until => {
                Window { until: flat, ..entries }
            }
            _ => entries,
        };
        let refused = match flat_at {
            Some(FlatAt::Second(flat)) => entries.from > entries.until || entries.until > flat,
            Some(FlatAt::BeforeClose(_)) => entries.from > entries.until,
            None => false,
        };
        if refused {
            return Err(SettingError::new(
                "SESSION_FLAT_AT",
                settings.flat_at.as_deref().unwrap_or("(the session's own)"),
                "expected a time not before the end of SESSION_ENTRIES on the same day, or off",
            ));
        }
        let minutes = |key, minutes: u32| match minutes {
            0..=1_440 => Ok(i64::from(minutes) * 60),
            _ => Err(SettingError::new(key, minutes, "expected minutes, 0 to 1440")),
        };
        let own_last = if settings.entries.is_some() { 0 } else { own.last_entry_minutes };
        let weekdays = match settings.weekdays.trim() {
            "" => [true; 7],
            text => parse_weekdays(text).ok_or_else(|| {
                SettingError::new("TRADE_WEEKDAYS", text, "expected weekdays such as mon-fri or tue,thu, or all")
            })?,
        };
        Ok(Self {
            entries,
            flat_at,
            first_entry: minutes("SESSION_FIRST_ENTRY_MINUTES", settings.first_entry_minutes)?,
            last_entry: minutes("SESSION_LAST_ENTRY_MINUTES", settings.last_entry_minutes.unwrap_or(own_last))?,
            trade_windows: parse_windows("TRADE_WINDOWS", &settings.trade_windows)?,
            block_windows: parse_windows("BLOCK_WINDOWS", &settings.block_windows)?,
            weekdays,
            last_trading_day: None,
            news: None,
            session,
        })
    }

    /// The same, without entries on the day on which a dated contract trades for the last time.
    #[must_use]
    pub fn without_last_day_of(self, contract: Contract) -> Self {
        let day = contract.last_trading_day(self.session.calendar());
        Self { last_trading_day: Some(day), ..self }
    }

    /// The same, with announcements that stop entries or make them smaller.
    #[must_use]
    pub fn with_news(self, news: NewsFilter) -> Self {
        Self { news: Some(news), ..self }
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

    /// From when on every position must be closed; `None` where positions stay overnight.
    pub const fn flat_at(&self) -> Option<FlatAt> {
        self.flat_at
    }
}

fn parse_flat(text: &str) -> Result<Option<FlatAt>, SettingError> {
    let lower = text.to_ascii_lowercase();
    let minutes = |text: &str| text.parse::<u32>().ok().filter(|minutes| (1..=720).contains(minutes));
    let flat = match lower.strip_prefix("close-") {
        _ if lower == "off" => return Ok(None),
        Some(before) => minutes(before).map(|minutes| FlatAt::BeforeClose(minutes * 60)),
        None => second_of_day(text).map(FlatAt::Second),
    };
    let allowed = "expected a time such as 17:50, close-10 for ten minutes before the day's close, or off";
    flat.map(Some).ok_or_else(|| SettingError::new("SESSION_FLAT_AT", text, allowed))
}

fn parse_windows(key: &'static str, text: &str) -> Result<Vec<Window>, SettingError> {
    let window = |part: &str| {
        let allowed = "expected windows such as 09:05-11:30,14:00-17:00, or none";
        Window::parse(part.trim()).ok_or_else(|| SettingError::new(key, text, allowed))
    };
    if text.trim().is_empty() { Ok(Vec::new()) } else { text.split(',').map(window).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(session: &str, entries: Option<&str>, flat_at: Option<&str>) -> Result<SessionRule, SettingError> {
        let settings = SessionSettings {
            entries: entries.map(str::to_owned),
            flat_at: flat_at.map(str::to_owned),
            ..SessionSettings::default()
        };
        SessionRule::new(Session::by_name(session).unwrap(), &settings)
    }

    #[test]
    fn refuses_what_cannot_be() {
        for (entries, flat, key) in [
            (Some("09:00"), None, "SESSION_ENTRIES"),
            (Some("09:00-09:00"), None, "SESSION_ENTRIES"),
            (Some("9h-17h"), None, "SESSION_ENTRIES"),
            (None, Some("1750"), "SESSION_FLAT_AT"),
            (None, Some("close-0"), "SESSION_FLAT_AT"),
            (None, Some("close-721"), "SESSION_FLAT_AT"),
            (None, Some("close"), "SESSION_FLAT_AT"),
            (Some("09:00-17:00"), Some("16:59"), "SESSION_FLAT_AT"),
            (Some("22:00-06:00"), Some("17:00"), "SESSION_FLAT_AT"),
            (Some("22:00-06:00"), Some("close-5"), "SESSION_FLAT_AT"),
            (None, Some("08:00"), "SESSION_FLAT_AT"),
        ] {
            assert_eq!(rule("B3", entries, flat).unwrap_err().key, key, "{entries:?} {flat:?}");
        }
        let error = Session::by_name("NYSE").unwrap_err();
        assert!(error.to_string().contains("B3, B3_DOLLAR, FOREX, ALWAYS"), "{error}");
        let b3 = || Session::by_name("B3").unwrap();
        for (settings, key) in [
            (SessionSettings { trade_windows: "09:00".to_owned(), ..SessionSettings::default() }, "TRADE_WINDOWS"),
            (
                SessionSettings { block_windows: "09:00-10:00,".to_owned(), ..SessionSettings::default() },
                "BLOCK_WINDOWS",
            ),
            (SessionSettings { weekdays: "segunda".to_owned(), ..SessionSettings::default() }, "TRADE_WEEKDAYS"),
            (
                SessionSettings { last_entry_minutes: Some(1_441), ..SessionSettings::default() },
                "SESSION_LAST_ENTRY_MINUTES",
            ),
            (
                SessionSettings { first_entry_minutes: 1_441, ..SessionSettings::default() },
                "SESSION_FIRST_ENTRY_MINUTES",
            ),
        ] {
            assert_eq!(SessionRule::new(b3(), &settings).unwrap_err().key, key);
        }
    }

    #[test]
    fn what_was_defaulted_gives_way() {
        let of = |entries, flat| {
            let rule = rule("B3", entries, flat).unwrap();
            (rule.entry_until() / 60, rule.last_entry / 60)
        };
        assert_eq!(of(None, None), (17 * 60 + 30, 25));
        assert_eq!(of(None, Some("17:00")), (17 * 60, 25));
        assert_eq!(of(Some("09:00-18:00"), Some("off")), (18 * 60, 0));
    }
}
