use alavanca_kernel::{Price, SettingError};
use serde::{Deserialize, Serialize};

use crate::{SwingVolumeConfig, SwingVolumeSettings};

/// Settings of [`ZoneMap`](crate::ZoneMap), beside those that it shares with
/// [`SwingVolumeLevels`](crate::SwingVolumeLevels): swing bars, ATR period, merge, reach and touches.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ZoneMapSettings {
    /// `LIQUIDITY_FAST_MINUTES`: the smaller time frame of swings, in minutes; the ATR is its, too.
    pub fast_minutes: u32,
    /// `LIQUIDITY_SLOW_MINUTES`: the larger one, in minutes.
    pub slow_minutes: u32,
    /// `LIQUIDITY_HALF_LIFE_MINUTES`: after so many minutes of trading a swing is half as strong.
    pub half_life_minutes: f64,
    /// `LIQUIDITY_PROFILE_DAYS`: how many days the volume profile is of, today included.
    pub profile_days: usize,
    /// `LIQUIDITY_VALUE_AREA`: the share of all volume that the value area holds, 0 to 1.
    pub value_area: f64,
    /// `LIQUIDITY_OPENING_MINUTES`: how long the opening range takes, in minutes.
    pub opening_minutes: u32,
    /// `LIQUIDITY_ROUND_STEP`: the distance of round numbers as a price; 0 goes by the price itself.
    pub round_step: Price,
}

impl Default for ZoneMapSettings {
    fn default() -> Self {
        Self {
            fast_minutes: 5,
            slow_minutes: 15,
            half_life_minutes: 540.0,
            profile_days: 1,
            value_area: 0.7,
            opening_minutes: 15,
            round_step: Price::ZERO,
        }
    }
}

/// Checked settings of [`ZoneMap`](crate::ZoneMap).
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct ZoneMapConfig {
    pub(super) shared: SwingVolumeSettings,
    pub(super) own: ZoneMapSettings,
}

impl ZoneMapConfig {
    /// Checks the settings; the shared ones are checked already.
    pub fn new(shared: SwingVolumeConfig, own: ZoneMapSettings) -> Result<Self, SettingError> {
        let whole = |key, value: u32, least: u32, most: u32| {
            let fits = (least..=most).contains(&value);
            let allowed = || format!("a whole number from {least} to {most}");
            fits.then_some(()).ok_or_else(|| SettingError::new(key, value, allowed()))
        };
        let number = |key, value: f64, least: f64, most: f64| {
            let fits = (least..=most).contains(&value);
            fits.then_some(()).ok_or_else(|| SettingError::new(key, value, format!("a number from {least} to {most}")))
        };
        whole("LIQUIDITY_FAST_MINUTES", own.fast_minutes, 1, 240)?;
        whole("LIQUIDITY_SLOW_MINUTES", own.slow_minutes, own.fast_minutes + 1, 1_440)?;
        number("LIQUIDITY_HALF_LIFE_MINUTES", own.half_life_minutes, 1.0, 1e9)?;
        whole("LIQUIDITY_PROFILE_DAYS", u32::try_from(own.profile_days).unwrap_or(u32::MAX), 1, 20)?;
        number("LIQUIDITY_VALUE_AREA", own.value_area, 0.1, 1.0)?;
        whole("LIQUIDITY_OPENING_MINUTES", own.opening_minutes, 1, 240)?;
        if own.round_step < Price::ZERO || own.round_step > Price::LIMIT {
            let allowed = "a distance between prices, or 0 to go by the price";
            return Err(SettingError::new("LIQUIDITY_ROUND_STEP", own.round_step, allowed));
        }
        Ok(Self { shared: shared.settings(), own })
    }
}
