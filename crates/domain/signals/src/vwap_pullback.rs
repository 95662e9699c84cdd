use alavanca_calendar::MarketClock;
use alavanca_indicators::{Atr, Ema, Vwap};
use alavanca_kernel::{Bar, Price, SettingError, Side};
use serde::{Deserialize, Serialize};

use crate::day::{DayClock, InDay};
use crate::setting::{number, period, tick};
use crate::{Brain, Opinion, exits};

/// Settings of [`VwapPullback`].
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VwapPullbackSettings {
    /// `VWAP_PULLBACK_FAST`: bars of the trend's fast average.
    pub fast: usize,
    /// `VWAP_PULLBACK_SLOW`: bars of the trend's slow average.
    pub slow: usize,
    /// `VWAP_PULLBACK_AWAY_ATR`: how far from the VWAP, in ATRs, a close must have been before a return counts.
    pub away_atr: f64,
    /// `VWAP_PULLBACK_TOUCH_ATR`: how near to the VWAP, in ATRs, is a touch, and how far past it the trend is lost.
    pub touch_atr: f64,
    /// `VWAP_PULLBACK_MINUTES`: nothing so soon after the opening, nor on a day of which more than that was missed.
    pub minutes: u32,
    /// `VWAP_PULLBACK_ATR_PERIOD`: bars of the ATR.
    pub atr_period: usize,
    /// `VWAP_PULLBACK_STOP_ATR`: distance of the stop in ATRs.
    pub stop_atr: f64,
    /// `VWAP_PULLBACK_TARGET_ATR`: distance of the target in ATRs.
    pub target_atr: f64,
}

impl Default for VwapPullbackSettings {
    fn default() -> Self {
        Self {
            fast: 20,
            slow: 50,
            away_atr: 1.5,
            touch_atr: 0.25,
            minutes: 30,
            atr_period: 14,
            stop_atr: 1.5,
            target_atr: 3.0,
        }
    }
}

/// Checked settings of [`VwapPullback`].
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct VwapPullbackConfig {
    settings: VwapPullbackSettings,
    tick: Price,
}

impl VwapPullbackConfig {
    /// Checks the settings; stops and targets are rounded to `tick` (zero for none).
    pub fn new(settings: VwapPullbackSettings, tick_size: Price) -> Result<Self, SettingError> {
        period("VWAP_PULLBACK_SLOW", settings.slow, 2, 5_000)?;
        period("VWAP_PULLBACK_FAST", settings.fast, 1, settings.slow - 1)?;
        number("VWAP_PULLBACK_AWAY_ATR", settings.away_atr, 0.1, 100.0)?;
        number("VWAP_PULLBACK_TOUCH_ATR", settings.touch_atr, 0.0, settings.away_atr)?;
        if settings.minutes > 1_440 {
            let allowed = "a whole number of minutes from 0 to 1440";
            return Err(SettingError::new("VWAP_PULLBACK_MINUTES", settings.minutes, allowed));
        }
        period("VWAP_PULLBACK_ATR_PERIOD", settings.atr_period, 1, 1_000)?;
        number("VWAP_PULLBACK_STOP_ATR", settings.stop_atr, 0.1, 100.0)?;
        number("VWAP_PULLBACK_TARGET_ATR", settings.target_atr, 0.1, 100.0)?;
        Ok(Self { settings, tick: tick(tick_size)? })
    }
}

/// Buys the dip of a rising day at its volume-weighted average price, and sells the mirror image.
///
/// The trend goes to the side on which the fast average lies of the slow one. With x the distance of a price from the
/// day's VWAP towards that side, in ATRs, it waits for three things within one day and one trend: a close at x ≥
/// `away_atr`; then a bar whose nearest price comes to x ≤ `touch_atr`, a touch; then, in that bar or a later one, the
/// turn: a close at x > 0 that is beyond its own open and beyond the close before. There it triggers, and waits anew. A
/// close at x < −`touch_atr` loses the touch. Its strength is ½ + ½ · min(1, |fast − slow| / 2 ATR). It leans to the
/// trend's side while the close is at x > 0. Stop and target are ATRs away.
///
/// A day whose first bar comes more than `minutes` after the opening has no VWAP here, nor has the first day that is seen
/// where its first bar is not the opening's, nor a source without volume.
#[derive(Clone, Debug)]
pub struct VwapPullback {
    name: String,
    config: VwapPullbackConfig,
    clock: DayClock,
    vwap: Vwap,
    fast: Ema,
    slow: Ema,
    atr: Atr,
    day: Option<i32>,
    whole: bool,
    trend: Option<Side>,
    phase: Phase,
    last_close: i64,
}

