use alavanca_indicators::{Atr, RollingBand, Rsi};
use alavanca_kernel::{Bar, ExitAt, Price, SettingError, Side, Unit};
use serde::{Deserialize, Serialize};

use crate::setting::{number, period, tick};
use crate::{Brain, Opinion, Trigger};

/// Settings of [`MeanReversion`].
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MeanReversionSettings {
    /// `MEAN_REVERSION_PERIOD`: bars of the band.
    pub period: usize,
    /// `MEAN_REVERSION_WIDTH`: half the band's width, in standard deviations.
    pub width: f64,
    /// `MEAN_REVERSION_RSI_PERIOD`: bars of the RSI.
    pub rsi_period: usize,
    /// `MEAN_REVERSION_RSI_EDGE`: oversold is below it, overbought above 100 less it.
    pub rsi_edge: f64,
    /// `MEAN_REVERSION_ATR_PERIOD`: bars of the ATR.
    pub atr_period: usize,
    /// `MEAN_REVERSION_STOP_ATR`: distance of the stop in ATRs.
    pub stop_atr: f64,
}

impl Default for MeanReversionSettings {
    fn default() -> Self {
        Self { period: 20, width: 2.0, rsi_period: 14, rsi_edge: 30.0, atr_period: 14, stop_atr: 1.5 }
    }
}

/// Checked settings of [`MeanReversion`].
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct MeanReversionConfig {
    settings: MeanReversionSettings,
    tick: Price,
}

impl MeanReversionConfig {
    /// Checks the settings; stops and targets are rounded to `tick` (zero for none).
    pub fn new(settings: MeanReversionSettings, tick_size: Price) -> Result<Self, SettingError> {
        period("MEAN_REVERSION_PERIOD", settings.period, 2, 1_000)?;
        number("MEAN_REVERSION_WIDTH", settings.width, 0.1, 10.0)?;
        period("MEAN_REVERSION_RSI_PERIOD", settings.rsi_period, 2, 1_000)?;
        number("MEAN_REVERSION_RSI_EDGE", settings.rsi_edge, 0.0, 50.0)?;
        period("MEAN_REVERSION_ATR_PERIOD", settings.atr_period, 1, 1_000)?;
        number("MEAN_REVERSION_STOP_ATR", settings.stop_atr, 0.1, 100.0)?;
        Ok(Self { settings, tick: tick(tick_size)? })
    }
}

/// Goes against exaggeration: buys a close below the band that the RSI calls oversold, sells the mirror image, and is
/// done at the band's middle.
///
/// It triggers at the first such bar, and again only after a bar that was not. Its strength is the distance from the
/// middle in standard deviations over twice the band's width: ½ at the band, 1 at twice as far. From one standard
/// deviation on it leans back to the middle.
#[derive(Clone, Debug)]
pub struct MeanReversion {
    name: String,
    config: MeanReversionConfig,
    band: RollingBand,
    rsi: Rsi,
    atr: Atr,
    stretched: Option<Side>,
}

impl MeanReversion {
    /// From checked settings.
    pub fn new(config: MeanReversionConfig) -> Self {
        let MeanReversionSettings { period, rsi_period, atr_period, .. } = config.settings;
        Self {
            name: format!("mean_reversion_{period}_{rsi_period}"),
            config,
            band: RollingBand::new(period),
            rsi: Rsi::new(rsi_period),
            atr: Atr::new(atr_period),
            stretched: None,
        }
    }
}

impl Brain for MeanReversion {
    fn name(&self) -> &str {
        &self.name
    }

    /// The band is exact once full; RSI and ATR keep less than 1 % of their start after five periods.
    fn warmup_bars(&self) -> usize {
        let MeanReversionSettings { period, rsi_period, atr_period, .. } = self.config.settings;
        period.max(5 * rsi_period).max(5 * atr_period)
    }

    fn on_bar(&mut self, bar: &Bar) -> Opinion {
        let (band, rsi, atr) = (self.band.push(bar.close), self.rsi.push(bar.close), self.atr.push(bar));
        let (Some(band), Some(rsi), Some(_)) = (band, rsi, atr) else { return Opinion::NONE };
        let from_middle = bar.close.raw() as f64 - band.middle;
        let back = if from_middle > 0.0 { Side::Sell } else { Side::Buy };
        let away = from_middle.abs();
        if away < band.deviation || band.deviation <= 0.0 {
            self.stretched = None;
            return Opinion::NONE;
        }
        let settings = &self.config.settings;
        let exaggerated = match back {
            Side::Buy => rsi < settings.rsi_edge,
            Side::Sell => rsi > 100.0 - settings.rsi_edge,
        };
        let width = settings.width * band.deviation;
        let stretched = (exaggerated && away > width).then_some(back);
        let first = stretched.is_some() && stretched != self.stretched;
        self.stretched = stretched;
        let trigger = if first { self.trigger(back, away, width) } else { None };
        Opinion { bias: Some(back), trigger }
    }

    fn reset(&mut self) {
        *self = Self::new(self.config);
    }
}

impl MeanReversion {
    fn trigger(&self, side: Side, away: f64, width: f64) -> Option<Trigger> {
        let tick = self.config.tick;
        let smallest = tick.max(Price::from_raw(1));
        // The middle as a distance: a price could lie behind the fill after a gap.
        let target = Price::from_raw(away.min(Price::LIMIT.raw() as f64) as i64).to_tick(tick).max(smallest);
        Some(Trigger {
            side,
            strength: Unit::saturating(away / (2.0 * width)),
            stop: ExitAt::Distance(self.atr.distance(self.config.settings.stop_atr, tick)?),
            target: Some(ExitAt::Distance(target)),
        })
    }
}
