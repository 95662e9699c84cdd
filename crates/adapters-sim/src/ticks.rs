use alavanca_kernel::{Bar, Price, Tick};

use crate::SyntheticMarket;
use crate::market::quarters;
use crate::random::SplitMix;

/// Ticks of one bar. The first is the open, then both extremes, the last the close.
const PER_BAR: usize = 24;
const FIRST_EXTREME: usize = 7;
const SECOND_EXTREME: usize = 15;

/// The ticks of a synthetic market: each bar's way from its open over both extremes to its close, 24 trades spread over
/// the bar, with the bar's volume and spread.
#[derive(Clone, Debug)]
pub struct SyntheticTicks {
    market: SyntheticMarket,
    bar: Bar,
    /// The price at the open, at each extreme and at the close.
    stations: [Price; 4],
    place: usize,
    tick: Price,
    random: SplitMix,
}

impl SyntheticTicks {
    pub(crate) fn new(market: SyntheticMarket) -> Self {
        let tick = market.tick();
        Self {
            market,
            bar: Bar::default(),
            stations: [Price::ZERO; 4],
            place: PER_BAR,
            tick,
            random: SplitMix::stream(0, 0),
        }
    }

    fn next_bar(&mut self) -> Option<()> {
        let bar = self.market.next()?;
        // Of the bar alone, so that its ticks are the same wherever one begins.
        self.random = SplitMix::stream(bar.time.micros() as u64, bar.close.raw() as u64);
        let low_first = (bar.close >= bar.open) != self.random.next().is_multiple_of(4);
        let (first, second) = if low_first { (bar.low, bar.high) } else { (bar.high, bar.low) };
        self.stations = [bar.open, first, second, bar.close];
        (self.bar, self.place) = (bar, 0);
        Some(())
    }

    /// The price of the trade at a place: at the stations theirs, between them on the way, a tick off at times.
    fn price(&self, place: usize, chance: u64) -> Price {
        let (from, to, begin, end) = match place {
            0..FIRST_EXTREME => (self.stations[0], self.stations[1], 0, FIRST_EXTREME),
            FIRST_EXTREME..SECOND_EXTREME => (self.stations[1], self.stations[2], FIRST_EXTREME, SECOND_EXTREME),
            _ => (self.stations[2], self.stations[3], SECOND_EXTREME, PER_BAR - 1),
        };
        let (done, whole) = (place - begin, end - begin);
        if done == 0 || done == whole {
            return if done == 0 { from } else { to };
        }
        let way = Price::from_raw((to - from).raw() * done as i64 / whole as i64);
        let off = self.tick.times(chance as i64 % 3 - 1);
        (from + way.to_tick(self.tick) + off).clamp(self.bar.low, self.bar.high)
    }
}

impl Iterator for SyntheticTicks {
    type Item = Tick;

    fn next(&mut self) -> Option<Tick> {
        if self.place == PER_BAR {
            self.next_bar()?;
        }
        let [wobble, aggressor, ..] = quarters(self.random.next());
        let place = self.place;
        self.place += 1;
        let bar = &self.bar;
        let last = self.price(place, wobble);
        let bought = aggressor.is_multiple_of(2);
        let (bid, ask) = if bought { (last - bar.spread, last) } else { (last, last + bar.spread) };
        let even = bar.volume / PER_BAR as u64;
        let rest = bar.volume - even * (PER_BAR as u64 - 1);
        let since = i64::from(bar.seconds) * 1_000_000 * place as i64 / PER_BAR as i64;
        Some(Tick {
            time: bar.time.plus_micros(since),
            bid,
            ask,
            last,
            volume: if place == PER_BAR - 1 { rest } else { even },
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.market.len() * PER_BAR + (PER_BAR - self.place);
        (left, Some(left))
    }
}

impl ExactSizeIterator for SyntheticTicks {}
