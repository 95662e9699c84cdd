use alavanca_kernel::SettingError;
use serde::{Deserialize, Serialize};

/// The most scales.
pub const MAX_SCALES: usize = 5;

/// Settings of the [`MultiScaleDetector`](crate::MultiScaleDetector). Each pair of bounds is a hysteresis.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MultiScaleSettings {
    /// `REGIME_SCALES`: over how many bars moves are looked at, rising.
    pub scales: Vec<usize>,
    /// `REGIME_SCALES_PERIOD`: how many moves of a scale its average looks back.
    pub period: usize,
    /// `REGIME_SCALES_TREND_ENTER`: from this one-sidedness on the market has a direction.
    pub trend_enter: f64,
    /// `REGIME_SCALES_TREND_EXIT`: below this it has lost it.
    pub trend_exit: f64,
    /// `REGIME_SCALES_VOL_FAST`: bars of the current volatility.
    pub vol_fast: usize,
    /// `REGIME_SCALES_VOL_SLOW`: bars of the usual volatility.
    pub vol_slow: usize,
    /// `REGIME_SCALES_DAY_SHAPE_DAYS`: days over which the usual volatility of each half hour is learned; 0 for a flat day.
    pub day_shape_days: u32,
    /// `REGIME_SCALES_HIGH_ENTER`: from this multiple of the usual on, volatility is high.
    pub high_enter: f64,
    /// `REGIME_SCALES_HIGH_EXIT`: below this it is no longer.
    pub high_exit: f64,
    /// `REGIME_SCALES_CHAOTIC_ENTER`: from this multiple on it is extreme.
    pub chaotic_enter: f64,
    /// `REGIME_SCALES_CHAOTIC_EXIT`: below this it is no longer.
    pub chaotic_exit: f64,
    /// `REGIME_SCALES_SPENT_PEAK`: only a trend that was so one-sided can exhaust itself.
    pub spent_peak: f64,
    /// `REGIME_SCALES_SPENT_DROP`: the part of that peak it must lose.
    pub spent_drop: f64,
    /// `REGIME_SCALES_PERSIST_BARS`: bars on end that another regime has to be seen before it is accepted.
    pub persist_bars: u32,
    /// `REGIME_SCALES_MIN_DWELL_BARS`: bars that a regime lasts at least; `CHAOTIC` interrupts it.
    pub min_dwell_bars: u32,
    /// `REGIME_SCALES_COOL_OFF_BARS`: bars that have to show a new regime before it is out of transition.
    pub cool_off_bars: u32,
}

impl Default for MultiScaleSettings {
    fn default() -> Self {
        Self {
            scales: vec![2, 6, 18],
            period: 8,
            trend_enter: 0.55,
            trend_exit: 0.15,
            vol_fast: 12,
            vol_slow: 1_000,
            day_shape_days: 10,
            high_enter: 1.6,
            high_exit: 1.2,
            chaotic_enter: 3.25,
            chaotic_exit: 2.75,
            spent_peak: 0.8,
            spent_drop: 0.5,
            persist_bars: 2,
            min_dwell_bars: 5,
            cool_off_bars: 5,
        }
    }
}

/// Checked settings of the [`MultiScaleDetector`](crate::MultiScaleDetector).
#[derive(Clone, PartialEq, Debug, Default)]
pub struct MultiScaleConfig {
    settings: MultiScaleSettings,
}

impl MultiScaleConfig {
    /// Checks the settings.
    pub fn new(settings: MultiScaleSettings) -> Result<Self, SettingError> {
        let s = &settings;
        let number = |key, value: f64, least: f64, most: f64| {
            // NaN is in no range.
            let fits = (least..=most).contains(&value);
            fits.then_some(()).ok_or_else(|| SettingError::new(key, value, format!("a number from {least} to {most}")))
        };
        let whole = |key, value: usize, least: usize, most: usize| {
            let fits = (least..=most).contains(&value);
            let allowed = || format!("a whole number from {least} to {most}");
            fits.then_some(()).ok_or_else(|| SettingError::new(key, value, allowed()))
        };
        let rises = s.scales.windows(2).all(|pair| pair[0] < pair[1]);
        let fits = s.scales.iter().all(|scale| (1..=1_000).contains(scale));
        if s.scales.is_empty() || s.scales.len() > MAX_SCALES || !rises || !fits {
            let got: Vec<_> = s.scales.iter().map(usize::to_string).collect();
            let allowed = format!("1 to {MAX_SCALES} whole numbers from 1 to 1000, each above the one before");
            return Err(SettingError::new("REGIME_SCALES", got.join(","), allowed));
        }
        whole("REGIME_SCALES_PERIOD", s.period, 2, 1_000)?;
        number("REGIME_SCALES_TREND_ENTER", s.trend_enter, 0.0, 1.0)?;
        number("REGIME_SCALES_TREND_EXIT", s.trend_exit, 0.0, s.trend_enter)?;
        whole("REGIME_SCALES_VOL_SLOW", s.vol_slow, 2, 100_000)?;
        whole("REGIME_SCALES_VOL_FAST", s.vol_fast, 1, s.vol_slow - 1)?;
        whole("REGIME_SCALES_DAY_SHAPE_DAYS", s.day_shape_days as usize, 0, 1_000)?;
        number("REGIME_SCALES_CHAOTIC_ENTER", s.chaotic_enter, 1.0, 100.0)?;
        number("REGIME_SCALES_HIGH_ENTER", s.high_enter, 1.0, s.chaotic_enter)?;
        number("REGIME_SCALES_HIGH_EXIT", s.high_exit, 0.0, s.high_enter)?;
        number("REGIME_SCALES_CHAOTIC_EXIT", s.chaotic_exit, s.high_exit, s.chaotic_enter)?;
        number("REGIME_SCALES_SPENT_PEAK", s.spent_peak, 0.0, 1.0)?;
        number("REGIME_SCALES_SPENT_DROP", s.spent_drop, 0.01, 1.0)?;
        whole("REGIME_SCALES_PERSIST_BARS", s.persist_bars as usize, 1, 10_000)?;
        whole("REGIME_SCALES_MIN_DWELL_BARS", s.min_dwell_bars as usize, 1, 10_000)?;
        whole("REGIME_SCALES_COOL_OFF_BARS", s.cool_off_bars as usize, 0, 10_000)?;
        Ok(Self { settings })
    }

    pub(super) fn settings(&self) -> &MultiScaleSettings {
        &self.settings
    }
}
