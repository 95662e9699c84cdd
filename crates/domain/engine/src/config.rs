//! What an engine is made of.

use alavanca_calendar::{SessionRule, TradingZone};
use alavanca_capital::CapitalConfig;
use alavanca_gate::GateConfig;
use alavanca_kernel::{Instrument, SettingError, UnknownName};
use alavanca_liquidity::{LiquidityMap, ZoneExitConfig};
use alavanca_regime::RegimeDetector;
use alavanca_risk::RiskConfig;
use alavanca_rl::RlConfig;
use alavanca_scalp::ScalpConfig;
use alavanca_signals::{BossBrain, MetaBrain};
use alavanca_updater::UpdaterConfig;
use serde::{Deserialize, Serialize};

/// What a signal for the other side does to an open trade (`ON_OPPOSITE_SIGNAL`, semantics 11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OnOpposite {
    /// Nothing: it is counted.
    #[default]
    Ignore,
    /// The trade is closed.
    Close,
    /// The trade is closed, and the signal is decided anew.
    Reverse,
}

impl std::str::FromStr for OnOpposite {
    type Err = UnknownName;
    fn from_str(text: &str) -> Result<Self, UnknownName> {
        match text {
            "IGNORE" => Ok(Self::Ignore),
            "CLOSE" => Ok(Self::Close),
            "REVERSE" => Ok(Self::Reverse),
            _ => Err(UnknownName {
                what: "way to take an opposite signal",
                got: text.to_owned(),
                known: "IGNORE, CLOSE, REVERSE".to_owned(),
            }),
        }
    }
}

/// Who watches the extra's exits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ScalpCustody {
    /// They rest at the broker as the leg's own, the time limit with them: every simulation.
    #[default]
    Broker,
    /// Stop and target rest at the broker as the leg's own, the time limit is the engine's: hedging accounts at
    /// MetaTrader, which knows no such limit.
    BrokerLevels,
    /// The engine watches each tick and sends a reduce-only close: netting accounts, where the broker knows one
    /// position only.
    Engine,
}

/// Levels 1 to 4 of one instrument.
#[derive(Debug)]
pub struct Levels {
    /// Level 1: the brains and their vote.
    pub boss: BossBrain,
    /// Level 2: their track record.
    pub meta: MetaBrain,
    /// Level 3: the regime.
    pub regime: Box<dyn RegimeDetector>,
    /// Level 4: liquidity.
    pub liquidity: Box<dyn LiquidityMap>,
}

/// One instrument with its session and its levels.
#[derive(Debug)]
pub struct DeskConfig {
    /// What is traded.
    pub instrument: Instrument,
    /// When.
    pub session: SessionRule,
    /// On what grounds.
    pub levels: Levels,
}

/// Checked settings of the bricks, and the engine's own.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// Sizing and the eight layers.
    pub capital: CapitalConfig,
    /// The extra contracts.
    pub scalp: ScalpConfig,
    /// Limits.
    pub risk: RiskConfig,
    /// The gate.
    pub gate: GateConfig,
    /// Rewards and the fallback of frozen regimes; the policy itself is handed to the engine.
    pub rl: RlConfig,
    /// Batches, snapshots, freeze, rollback.
    pub updater: UpdaterConfig,
    /// Where "today" is.
    pub zone: TradingZone,
    /// Whether zones move the brains' exits.
    pub zone_exits: ZoneExitConfig,
    /// What an opposite signal does.
    pub on_opposite: OnOpposite,
    /// Who watches the extra.
    pub custody: ScalpCustody,
    /// Length of the bars that ticks are gathered into for levels 1 to 4, in seconds (`SIGNAL_BAR_SECONDS`).
    pub signal_bar_seconds: u32,
    /// Equity older than this makes no entries (`EQUITY_MAX_AGE_SECONDS`, semantics 7).
    pub equity_max_age_seconds: u32,
    /// Record the allocation at every bar, not only at signals (`RECORD_EVERY_BAR`).
    pub record_every_bar: bool,
}

impl EngineConfig {
    /// Refuses what no brick could refuse alone.
    pub fn check(&self, desks: &[DeskConfig]) -> Result<(), SettingError> {
        if self.signal_bar_seconds == 0 || self.signal_bar_seconds > 86_400 {
            return Err(SettingError::new("SIGNAL_BAR_SECONDS", self.signal_bar_seconds, "expected 1 to 86400"));
        }
        if self.equity_max_age_seconds == 0 {
            return Err(SettingError::new("EQUITY_MAX_AGE_SECONDS", 0, "expected 1 or more"));
        }
        if desks.is_empty() || desks.len() > usize::from(u16::MAX) {
            return Err(SettingError::new("SYMBOL", desks.len(), "expected 1 to 65535 instruments"));
        }
        desks.iter().try_for_each(|desk| self.scalp.check_instrument(&desk.instrument))
    }
}
