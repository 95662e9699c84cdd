use alavanca_indicators::{Atr, RollingMax, RollingMean, RollingMin};
use alavanca_kernel::{Bar, Price, SettingError, Side};
use serde::{Deserialize, Serialize};

use crate::setting::{number, period, tick};
use crate::{Brain, Opinion, exits};

/// Settings of [`Breakout`].
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BreakoutSettings {
    /// `BREAKOUT_PERIOD`: bars of the Donchian channel.
    pub period: usize,
    /// `BREAKOUT_VOLUME_MIN`: so many times the channel's mean volume confirm a breakout; 0 asks for none.
    pub volume_min: f64,
    /// `BREAKOUT_ATR_PERIOD`: bars of the ATR.
    pub atr_period: usize,
    /// `BREAKOUT_STOP_ATR`: distance of the stop in ATRs.
    pub stop_atr: f64,
    /// `BREAKOUT_TARGET_ATR`: distance of the target in ATRs.
    pub target_atr: f64,
}

impl Default for BreakoutSettings {
    fn default() -> Self {
        Self { period: 20, volume_min: 1.5, atr_period: 14, stop_atr: 2.0, target_atr: 4.0 }
    }
}

/// Checked settings of [`Breakout`].
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct BreakoutConfig {
    settings: BreakoutSettings,
    tick: Price,
}

impl BreakoutConfig {
    /// Checks the settings; stops and targets are rounded to `tick` (zero for none).
    pub fn new(settings: BreakoutSettings, tick_size: Price) -> Result<Self, SettingError> {
        period("BREAKOUT_PERIOD", settings.period, 2, 5_000)?;
        number("BREAKOUT_VOLUME_MIN", settings.volume_min, 0.0, 100.0)?;
        period("BREAKOUT_ATR_PERIOD", settings.atr_period, 1, 1_000)?;
        number("BREAKOUT_STOP_ATR", settings.stop_atr, 0.1, 100.0)?;
        number("BREAKOUT_TARGET_ATR", settings.target_atr, 0.1, 100.0)?;
        Ok(Self { settings, tick: tick(tick_size)? })
    }
}

/// Goes with what leaves the Donchian channel: a close above the highest high, or below the lowest low, of the `period`
/// bars before it, on at least `volume_min` times their mean volume. A source without volume confirms everything.
///
/// It triggers at such a breakout where none to the same side came within the `period` bars before, so once per move;
/// its strength is ½ + ½ · min(1, d / ATR), d the close's distance beyond the channel. It leans to the side of the last
/// breakout for `period` bars. Stop and target are ATRs away: the stop widens with the market.
#[derive(Clone, Debug)]
pub struct Breakout {
    name: String,
    config: BreakoutConfig,
    highest: RollingMax,
    lowest: RollingMin,
    volume: RollingMean,
    atr: Atr,
    // Bars since the last breakout upwards and downwards, at most one more than the period.
    since: [usize; 2],
}

impl Breakout {
    /// From checked settings.
    pub fn new(config: BreakoutConfig) -> Self {
        let BreakoutSettings { period, atr_period, .. } = config.settings;
        Self {
            name: format!("breakout_{period}"),
            config,
            highest: RollingMax::new(period),
            lowest: RollingMin::new(period),
            volume: RollingMean::new(period),
            atr: Atr::new(atr_period),
            since: [period + 1; 2],
        }
    }
}

impl Brain for Breakout {
    fn name(&self) -> &str {
        &self.name
    }

    /// A channel, and the breakouts of as many bars more; ten times the ATR's memory, of whose start it then keeps less
    /// than 0.01 %.
    fn warmup_bars(&self) -> usize {
        let BreakoutSettings { period, atr_period, .. } = self.config.settings;
        (2 * period + 1).max(10 * atr_period)
    }

    fn on_bar(&mut self, bar: &Bar) -> Opinion {
        let full = self.highest.is_full();
        let (highest, lowest, mean) = (self.highest.value(), self.lowest.value(), self.volume.value());
        let weight = bar.weight() as f64;
        self.highest.push(bar.high.raw());
        self.lowest.push(bar.low.raw());
        self.volume.push(weight);
        let atr = self.atr.push(bar);
        let settings = &self.config.settings;
        let longest = settings.period + 1;
        let [up, down] = self.since.map(|bars| (bars + 1).min(longest));
        self.since = [up, down];
        let (Some(highest), Some(lowest), Some(mean), Some(atr), true) = (highest, lowest, mean, atr, full) else {
            return Opinion::NONE;
        };
        let close = bar.close.raw();
        let (side, beyond, last) = if close > highest {
            (Side::Buy, close - highest, up)
        } else if close < lowest {
            (Side::Sell, lowest - close, down)
        } else {
            return self.leaning();
        };
        if weight < settings.volume_min * mean {
            return self.leaning();
        }
        self.since[usize::from(side == Side::Sell)] = 0;
        let trigger = (last == longest)
            .then(|| {
                let exits = [settings.stop_atr, settings.target_atr];
                let strength = exits::from_half(beyond as f64, atr);
                exits::in_atrs(side, strength, &self.atr, self.config.tick, exits)
            })
            .flatten();
        Opinion { bias: Some(side), trigger }
    }

    fn reset(&mut self) {
        *self = Self::new(self.config);
    }
}

impl Breakout {
    /// To the later breakout while it is recent.
    fn leaning(&self) -> Opinion {
        let [up, down] = self.since;
        let recent = up.min(down) <= self.config.settings.period;
        Opinion::leaning(recent.then_some(if up < down { Side::Buy } else { Side::Sell }))
    }
}
