//! What changed, and why.

use std::fmt;

use alavanca_kernel::{Money, RiskState, Timestamp};
use serde::{Deserialize, Serialize};

/// A cause that was added or taken away. The state may stay as it was where a stricter cause rules.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RiskChange {
    /// When.
    pub at: Timestamp,
    /// The state before.
    pub from: RiskState,
    /// The state after.
    pub to: RiskState,
    /// Why.
    pub cause: RiskCause,
    /// Whether everything that is open is to be closed now.
    pub flatten: bool,
}

/// Why a risk state changes, with its numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
pub enum RiskCause {
    /// The day's loss reached its limit.
    DailyLoss {
        /// The day's net result with the open losses.
        net: Money,
        /// The limit, positive.
        limit: Money,
    },
    /// The day's result fell too far from its best.
    Drawdown {
        /// The day's best result, open results included; at least zero.
        peak: Money,
        /// The result now.
        net: Money,
        /// The limit, positive.
        limit: Money,
    },
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
        /// The day's realised result.
        net: Money,
    },
    /// Too many losing trades in a row.
    ConsecutiveLosses {
        /// How many.
        n: u32,
        /// When the pause ends.
        until: Timestamp,
    },
    /// The store failed.
    Store,
    /// Books and broker differ, or have not been compared since a restart.
    Reconciliation,
    /// The operator halted.
    Operator,
    /// The operator allows exits only.
    OperatorReduceOnly,
    /// A new trading day ended the day's limits.
    NewDay,
    /// The pause is over.
    PauseOver,
    /// The operator resumed.
    Resumed,
    /// Books and broker agree again.
    Reconciled,
}

impl RiskCause {
    /// The stored cause.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::DailyLoss { .. } => "daily_loss",
            Self::Drawdown { .. } => "drawdown",
            Self::TradesPerDay { .. } => "trades_per_day",
            Self::BadDay { .. } => "bad_day",
            Self::ConsecutiveLosses { .. } => "consecutive_losses",
            Self::Store => "store",
            Self::Reconciliation => "reconciliation",
            Self::Operator => "operator",
            Self::OperatorReduceOnly => "operator_reduce_only",
            Self::NewDay => "new_day",
            Self::PauseOver => "pause_over",
            Self::Resumed => "resumed",
            Self::Reconciled => "reconciled",
        }
    }
}

impl fmt::Display for RiskCause {
    /// A sentence for the operator, with the numbers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DailyLoss { net, limit } => write!(f, "the day's result {net} reached the loss limit of {limit}"),
            Self::Drawdown { peak, net, limit } => {
                write!(f, "the day's result fell from {peak} to {net}, the drawdown limit is {limit}")
            }
            Self::TradesPerDay { trades, limit } => write!(f, "{trades} trades today, the limit is {limit}"),
            Self::BadDay { trades, won, net } => {
                write!(f, "a bad day: {won} of {trades} trades won, the day's result is {net}")
            }
            Self::ConsecutiveLosses { n, until } => write!(f, "{n} losing trades in a row, a pause until {until}"),
            Self::Store => f.write_str("the store failed"),
            Self::Reconciliation => f.write_str("books and broker are not known to agree"),
            Self::Operator => f.write_str("the operator halted"),
            Self::OperatorReduceOnly => f.write_str("the operator allows exits only"),
            Self::NewDay => f.write_str("a new trading day"),
            Self::PauseOver => f.write_str("the pause is over"),
            Self::Resumed => f.write_str("the operator resumed"),
            Self::Reconciled => f.write_str("books and broker agree"),
        }
    }
}
