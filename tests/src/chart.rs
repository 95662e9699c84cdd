//! A market drawn by hand.

use alavanca_kernel::{Bar, Price, Tick, Timestamp};

/// Seconds of a bar.
pub const MINUTE: i64 = 60;
/// Monday 2025-01-06, 09:00 in São Paulo.
const START: i64 = 1_736_164_800;

/// Whole points of WIN as a price or a distance.
pub const fn points(n: i64) -> Price {
    Price::from_raw(n * Price::SCALE)
}

/// The begin of the n-th bar.
pub const fn at_minute(n: i64) -> Timestamp {
    Timestamp::from_secs(START + n * MINUTE)
}

/// Bars of a minute, one after the other, from 130,000 points on. Bar n is the n-th of them, counted from 0.
#[derive(Debug, Clone)]
pub struct Chart {
    /// What was drawn.
    pub bars: Vec<Bar>,
    last: i64,
    minute: i64,
}

impl Default for Chart {
    fn default() -> Self {
        Self { bars: Vec::new(), last: 130_000, minute: 0 }
    }
}

impl Chart {
    /// So many bars without any move.
    pub fn flat(mut self, bars: usize) -> Self {
        for _ in 0..bars {
            let last = self.last;
            self = self.bar(last, last, last, last);
        }
        self
    }

    /// A bar from the last close straight to this one.
    pub fn to(self, close: i64) -> Self {
        let open = self.last;
        self.bar(open, open.max(close), open.min(close), close)
    }

    /// A bar that opens at the last close, touches both, and closes there.
    pub fn touch(self, high: i64, low: i64, close: i64) -> Self {
        let open = self.last;
        self.bar(open, high, low, close)
    }

    /// A bar.
    pub fn bar(mut self, open: i64, high: i64, low: i64, close: i64) -> Self {
        self.bars.push(Bar {
            time: at_minute(self.minute),
            open: points(open),
            high: points(high),
            low: points(low),
            close: points(close),
            volume: 100,
            tick_volume: 100,
            spread: Price::ZERO,
            seconds: MINUTE as u32,
        });
        self.last = close;
        self.minute += 1;
        self
    }

    /// Nothing is traded until that minute.
    pub fn until_minute(mut self, minute: i64) -> Self {
        self.minute = minute;
        self
    }
}

/// A tick with a book, so many milliseconds after the start.
pub fn tick(millis: i64, bid: i64, ask: i64) -> Tick {
    Tick {
        time: Timestamp::from_micros((START * 1_000 + millis) * 1_000),
        bid: points(bid),
        ask: points(ask),
        last: Price::ZERO,
        volume: 0,
    }
}
