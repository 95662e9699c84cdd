use std::fmt;

use alavanca_kernel::{Bar, Instrument, Price, Regime, SettingError, Timestamp, TradingDay};
use serde::{Deserialize, Serialize};

use crate::random::SplitMix;
use crate::ticks::SyntheticTicks;

/// 09:00 in Brasília, in seconds of the UTC day. Brasília has kept UTC−3 since 2019.
const OPENS_AT: i64 = 12 * 3_600;
/// To 18:25.
const SESSION_SECONDS: u32 = (9 * 60 + 25) * 60;
/// 2100-01-01.
const LAST_START: i32 = 47_482;

/// Which synthetic market. Its [`Display`](fmt::Display) says in a sentence that it is one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SyntheticSettings {
    /// Another seed is another history. `SYNTHETIC_SEED`.
    pub seed: u64,
    /// Trading days. `SYNTHETIC_DAYS`.
    pub days: u32,
    /// Length of a bar. What does not fill a bar at the session's end is left out. `SYNTHETIC_BAR_SECONDS`.
    pub bar_seconds: u32,
    /// The first day; where it is a weekend, the Monday after. Holidays are traded. `SYNTHETIC_START`.
    pub start: TradingDay,
    /// The price that it starts at and comes back to. `SYNTHETIC_PRICE`.
    pub price: Price,
    /// The usual deviation within a minute, as a price distance. `SYNTHETIC_VOLATILITY`.
    pub volatility: Price,
}

impl Default for SyntheticSettings {
    /// About half a year of WIN from 2025-01-06.
    fn default() -> Self {
        Self {
            seed: 1,
            days: 120,
            bar_seconds: 60,
            start: TradingDay::from_days(20_094),
            price: Price::from_raw(125_000 * Price::SCALE),
            volatility: Price::from_raw(45 * Price::SCALE),
        }
    }
}

impl fmt::Display for SyntheticSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, days, bar_seconds, start, .. } = self;
        write!(
            f,
            "SYNTHETIC data, no market ever traded so: seed {seed}, {days} trading days from {start}, \
             bars of {bar_seconds} s"
        )
    }
}

/// A market made from a seed: the same bars on every platform, as many as wanted, none kept.
///
/// Sessions are those of B3. Volatility and volume are high at the open and the close; days are parted by gaps; the
/// market wanders between regimes, and [`labelled`](Self::labelled) tells which one made a bar. Trends last long enough
/// that following them pays at times; nothing else in it is meant to be exploited.
#[derive(Clone, Debug)]
pub struct SyntheticMarket {
    random: SplitMix,
    regime: Regime,
    /// +1 or −1: where the last trend went.
    direction: f64,
    /// The last price, in ticks, between the grid.
    price: f64,
    /// Where the range of the moment has its middle, in ticks.
    middle: f64,
    /// What the market of these days is more or less restless than usual.
    mood: f64,
    day: i64,
    days_left: u32,
    /// The next bar of the day.
    place: u32,
    shape: Shape,
}

/// What stays the same for all bars.
#[derive(Clone, Copy, Debug)]
struct Shape {
    /// The instrument's tick, in 10⁻⁸.
    tick: i64,
    /// Where the price comes back to, in ticks.
    home: f64,
    /// The deviation within a bar, in ticks.
    deviation: f64,
    /// A bar's length in minutes.
    minutes: f64,
    bar_seconds: u32,
    bars_per_day: u32,
}

/// How a regime moves: drift per minute and deviation, both against the usual deviation, and how long it lasts.
struct Motion {
    drift: f64,
    deviation: f64,
    minutes: f64,
    /// How strongly the price is drawn back to the middle, per minute.
    pull: f64,
    /// In 65,536ths: how often a bar jumps.
    jumps: u64,
    spread_ticks: u64,
}

