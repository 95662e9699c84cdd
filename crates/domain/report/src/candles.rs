//! A market of any length, in as few candles as an eye can take.

use alavanca_kernel::{Bar, Price, Tick};

/// One candle. Its time is on the clock of whoever built it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candle {
    /// When it began, in seconds.
    pub at: i64,
    /// First price.
    pub open: Price,
    /// Highest price.
    pub high: Price,
    /// Lowest price.
    pub low: Price,
    /// Last price.
    pub close: Price,
    /// Volume; 0 where the source has none.
    pub volume: u64,
}

/// Candles of one length, in order of time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Candles {
    /// Length of a candle in seconds.
    pub seconds: u32,
    /// Length of the bars that they were made of, in seconds; 0 for ticks.
    pub source_seconds: u32,
    /// How many bars or ticks they were made of.
    pub rows: u64,
    /// The candles, at most as many as were asked for.
    pub list: Vec<Candle>,
}

/// Takes bars or ticks as they come and joins them to longer candles where there are too many. First, highest, lowest
/// and last price of every stretch stay what they were; memory is bounded.
#[derive(Debug, Clone, Default)]
pub struct CandleBuilder {
    candles: Candles,
    least: u32,
}

/// So many candles are held before they are joined: ten times what an eye takes, so that an answer has its choice.
const HELD: usize = 100_000;

/// Lengths to join to, in seconds.
const LENGTHS: [u32; 25] = [
    1,
    2,
    5,
    10,
    15,
    30,
    60,
    120,
    180,
    300,
    600,
    900,
    1_200,
    1_800,
    3_600,
    7_200,
    10_800,
    14_400,
    21_600,
    28_800,
    43_200,
    86_400,
    WEEK,
    4 * WEEK,
    52 * WEEK,
];
const WEEK: u32 = 604_800;
/// Seconds of the first Monday: weeks begin there.
const MONDAY: i64 = 4 * 86_400;

impl CandleBuilder {
    /// Candles of at least so many seconds, where the market comes in shorter stretches.
    #[must_use]
    pub fn of_at_least(seconds: u32) -> Self {
        Self { least: seconds, ..Self::default() }
    }

    /// Takes a bar that began at this second. Time that goes back counts as standing still.
    pub fn bar(&mut self, at: i64, bar: &Bar) {
        if self.candles.rows == 0 {
            self.candles.source_seconds = bar.seconds;
            self.candles.seconds = bar.seconds.max(1);
        }
        let Bar { open, high, low, close, .. } = *bar;
        self.push(Candle { at, open, high, low, close, volume: bar.weight() });
    }

    /// Takes a tick seen at this second.
    pub fn tick(&mut self, at: i64, tick: &Tick) {
        if self.candles.rows == 0 {
            self.candles.seconds = 1;
        }
        let price = tick.mark();
        if price.is_positive() {
            self.push(Candle { at, open: price, high: price, low: price, close: price, volume: tick.volume });
        }
    }

    /// The candles of the shortest length at which there are at most `most`.
    pub fn build(mut self, most: usize) -> Candles {
        let (has, least) = (self.candles.seconds, self.least);
        let mut longer = LENGTHS.iter().filter(|&&length| is_multiple(length, has) && length >= least);
        if (self.candles.list.len() > most || (has < least && !self.candles.list.is_empty()))
            && let Some(&length) = longer.find(|&&length| self.count(length) <= most).or(LENGTHS.last())
        {
            self.join(length);
        }
        self.candles
    }

    fn push(&mut self, candle: Candle) {
        self.candles.rows += 1;
        let at = if self.is_joined() { begin(candle.at, self.candles.seconds) } else { candle.at };
        match self.candles.list.last_mut() {
            Some(last) if at <= last.at => last.take(&candle),
            _ => self.candles.list.push(Candle { at, ..candle }),
        }
        if self.candles.list.len() > HELD
            && let Some(&length) = LENGTHS.iter().find(|&&length| is_multiple(length, self.candles.seconds))
        {
            self.join(length);
        }
    }

    /// Whether candles are longer than what they are made of; then they begin where their length says.
    fn is_joined(&self) -> bool {
        self.candles.seconds != self.candles.source_seconds
    }

    /// How many candles of this length there would be.
    fn count(&self, seconds: u32) -> usize {
        let (mut count, mut last) = (0, i64::MIN);
        for candle in &self.candles.list {
            let at = begin(candle.at, seconds);
            count += usize::from(at > last);
            last = last.max(at);
        }
        count
    }

    fn join(&mut self, seconds: u32) {
        self.candles.seconds = seconds;
        let list = &mut self.candles.list;
        let mut kept = 0;
        for i in 0..list.len() {
            let candle = Candle { at: begin(list[i].at, seconds), ..list[i] };
            if kept > 0 && candle.at <= list[kept - 1].at {
                list[kept - 1].take(&candle);
            } else {
                list[kept] = candle;
                kept += 1;
            }
        }
        list.truncate(kept);
    }
}

/// Whether candles of `from` seconds make whole candles of `length` seconds.
fn is_multiple(length: u32, from: u32) -> bool {
    length > from && length.is_multiple_of(from)
}

impl Candle {
    /// Takes in one that follows.
    fn take(&mut self, next: &Self) {
        self.high = self.high.max(next.high);
        self.low = self.low.min(next.low);
        self.close = next.close;
        self.volume += next.volume;
    }
}

