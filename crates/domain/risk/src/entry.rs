//! Whether one entry may be made now.

use std::fmt;

use alavanca_kernel::{Price, RiskState, Timestamp};
use serde::{Deserialize, Serialize};

use crate::Risk;

/// The quote that an entry would rest on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct QuoteFreshness {
    /// Ask less bid, as a price distance.
    pub spread: Price,
    /// Size of the instrument's point, as a price distance.
    pub point: Price,
    /// How old the quote is, in seconds.
    pub age_seconds: i64,
}

/// Why an entry may not be made, with its numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum EntryRefusal {
    /// A pause after losses in a row.
    RiskPaused {
        /// When it ends.
        until: Timestamp,
    },
    /// Exits only.
    RiskReduceOnly,
    /// Halted by the operator.
    RiskHalted,
    /// The day's trades are used up.
    TradesPerDay {
        /// How many there were.
        trades: u32,
        /// The limit.
        limit: u32,
    },
    /// The day's first trades went badly.
    BadDay {
        /// How many were closed today.
        trades: u32,
        /// How many of them were won.
        won: u32,
    },
    /// The spread is too wide.
    SpreadTooWide {
        /// What it is, as a price distance.
        spread: Price,
        /// What it may be at most, as a price distance.
        max: Price,
    },
    /// The ask is below the bid: such a quote is not traded on (semantics 36).
    QuoteCrossed {
        /// Ask less bid.
        spread: Price,
    },
    /// The quote is too old.
    QuoteStale {
        /// How old, in seconds.
        age_seconds: i64,
        /// How old it may be at most, in seconds.
        max_seconds: u32,
    },
}

impl EntryRefusal {
    /// The stored reason.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::RiskPaused { .. } => "risk_paused",
            Self::RiskReduceOnly => "risk_reduce_only",
            Self::RiskHalted => "risk_halted",
            Self::TradesPerDay { .. } => "trades_per_day",
            Self::BadDay { .. } => "bad_day",
            Self::SpreadTooWide { .. } => "spread_too_wide",
            Self::QuoteCrossed { .. } => "quote_crossed",
            Self::QuoteStale { .. } => "quote_stale",
        }
    }
}

impl fmt::Display for EntryRefusal {
    /// A sentence for the operator, with the numbers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RiskPaused { until } => write!(f, "paused until {until}"),
            Self::RiskReduceOnly => f.write_str("only exits until the next trading day or a reconciliation"),
            Self::RiskHalted => f.write_str("halted until the operator resumes"),
            Self::TradesPerDay { trades, limit } => write!(f, "{trades} trades today, the limit is {limit}"),
            Self::BadDay { trades, won } => {
                write!(f, "a bad day: {won} of {trades} trades won, no more entries today (RISK_BAD_DAY_TRADES)")
            }
            Self::SpreadTooWide { spread, max } => write!(f, "the spread is {spread}, at most {max} is allowed"),
            Self::QuoteCrossed { spread } => write!(f, "the quote is crossed by {}", -*spread),
            Self::QuoteStale { age_seconds, max_seconds } => {
                write!(f, "the quote is {age_seconds} s old, at most {max_seconds} s are allowed")
            }
        }
    }
}

impl Risk {
    /// Whether an entry may be made: first the state, the strictest cause first, then the quote. Without a quote
    /// (bars) only the state is asked.
    #[inline]
    pub fn check_entry(&self, at: Timestamp, quote: Option<QuoteFreshness>) -> Result<(), EntryRefusal> {
        match self.state() {
            RiskState::Active => {}
            RiskState::Halted => return Err(EntryRefusal::RiskHalted),
            RiskState::ReduceOnly => return Err(self.reduce_only_refusal()),
            // Without a call to `on_time` the state may still say so after its end.
            RiskState::Paused => match self.snapshot().paused_until {
                Some(until) if at < until => return Err(EntryRefusal::RiskPaused { until }),
                _ => {}
            },
        }
        quote.map_or(Ok(()), |quote| self.check_quote(quote))
    }

    fn reduce_only_refusal(&self) -> EntryRefusal {
        let now = self.snapshot();
        let by_trades_alone = !(now.daily_loss || now.drawdown || now.store_failed || now.unreconciled);
        if by_trades_alone && now.bad_day {
            return EntryRefusal::BadDay { trades: now.closed, won: now.won };
        }
        match self.config().settings().trades_per_day_max {
            Some(limit) if by_trades_alone && now.trades_used_up => {
                EntryRefusal::TradesPerDay { trades: now.trades, limit }
            }
            _ => EntryRefusal::RiskReduceOnly,
        }
    }

    fn check_quote(&self, QuoteFreshness { spread, point, age_seconds }: QuoteFreshness) -> Result<(), EntryRefusal> {
        let s = self.config().settings();
        if spread < Price::ZERO {
            return Err(EntryRefusal::QuoteCrossed { spread });
        }
        if let Some(points) = s.spread_max_points {
            let max = Price::from_raw(point.raw().saturating_mul(i64::from(points)));
            if spread > max {
                return Err(EntryRefusal::SpreadTooWide { spread, max });
            }
        }
        let max_seconds = s.stale_quote_seconds;
        if max_seconds > 0 && age_seconds > i64::from(max_seconds) {
            return Err(EntryRefusal::QuoteStale { age_seconds, max_seconds });
        }
        Ok(())
    }
}