impl SyntheticMarket {
    /// A market of this instrument's tick size.
    pub fn new(settings: SyntheticSettings, instrument: &Instrument) -> Result<Self, SettingError> {
        let SyntheticSettings { seed, days, bar_seconds, start, price, volatility } = settings;
        if days == 0 {
            return Err(SettingError::new("SYNTHETIC_DAYS", days, "at least 1"));
        }
        if bar_seconds == 0 || bar_seconds > SESSION_SECONDS {
            let allowed = format!("1 to {SESSION_SECONDS}, the length of a session");
            return Err(SettingError::new("SYNTHETIC_BAR_SECONDS", bar_seconds, allowed));
        }
        if !(0..=LAST_START).contains(&start.days()) {
            return Err(SettingError::new("SYNTHETIC_START", start, "a day from 1970 to 2099"));
        }
        let tick = instrument.tick.raw();
        if tick <= 0 {
            return Err(SettingError::new("TICK_SIZE", instrument.tick, "a price distance above zero"));
        }
        if price > Price::LIMIT || price.raw() / tick < 1_000 {
            return Err(SettingError::new("SYNTHETIC_PRICE", price, "at least 1000 ticks, at most ten billion"));
        }
        if volatility.raw() < 1 || volatility.raw() > price.raw() / 200 {
            return Err(SettingError::new(
                "SYNTHETIC_VOLATILITY",
                volatility,
                "above zero, at most half a percent of the price",
            ));
        }
        let minutes = f64::from(bar_seconds) / 60.0;
        let home = price.raw() as f64 / tick as f64;
        let shape = Shape {
            tick,
            home,
            deviation: volatility.raw() as f64 / tick as f64 * minutes.sqrt(),
            minutes,
            bar_seconds,
            bars_per_day: SESSION_SECONDS / bar_seconds,
        };
        Ok(Self {
            random: SplitMix::stream(seed, 0),
            regime: Regime::Range,
            direction: 1.0,
            price: home,
            middle: home,
            mood: 1.0,
            day: weekday_from(i64::from(start.days())),
            days_left: days,
            place: 0,
            shape,
        })
    }

    /// The bars with the regime that made each: what a detector should have found.
    pub fn labelled(mut self) -> impl Iterator<Item = (Bar, Regime)> {
        std::iter::from_fn(move || self.next().map(|bar| (bar, self.regime)))
    }

    /// The same market as ticks. Gathered into bars, they make the same bars.
    pub fn ticks(self) -> SyntheticTicks {
        SyntheticTicks::new(self)
    }

    /// The instrument's tick.
    pub(crate) fn tick(&self) -> Price {
        Price::from_raw(self.shape.tick)
    }

    fn next_day(&mut self) {
        self.days_left -= 1;
        self.day = weekday_from(self.day + 1);
        self.place = 0;
        // Overnight: as much as half an hour of trading, and now and then three times that.
        let [rare, ..] = quarters(self.random.next());
        let size = if rare < 6_554 { 16.0 } else { 5.5 };
        let minute = self.shape.deviation / self.shape.minutes.sqrt();
        self.price = self.shape.bounded(self.price + size * minute * bell(self.random.next()));
        self.middle = self.price;
    }

    /// The next regime: whatever it is, it is not the one before. Far from home the way back is likelier.
    fn next_regime(&mut self, draw: u64) {
        use Regime::{Chaotic, Exhaustion, HighVol, Range, TrendDown, TrendUp};
        let trending = matches!(self.regime, TrendUp | TrendDown);
        let away = (self.price / self.shape.home - 1.0) * 500.0;
        let up = (28.0 - away).clamp(4.0, 52.0);
        let weights = [
            (TrendUp, up),
            (TrendDown, 56.0 - up),
            (Range, 38.0),
            (HighVol, 14.0),
            (Chaotic, 6.0),
            (Exhaustion, if trending { 40.0 } else { 0.0 }),
        ];
        let others = || weights.into_iter().filter(|&(regime, _)| regime != self.regime);
        let total: f64 = others().map(|(_, weight)| weight).sum();
        let mut left = draw as f64 / 65_536.0 * total;
        for (regime, weight) in others() {
            if left < weight {
                self.regime = regime;
                break;
            }
            left -= weight;
        }
        self.middle = self.price;
        match self.regime {
            TrendUp => self.direction = 1.0,
            TrendDown => self.direction = -1.0,
            _ => {}
        }
    }

    fn motion(&self) -> Motion {
        let usual = Motion { drift: 0.0, deviation: 1.0, minutes: 120.0, pull: 0.0, jumps: 0, spread_ticks: 1 };
        match self.regime {
            Regime::TrendUp | Regime::TrendDown => Motion { drift: 0.16 * self.direction, minutes: 90.0, ..usual },
            Regime::HighVol => Motion { deviation: 2.2, minutes: 45.0, spread_ticks: 2, ..usual },
            Regime::Chaotic => {
                Motion { deviation: 2.6, minutes: 20.0, pull: 0.3, jumps: 6_000, spread_ticks: 3, ..usual }
            }
            Regime::Exhaustion => Motion { drift: 0.04 * self.direction, deviation: 0.7, minutes: 20.0, ..usual },
            Regime::Range | Regime::Unknown => Motion { deviation: 0.8, pull: 0.12, ..usual },
        }
    }
}

