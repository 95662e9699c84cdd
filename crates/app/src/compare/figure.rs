//! The figures that are compared.

use alavanca_kernel::{Action, Money};
use alavanca_report::Summary;
use serde::Serialize;

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Units of the account's currency.
    Money,
    /// A whole number.
    Count,
    /// From 0 to 1.
    Share,
    /// A number.
    Number,
}

/// A figure of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// Result after all costs.
    Net,
    /// Result before costs.
    Gross,
    /// Commission, spread and slippage.
    Costs,
    /// Closed trades.
    Trades,
    /// Share of trades won.
    WinRate,
    /// What was won over what was lost.
    ProfitFactor,
    /// Mean over deviation of the days' net results.
    SharpePerDay,
    /// Largest fall of the realised result from a peak.
    MaxDrawdown,
    /// Answers of the gate.
    Decisions,
    /// Of these, HOLD.
    Hold,
    /// Signals stopped before the gate.
    Blocked,
    /// Decisions that took the extra.
    ExtrasTaken,
    /// Net result of the scalps.
    ScalpNet,
    /// Share of closed scalps won.
    ScalpWinRate,
    /// Trades that moved the policy.
    Learned,
    /// Regimes frozen.
    Freezes,
    /// Regimes rolled back.
    Rollbacks,
}

impl Figure {
    /// All, in the order in which they are shown.
    pub const ALL: [Self; 17] = [
        Self::Net,
        Self::Gross,
        Self::Costs,
        Self::Trades,
        Self::WinRate,
        Self::ProfitFactor,
        Self::SharpePerDay,
        Self::MaxDrawdown,
        Self::Decisions,
        Self::Hold,
        Self::Blocked,
        Self::ExtrasTaken,
        Self::ScalpNet,
        Self::ScalpWinRate,
        Self::Learned,
        Self::Freezes,
        Self::Rollbacks,
    ];

    /// What it counts.
    pub const fn unit(self) -> Unit {
        match self {
            Self::Net | Self::Gross | Self::Costs | Self::MaxDrawdown | Self::ScalpNet => Unit::Money,
            Self::WinRate | Self::ScalpWinRate => Unit::Share,
            Self::ProfitFactor | Self::SharpePerDay => Unit::Number,
            _ => Unit::Count,
        }
    }

    /// Its value in a run; `None` where it cannot be said.
    pub fn of(self, summary: &Summary) -> Option<f64> {
        let money = |amount: Money| Some(amount.to_f64());
        let count = |number: u64| Some(number as f64);
        match self {
            Self::Net => money(summary.net),
            Self::Gross => money(summary.gross),
            Self::Costs => money(summary.costs),
            Self::Trades => count(summary.trades),
            Self::WinRate => summary.win_rate,
            Self::ProfitFactor => summary.profit_factor,
            Self::SharpePerDay => summary.sharpe_per_day,
            Self::MaxDrawdown => money(summary.max_drawdown),
            Self::Decisions => count(summary.decisions),
            Self::Hold => count(summary.decisions_by_action.get(Action::Hold.as_str()).copied().unwrap_or(0)),
            Self::Blocked => count(summary.blocked.values().sum()),
            Self::ExtrasTaken => count(summary.extras.taken),
            Self::ScalpNet => money(summary.scalps.net),
            Self::ScalpWinRate => summary.scalps.win_rate,
            Self::Learned => count(summary.learning.learned),
            Self::Freezes => count(summary.learning.freezes),
            Self::Rollbacks => count(summary.learning.rollbacks),
        }
    }

    /// The second's less the first's; amounts stay whole centavos.
    pub fn difference(self, first: &Summary, second: &Summary) -> Option<f64> {
        let difference = self.of(second)? - self.of(first)?;
        Some(match self.unit() {
            Unit::Money => (difference * 100.0).round() / 100.0,
            _ => difference,
        })
    }
}
