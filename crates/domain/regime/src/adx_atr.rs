use alavanca_indicators::{Adx, Atr};
use alavanca_kernel::{Bar, Regime, SettingError};
use serde::{Deserialize, Serialize};

use crate::{Phase, RegimeDetector, RegimeView};

/// Settings of the [`AdxAtrDetector`]. Each pair of bounds is a hysteresis: a state begins at the first and ends below
/// the second.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdxAtrSettings {
    /// `REGIME_ADX_PERIOD`: bars of the ADX.
    pub adx_period: usize,
    /// `REGIME_ADX_ENTER`: from this ADX on the market has a direction.
    pub adx_enter: f64,
    /// `REGIME_ADX_EXIT`: below this ADX it has lost it.
    pub adx_exit: f64,
    /// `REGIME_ATR_FAST`: bars of the current volatility.
    pub atr_fast: usize,
    /// `REGIME_ATR_SLOW`: bars of the usual volatility.
    pub atr_slow: usize,
    /// `REGIME_HIGH_VOL_ENTER`: from this ratio of current to usual volatility on it is high.
    pub high_vol_enter: f64,
    /// `REGIME_HIGH_VOL_EXIT`: below this ratio it is no longer high.
    pub high_vol_exit: f64,
    /// `REGIME_CHAOTIC_ENTER`: from this ratio on it is extreme.
    pub chaotic_enter: f64,
    /// `REGIME_CHAOTIC_EXIT`: below this ratio it is no longer extreme.
    pub chaotic_exit: f64,
    /// `REGIME_EXHAUSTION_PEAK`: only a trend whose ADX reached this can exhaust itself.
    pub exhaustion_peak: f64,
    /// `REGIME_EXHAUSTION_DROP`: the share of its peak that the ADX must lose for that, 0 to 1.
    pub exhaustion_drop: f64,
    /// `REGIME_MIN_DWELL_BARS`: bars that a regime lasts at least; `CHAOTIC` interrupts it.
    pub min_dwell_bars: u32,
    /// `REGIME_TRANSITION_BARS`: bars for which a new regime counts as in transition.
    pub transition_bars: u32,
}

impl Default for AdxAtrSettings {
    fn default() -> Self {
        Self {
            adx_period: 14,
            adx_enter: 25.0,
            adx_exit: 20.0,
            atr_fast: 14,
            atr_slow: 100,
            high_vol_enter: 1.5,
            high_vol_exit: 1.25,
            chaotic_enter: 2.5,
            chaotic_exit: 2.0,
            exhaustion_peak: 40.0,
            exhaustion_drop: 0.1,
            min_dwell_bars: 3,
            transition_bars: 5,
        }
    }
}

/// Checked settings of the [`AdxAtrDetector`].
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct AdxAtrConfig {
    settings: AdxAtrSettings,
}

impl AdxAtrConfig {
    /// Checks the settings.
    pub fn new(settings: AdxAtrSettings) -> Result<Self, SettingError> {
        let s = &settings;
        // NaN is in no range.
        let number = |key, value: f64, least: f64, most: f64| {
            let fits = (least..=most).contains(&value);
            fits.then_some(()).ok_or_else(|| SettingError::new(key, value, format!("a number from {least} to {most}")))
        };
        let bars = |key, value: usize, least: usize, most: usize| {
            let fits = (least..=most).contains(&value);
            let allowed = || format!("a whole number of bars from {least} to {most}");
            fits.then_some(()).ok_or_else(|| SettingError::new(key, value, allowed()))
        };
        bars("REGIME_ADX_PERIOD", s.adx_period, 2, 1_000)?;
        number("REGIME_ADX_ENTER", s.adx_enter, 0.0, 100.0)?;
        number("REGIME_ADX_EXIT", s.adx_exit, 0.0, s.adx_enter)?;
        bars("REGIME_ATR_SLOW", s.atr_slow, 2, 10_000)?;
        bars("REGIME_ATR_FAST", s.atr_fast, 1, s.atr_slow - 1)?;
        number("REGIME_CHAOTIC_ENTER", s.chaotic_enter, 1.0, 100.0)?;
        number("REGIME_HIGH_VOL_ENTER", s.high_vol_enter, 1.0, s.chaotic_enter)?;
        number("REGIME_HIGH_VOL_EXIT", s.high_vol_exit, 0.0, s.high_vol_enter)?;
        number("REGIME_CHAOTIC_EXIT", s.chaotic_exit, s.high_vol_exit, s.chaotic_enter)?;
        number("REGIME_EXHAUSTION_PEAK", s.exhaustion_peak, s.adx_enter, 100.0)?;
        number("REGIME_EXHAUSTION_DROP", s.exhaustion_drop, 0.01, 1.0)?;
        bars("REGIME_MIN_DWELL_BARS", s.min_dwell_bars as usize, 1, 10_000)?;
        bars("REGIME_TRANSITION_BARS", s.transition_bars as usize, 0, 10_000)?;
        Ok(Self { settings })
    }
}