fn begin(at: i64, seconds: u32) -> i64 {
    let length = i64::from(seconds);
    let origin = if seconds.is_multiple_of(WEEK) { MONDAY } else { 0 };
    (at - origin).div_euclid(length) * length + origin
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn price(ticks: i64) -> Price {
        Price::from_raw(ticks * 100_000_000)
    }

    fn bar(ticks: [i64; 4], seconds: u32) -> Bar {
        let [open, high, low, close] = ticks.map(price);
        Bar { open, high, low, close, volume: 3, seconds, ..Bar::default() }
    }

    #[test]
    fn few_bars_stay_what_they_are() {
        let mut builder = CandleBuilder::default();
        for i in 0..5 {
            builder.bar(1_000_030 + i * 60, &bar([10, 12, 9, 11], 60));
        }
        let candles = builder.build(5);
        assert_eq!((candles.seconds, candles.source_seconds, candles.rows), (60, 60, 5));
        assert_eq!(candles.list[1].at, 1_000_090, "their own time, not the minute's");
    }

    #[test]
    fn ticks_make_no_shorter_candles_than_were_asked_for() {
        let tick =
            |ticks| Tick { bid: price(ticks), ask: price(ticks), last: price(ticks), volume: 1, ..Tick::default() };
        let mut builder = CandleBuilder::of_at_least(60);
        for second in 0..150 {
            builder.tick(6_000 + second, &tick(100 + second));
        }
        let candles = builder.build(10_000);
        assert_eq!((candles.seconds, candles.list.len(), candles.rows), (60, 3, 150));
        let first = candles.list[0];
        let ends = (first.open, first.high, first.low, first.close, first.volume);
        assert_eq!(ends, (price(100), price(159), price(100), price(159), 60));
        assert!(CandleBuilder::of_at_least(60).build(10_000).list.is_empty());

        let mut longer = CandleBuilder::of_at_least(60);
        longer.bar(6_000, &bar([10, 12, 9, 11], 300));
        assert_eq!(longer.build(10_000).seconds, 300, "longer ones stay");
    }

    #[test]
    fn one_too_many_joins_them_to_the_next_length() {
        let mut builder = CandleBuilder::default();
        for i in 0..6 {
            builder.bar(6_000 + i * 60, &bar([10 + i, 12 + i, 9 + i, 11 + i], 60));
        }
        let candles = builder.build(5);
        let first = Candle { at: 6_000, open: price(10), high: price(13), low: price(9), close: price(12), volume: 6 };
        assert_eq!((candles.seconds, candles.list.len(), candles.list[0]), (120, 3, first));
    }

    #[test]
    fn half_a_million_minutes_become_hours() {
        let mut builder = CandleBuilder::default();
        for i in 0..500_000 {
            builder.bar(i * 60, &bar([10, 12, 9, 11], 60));
        }
        let candles = builder.build(10_000);
        assert_eq!((candles.seconds, candles.list.len(), candles.rows), (3_600, 8_334, 500_000));
    }

    #[test]
    fn ticks_make_candles_and_those_without_a_price_make_none() {
        let mut builder = CandleBuilder::default();
        for (at, bid, last) in [(5, 100, 0), (5, 101, 103), (6, 0, 0), (8, 99, 0)] {
            builder.tick(at, &Tick { bid: price(bid), last: price(last), ask: price(104), ..Tick::default() });
        }
        let candles = builder.build(10);
        let of = |c: &Candle| (c.at, c.open, c.high, c.low, c.close);
        assert_eq!(
            candles.list.iter().map(of).collect::<Vec<_>>(),
            [(5, price(100), price(103), price(100), price(103)), (8, price(99), price(99), price(99), price(99)),]
        );
    }

    #[test]
    fn weeks_begin_on_monday() {
        // 2021-03-11 was a Thursday, its Monday the 8th.
        assert_eq!(begin(1_615_420_800, WEEK), 1_615_161_600);
    }

    proptest! {
        #[test]
        fn extremes_ends_and_volume_survive(
            steps in prop::collection::vec((1_i64..100_000, 1_i64..50, 0_i64..9, 0_i64..9), 1..400),
            most in 4_usize..60,
        ) {
            let (mut builder, mut at) = (CandleBuilder::default(), -50_000);
            let mut bars = Vec::new();
            for (gap, low, body, wick) in steps {
                at += gap;
                let bar = bar([low + body, low + body + wick, low, low + wick], 60);
                builder.bar(at, &bar);
                bars.push(bar);
            }
            let candles = builder.build(most);
            let list = &candles.list;
            prop_assert!(list.len() <= most, "{} candles", list.len());
            prop_assert!(list.windows(2).all(|pair| pair[0].at < pair[1].at));
            prop_assert_eq!(list.iter().map(|c| c.high).max(), bars.iter().map(|b| b.high).max());
            prop_assert_eq!(list.iter().map(|c| c.low).min(), bars.iter().map(|b| b.low).min());
            prop_assert_eq!(list[0].open, bars[0].open);
            prop_assert_eq!(list[list.len() - 1].close, bars[bars.len() - 1].close);
            prop_assert_eq!(list.iter().map(|c| c.volume).sum::<u64>(), 3 * bars.len() as u64);
        }
    }
}
