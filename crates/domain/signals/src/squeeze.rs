use alavanca_indicators::{Keltner, RollingBand, RollingMax, RollingMin};
use alavanca_kernel::{Bar, Price, SettingError, Side};
use serde::{Deserialize, Serialize};

use crate::setting::{number, period, tick};
use crate::{Brain, Opinion, exits};

/// Settings of [`Squeeze`].
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SqueezeSettings {
    /// `SQUEEZE_PERIOD`: bars of the band, the channel and the momentum.
    pub period: usize,
    /// `SQUEEZE_BAND_WIDTH`: half the Bollinger band's width, in standard deviations.
    pub band_width: f64,
    /// `SQUEEZE_KELTNER_WIDTH`: half the Keltner channel's width, in ATRs.
    pub keltner_width: f64,
    /// `SQUEEZE_MIN_BARS`: so many bars in a row make a squeeze.
    pub min_bars: usize,
    /// `SQUEEZE_STOP_ATR`: distance of the stop in ATRs.
    pub stop_atr: f64,
    /// `SQUEEZE_TARGET_ATR`: distance of the target in ATRs.
    pub target_atr: f64,
}

impl Default for SqueezeSettings {
    fn default() -> Self {
        Self { period: 20, band_width: 2.0, keltner_width: 1.5, min_bars: 6, stop_atr: 2.0, target_atr: 3.0 }
    }
}

/// Checked settings of [`Squeeze`].
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct SqueezeConfig {
    settings: SqueezeSettings,
    tick: Price,
}

impl SqueezeConfig {
    /// Checks the settings; stops and targets are rounded to `tick` (zero for none).
    pub fn new(settings: SqueezeSettings, tick_size: Price) -> Result<Self, SettingError> {
        period("SQUEEZE_PERIOD", settings.period, 2, 1_000)?;
        number("SQUEEZE_BAND_WIDTH", settings.band_width, 0.1, 10.0)?;
        number("SQUEEZE_KELTNER_WIDTH", settings.keltner_width, 0.1, 10.0)?;
        period("SQUEEZE_MIN_BARS", settings.min_bars, 1, 1_000)?;
        number("SQUEEZE_STOP_ATR", settings.stop_atr, 0.1, 100.0)?;
        number("SQUEEZE_TARGET_ATR", settings.target_atr, 0.1, 100.0)?;
        Ok(Self { settings, tick: tick(tick_size)? })
    }
}

/// Waits for a quiet market to wake: the Bollinger band lies inside the Keltner channel for a while, then leaves it.
///
/// A bar is squeezed where both edges of the band lie inside the channel. It triggers at the first bar that is not,
/// after at least `min_bars` in a row that were, in the direction of momentum m = close − ((highest high + lowest low) /
/// 2 + mean close) / 2, each over `period` bars. Its strength is |m| over two ATRs, at most 1. It leans to momentum's
/// side for `period` bars from the release on, unless the market is squeezed again. Stop and target are ATRs away.
#[derive(Clone, Debug)]
pub struct Squeeze {
    name: String,
    config: SqueezeConfig,
    band: RollingBand,
    keltner: Keltner,
    highest: RollingMax,
    lowest: RollingMin,
    // Bars in a row that were squeezed, at most as many as are asked for.
    squeezed: usize,
    // Bars since the release, at most one more than the period.
    since: usize,
}

impl Squeeze {
    /// From checked settings.
    pub fn new(config: SqueezeConfig) -> Self {
        let SqueezeSettings { period, keltner_width, .. } = config.settings;
        Self {
            name: format!("squeeze_{period}"),
            config,
            band: RollingBand::new(period),
            keltner: Keltner::new(period, period, keltner_width),
            highest: RollingMax::new(period),
            lowest: RollingMin::new(period),
            squeezed: 0,
            since: period + 1,
        }
    }
}

impl Brain for Squeeze {
    fn name(&self) -> &str {
        &self.name
    }

    /// Ten times the memory of the channel's ATR, of whose start it then keeps less than 0.01 %, and a squeeze with its
    /// release.
    fn warmup_bars(&self) -> usize {
        let SqueezeSettings { period, min_bars, .. } = self.config.settings;
        11 * period + min_bars
    }

    fn on_bar(&mut self, bar: &Bar) -> Opinion {
        let (band, channel) = (self.band.push(bar.close), self.keltner.push(bar));
        let (highest, lowest) = (self.highest.push(bar.high.raw()), self.lowest.push(bar.low.raw()));
        let (Some(band), Some(channel)) = (band, channel) else { return Opinion::NONE };
        let SqueezeSettings { period, band_width, min_bars, stop_atr, target_atr, .. } = self.config.settings;
        self.since = (self.since + 1).min(period + 1);
        if band.upper(band_width) < channel.upper && band.lower(band_width) > channel.lower {
            self.squeezed = (self.squeezed + 1).min(min_bars);
            self.since = period + 1;
            return Opinion::NONE;
        }
        let released = self.squeezed == min_bars;
        self.squeezed = 0;
        if released {
            self.since = 0;
        }
        if self.since > period {
            return Opinion::NONE;
        }
        let middle = (0.5 * (highest as f64 + lowest as f64) + band.middle) * 0.5;
        let momentum = bar.close.raw() as f64 - middle;
        let side = if momentum > 0.0 {
            Side::Buy
        } else if momentum < 0.0 {
            Side::Sell
        } else {
            return Opinion::NONE;
        };
        let mut opinion = Opinion::leaning(Some(side));
        if let (true, Some(atr)) = (released, self.keltner.atr().value()) {
            let strength = if atr > 0.0 { momentum.abs() / (2.0 * atr) } else { 1.0 };
            opinion.trigger =
                exits::in_atrs(side, strength, self.keltner.atr(), self.config.tick, [stop_atr, target_atr]);
        }
        opinion
    }

    fn reset(&mut self) {
        *self = Self::new(self.config);
    }
}
