use alavanca_indicators::{Atr, Macd, Roc};
use alavanca_kernel::{Bar, Price, SettingError, Side};
use serde::{Deserialize, Serialize};

use crate::setting::{number, period, tick};
use crate::{Brain, Opinion, exits};

/// Settings of [`Momentum`].
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MomentumSettings {
    /// `MOMENTUM_FAST`: bars of MACD's fast average.
    pub fast: usize,
    /// `MOMENTUM_SLOW`: bars of MACD's slow average.
    pub slow: usize,
    /// `MOMENTUM_SIGNAL`: bars of MACD's signal.
    pub signal: usize,
    /// `MOMENTUM_ROC_PERIOD`: bars of the rate of change.
    pub roc_period: usize,
    /// `MOMENTUM_ROC_MIN_ATR`: from which move on, in ATRs, the rate of change confirms.
    pub roc_min_atr: f64,
    /// `MOMENTUM_ATR_PERIOD`: bars of the ATR.
    pub atr_period: usize,
    /// `MOMENTUM_STOP_ATR`: distance of the stop in ATRs.
    pub stop_atr: f64,
    /// `MOMENTUM_TARGET_ATR`: distance of the target in ATRs.
    pub target_atr: f64,
}

impl Default for MomentumSettings {
    fn default() -> Self {
        Self {
            fast: 12,
            slow: 26,
            signal: 9,
            roc_period: 10,
            roc_min_atr: 4.0,
            atr_period: 14,
            stop_atr: 2.0,
            target_atr: 3.0,
        }
    }
}

/// Checked settings of [`Momentum`].
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct MomentumConfig {
    settings: MomentumSettings,
    tick: Price,
}

impl MomentumConfig {
    /// Checks the settings; stops and targets are rounded to `tick` (zero for none).
    pub fn new(settings: MomentumSettings, tick_size: Price) -> Result<Self, SettingError> {
        period("MOMENTUM_SLOW", settings.slow, 2, 5_000)?;
        period("MOMENTUM_FAST", settings.fast, 1, settings.slow - 1)?;
        period("MOMENTUM_SIGNAL", settings.signal, 1, 1_000)?;
        period("MOMENTUM_ROC_PERIOD", settings.roc_period, 1, 1_000)?;
        number("MOMENTUM_ROC_MIN_ATR", settings.roc_min_atr, 0.1, 100.0)?;
        period("MOMENTUM_ATR_PERIOD", settings.atr_period, 1, 1_000)?;
        number("MOMENTUM_STOP_ATR", settings.stop_atr, 0.1, 100.0)?;
        number("MOMENTUM_TARGET_ATR", settings.target_atr, 0.1, 100.0)?;
        Ok(Self { settings, tick: tick(tick_size)? })
    }
}

/// Goes with speed: MACD turns to a side and the price has moved far that way.
///
/// MACD is on the side of its histogram's sign. It triggers once per turn of MACD, at the first bar from the turn on at
/// which ROC ≥ `roc_min_atr` · 100 ATR / close in that direction, that is, the price moved by so many ATRs over
/// `roc_period` bars. Its strength is ROC over twice that bound, at most 1: ½ at the bound. It leans to MACD's side
/// while the ROC has its sign. Stop and target are ATRs away.
#[derive(Clone, Debug)]
pub struct Momentum {
    name: String,
    config: MomentumConfig,
    macd: Macd,
    roc: Roc,
    atr: Atr,
    side: Option<Side>,
    armed: bool,
}

impl Momentum {
    /// From checked settings.
    pub fn new(config: MomentumConfig) -> Self {
        let MomentumSettings { fast, slow, signal, roc_period, atr_period, .. } = config.settings;
        Self {
            name: format!("momentum_{fast}_{slow}_{signal}_{roc_period}"),
            config,
            macd: Macd::new(fast, slow, signal),
            roc: Roc::new(roc_period),
            atr: Atr::new(atr_period),
            side: None,
            armed: false,
        }
    }
}

impl Brain for Momentum {
    fn name(&self) -> &str {
        &self.name
    }

    /// What averages keep of their start is then below 0.01 %: five times MACD's memory, ten times the ATR's.
    fn warmup_bars(&self) -> usize {
        let MomentumSettings { slow, signal, roc_period, atr_period, .. } = self.config.settings;
        (5 * (slow + signal)).max(roc_period + 1).max(10 * atr_period)
    }

    fn on_bar(&mut self, bar: &Bar) -> Opinion {
        let close = bar.close.raw() as f64;
        let (macd, roc, atr) = (self.macd.push(close), self.roc.push(bar.close), self.atr.push(bar));
        let Some(macd) = macd else { return Opinion::NONE };
        let histogram = macd.histogram();
        let side = if histogram > 0.0 {
            Some(Side::Buy)
        } else if histogram < 0.0 {
            Some(Side::Sell)
        } else {
            self.side
        };
        if side != self.side {
            // The side that it starts on is no turn.
            self.armed = self.side.is_some();
            self.side = side;
        }
        let (Some(roc), Some(atr), Some(side)) = (roc, atr, side) else { return Opinion::NONE };
        let speed = side.sign() as f64 * roc;
        if speed <= 0.0 {
            return Opinion::NONE;
        }
        let settings = &self.config.settings;
        // Both sides times the close, which spares a division per bar.
        let (moved, least) = (speed * close, settings.roc_min_atr * 100.0 * atr);
        let mut opinion = Opinion::leaning(Some(side));
        if self.armed && moved >= least && least > 0.0 {
            self.armed = false;
            let exits = [settings.stop_atr, settings.target_atr];
            opinion.trigger = exits::in_atrs(side, moved / (2.0 * least), &self.atr, self.config.tick, exits);
        }
        opinion
    }

    fn reset(&mut self) {
        *self = Self::new(self.config);
    }
}
