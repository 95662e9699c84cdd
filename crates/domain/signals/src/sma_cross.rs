use alavanca_kernel::{Bar, ExitAt, Price, SettingError, Side, Unit};
use serde::{Deserialize, Serialize};

use crate::setting::{distance, period, tick};
use crate::{Brain, Opinion, Trigger};

/// Settings of [`SmaCross`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SmaCrossSettings {
    /// `SMA_CROSS_FAST`: bars of the fast average.
    pub fast: usize,
    /// `SMA_CROSS_SLOW`: bars of the slow average.
    pub slow: usize,
    /// `SMA_CROSS_STOP_LOSS`: distance of the stop, in price units.
    pub stop_loss: Price,
    /// `SMA_CROSS_TAKE_PROFIT`: distance of the target, in price units; none for no target.
    pub take_profit: Option<Price>,
}

impl Default for SmaCrossSettings {
    fn default() -> Self {
        let points = |n: i64| Price::from_raw(n * Price::SCALE / 10_000);
        Self { fast: 10, slow: 30, stop_loss: points(40), take_profit: Some(points(80)) }
    }
}

/// Checked settings of [`SmaCross`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SmaCrossConfig {
    fast: usize,
    slow: usize,
    stop: ExitAt,
    target: Option<ExitAt>,
}

impl SmaCrossConfig {
    /// Checks the settings; distances are rounded to `tick` (zero for none) and are at least one.
    pub fn new(settings: SmaCrossSettings, tick_size: Price) -> Result<Self, SettingError> {
        let tick = tick(tick_size)?;
        let slow = period("SMA_CROSS_SLOW", settings.slow, 2, 5_000)?;
        let rounded = |key, value| Ok(ExitAt::Distance(distance(key, value)?.to_tick(tick).max(tick)));
        Ok(Self {
            fast: period("SMA_CROSS_FAST", settings.fast, 1, slow - 1)?,
            slow,
            stop: rounded("SMA_CROSS_STOP_LOSS", settings.stop_loss)?,
            target: settings.take_profit.map(|value| rounded("SMA_CROSS_TAKE_PROFIT", value)).transpose()?,
        })
    }
}

/// The crossing of two simple averages, compared as exact integers.
///
/// With d = slow · Σ fast − fast · Σ slow it buys where d was at most 0 and is above it now, and sells where it was at
/// least 0 and is below it now. It leans to the sign of d. A crossing says nothing of its strength: ½.
#[derive(Clone, Debug)]
pub struct SmaCross {
    name: String,
    config: SmaCrossConfig,
    closes: Box<[i64]>,
    next: usize,
    leaving_fast: usize,
    seen: usize,
    difference: i128,
    previous: Option<Side>,
    compared: bool,
}

impl SmaCross {
    /// From checked settings.
    pub fn new(config: SmaCrossConfig) -> Self {
        Self {
            name: format!("sma_cross_{}_{}", config.fast, config.slow),
            closes: vec![0; config.slow].into(),
            next: 0,
            leaving_fast: config.slow - config.fast,
            seen: 0,
            difference: 0,
            previous: None,
            compared: false,
            config,
        }
    }
}

impl Brain for SmaCross {
    fn name(&self) -> &str {
        &self.name
    }

    /// One bar more than the slow average: a crossing needs a difference before it.
    fn warmup_bars(&self) -> usize {
        self.config.slow + 1
    }

    #[inline]
    fn on_bar(&mut self, bar: &Bar) -> Opinion {
        let close = bar.close.raw();
        let product = |factor: usize, change: i64| i128::from(factor as i64) * i128::from(change);
        let SmaCrossConfig { fast, slow, .. } = self.config;
        self.difference += product(slow, close - self.closes[self.leaving_fast]);
        self.difference -= product(fast, close - self.closes[self.next]);
        self.closes[self.next] = close;
        self.next = if self.next + 1 == slow { 0 } else { self.next + 1 };
        self.leaving_fast = if self.leaving_fast + 1 == slow { 0 } else { self.leaving_fast + 1 };
        if self.seen + 1 < slow {
            self.seen += 1;
            return Opinion::NONE;
        }
        let now = match self.difference {
            1.. => Some(Side::Buy),
            0 => None,
            _ => Some(Side::Sell),
        };
        let crossed = self.compared && now != self.previous;
        (self.previous, self.compared) = (now, true);
        let trigger = now.filter(|_| crossed).map(|side| Trigger {
            side,
            strength: Unit::saturating(0.5),
            stop: self.config.stop,
            target: self.config.target,
        });
        Opinion { bias: now, trigger }
    }

    fn reset(&mut self) {
        *self = Self::new(self.config);
    }
}
