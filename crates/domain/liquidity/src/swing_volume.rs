use std::ops::RangeInclusive;

use alavanca_indicators::{Atr, Pivot, Pivots, RollingMean, Swing};
use alavanca_kernel::{Bar, Price, SettingError, Unit};
use serde::{Deserialize, Serialize};

use crate::{LiquidityMap, Zone, ZoneKind};

/// The most zones that are kept; a new one takes the place of the weakest.
pub const MAX_ZONES: usize = 16;

/// Settings of [`SwingVolumeLevels`].
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SwingVolumeSettings {
    /// `LIQUIDITY_SWING_BARS`: bars to each side that a swing point must exceed.
    pub swing_bars: usize,
    /// `LIQUIDITY_VOLUME_BARS`: bars of the mean volume.
    pub volume_bars: usize,
    /// `LIQUIDITY_VOLUME_FACTOR`: from so many times the mean volume on, a bar makes a zone.
    pub volume_factor: f64,
    /// `LIQUIDITY_ATR_PERIOD`: bars of the ATR.
    pub atr_period: usize,
    /// `LIQUIDITY_MERGE_ATR`: zones nearer than so many ATRs are one.
    pub merge_atr: f64,
    /// `LIQUIDITY_REACH_ATR`: how many ATRs away a zone is still felt.
    pub reach_atr: f64,
    /// `LIQUIDITY_HALF_LIFE_BARS`: after so many bars a zone is half as strong.
    pub half_life_bars: f64,
    /// `LIQUIDITY_SPENT_TOUCHES`: so many touches strengthen a zone; each further one halves it.
    pub spent_touches: u32,
}

impl Default for SwingVolumeSettings {
    fn default() -> Self {
        Self {
            swing_bars: 5,
            volume_bars: 100,
            volume_factor: 2.0,
            atr_period: 14,
            merge_atr: 0.5,
            reach_atr: 1.0,
            half_life_bars: 500.0,
            spent_touches: 3,
        }
    }
}

/// Checked settings of [`SwingVolumeLevels`].
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct SwingVolumeConfig {
    settings: SwingVolumeSettings,
}

impl SwingVolumeConfig {
    /// Checks the settings.
    pub fn new(settings: SwingVolumeSettings) -> Result<Self, SettingError> {
        let s = &settings;
        // NaN is in no range.
        let number = |key, value: f64, least: f64, most: f64| {
            let fits = (least..=most).contains(&value);
            fits.then_some(()).ok_or_else(|| SettingError::new(key, value, format!("a number from {least} to {most}")))
        };
        let whole = |key, value: usize, least: usize, most: usize| {
            let fits = (least..=most).contains(&value);
            let allowed = || format!("a whole number from {least} to {most}");
            fits.then_some(()).ok_or_else(|| SettingError::new(key, value, allowed()))
        };
        whole("LIQUIDITY_SWING_BARS", s.swing_bars, 1, 50)?;
        whole("LIQUIDITY_VOLUME_BARS", s.volume_bars, 1, 10_000)?;
        number("LIQUIDITY_VOLUME_FACTOR", s.volume_factor, 1.0, 1_000.0)?;
        whole("LIQUIDITY_ATR_PERIOD", s.atr_period, 1, 1_000)?;
        number("LIQUIDITY_MERGE_ATR", s.merge_atr, 0.0, 10.0)?;
        number("LIQUIDITY_REACH_ATR", s.reach_atr, 0.01, 100.0)?;
        number("LIQUIDITY_HALF_LIFE_BARS", s.half_life_bars, 1.0, 1e9)?;
        whole("LIQUIDITY_SPENT_TOUCHES", s.spent_touches as usize, 0, 1_000)?;
        Ok(Self { settings })
    }

    pub(crate) const fn settings(self) -> SwingVolumeSettings {
        self.settings
    }
}

