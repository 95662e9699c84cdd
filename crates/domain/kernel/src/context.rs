//! Everything the gate reads, in one place (semantics 18).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Hour, Money, Regime, SymbolId, Timestamp, TradingDay, Unit};

/// Whether entries are allowed. Exits always are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RiskState {
    /// Entries and exits.
    #[default]
    Active,
    /// No entries until a known instant (a pause after consecutive losses).
    Paused,
    /// Only exits until the next trading day or a reconciliation.
    ReduceOnly,
    /// Only exits until the operator resumes.
    Halted,
}

impl RiskState {
    /// The stored spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Paused => "PAUSED",
            Self::ReduceOnly => "REDUCE_ONLY",
            Self::Halted => "HALTED",
        }
    }
}

impl fmt::Display for RiskState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What is known at the moment of a decision. `None` means unknown, and fails whatever needs it.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct MarketContext {
    /// The instrument.
    pub symbol: SymbolId,
    /// The moment.
    pub at: Timestamp,
    /// Its day in the trading zone.
    pub day: TradingDay,
    /// Its hour in the trading zone.
    pub hour: Hour,
    /// Level 3: the regime.
    pub regime: Regime,
    /// Level 3: whether the regime is in transition.
    pub transition: Option<bool>,
    /// Levels 1 and 2: the ensemble's confidence in this signal.
    pub confidence: Option<Unit>,
    /// Levels 1 and 2: how much the brains disagree.
    pub disagreement: Option<Unit>,
    /// Level 4: liquidity strength at the price.
    pub liquidity: Option<Unit>,
    /// Realised net result of the trading day, over all symbols (semantics 35).
    pub daily_profit: Option<Money>,
    /// The account's fresh equity; `None` where it is too old (semantics 7).
    pub equity: Option<Money>,
    /// Prudential margin in use by other symbols.
    pub margin_elsewhere: Money,
    /// Money the broker leaves free for margin; `None` where unknown.
    pub free_margin: Option<Money>,
    /// Until when the symbol rests after a won scalp.
    pub cooldown_until: Option<Timestamp>,
    /// The account's risk state.
    pub risk: RiskState,
}
