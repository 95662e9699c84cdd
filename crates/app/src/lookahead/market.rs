use alavanca_indicators::BarAggregator;
use alavanca_kernel::{Bar, Price, Tick};

/// What is shown: bars, and the ticks between them where there are any.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Market {
    /// Closed bars, in order.
    pub bars: Vec<Bar>,
    /// Ticks, in order. Those before a bar's end are shown before the bar.
    pub ticks: Vec<Tick>,
}

/// One thing that is shown.
#[derive(Debug, Clone, Copy)]
pub(super) enum Event<'a> {
    Bar(&'a Bar),
    Tick(&'a Tick),
}

impl Market {
    /// Of bars alone.
    pub fn of_bars(bars: Vec<Bar>) -> Self {
        Self { bars, ticks: Vec::new() }
    }

    /// Of ticks, and the bars of so many seconds that an engine gathers from them.
    pub fn of_ticks(ticks: Vec<Tick>, bar_seconds: u32) -> Self {
        let mut gatherer = BarAggregator::new(bar_seconds);
        let mut bars = Vec::new();
        for tick in &ticks {
            let spread = if tick.is_tradable() { tick.ask - tick.bid } else { Price::ZERO };
            bars.extend(gatherer.push_tick(tick.time, tick.mark(), tick.volume, spread, tick.time.secs()));
        }
        Self { bars, ticks }
    }

    /// Bars and ticks, each in its place.
    pub(super) fn events(&self) -> impl Iterator<Item = Event<'_>> {
        let mut ticks = self.ticks.iter().peekable();
        self.bars.iter().flat_map(move |bar| {
            let mut shown = Vec::new();
            while let Some(tick) = ticks.next_if(|tick| tick.time < bar.end()) {
                shown.push(Event::Tick(tick));
            }
            shown.push(Event::Bar(bar));
            shown
        })
    }

    /// How many bars and ticks are shown.
    pub(super) fn len(&self) -> usize {
        let end = self.bars.last().map(Bar::end);
        self.bars.len() + self.ticks.partition_point(|tick| Some(tick.time) < end)
    }

    /// The first bars, and the ticks up to there.
    pub(super) fn prefix(&self, bars: usize) -> Self {
        let bars = &self.bars[..bars];
        let until = bars.last().map(Bar::end);
        let ticks = self.ticks.partition_point(|tick| Some(tick.time) < until);
        Self { bars: bars.to_vec(), ticks: self.ticks[..ticks].to_vec() }
    }

    /// What is left from a bar on.
    pub(super) fn suffix(&self, from: usize) -> Self {
        let before = self.bars[..from].last().map(Bar::end);
        let ticks = self.ticks.partition_point(|tick| Some(tick.time) < before);
        Self { bars: self.bars[from..].to_vec(), ticks: self.ticks[ticks..].to_vec() }
    }

    /// The same up to a bar, and another future behind it: prices mirrored at the last close, on three times the volume.
    pub(super) fn with_another_future(&self, after: usize) -> Self {
        let mut other = self.clone();
        let Some(last) = self.bars[..after].last() else { return other };
        let mirror = |price: Price| {
            let mirrored = last.close + last.close - price;
            if mirrored.is_positive() { mirrored } else { price }
        };
        for bar in &mut other.bars[after..] {
            let (high, low) = (mirror(bar.low), mirror(bar.high));
            // Where a price is too high to be mirrored the bar stays as it is, but for its volume.
            if high >= low && high.is_positive() && mirror(bar.open) <= high && mirror(bar.open) >= low {
                let (open, close) = (mirror(bar.open), mirror(bar.close).clamp(low, high));
                *bar = Bar { open, high, low, close, ..*bar };
            }
            bar.volume = bar.volume.saturating_mul(3);
            bar.tick_volume = bar.tick_volume.saturating_mul(3);
        }
        for tick in other.ticks.iter_mut().filter(|tick| tick.time >= last.end()) {
            let known = |price: Price| if price.is_positive() { mirror(price) } else { price };
            (tick.bid, tick.ask, tick.last) = (known(tick.ask), known(tick.bid), known(tick.last));
        }
        other
    }
}