/// Zones at recent swing points and at bars of unusual volume.
///
/// **Birth.** A swing point confirmed by `swing_bars` on both sides, or a bar (at its (high + low + close) / 3) with at
/// least `volume_factor` times the mean volume, makes a zone of strength s = ½ + ½ · min(1, v / (factor · mean)) where
/// v is that bar's volume; ¾ in a source without volume. Within `merge_atr` ATRs of another zone it strengthens that
/// one instead: s ← 1 − (1 − s₁)(1 − s₂).
///
/// **Life.** Each bar fades a zone by 2^(−1 / `half_life_bars`). A bar that reaches into it (within `merge_atr` ATRs)
/// after one that did not is a touch: the first `spent_touches` strengthen it, s ← 1 − 0.8 · (1 − s), each later one
/// halves it, since what rested there is filled.
///
/// **Strength at a price** p: the largest s · (1 − |p − zone| / reach) over all zones, at least 0, with
/// reach = `reach_atr` ATRs.
#[derive(Clone, Debug)]
pub struct SwingVolumeLevels {
    settings: SwingVolumeSettings,
    fade: f64,
    pivots: Pivots,
    atr: Atr,
    mean_volume: RollingMean,
    // Zones by columns, so that a bar or a question passes over them in a few wide instructions. Unused places have
    // strength 0 and lie at price 0.
    prices: [i64; MAX_ZONES],
    // The same as floats: what is asked on every bar compares those, several at once.
    middles: [f64; MAX_ZONES],
    strengths: [f64; MAX_ZONES],
    touches: [u32; MAX_ZONES],
    // Bit i: the last bar was in zone i.
    inside: u16,
    kinds: [ZoneKind; MAX_ZONES],
    len: usize,
    // 1 / reach; `None` until the ATR is known.
    per_reach: Option<f64>,
}

impl SwingVolumeLevels {
    /// From checked settings.
    pub fn new(config: SwingVolumeConfig) -> Self {
        let settings = config.settings;
        Self {
            settings,
            fade: (-1.0 / settings.half_life_bars).exp2(),
            pivots: Pivots::new(settings.swing_bars),
            atr: Atr::new(settings.atr_period),
            mean_volume: RollingMean::new(settings.volume_bars),
            prices: [0; MAX_ZONES],
            middles: [0.0; MAX_ZONES],
            strengths: [0.0; MAX_ZONES],
            touches: [0; MAX_ZONES],
            inside: 0,
            kinds: [ZoneKind::Volume; MAX_ZONES],
            len: 0,
            per_reach: None,
        }
    }

    /// All zones, in no order.
    pub fn zones(&self) -> impl Iterator<Item = Zone> {
        (0..self.len).map(|i| self.zone(i))
    }

    fn zone(&self, i: usize) -> Zone {
        Zone {
            price: Price::from_raw(self.prices[i]),
            strength: Unit::saturating(self.strengths[i]),
            touches: self.touches[i],
            kind: self.kinds[i],
        }
    }

    #[inline]
    fn live(&mut self, market: &RangeInclusive<i64>) {
        let (low, high) = (*market.start() as f64, *market.end() as f64);
        let mut inside = 0_u16;
        for i in 0..MAX_ZONES {
            self.strengths[i] *= self.fade;
            // Without a branch: which zones a bar meets is anybody's guess.
            let (above, below) = (u16::from(low <= self.middles[i]), u16::from(self.middles[i] <= high));
            inside |= (above & below) << i;
        }
        inside &= (1_u32 << self.len).wrapping_sub(1) as u16;
        let mut entered = inside & !self.inside;
        self.inside = inside;
        while entered != 0 {
            self.touch(entered.trailing_zeros() as usize);
            entered &= entered - 1;
        }
    }

    fn touch(&mut self, i: usize) {
        self.touches[i] = self.touches[i].saturating_add(1);
        let (strength, spent) = (self.strengths[i], self.touches[i] > self.settings.spent_touches);
        self.strengths[i] = if spent { strength * 0.5 } else { 1.0 - 0.8 * (1.0 - strength) };
    }

    /// ½ to 1 by how its volume stands against the mean.
    fn born(&self, weight: u64, mean: f64) -> f64 {
        if mean > 0.0 { 0.5 + 0.5 * (weight as f64 / (self.settings.volume_factor * mean)).min(1.0) } else { 0.75 }
    }

