//! Markets whose regimes are known, because they were made of them.
#![allow(dead_code, reason = "each test uses its part")]

pub(crate) mod score;

use alavanca_kernel::{Bar, Price, Regime, Timestamp};

/// Bars with the regime that made each.
#[derive(Debug, Default)]
pub(crate) struct Market {
    pub(crate) bars: Vec<Bar>,
    pub(crate) truth: Vec<Regime>,
}

/// 09:00 in Brasília, in seconds of the UTC day, and bars of a minute until 18:00.
const OPENS_AT: i64 = 12 * 3_600;
pub(crate) const BARS_OF_DAY: usize = 540;
/// The usual deviation of a bar, as a price.
const DEVIATION: f64 = 45.0;
/// Steps within a bar.
const STEPS: usize = 6;

/// SplitMix64, and what is drawn of it.
#[derive(Clone, Debug)]
pub(crate) struct Draws(pub(crate) u64);

impl Draws {
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// From 0 to below 1.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(crate) fn within(&mut self, least: f64, most: f64) -> f64 {
        least + (most - least) * self.unit()
    }

    /// Around 0 with deviation 1.
    pub(crate) fn bell(&mut self) -> f64 {
        let sum: f64 = (0..12).map(|_| self.unit()).sum();
        sum - 6.0
    }
}

/// How a stretch of the market moves, in deviations of a usual bar.
#[derive(Clone, Copy, Debug)]
struct Motion {
    regime: Regime,
    bars: usize,
    /// Per bar, at the stretch's begin and at its end.
    drift: [f64; 2],
    deviation: f64,
    /// The part of the distance from the middle that a bar takes back.
    pull: f64,
}

/// So many trading days of a market, at least: trends, ranges, high volatility, chaos, and trends that run out. Volatility
/// has the shape of a session: three times as high at the open as at lunch. Nights move the price.
pub(crate) fn market(seed: u64, days: usize) -> Market {
    market_of(seed, days, 1.0)
}

/// The same with trends so many times as strong.
pub(crate) fn market_of(seed: u64, days: usize, strength: f64) -> Market {
    let (mut draws, mut market) = (Draws(seed), Market::default());
    let (mut price, mut before, mut side) = (130_000.0, Regime::Unknown, 1.0);
    let (mut day, mut of_day) = (20_094_i64, 0);
    while market.bars.len() < days * BARS_OF_DAY {
        let motion = next(&mut draws, before, &mut side);
        before = motion.regime;
        let mut middle = price;
        for n in 0..motion.bars {
            if of_day == BARS_OF_DAY {
                // A Thursday was day 0: Saturday and Sunday are left out.
                day += if (day + 3) % 7 == 4 { 3 } else { 1 };
                of_day = 0;
                let jump = draws.bell() * DEVIATION * if draws.unit() < 0.1 { 40.0 } else { 12.0 };
                (price, middle) = (price + jump, middle + jump);
            }
            let x = of_day as f64 / BARS_OF_DAY as f64;
            // High at the open, low at lunch, rising to the close.
            let season = 0.7 + 1.4 * (1.0 - 4.0 * x).max(0.0) + 0.6 * (2.0 * x - 1.0).max(0.0);
            let part = n as f64 / motion.bars as f64;
            let drift = strength * (motion.drift[0] + (motion.drift[1] - motion.drift[0]) * part);
            let unit = DEVIATION * season;
            let pulled = motion.pull * (middle - price);
            let moved = unit * drift + pulled;
            let open = price;
            let (mut high, mut low) = (open, open);
            for _ in 0..STEPS {
                let step = unit * motion.deviation * draws.bell() / (STEPS as f64).sqrt();
                price = (price + moved / STEPS as f64 + step).clamp(30_000.0, 900_000.0);
                (high, low) = (high.max(price), low.min(price));
            }
            let on_grid = |price: f64| Price::from_raw((price / 5.0).round() as i64 * 5 * Price::SCALE);
            market.bars.push(Bar {
                time: Timestamp::from_secs(day * 86_400 + OPENS_AT + of_day as i64 * 60),
                open: on_grid(open),
                high: on_grid(high),
                low: on_grid(low),
                close: on_grid(price),
                volume: 1_000,
                seconds: 60,
                ..Bar::default()
            });
            market.truth.push(motion.regime);
            of_day += 1;
        }
    }
    market
}

fn next(draws: &mut Draws, before: Regime, side: &mut f64) -> Motion {
    use Regime::{Chaotic, Exhaustion, HighVol, Range, TrendDown, TrendUp};
    let trended = matches!(before, TrendUp | TrendDown);
    let regime = loop {
        let regime = match draws.unit() {
            u if u < 0.42 => Range,
            u if u < 0.58 => TrendUp,
            u if u < 0.74 => TrendDown,
            u if u < 0.88 => HighVol,
            u if u < 0.93 => Chaotic,
            _ => Exhaustion,
        };
        let regime = if trended && draws.unit() < 0.4 { Exhaustion } else { regime };
        if regime != before && (trended || regime != Exhaustion) {
            break regime;
        }
    };
    let length = |draws: &mut Draws, least: f64, most: f64| draws.within(least, most) as usize;
    let still = Motion { regime, bars: 0, drift: [0.0; 2], deviation: 1.0, pull: 0.0 };
    match regime {
        TrendUp | TrendDown => {
            *side = if regime == TrendUp { 1.0 } else { -1.0 };
            let drift = *side * draws.within(0.25, 0.5);
            Motion { bars: length(draws, 120.0, 360.0), drift: [drift; 2], ..still }
        }
        HighVol => Motion { bars: length(draws, 60.0, 180.0), deviation: draws.within(2.0, 2.8), ..still },
        Chaotic => Motion { bars: length(draws, 20.0, 60.0), deviation: draws.within(4.5, 7.0), pull: 0.5, ..still },
        Exhaustion => {
            let drift = [0.2 * *side, -0.05 * *side];
            Motion { bars: length(draws, 60.0, 120.0), drift, deviation: 0.9, ..still }
        }
        _ => Motion { bars: length(draws, 120.0, 480.0), deviation: 0.9, pull: 0.08, ..still },
    }
}