impl Shape {
    /// Far beyond what a history of usual restlessness reaches; keeps every price above zero.
    fn bounded(&self, ticks: f64) -> f64 {
        ticks.clamp(self.home * 0.25, self.home * 4.0)
    }
}

impl Iterator for SyntheticMarket {
    type Item = Bar;

    fn next(&mut self) -> Option<Bar> {
        if self.place == self.shape.bars_per_day {
            self.next_day();
        }
        if self.days_left == 0 {
            return None;
        }
        let shape = self.shape;
        // Every bar takes the same number of draws, whatever it makes of them.
        let (z, restless, wicks, chances) = (
            bell(self.random.next()),
            bell(self.random.next()),
            quarters(self.random.next()),
            quarters(self.random.next()),
        );
        let motion = self.motion();
        let over = shape.minutes / motion.minutes;
        if (chances[0] as f64) < over * 65_536.0 {
            self.next_regime(chances[1]);
        }
        let motion = self.motion();
        // −1 at the open, 0 at midday, 1 at the close.
        let hour = f64::from(2 * self.place + 1) / f64::from(shape.bars_per_day) - 1.0;
        let season = hour * hour;
        self.mood = (self.mood + 0.01 * (1.0 - self.mood) + 0.02 * restless).clamp(0.6, 1.7);
        let deviation = shape.deviation * motion.deviation * self.mood * (0.75 + 0.8 * season);

        let jump = if chances[2] >= motion.jumps {
            0.0
        } else if chances[2].is_multiple_of(2) {
            3.0
        } else {
            -3.0
        };
        let pull = (motion.pull * shape.minutes).min(0.5) * (self.middle - self.price);
        let open = self.price;
        let root = shape.minutes.sqrt();
        let moved = deviation * (z + jump + motion.drift * root) + pull;
        let close = shape.bounded(open + moved);
        let wick = |a: u64, b: u64| deviation * 1.2 * ((a + b) as f64 / 65_536.0 - 1.0).abs();
        let low = shape.bounded(open.min(close) - wick(wicks[0], wicks[1]));
        let high = open.max(close) + wick(wicks[2], wicks[3]);
        self.price = close;

        let on_grid = |ticks: f64| Price::from_raw(ticks.round() as i64 * shape.tick);
        let ranged = (high - low) / shape.deviation;
        let volume =
            9_000.0 * shape.minutes * (0.4 + 1.6 * season) * (0.5 + ranged) * (0.6 + chances[3] as f64 / 65_536.0);
        let opens = self.day * 86_400 + OPENS_AT;
        let bar = Bar {
            time: Timestamp::from_secs(opens + i64::from(self.place) * i64::from(shape.bar_seconds)),
            open: on_grid(open),
            high: on_grid(high),
            low: on_grid(low),
            close: on_grid(close),
            volume: volume as u64,
            spread: Price::from_raw(shape.tick * motion.spread_ticks as i64),
            tick_volume: (volume / 4.0) as u32,
            seconds: shape.bar_seconds,
        };
        self.place += 1;
        Some(bar)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let of_day = self.shape.bars_per_day as usize;
        let left = (self.days_left as usize * of_day).saturating_sub(self.place as usize);
        (left, Some(left))
    }
}

impl ExactSizeIterator for SyntheticMarket {}

/// This day, or the Monday after. 1970-01-01 was a Thursday.
const fn weekday_from(day: i64) -> i64 {
    match (day + 3).rem_euclid(7) {
        5 => day + 2,
        6 => day + 1,
        _ => day,
    }
}

/// Four numbers of 16 bits.
#[inline]
pub(crate) const fn quarters(bits: u64) -> [u64; 4] {
    [bits & 0xffff, bits >> 16 & 0xffff, bits >> 32 & 0xffff, bits >> 48]
}

/// Around 0 with deviation 1, within ±3.5: the sum of four even numbers, which needs no function that platforms round
/// differently.
#[inline]
fn bell(bits: u64) -> f64 {
    let [a, b, c, d] = quarters(bits);
    // The deviation of one is 65536/√12.
    ((a + b + c + d) as f64 - 131_070.0) / 37_837.2
}