    #[cold]
    fn add(&mut self, raw: i64, kind: ZoneKind, strength: f64, width: i64, market: &RangeInclusive<i64>) {
        let near = (0..self.len).filter(|&i| (self.prices[i] - raw).abs() <= width);
        if let Some(i) = near.min_by_key(|&i| (self.prices[i] - raw).abs()) {
            self.strengths[i] = 1.0 - (1.0 - self.strengths[i]) * (1.0 - strength);
            return;
        }
        let place = if self.len < MAX_ZONES {
            self.len += 1;
            self.len - 1
        } else {
            let weakest = (0..MAX_ZONES).min_by(|&a, &b| self.strengths[a].total_cmp(&self.strengths[b])).unwrap_or(0);
            if self.strengths[weakest] >= strength {
                return;
            }
            weakest
        };
        self.prices[place] = raw;
        self.middles[place] = raw as f64;
        self.strengths[place] = strength;
        self.touches[place] = 0;
        // While the market is still there it has to leave before it can come back.
        let bit = 1 << place;
        self.inside = if market.contains(&raw) { self.inside | bit } else { self.inside & !bit };
        self.kinds[place] = kind;
    }
}

/// After so many half-lives an old zone is hardly felt.
const HALF_LIVES: f64 = 4.0;

impl LiquidityMap for SwingVolumeLevels {
    fn on_bar(&mut self, bar: &Bar) {
        let weight = bar.weight();
        let mean = self.mean_volume.push(weight as f64);
        let pivots = self.pivots.push(bar);
        let Some(atr) = self.atr.push(bar) else { return };
        let reach = atr * self.settings.reach_atr;
        self.per_reach = (reach > 0.0).then(|| 1.0 / reach);
        let width = (atr * self.settings.merge_atr) as i64;
        // Where the bar was, by what counts as one zone.
        let market = bar.low.raw() - width..=bar.high.raw() + width;
        self.live(&market);
        let mean = mean.unwrap_or(0.0);
        for Pivot { swing, price, weight } in pivots.into_iter().flatten() {
            let kind = match swing {
                Swing::High => ZoneKind::SwingHigh,
                Swing::Low => ZoneKind::SwingLow,
            };
            self.add(price.raw(), kind, self.born(weight, mean), width, &market);
        }
        if mean > 0.0 && weight as f64 >= self.settings.volume_factor * mean {
            // Each third on its own: the sum of three prices at the limit still fits, but nothing has to be shown.
            let typical = bar.low.raw() + ((bar.high.raw() - bar.low.raw()) + (bar.close.raw() - bar.low.raw())) / 3;
            self.add(typical, ZoneKind::Volume, self.born(weight, mean), width, &market);
        }
    }

    #[inline]
    fn strength_at(&self, price: Price) -> Option<Unit> {
        let per_reach = self.per_reach?;
        let (at, mut strongest) = (price.raw() as f64, 0.0_f64);
        for i in 0..MAX_ZONES {
            let away = (at - self.middles[i]).abs() * per_reach;
            let felt = self.strengths[i] * (1.0 - away);
            strongest = if felt > strongest { felt } else { strongest };
        }
        Some(Unit::saturating(strongest))
    }

    fn nearest(&self, price: Price) -> (Option<Zone>, Option<Zone>) {
        let raw = price.raw();
        let below = (0..self.len).filter(|&i| self.prices[i] <= raw).max_by_key(|&i| self.prices[i]);
        let above = (0..self.len).filter(|&i| self.prices[i] > raw).min_by_key(|&i| self.prices[i]);
        (below.map(|i| self.zone(i)), above.map(|i| self.zone(i)))
    }

    /// Until zones from before the beginning would hardly be felt; the first of its own are there sooner.
    fn warmup_bars(&self) -> usize {
        let SwingVolumeSettings { volume_bars, atr_period, swing_bars, half_life_bars, .. } = self.settings;
        volume_bars.max(atr_period + 1).max(2 * swing_bars + 1).max((HALF_LIVES * half_life_bars).ceil() as usize)
    }

    fn reset(&mut self) {
        *self = Self::new(SwingVolumeConfig { settings: self.settings });
    }
}
