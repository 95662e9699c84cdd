//! What a trade became, as the policy learns it.

use serde::{Deserialize, Serialize};

use crate::{Action, Money, Reward, StateKey, SymbolId, Timestamp, TradeId};

/// One closed trade with all its legs (semantics 24). Regime, state and transition are those at entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TradeOutcome {
    /// Reaches the policy exactly once under this id.
    pub trade: TradeId,
    /// The instrument.
    pub symbol: SymbolId,
    /// The state at entry; its regime is the trade's.
    pub state: StateKey,
    /// What the gate chose.
    pub action: Action,
    /// Net result over all legs.
    pub net: Money,
    /// What the policy is told.
    pub reward: Reward,
    /// When the first leg was filled.
    pub opened_at: Timestamp,
    /// When the last leg was closed.
    pub closed_at: Timestamp,
    /// Entered during a transition: logged, not learned from (semantics 26).
    pub in_transition: bool,
}
