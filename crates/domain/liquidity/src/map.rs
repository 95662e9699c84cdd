use std::fmt::Debug;

use alavanca_kernel::{Bar, Price, Unit};
use serde::{Deserialize, Serialize};

use crate::ZoneKind;

/// Knows where a market's liquidity lies.
///
/// The rules for every map: the same bars give the same answers; an answer after bar n uses bars up to n alone; a bar
/// costs constant time and no allocation. Bars come in order, closed and sound.
pub trait LiquidityMap: Debug + Send {
    /// Takes the next closed bar.
    fn on_bar(&mut self, bar: &Bar);

    /// How strong liquidity is at a price; `None` where that is not known.
    fn strength_at(&self, price: Price) -> Option<Unit>;

    /// The nearest zones at or below a price, and above it.
    fn nearest(&self, _price: Price) -> (Option<Zone>, Option<Zone>) {
        (None, None)
    }

    /// How many bars of history it wants to see; with fewer it knows less.
    fn warmup_bars(&self) -> usize;

    /// Forgets everything, as new.
    fn reset(&mut self);
}

/// A price at which liquidity gathers.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Zone {
    /// Where it is; of levels that stand together, the strongest one's price.
    pub price: Price,
    /// How strong it is by now.
    pub strength: Unit,
    /// How often the market came back to it.
    pub touches: u32,
    /// What made it.
    pub kind: ZoneKind,
}

/// Knows nothing: every answer is "unknown", which fails the layer that asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct NoLiquidity;

impl LiquidityMap for NoLiquidity {
    fn on_bar(&mut self, _bar: &Bar) {}

    fn strength_at(&self, _price: Price) -> Option<Unit> {
        None
    }

    fn warmup_bars(&self) -> usize {
        0
    }

    fn reset(&mut self) {}
}
