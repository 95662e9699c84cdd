use alavanca_indicators::{Adx, Atr, Ema};
use alavanca_kernel::{Bar, ExitAt, Price, SettingError, Side, Unit};
use serde::{Deserialize, Serialize};

use crate::setting::{number, period, tick};
use crate::{Brain, Opinion, Trigger};

/// Settings of [`EmaTrend`].
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EmaTrendSettings {
    /// `EMA_TREND_FAST`: bars of the fast average.
    pub fast: usize,
    /// `EMA_TREND_SLOW`: bars of the slow average.
    pub slow: usize,
    /// `EMA_TREND_ADX_PERIOD`: bars of the ADX.
    pub adx_period: usize,
    /// `EMA_TREND_ADX_MIN`: from which ADX on there is a trend.
    pub adx_min: f64,
    /// `EMA_TREND_ATR_PERIOD`: bars of the ATR.
    pub atr_period: usize,
    /// `EMA_TREND_STOP_ATR`: distance of the stop in ATRs.
    pub stop_atr: f64,
    /// `EMA_TREND_TARGET_ATR`: distance of the target in ATRs.
    pub target_atr: f64,
}

impl Default for EmaTrendSettings {
    fn default() -> Self {
        Self { fast: 9, slow: 21, adx_period: 14, adx_min: 25.0, atr_period: 14, stop_atr: 2.0, target_atr: 3.0 }
    }
}

/// Checked settings of [`EmaTrend`].
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct EmaTrendConfig {
    settings: EmaTrendSettings,
    tick: Price,
}

impl EmaTrendConfig {
    /// Checks the settings; stops and targets are rounded to `tick` (zero for none).
    pub fn new(settings: EmaTrendSettings, tick_size: Price) -> Result<Self, SettingError> {
        period("EMA_TREND_SLOW", settings.slow, 2, 5_000)?;
        period("EMA_TREND_FAST", settings.fast, 1, settings.slow - 1)?;
        period("EMA_TREND_ADX_PERIOD", settings.adx_period, 2, 1_000)?;
        number("EMA_TREND_ADX_MIN", settings.adx_min, 0.0, 100.0)?;
        period("EMA_TREND_ATR_PERIOD", settings.atr_period, 1, 1_000)?;
        number("EMA_TREND_STOP_ATR", settings.stop_atr, 0.1, 100.0)?;
        number("EMA_TREND_TARGET_ATR", settings.target_atr, 0.1, 100.0)?;
        Ok(Self { settings, tick: tick(tick_size)? })
    }
}

/// Goes with the trend: the fast average is on one side of the slow one and the ADX confirms it.
///
/// It triggers once per crossing, at the first bar from the crossing on whose ADX reaches `adx_min`; its strength is
/// ADX / 50, at most 1. It leans to the fast average's side while the ADX is there. Stop and target are ATRs away.
#[derive(Clone, Debug)]
pub struct EmaTrend {
    name: String,
    config: EmaTrendConfig,
    fast: Ema,
    slow: Ema,
    adx: Adx,
    atr: Atr,
    side: Option<Side>,
    armed: bool,
}

impl EmaTrend {
    /// From checked settings.
    pub fn new(config: EmaTrendConfig) -> Self {
        let EmaTrendSettings { fast, slow, adx_period, atr_period, .. } = config.settings;
        Self {
            name: format!("ema_trend_{fast}_{slow}"),
            config,
            fast: Ema::new(fast),
            slow: Ema::new(slow),
            adx: Adx::new(adx_period),
            atr: Atr::new(atr_period),
            side: None,
            armed: false,
        }
    }
}

impl Brain for EmaTrend {
    fn name(&self) -> &str {
        &self.name
    }

    /// Three times its longest memory: what an exponential average keeps of its start is then below 0.3 %.
    fn warmup_bars(&self) -> usize {
        let EmaTrendSettings { slow, adx_period, atr_period, .. } = self.config.settings;
        3 * slow.max(2 * adx_period).max(atr_period)
    }

    fn on_bar(&mut self, bar: &Bar) -> Opinion {
        let close = bar.close.raw() as f64;
        let (fast, slow) = (self.fast.push(close), self.slow.push(close));
        let (adx, atr) = (self.adx.push(bar), self.atr.push(bar));
        let (Some(fast), Some(slow)) = (fast, slow) else { return Opinion::NONE };
        let side = if fast > slow {
            Some(Side::Buy)
        } else if fast < slow {
            Some(Side::Sell)
        } else {
            self.side
        };
        if side != self.side {
            // The side that the averages start on is no crossing.
            self.armed = self.side.is_some();
            self.side = side;
        }
        let settings = &self.config.settings;
        let (Some(adx), Some(_), Some(side)) = (adx, atr, side) else { return Opinion::NONE };
        if adx < settings.adx_min {
            return Opinion::NONE;
        }
        let trigger = if std::mem::take(&mut self.armed) { self.trigger(side, adx) } else { None };
        Opinion { bias: Some(side), trigger }
    }

    fn reset(&mut self) {
        *self = Self::new(self.config);
    }
}

impl EmaTrend {
    fn trigger(&self, side: Side, adx: f64) -> Option<Trigger> {
        let away = |multiple| self.atr.distance(multiple, self.config.tick).map(ExitAt::Distance);
        let settings = &self.config.settings;
        Some(Trigger {
            side,
            strength: Unit::saturating(adx / 50.0),
            stop: away(settings.stop_atr)?,
            target: away(settings.target_atr),
        })
    }
}
