use std::fmt;

use alavanca_kernel::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Currency;

/// Why no trade may begin now, by the calendar, the clock or the operator's filters.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum NoEntry {
    /// The market is closed at this hour.
    Closed,
    /// Outside the hours of `SESSION_ENTRIES`, or it is time to be flat.
    Hours,
    /// The calendar has a holiday.
    Holiday,
    /// An opening or closing auction is on.
    Auction,
    /// The market opened only just now.
    FirstMinutes {
        /// So long no trade begins (`SESSION_FIRST_ENTRY_MINUTES`).
        minutes: u32,
    },
    /// The market closes soon.
    LastMinutes {
        /// So long before the close no trade begins (`SESSION_LAST_ENTRY_MINUTES`).
        minutes: u32,
    },
    /// Not on this weekday (`TRADE_WEEKDAYS`).
    Weekday,
    /// In none of `TRADE_WINDOWS`.
    TradeWindow,
    /// In one of `BLOCK_WINDOWS`.
    BlockWindow,
    /// The dated contract's last trading day (`EXPIRY_DAY_ENTRIES`).
    LastTradingDay,
    /// Around an announcement of high impact (`NEWS_CALENDAR`).
    News {
        /// When it is due.
        at: Timestamp,
        /// Whose it is.
        currency: Currency,
    },
}

impl NoEntry {
    /// The stored reason.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Closed | Self::Hours => "session",
            Self::Holiday => "holiday",
            Self::Auction => "auction",
            Self::FirstMinutes { .. } => "first_minutes",
            Self::LastMinutes { .. } => "last_minutes",
            Self::Weekday => "weekday",
            Self::TradeWindow => "trade_window",
            Self::BlockWindow => "block_window",
            Self::LastTradingDay => "last_trading_day",
            Self::News { .. } => "news",
        }
    }
}

impl fmt::Display for NoEntry {
    /// A sentence for the operator, with the numbers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed | Self::Hours => f.write_str("the session takes no entries at this hour"),
            Self::Holiday => f.write_str("the calendar has a holiday"),
            Self::Auction => f.write_str("an opening or closing auction was on"),
            Self::FirstMinutes { minutes } => {
                write!(f, "no entries in the first {minutes} minutes (SESSION_FIRST_ENTRY_MINUTES)")
            }
            Self::LastMinutes { minutes } => {
                write!(f, "no entries in the last {minutes} minutes before the close (SESSION_LAST_ENTRY_MINUTES)")
            }
            Self::Weekday => f.write_str("no entries on this weekday (TRADE_WEEKDAYS)"),
            Self::TradeWindow => f.write_str("outside the hours that trades may begin in (TRADE_WINDOWS)"),
            Self::BlockWindow => f.write_str("within hours that no trade may begin in (BLOCK_WINDOWS)"),
            Self::LastTradingDay => f.write_str("the contract trades for the last time today (EXPIRY_DAY_ENTRIES)"),
            Self::News { at, currency } => {
                write!(f, "an announcement of high impact on {currency} at {at} (NEWS_CALENDAR)")
            }
        }
    }
}