/// How far a pullback has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Near,
    Away,
    Touched,
}

impl VwapPullback {
    /// From checked settings, by the clock of its market.
    pub fn new(config: VwapPullbackConfig, clock: MarketClock) -> Self {
        Self::with_clock(config, DayClock::new(clock))
    }

    fn with_clock(config: VwapPullbackConfig, clock: DayClock) -> Self {
        let VwapPullbackSettings { fast, slow, atr_period, .. } = config.settings;
        Self {
            name: format!("vwap_pullback_{fast}_{slow}"),
            config,
            clock,
            vwap: Vwap::new(),
            fast: Ema::new(fast),
            slow: Ema::new(slow),
            atr: Atr::new(atr_period),
            day: None,
            whole: false,
            trend: None,
            phase: Phase::Near,
            last_close: 0,
        }
    }
}

impl Brain for VwapPullback {
    fn name(&self) -> &str {
        &self.name
    }

    /// What averages keep of their start is then below 0.01 %. Of the VWAP it needs none: on a day whose opening it did
    /// not see it has no opinion.
    fn warmup_bars(&self) -> usize {
        let VwapPullbackSettings { slow, atr_period, .. } = self.config.settings;
        (5 * slow).max(10 * atr_period)
    }

    fn warmup_days(&self) -> usize {
        1
    }

    fn on_bar(&mut self, bar: &Bar) -> Opinion {
        let close = bar.close.raw() as f64;
        let (fast, slow, atr) = (self.fast.push(close), self.slow.push(close), self.atr.push(bar));
        let last_close = std::mem::replace(&mut self.last_close, bar.close.raw());
        let Some(InDay { day, since_open }) = self.clock.locate(bar.time) else { return Opinion::NONE };
        let settings = self.config.settings;
        let quiet = 60 * i64::from(settings.minutes);
        if self.day != Some(day) {
            self.vwap.reset();
            // Without a day before it, only a bar at the opening proves that none is missing.
            let latest = if self.day.is_some() { quiet } else { i64::from(bar.seconds) };
            (self.day, self.whole, self.phase) = (Some(day), since_open <= latest, Phase::Near);
        }
        self.vwap.push(bar);
        if !self.whole || since_open < quiet {
            return Opinion::NONE;
        }
        let (Some(fast), Some(slow), Some(atr), Some(vwap)) = (fast, slow, atr, self.vwap.mean()) else {
            return Opinion::NONE;
        };
        let trend = if fast > slow {
            Side::Buy
        } else if fast < slow {
            Side::Sell
        } else {
            return Opinion::NONE;
        };
        if self.trend != Some(trend) {
            (self.trend, self.phase) = (Some(trend), Phase::Near);
        }
        let (sign, nearest) = match trend {
            Side::Buy => (1.0, bar.low),
            Side::Sell => (-1.0, bar.high),
        };
        let (at_close, at_nearest) = (sign * (close - vwap), sign * (nearest.raw() as f64 - vwap));
        let touch = settings.touch_atr * atr;
        if self.phase == Phase::Away && at_nearest <= touch {
            self.phase = Phase::Touched;
        }
        let mut opinion = Opinion::leaning((at_close > 0.0).then_some(trend));
        match self.phase {
            Phase::Near if at_close >= settings.away_atr * atr => self.phase = Phase::Away,
            Phase::Touched if at_close < -touch => self.phase = Phase::Near,
            Phase::Touched if at_close > 0.0 => {
                let ahead_of = |price: i64| trend.sign() * (bar.close.raw() - price) > 0;
                if ahead_of(bar.open.raw()) && ahead_of(last_close) {
                    self.phase = Phase::Near;
                    let strength = exits::from_half((fast - slow).abs(), 2.0 * atr);
                    let exits = [settings.stop_atr, settings.target_atr];
                    opinion.trigger = exits::in_atrs(trend, strength, &self.atr, self.config.tick, exits);
                }
            }
            _ => {}
        }
        opinion
    }

    fn reset(&mut self) {
        *self = Self::with_clock(self.config, self.clock.clone());
    }
}
