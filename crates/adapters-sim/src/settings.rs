use std::fmt;
use std::str::FromStr;

use alavanca_kernel::{AccountMode, Contracts, CostSchedule, Costs, Money, SettingError, Unit, UnknownName};
use serde::{Deserialize, Serialize};

/// How the simulated exchange behaves.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SimSettings {
    /// Netting (B3) or hedging (forex). `ACCOUNT_MODE`.
    pub mode: AccountMode,
    /// What the account starts with. `OPERATOR_CAPITAL_BRL`.
    pub balance: Money,
    /// When an order that was decided at a bar's close fills. `FILL`.
    pub fill: FillAt,
    /// On ticks: how long an order is on its way, in milliseconds. `SIM_LATENCY_MS`.
    pub latency_ms: u32,
    /// The most that one order fills on one bar or tick; the rest follows on the next ones. `SIM_PARTIAL_FILL_MAX`.
    pub partial_fill_max: Option<Contracts>,
    /// The share of orders that is refused for no reason of theirs. `SIM_REJECT_PROBABILITY`.
    pub reject_probability: Unit,
    /// Costs instead of each instrument's own; [`Costs::NONE`] switches them off. `SIM_COSTS`.
    pub costs: Option<Costs>,
    /// Decides which orders are refused. `SIM_SEED`.
    pub seed: u64,
}

impl Default for SimSettings {
    fn default() -> Self {
        Self {
            mode: AccountMode::Netting,
            balance: Money::from_units(10_000),
            fill: FillAt::NextOpen,
            latency_ms: 100,
            partial_fill_max: None,
            reject_probability: Unit::ZERO,
            costs: None,
            seed: 1,
        }
    }
}

impl SimSettings {
    pub(crate) fn check(&self) -> Result<(), SettingError> {
        if !self.balance.is_positive() {
            return Err(SettingError::new("OPERATOR_CAPITAL_BRL", self.balance, "an amount above zero"));
        }
        if self.partial_fill_max.is_some_and(Contracts::is_zero) {
            return Err(SettingError::new("SIM_PARTIAL_FILL_MAX", 0, "at least 1 contract, or leave it out"));
        }
        self.costs.iter().try_for_each(|costs| check_costs("SIM_COSTS", &CostSchedule::from(*costs)))
    }
}

pub(crate) fn check_costs(key: &'static str, costs: &CostSchedule) -> Result<(), SettingError> {
    if costs.is_sound() { Ok(()) } else { Err(SettingError::new(key, format!("{costs:?}"), "costs of zero or more")) }
}

/// When an order that was decided at a bar's close fills (semantics 13).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FillAt {
    /// At the next bar's open.
    #[default]
    NextOpen,
    /// At that close itself: for comparisons, since nobody can have it.
    Close,
}

impl FillAt {
    /// The spelling in settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NextOpen => "NEXT_OPEN",
            Self::Close => "CLOSE",
        }
    }
}

impl fmt::Display for FillAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for FillAt {
    type Err = UnknownName;
    fn from_str(text: &str) -> Result<Self, UnknownName> {
        match text {
            "NEXT_OPEN" => Ok(Self::NextOpen),
            "CLOSE" => Ok(Self::Close),
            _ => Err(UnknownName { what: "fill", got: text.to_owned(), known: "NEXT_OPEN, CLOSE".to_owned() }),
        }
    }
}
