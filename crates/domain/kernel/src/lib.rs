//! The nouns that every part of Alavanca speaks: money, prices, instruments, bars and ticks, regimes, actions,
//! signals, allocations, ids and time; and the one rule of which exit a bar or a tick touches.
//!
//! It holds no behaviour that belongs to one brick alone, reads no clock and draws no chance.
//!
//! ```
//! use alavanca_kernel::{Contracts, Instrument, Price, Side};
//! let eurusd = Instrument::preset("EURUSD").unwrap();
//! let entry: Price = "1.0850".parse().unwrap();
//! let exit: Price = "1.0930".parse().unwrap();
//! // 80 points of 0.0001, one mini lot: 80.00 of the account's currency.
//! assert_eq!(eurusd.gross(Side::Buy, entry, exit, Contracts::new(1)).to_string(), "80.00");
//! ```

mod action;
mod allocation;
mod context;
mod costs;
mod exit;
mod ids;
mod instrument;
mod market;
mod money;
mod order;
mod outcome;
mod price;
mod regime;
mod reward;
mod setting;
mod signal;
mod state_key;
mod time;
mod unit;

pub use action::{Action, ActionSet};
pub use allocation::{Allocation, Layer, LayerMask, LayerOutcome, LayerValue, Refusal};
pub use context::{MarketContext, RiskState};
pub use costs::{CostSchedule, CostTimeline, Costs, DatedCosts};
pub use exit::{ExitKind, ExitLevels, Touch, touch_bar, touch_tick};
pub use ids::{DecisionId, LegId, LegRole, OrderId, SymbolId, TradeId};
pub use instrument::{Instrument, PRESETS, PriceSource, ScalpDistances};
pub use market::{Bar, Tick};
pub use money::{Contracts, Money};
pub use order::{AccountMode, FillReport, OrderIntent, OrderReport, OrderRequest, Protection, RejectReason};
pub use outcome::TradeOutcome;
pub use price::{ParsePriceError, Price};
pub use regime::{Regime, RegimeSet};
pub use reward::Reward;
pub use setting::SettingError;
pub use signal::{ExitAt, Side, Signal};
pub use state_key::{Level, StateHash, StateIndex, StateKey};
pub use time::{Hour, Timestamp, TradingDay};
pub use unit::Unit;

/// A name from outside that is not one of those known. Says what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} `{got}`; known are {known}")]
pub struct UnknownName {
    /// What kind of name was expected.
    pub what: &'static str,
    /// The text that was found.
    pub got: String,
    /// Everything that would have been accepted, separated by commas.
    pub known: String,
}
