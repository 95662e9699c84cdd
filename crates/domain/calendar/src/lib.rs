//! The trading zone with its days and hours, trading sessions, and wall-clock time turned into UTC (semantics 34).
//!
//! Everything that says "today" asks a [`TradingClock`]; it is told the instant and never asks the system for it.
//! Holidays, half days and contract roll are not known here yet.
//!
//! ```
//! use alavanca_calendar::{Session, SessionRule, SessionSettings, TradingClock, TradingZone, ZoneSettings};
//! use alavanca_kernel::Timestamp;
//! let zone = TradingZone::new(&ZoneSettings::default()).unwrap(); // America/Sao_Paulo, days begin at 00:00
//! let mut clock = TradingClock::new(zone);
//! let moment = clock.locate(Timestamp::from_secs(1_615_494_900)); // 2021-03-11 20:35 UTC
//! assert_eq!(moment.day.to_string(), "2021-03-11");
//! assert_eq!(moment.hour.to_string(), "17:00");
//!
//! let rule = SessionRule::new(Session::by_name("B3").unwrap(), &SessionSettings::default()).unwrap();
//! assert!(!rule.may_enter(&moment)); // 17:35: entries ended at 17:30
//! assert!(!rule.must_be_flat(&moment)); // until 17:50
//! ```

mod clock;
mod local;
mod market;
mod session;
mod zone;

pub use clock::{Moment, TradingClock};
pub use local::{LocalConverter, LocalKind, Resolved, local_to_utc, utc_to_local};
pub use market::{MarketClock, Place};
pub use session::{SESSIONS, Session, SessionRule, SessionSettings};
pub use zone::{TradingZone, Zone, ZoneSettings};
