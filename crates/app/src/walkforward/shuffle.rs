//! The null test's market: the same bars without what could be predicted in them.

use alavanca_calendar::{TradingClock, TradingZone};
use alavanca_kernel::{Bar, Price};

use super::random::{below, split_mix};

/// Bars are exchanged within such stretches of the day, in seconds: volatility goes by the hour.
const STRETCH_SECONDS: u32 = 1_800;

/// A bar without its place: what it did from the close before it, in logarithms.
#[derive(Clone, Copy)]
struct Shape {
    gap: f64,
    body: f64,
    above: f64,
    below: f64,
    volume: u64,
    tick_volume: u32,
    spread: Price,
}

/// The bars shuffled: their times stay, and at each place stands the shape of another bar of the same half hour of any
/// day, mirrored or not by a fair coin.
///
/// A shape is the logarithm of open over the close before, of close over open, and of the wicks beyond them, with volume
/// and spread. A day's first bars are exchanged among themselves, so that gaps over night stay over night. What stays:
/// the distribution of returns but for their sign, the volatility of each half hour, the number of bars and their times,
/// the tick grid. What is gone: every dependence of a return on what came before it, drift, and days that are restless
/// as a whole. In logarithms the price is a fair game.
///
/// Prices are on the grid, and highs and lows lie around opens and closes.
pub fn shuffled(bars: &[Bar], tick: Price, zone: TradingZone, seed: u64) -> Vec<Bar> {
    let mut random = split_mix(seed);
    let mut clock = TradingClock::new(zone);
    // The places of each stretch of the day; the first of all is that of days' first bars.
    let stretches = (86_400 / STRETCH_SECONDS) as usize + 1;
    let mut places: Vec<Vec<usize>> = vec![Vec::new(); stretches];
    let mut day = None;
    for (place, bar) in bars.iter().enumerate() {
        let moment = clock.locate(bar.time);
        let first = day.replace(moment.day) != Some(moment.day);
        places[if first { 0 } else { (moment.second_of_day / STRETCH_SECONDS) as usize + 1 }].push(place);
    }
    let mut order: Vec<usize> = (0..bars.len()).collect();
    for places in &places {
        for last in (1..places.len()).rev() {
            let other = below(&mut random, last as u64 + 1) as usize;
            order.swap(places[last], places[other]);
        }
    }
    let Some(first) = bars.first() else { return Vec::new() };
    let grid = tick.raw().max(1);
    let mut close = logarithm(first.open);
    let made = order.into_iter().zip(bars).map(|(from, at)| {
        let shape = mirrored(shape_of(bars, from), random() & 1 == 1);
        let open = close + shape.gap;
        close = open + shape.body;
        let on_grid = |log: f64| (log.exp() / grid as f64).round().max(1.0) as i64;
        let (opened, closed) = (on_grid(open), on_grid(close));
        let high = on_grid(open.max(close) + shape.above).max(opened).max(closed);
        let low = on_grid(open.min(close) - shape.below).min(opened).min(closed);
        let price = |ticks: i64| Price::from_raw(ticks.saturating_mul(grid));
        Bar {
            time: at.time,
            seconds: at.seconds,
            open: price(opened),
            high: price(high),
            low: price(low),
            close: price(closed),
            volume: shape.volume,
            tick_volume: shape.tick_volume,
            spread: shape.spread,
        }
    });
    made.collect()
}

fn shape_of(bars: &[Bar], place: usize) -> Shape {
    let bar = &bars[place];
    let before = place.checked_sub(1).map_or(bar.open, |before| bars[before].close);
    let [open, high, low, close] = [bar.open, bar.high, bar.low, bar.close].map(logarithm);
    Shape {
        gap: open - logarithm(before),
        body: close - open,
        above: high - open.max(close),
        below: open.min(close) - low,
        volume: bar.volume,
        tick_volume: bar.tick_volume,
        spread: bar.spread,
    }
}

fn mirrored(shape: Shape, mirror: bool) -> Shape {
    if !mirror {
        return shape;
    }
    Shape { gap: -shape.gap, body: -shape.body, above: shape.below, below: shape.above, ..shape }
}

fn logarithm(price: Price) -> f64 {
    (price.raw().max(1) as f64).ln()
}

#[cfg(test)]
mod tests {
    use alavanca_adapters_sim::{SyntheticMarket, SyntheticSettings};
    use alavanca_calendar::ZoneSettings;
    use alavanca_kernel::Instrument;

    use super::*;

    fn market() -> (Vec<Bar>, Vec<Bar>) {
        let win = Instrument::preset("WIN").unwrap();
        let settings = SyntheticSettings { days: 60, bar_seconds: 300, ..SyntheticSettings::default() };
        let bars: Vec<Bar> = SyntheticMarket::new(settings, &win).unwrap().collect();
        let zone = TradingZone::new(&ZoneSettings::default()).unwrap();
        let shuffled = shuffled(&bars, win.tick, zone, 7);
        (bars, shuffled)
    }

    #[test]
    fn bars_are_sound_on_the_grid_and_at_their_times() {
        let (bars, shuffled) = market();
        assert_eq!(bars.len(), shuffled.len());
        for (bar, other) in bars.iter().zip(&shuffled) {
            assert_eq!((bar.time, bar.seconds), (other.time, other.seconds));
            assert!(other.is_sound(), "{other:?}");
            for price in [other.open, other.high, other.low, other.close] {
                assert_eq!(price.raw() % (5 * Price::SCALE), 0, "{other:?}");
            }
        }
        assert_ne!(bars, shuffled);
    }

    /// The same sizes of bars at the same hours, and volume with them.
    #[test]
    fn sizes_and_hours_stay() {
        let (bars, shuffled) = market();
        let sizes = |bars: &[Bar], from: usize| -> Vec<f64> {
            let mut sizes: Vec<f64> = bars
                .chunks(113)
                .flat_map(|day| &day[from..from + 6])
                .map(|bar| (bar.close.raw() as f64 / bar.open.raw() as f64).ln().abs())
                .collect();
            sizes.sort_by(f64::total_cmp);
            sizes
        };
        // 09:30 to 10:00, and 12:00 to 12:30; ticks are rounded anew.
        for from in [6, 36] {
            let (real, made) = (sizes(&bars, from), sizes(&shuffled, from));
            for (real, made) in real.iter().zip(&made) {
                assert!((real - made).abs() < 1e-4, "{real} {made}");
            }
        }
        assert_eq!(bars.iter().map(|bar| bar.volume).sum::<u64>(), shuffled.iter().map(|bar| bar.volume).sum::<u64>());
    }

    /// An hour's return says nothing of the next one's.
    #[test]
    fn nothing_follows_from_what_came_before() {
        let (_, shuffled) = market();
        let sum_of_products = |bars: &[Bar]| {
            let returns: Vec<f64> = bars.iter().map(|b| (b.close.raw() as f64 / b.open.raw() as f64).ln()).collect();
            let of_twelve: Vec<f64> = returns.chunks(12).map(|hour| hour.iter().sum()).collect();
            let squares: f64 = of_twelve.iter().map(|r| r * r).sum();
            of_twelve.windows(2).map(|pair| pair[0] * pair[1]).sum::<f64>() / squares * (of_twelve.len() as f64).sqrt()
        };
        assert!(sum_of_products(&shuffled).abs() < 3.5, "{}", sum_of_products(&shuffled));
    }
}
