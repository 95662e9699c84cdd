//! What a market shows: bars and ticks.

use serde::{Deserialize, Serialize};

use crate::{Price, Timestamp};

/// One closed bar. 64 bytes, one cache line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Bar {
    /// When it began.
    pub time: Timestamp,
    /// First price.
    pub open: Price,
    /// Highest price.
    pub high: Price,
    /// Lowest price.
    pub low: Price,
    /// Last price.
    pub close: Price,
    /// Traded contracts (or lots); 0 where the source has none.
    pub volume: u64,
    /// The source's spread as a price distance; 0 where it has none.
    pub spread: Price,
    /// Price changes in the bar; 0 where the source has none.
    pub tick_volume: u32,
    /// Length in seconds.
    pub seconds: u32,
}

impl Bar {
    /// When it ended.
    #[inline]
    pub const fn end(&self) -> Timestamp {
        self.time.plus_secs(self.seconds as i64)
    }

    /// Whether prices are above zero and open and close lie between low and high.
    #[inline]
    pub const fn is_sound(&self) -> bool {
        let (open, high, low, close) = (self.open.raw(), self.high.raw(), self.low.raw(), self.close.raw());
        low > 0 && low <= open && low <= close && open <= high && close <= high
    }

    /// The volume that weighs its price: contracts where known, else price changes.
    #[inline]
    pub const fn weight(&self) -> u64 {
        if self.volume > 0 { self.volume } else { self.tick_volume as u64 }
    }
}

/// One tick: the book's best prices and the last trade.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Tick {
    /// When it was seen.
    pub time: Timestamp,
    /// Best bid; 0 where unknown.
    pub bid: Price,
    /// Best ask; 0 where unknown.
    pub ask: Price,
    /// Last trade; 0 where unknown.
    pub last: Price,
    /// Contracts of this trade; 0 where the tick is no trade.
    pub volume: u64,
}

impl Tick {
    /// Whether both sides are there and not crossed. Only then may one trade on it (semantics 36).
    #[inline]
    pub const fn is_tradable(&self) -> bool {
        self.bid.is_positive() && self.ask.raw() >= self.bid.raw()
    }

    /// The price that bars are made of: the last trade where there is one, else the bid.
    #[inline]
    pub const fn mark(&self) -> Price {
        if self.last.is_positive() { self.last } else { self.bid }
    }
}
