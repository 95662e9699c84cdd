mod drift;
mod path;
mod settings;
mod usual;

use alavanca_calendar::TradingZone;
use alavanca_kernel::{Bar, Regime};

use crate::{RegimeDetector, RegimeView, TransitionRules, Transitions};

use drift::Drift;
use path::Stitch;
pub use settings::{MAX_SCALES, MultiScaleConfig, MultiScaleSettings};
use usual::Usual;

/// Regimes from several time scales of the same bars.
///
/// - Sessions are put end to end: the jump over a pause of an hour or more is no move.
/// - *Direction* of a scale of s bars: `D = EMA(R) / EMA(|R|)` of the moves R over s bars, which overlap; from −1 to 1.
///   The scales' mean is the market's direction.
/// - *Volatility*: a fast over a slow average of true ranges, each divided by what is usual at its half hour of the day.
///
/// A bar's reading is the first that holds, each measure with its hysteresis:
/// 1. volatility extreme: `HIGH_VOL` where the fastest scale is one-sided, else `CHAOTIC`;
/// 2. volatility high: `HIGH_VOL`;
/// 3. a direction: `EXHAUSTION` where the second slowest scale has lost enough of its peak since the direction began,
///    else `TREND_UP` or `TREND_DOWN`;
/// 4. else `RANGE`.
///
/// [`Transitions`] make regimes of readings. The shape of the day is learned from all bars that are shown: after a
/// restart, show as many days as it remembers, beyond the warm-up.
#[derive(Clone, Debug)]
pub struct MultiScaleDetector {
    config: MultiScaleConfig,
    zone: TradingZone,
    bounds: Bounds,
    stitch: Stitch,
    /// Where the stitched price was after each of the last bars, in 10⁻⁸.
    path: Box<[i64]>,
    /// The place of the last in it.
    last: usize,
    drifts: Box<[Drift]>,
    usual: Usual,
    seen: usize,
    reading: Reading,
    transitions: Transitions,
}

/// The settings that are read at every bar.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    trend: [f64; 2],
    high: [f64; 2],
    chaotic: [f64; 2],
    spent: [f64; 2],
    warmup: usize,
}

/// What was measured at the last bar, and what each measure is held to be.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Reading {
    /// The vote of all scales on the direction, −1 to 1.
    pub direction: f64,
    /// The fastest scale's, −1 to 1.
    pub fastest: f64,
    /// The second slowest scale's, −1 to 1.
    pub middle: f64,
    /// Volatility over what is usual at this time of the day.
    pub volatility: f64,
    side: i8,
    high: bool,
    extreme: bool,
    peak: f64,
    spent: bool,
}

impl MultiScaleDetector {
    /// From checked settings, for a market whose day is that of this zone.
    pub fn new(config: MultiScaleConfig, zone: TradingZone) -> Self {
        let s = config.settings();
        let longest = s.scales.iter().copied().max().unwrap_or(1);
        let rules = TransitionRules {
            persist_bars: s.persist_bars,
            min_dwell_bars: s.min_dwell_bars,
            cool_off_bars: s.cool_off_bars,
        };
        Self {
            bounds: Bounds {
                trend: [s.trend_enter, s.trend_exit],
                high: [s.high_enter, s.high_exit],
                chaotic: [s.chaotic_enter, s.chaotic_exit],
                spent: [s.spent_peak, s.spent_drop],
                warmup: longest * (s.period + 1) + 1,
            },
            stitch: Stitch::default(),
            path: vec![0; longest + 1].into(),
            last: 0,
            drifts: s.scales.iter().map(|&scale| Drift::new(scale, s.period)).collect(),
            usual: Usual::new(zone, s.vol_fast, s.vol_slow, s.day_shape_days),
            seen: 0,
            reading: Reading::default(),
            transitions: Transitions::new(rules),
            config,
            zone,
        }
    }

    /// What was measured at the last bar.
    pub fn reading(&self) -> Reading {
        self.reading
    }

    #[inline]
    fn measure(&mut self, bar: &Bar) {
        let step = self.stitch.push(bar);
        let at = self.path[self.last] + step.moved;
        self.last = if self.last + 1 == self.path.len() { 0 } else { self.last + 1 };
        self.path[self.last] = at;
        let mut vote = 0.0;
        let count = self.drifts.len();
        let reading = &mut self.reading;
        for (place, drift) in self.drifts.iter_mut().enumerate() {
            let back = self.last + self.path.len() - drift.scale;
            let before = self.path[if back >= self.path.len() { back - self.path.len() } else { back }];
            let value = drift.push((at - before) as f64);
            vote += value;
            if place == 0 {
                reading.fastest = value;
            }
            if place + 2 == count || count == 1 {
                reading.middle = value;
            }
        }
        reading.direction = vote / count as f64;
        reading.volatility = self.usual.push(bar.time, step.range as f64);
    }
}

impl Reading {
    /// The regime of this bar alone, by the hysteresis of each measure.
    #[inline]
    fn classify(&mut self, bounds: &Bounds) -> Regime {
        let least = |active: bool, [enter, exit]: [f64; 2]| if active { exit } else { enter };
        self.high = self.volatility >= least(self.high, bounds.high);
        self.extreme = self.volatility >= least(self.extreme, bounds.chaotic);

        let up = self.direction >= least(self.side > 0, bounds.trend);
        let down = -self.direction >= least(self.side < 0, bounds.trend);
        let side = i8::from(up) - i8::from(down);
        let strength = self.middle * f64::from(side);
        let [peak, drop] = bounds.spent;
        self.peak = if side == self.side { self.peak.max(strength) } else { strength };
        // Once spent, half of what was lost has to be won back.
        let lost = if side == self.side && self.spent { 0.5 * drop } else { drop };
        self.spent = self.peak >= peak && strength <= self.peak * (1.0 - lost);
        self.side = side;

        if self.extreme {
            let one_sided = self.fastest.abs() >= bounds.trend[0];
            return if one_sided { Regime::HighVol } else { Regime::Chaotic };
        }
        match side {
            _ if self.high => Regime::HighVol,
            1 | -1 if self.spent => Regime::Exhaustion,
            1 => Regime::TrendUp,
            -1 => Regime::TrendDown,
            _ => Regime::Range,
        }
    }
}

impl RegimeDetector for MultiScaleDetector {
    fn on_bar(&mut self, bar: &Bar) -> RegimeView {
        self.measure(bar);
        self.seen += usize::from(self.seen < self.bounds.warmup);
        let warm = self.seen >= self.bounds.warmup;
        let seen = warm.then(|| self.reading.classify(&self.bounds));
        self.transitions.push(seen)
    }

    #[inline]
    fn view(&self) -> RegimeView {
        self.transitions.view()
    }

    fn warmup_bars(&self) -> usize {
        self.bounds.warmup
    }

    /// Three times the memory of the day's shape: what it keeps of a flat day is then some 5 %.
    fn warmup_days(&self) -> usize {
        3 * self.config.settings().day_shape_days as usize
    }

    fn reset(&mut self) {
        *self = Self::new(self.config.clone(), self.zone);
    }
}
