//! A market's rows joined to larger bars, on the file's own clock.

use alavanca_adapters_files::{FileClock, FileError, Rows};
use alavanca_indicators::BarAggregator;
use alavanca_kernel::{Bar, Price};

use crate::timeframe::Timeframe;

/// Joins rows as they come. The last bar may end before its time: it is handed out by [`Joiner::finish`].
#[derive(Debug)]
pub(crate) struct Joiner {
    clock: FileClock,
    aggregator: BarAggregator,
}

impl Joiner {
    pub(crate) fn new(timeframe: Timeframe, clock: FileClock) -> Self {
        Self { clock, aggregator: BarAggregator::new(timeframe.seconds()) }
    }

    /// Takes a batch; what bars it completed are added.
    pub(crate) fn push(&mut self, rows: &Rows, bars: &mut Vec<Bar>) {
        match rows {
            Rows::Bars(rows) => {
                bars.extend(rows.iter().filter_map(|bar| self.aggregator.push(bar, self.clock.wall_seconds(bar.time))));
            }
            Rows::Ticks(rows) => bars.extend(rows.iter().filter(|tick| tick.mark().is_positive()).filter_map(|tick| {
                let spread = if tick.is_tradable() { tick.ask - tick.bid } else { Price::ZERO };
                let wall = self.clock.wall_seconds(tick.time);
                self.aggregator.push_tick(tick.time, tick.mark(), tick.volume, spread, wall)
            })),
        }
    }

    /// The bar that is not complete, at the end of the rows.
    pub(crate) fn finish(&mut self) -> Option<Bar> {
        self.aggregator.finish()
    }

    /// What the file's clock shows when a joined bar begins, in seconds since its 1970-01-01 00:00. Where the clock was
    /// changed within the bar, it is the beginning that the clock would have shown.
    pub(crate) fn begin_of(&mut self, bar: &Bar) -> i64 {
        let half = i64::from(self.aggregator.seconds()) / 2;
        self.aggregator.begin_of(self.clock.wall_seconds(bar.time) + half)
    }
}

/// Rows of a source, joined.
pub(crate) struct Joined<S> {
    source: S,
    joiner: Joiner,
    rows: Rows,
    ended: bool,
}

impl<S> Joined<S> {
    pub(crate) fn new(source: S, joiner: Joiner) -> Self {
        Self { source, joiner, rows: Rows::new(), ended: false }
    }

    pub(crate) const fn source(&self) -> &S {
        &self.source
    }

    /// Replaces `batch` by the next bars. False where there are no more.
    pub(crate) fn next_batch(
        &mut self,
        batch: &mut Rows,
        mut next: impl FnMut(&mut S, &mut Rows) -> Result<bool, FileError>,
    ) -> Result<bool, FileError> {
        if !matches!(batch, Rows::Bars(_)) {
            *batch = Rows::new();
        }
        let Rows::Bars(bars) = batch else { return Ok(false) };
        bars.clear();
        while bars.is_empty() && !self.ended {
            if next(&mut self.source, &mut self.rows)? {
                self.joiner.push(&self.rows, bars);
            } else {
                self.ended = true;
                bars.extend(self.joiner.finish());
            }
        }
        Ok(!bars.is_empty())
    }
}
