//! What the operator may set, checked once.

use alavanca_kernel::{Money, SettingError};
use serde::{Deserialize, Serialize};

/// The limits, as written down. [`RiskConfig::new`] checks them. `None` or 0 where said switches a limit off.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RiskSettings {
    /// `RISK_DAILY_LOSS_LIMIT_BRL`: the day's loss, open losses included, that ends the day's entries.
    pub daily_loss_limit: Option<Money>,
    /// `RISK_DAILY_DRAWDOWN_LIMIT_BRL`: the fall from the day's best result, open results included, that does.
    pub drawdown_limit: Option<Money>,
    /// `RISK_MAX_TRADES_PER_DAY`: the day's trades.
    pub trades_per_day_max: Option<u32>,
    /// `RISK_BAD_DAY_TRADES`: from so many closed trades of the day on a bad day is told; none is off.
    pub bad_day_trades: Option<u32>,
    /// `RISK_BAD_DAY_WIN_RATE`, in 10⁻⁶: with a smaller part of them won the day's entries end.
    pub bad_day_win_rate_micros: Option<u32>,
    /// `RISK_BAD_DAY_LOSS_BRL`: with a realised loss of so much they end.
    pub bad_day_loss: Option<Money>,
    /// `RISK_FLATTEN_ON_LOSS`: whether a loss or drawdown limit also closes what is open.
    pub flatten_on_loss: bool,
    /// `RISK_MAX_CONSECUTIVE_LOSSES`: losing trades in a row that start a pause; 0 is off.
    pub consecutive_losses_max: u32,
    /// `RISK_PAUSE_MINUTES`, in seconds: how long that pause lasts.
    pub pause_seconds: u32,
    /// `RISK_MAX_SPREAD_POINTS`: the widest spread an entry may pay.
    pub spread_max_points: Option<u32>,
    /// `RISK_STALE_QUOTE_SECONDS`: the oldest quote an entry may rest on (ticks and live); 0 is off.
    pub stale_quote_seconds: u32,
}

impl Default for RiskSettings {
    fn default() -> Self {
        Self {
            daily_loss_limit: Some(Money::from_units(200)),
            drawdown_limit: None,
            trades_per_day_max: None,
            bad_day_trades: None,
            bad_day_win_rate_micros: None,
            bad_day_loss: None,
            flatten_on_loss: true,
            consecutive_losses_max: 3,
            pause_seconds: 30 * 60,
            spread_max_points: None,
            stale_quote_seconds: 10,
        }
    }
}

/// Settings that were checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RiskConfig {
    settings: RiskSettings,
}

impl RiskConfig {
    /// Checks the settings; the error names the key and what is allowed.
    pub fn new(settings: RiskSettings) -> Result<Self, SettingError> {
        let s = &settings;
        let above_zero = |key, limit: Option<Money>| match limit {
            Some(amount) if !amount.is_positive() => {
                Err(SettingError::new(key, amount, "an amount above zero, or none to switch the limit off"))
            }
            _ => Ok(()),
        };
        above_zero("RISK_DAILY_LOSS_LIMIT_BRL", s.daily_loss_limit)?;
        above_zero("RISK_DAILY_DRAWDOWN_LIMIT_BRL", s.drawdown_limit)?;
        above_zero("RISK_BAD_DAY_LOSS_BRL", s.bad_day_loss)?;
        match (s.bad_day_trades, s.bad_day_win_rate_micros, s.bad_day_loss) {
            (_, Some(rate), _) if rate == 0 || rate > 1_000_000 => {
                let allowed = "above 0, at most 1, or none to switch it off";
                return Err(SettingError::new("RISK_BAD_DAY_WIN_RATE", f64::from(rate) / 1e6, allowed));
            }
            (Some(trades), None, None) => {
                let allowed = "none, or beside it RISK_BAD_DAY_WIN_RATE or RISK_BAD_DAY_LOSS_BRL";
                return Err(SettingError::new("RISK_BAD_DAY_TRADES", trades, allowed));
            }
            (None, Some(rate), _) => {
                let allowed = "none, or beside it RISK_BAD_DAY_TRADES: from how many trades on";
                return Err(SettingError::new("RISK_BAD_DAY_WIN_RATE", f64::from(rate) / 1e6, allowed));
            }
            (None, _, Some(loss)) => {
                let allowed = "none, or beside it RISK_BAD_DAY_TRADES: from how many trades on";
                return Err(SettingError::new("RISK_BAD_DAY_LOSS_BRL", loss, allowed));
            }
            _ => {}
        }
        for (key, limit) in [
            ("RISK_MAX_TRADES_PER_DAY", s.trades_per_day_max),
            ("RISK_BAD_DAY_TRADES", s.bad_day_trades),
            ("RISK_MAX_SPREAD_POINTS", s.spread_max_points),
        ] {
            if limit == Some(0) {
                return Err(SettingError::new(key, 0, "a number above zero, or none to switch the limit off"));
            }
        }
        if s.consecutive_losses_max > 0 && s.pause_seconds == 0 {
            let allowed = "at least one second, or RISK_MAX_CONSECUTIVE_LOSSES=0 to switch the pause off";
            return Err(SettingError::new("RISK_PAUSE_MINUTES", s.pause_seconds, allowed));
        }
        Ok(Self { settings })
    }

    /// What was set.
    pub const fn settings(&self) -> &RiskSettings {
        &self.settings
    }
}
