//! The figures of a run.

use std::collections::BTreeMap;

use alavanca_kernel::Money;
use serde::{Serialize, Serializer};

use crate::regimes::RegimesSummary;

/// A run's figures. Amounts are in units of the account's currency; shares are from 0 to 1; what cannot be said (a win
/// rate without trades) is absent, not zero.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Result after all costs.
    #[serde(serialize_with = "units")]
    pub net: Money,
    /// Result before commission, spread and slippage.
    #[serde(serialize_with = "units")]
    pub gross: Money,
    /// Commission, spread and slippage.
    #[serde(serialize_with = "units")]
    pub costs: Money,
    /// What the costs are made of; absent where the instrument's tariff is not known.
    pub cost_parts: Option<CostParts>,
    /// Closed trades.
    pub trades: u64,
    /// Trades with a net result above zero.
    pub wins: u64,
    /// Share of trades won.
    pub win_rate: Option<f64>,
    /// Sum of winning trades over sum of losing ones; absent without a losing one.
    pub profit_factor: Option<f64>,
    /// Largest fall of the realised result from a peak.
    #[serde(serialize_with = "units")]
    pub max_drawdown: Money,
    /// Mean over standard deviation of the daily net results; absent below two days.
    pub sharpe_per_day: Option<f64>,
    /// Trading days seen.
    pub days: u64,
    /// Answers of the gate.
    pub decisions: u64,
    /// Answers by action.
    pub decisions_by_action: BTreeMap<&'static str, u64>,
    /// Answers by regime and action.
    pub decisions_by_regime: BTreeMap<&'static str, BTreeMap<&'static str, u64>>,
    /// Signals stopped before the gate, by reason.
    pub blocked: BTreeMap<&'static str, u64>,
    /// How trades' bases ended.
    pub exits: BTreeMap<&'static str, u64>,
    /// The extra contracts.
    pub extras: ExtrasSummary,
    /// The scalps.
    pub scalps: ScalpSummary,
    /// What was learned.
    pub learning: LearningSummary,
    /// Changes of the risk state, by cause.
    pub risk: BTreeMap<&'static str, u64>,
    /// Orders and fills.
    pub orders: OrdersSummary,
    /// Time in each regime, and what each turned into.
    pub regimes: RegimesSummary,
}

/// What costs are made of, over closed trades. Together they are the costs, to the centavo.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct CostParts {
    /// The exchange's fees.
    #[serde(serialize_with = "units")]
    pub exchange_fees: Money,
    /// The broker's.
    #[serde(serialize_with = "units")]
    pub brokerage: Money,
    /// What fills were worse than their reference, less slippage.
    #[serde(serialize_with = "units")]
    pub spread: Money,
    /// Slippage, as the tariff of the fill's day has it.
    #[serde(serialize_with = "units")]
    pub slippage: Money,
}

/// The extra contracts: granted, taken, refused.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ExtrasSummary {
    /// Decisions in which the extra could have been taken.
    pub granted: u64,
    /// Decisions that took it.
    pub taken: u64,
    /// Decisions in which it was refused.
    pub refused: u64,
    /// Refusals by what stood in the way first.
    pub refused_by_reason: BTreeMap<&'static str, u64>,
    /// How often each layer failed, first or not.
    pub failed_by_layer: BTreeMap<&'static str, u64>,
}

/// The scalps.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ScalpSummary {
    /// Opened.
    pub opened: u64,
    /// Ends, by kind.
    pub ends: BTreeMap<&'static str, u64>,
    /// Ended by a close with a net result above zero.
    pub wins: u64,
    /// Share of closed scalps won.
    pub win_rate: Option<f64>,
    /// Net result.
    #[serde(serialize_with = "units")]
    pub net: Money,
    /// Mean time from fill to end, in seconds.
    pub mean_hold_seconds: Option<f64>,
    /// Scalps that a bar could not resolve (semantics 21).
    pub unresolved: u64,
}

/// What was learned.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct LearningSummary {
    /// Trades that moved the policy.
    pub learned: u64,
    /// Trades logged and not learned from: the regime was frozen.
    pub skipped_frozen: u64,
    /// Trades logged and not learned from: entered during a transition.
    pub skipped_transition: u64,
    /// Batches applied.
    pub batches: u64,
    /// Snapshots taken.
    pub snapshots: u64,
    /// Regimes frozen.
    pub freezes: u64,
    /// Regimes thawed.
    pub thaws: u64,
    /// Regimes rolled back.
    pub rollbacks: u64,
    /// Mean reward over all trades that were told.
    pub mean_reward: Option<f64>,
}

/// Orders and fills.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct OrdersSummary {
    /// Orders sent.
    pub sent: u64,
    /// Fills, whole or in part, those of resting exits included.
    pub fills: u64,
    /// Orders refused by the broker.
    pub rejected: u64,
    /// Orders ended with a rest.
    pub canceled: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape serde asks for")]
pub(crate) fn units<S: Serializer>(amount: &Money, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(amount.to_f64())
}
