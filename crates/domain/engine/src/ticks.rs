//! Ticks gathered into bars for levels 1 to 4.

use alavanca_kernel::{Bar, Price, Tick, Timestamp};

/// Gathers the ticks of one instrument into bars of fixed length, aligned to the epoch. A bar is handed out when a
/// tick of a later one arrives; times without ticks make no bars.
#[derive(Debug, Clone)]
pub(crate) struct TickGatherer {
    micros: i64,
    bar: Option<Bar>,
    ends: i64,
}

impl TickGatherer {
    pub(crate) fn new(seconds: u32) -> Self {
        Self { micros: i64::from(seconds) * 1_000_000, bar: None, ends: i64::MIN }
    }

    /// Takes a tick with a price; the closed bar, where it began a new one.
    pub(crate) fn push(&mut self, tick: &Tick, price: Price) -> Option<Bar> {
        let spread = if tick.is_tradable() { tick.ask - tick.bid } else { Price::ZERO };
        let at = tick.time.micros();
        if at < self.ends
            && let Some(bar) = &mut self.bar
        {
            bar.high = bar.high.max(price);
            bar.low = bar.low.min(price);
            bar.close = price;
            bar.volume = bar.volume.saturating_add(tick.volume);
            bar.tick_volume = bar.tick_volume.saturating_add(1);
            bar.spread = spread;
            return None;
        }
        let begins = at.div_euclid(self.micros) * self.micros;
        self.ends = begins.saturating_add(self.micros);
        self.bar.replace(Bar {
            time: Timestamp::from_micros(begins),
            open: price,
            high: price,
            low: price,
            close: price,
            volume: tick.volume,
            spread,
            tick_volume: 1,
            seconds: (self.micros / 1_000_000) as u32,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tick(millis: i64, points: i64, volume: u64) -> Tick {
        let price = Price::from_raw(points * Price::SCALE);
        Tick { time: Timestamp::from_micros(millis * 1_000), bid: price, ask: price, last: price, volume }
    }

    #[test]
    fn a_bar_closes_with_the_first_tick_of_a_later_one() {
        let mut gatherer = TickGatherer::new(60);
        let mut push = |millis, points, volume| {
            let tick = tick(millis, points, volume);
            gatherer.push(&tick, tick.mark())
        };
        assert_eq!(push(1_000, 100, 1), None);
        assert_eq!(push(30_000, 105, 2), None);
        assert_eq!(push(59_999, 98, 3), None);
        let bar = push(185_000, 99, 4).unwrap();
        let p = |points| Price::from_raw(points * Price::SCALE);
        assert_eq!((bar.open, bar.high, bar.low, bar.close), (p(100), p(105), p(98), p(98)));
        assert_eq!((bar.time, bar.seconds, bar.volume, bar.tick_volume), (Timestamp::from_secs(0), 60, 6, 3));
        let next = push(240_000, 97, 1).unwrap();
        assert_eq!((next.time, next.volume), (Timestamp::from_secs(180), 4), "minutes without ticks make no bars");
    }
}
