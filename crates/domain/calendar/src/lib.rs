//! The trading zone with its days and hours, trading sessions, and wall-clock time turned into UTC (semantics 34).
//!
//! Everything that says "today" asks a [`TradingClock`]; it is told the instant and never asks the system for it.
//! Markets' hours are dated files ([`SessionCalendars`]); a [`MarketClock`] tells by them whether one may enter.
//!
//! ```
//! use alavanca_calendar::{MarketClock, Session, SessionRule, SessionSettings, TradingZone, ZoneSettings};
//! use alavanca_kernel::Timestamp;
//! let zone = TradingZone::new(&ZoneSettings::default()).unwrap(); // America/Sao_Paulo, days begin at 00:00
//! let rule = SessionRule::new(Session::by_name("B3").unwrap(), &SessionSettings::default()).unwrap();
//! let mut clock = MarketClock::new(zone, rule);
//! let place = clock.place(Timestamp::from_secs(1_613_570_400)); // 2021-02-17 14:00 UTC, Ash Wednesday
//! assert_eq!(place.moment.day.to_string(), "2021-02-17");
//! assert_eq!(place.moment.hour.to_string(), "11:00");
//! assert_eq!(place.opens, Some(13 * 3_600));
//! ```

mod begin;
mod clock;
mod date;
mod hours;
mod local;
mod market;
mod news;
mod refusal;
mod roll;
mod session;
mod sessions;
mod zone;

pub use clock::{Moment, TradingClock};
pub use hours::DayHours;
pub use local::{LocalConverter, LocalKind, Resolved, local_to_utc, utc_to_local};
pub use market::{EntryWindow, MarketClock, Place};
pub use news::{Currency, Impact, NewsCalendar, NewsError, NewsEvent, NewsFilter, NewsSettings, NewsSize};
pub use refusal::NoEntry;
pub use roll::{Contract, NoContract, Root};
pub use session::{EARLY_CLOSE_MINUTES, FlatAt, SESSIONS, Session, SessionRule, SessionSettings};
pub use sessions::{CalendarError, SessionCalendar, SessionCalendars};
pub use zone::{TradingZone, Zone, ZoneSettings};