/// Regimes from direction (ADX) and volatility (ATR against its usual).
///
/// With ratio = ATR(fast) / ATR(slow), the first that holds:
/// 1. volatility extreme: `HIGH_VOL` where the market has a direction, else `CHAOTIC`;
/// 2. a direction: `EXHAUSTION` where the ADX peaked high enough and lost enough of it, else `TREND_UP` or
///    `TREND_DOWN` by the stronger DI;
/// 3. volatility high: `HIGH_VOL`;
/// 4. else `RANGE`.
///
/// The peak is the highest ADX since the market has had this direction; an exhausted trend that makes a new peak is a
/// trend again. A regime lasts `min_dwell_bars`, except that `CHAOTIC` begins at once. After a change the transition
/// flag stays for `transition_bars`; the first regime after the warm-up is no change of the market and has none.
#[derive(Clone, Debug)]
pub struct AdxAtrDetector {
    settings: AdxAtrSettings,
    adx: Adx,
    fast: Atr,
    slow: Atr,
    direction: i8,
    peak: f64,
    extreme: bool,
    high: bool,
    changed: bool,
    view: RegimeView,
}

impl AdxAtrDetector {
    /// From checked settings.
    pub fn new(config: AdxAtrConfig) -> Self {
        let settings = config.settings;
        Self {
            settings,
            adx: Adx::new(settings.adx_period),
            fast: Atr::new(settings.atr_fast),
            slow: Atr::new(settings.atr_slow),
            direction: 0,
            peak: 0.0,
            extreme: false,
            high: false,
            changed: false,
            view: RegimeView::UNKNOWN,
        }
    }

    /// What the bar alone would say, by the hysteresis of each measure.
    #[inline]
    fn classify(&mut self, adx: f64, fast: f64, slow: f64) -> Regime {
        let settings = &self.settings;
        let at_least = |active: bool, enter: f64, exit: f64| fast >= slow * if active { exit } else { enter };
        // A market that never moved has no usual volatility to be above.
        let moves = slow > 0.0;
        self.extreme = moves && at_least(self.extreme, settings.chaotic_enter, settings.chaotic_exit);
        self.high = moves && at_least(self.high, settings.high_vol_enter, settings.high_vol_exit);

        let had_direction = self.direction != 0;
        let has_direction = adx >= if had_direction { settings.adx_exit } else { settings.adx_enter };
        let direction = if has_direction { self.adx.direction() } else { 0 };
        self.peak = if direction == self.direction { self.peak.max(adx) } else { adx };
        self.direction = direction;

        let spent = self.peak >= settings.exhaustion_peak && adx <= self.peak * (1.0 - settings.exhaustion_drop);
        match (self.extreme, direction) {
            (true, 0) => Regime::Chaotic,
            (true, _) => Regime::HighVol,
            (false, 1 | -1) if spent => Regime::Exhaustion,
            (false, 1) => Regime::TrendUp,
            (false, -1) => Regime::TrendDown,
            _ if self.high => Regime::HighVol,
            _ => Regime::Range,
        }
    }
}

impl RegimeDetector for AdxAtrDetector {
    fn on_bar(&mut self, bar: &Bar) -> RegimeView {
        let (adx, fast, slow) = (self.adx.push(bar), self.fast.push(bar), self.slow.push(bar));
        self.view.bars_in_regime = self.view.bars_in_regime.saturating_add(1);
        let (Some(adx), Some(fast), Some(slow)) = (adx, fast, slow) else { return self.view };
        let seen = self.classify(adx, fast, slow);
        let current = self.view.regime;
        // The count already holds this bar, which would be the new regime's first.
        let settled = self.view.bars_in_regime > self.settings.min_dwell_bars;
        let first = current == Regime::Unknown;
        if seen != current && (settled || first || seen == Regime::Chaotic) {
            self.changed = !first;
            self.view.regime = seen;
            self.view.bars_in_regime = 1;
        }
        self.view.transition = self.changed && self.view.bars_in_regime <= self.settings.transition_bars;
        self.view.phase = if self.view.transition {
            Phase::CoolingOff { confirmed: self.view.bars_in_regime, against: None }
        } else {
            Phase::Settled
        };
        self.view
    }

    #[inline]
    fn view(&self) -> RegimeView {
        self.view
    }

    fn warmup_bars(&self) -> usize {
        (2 * self.settings.adx_period).max(self.settings.atr_slow + 1)
    }

    fn reset(&mut self) {
        *self = Self::new(AdxAtrConfig { settings: self.settings });
    }
}
