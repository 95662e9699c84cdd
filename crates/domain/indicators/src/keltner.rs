use alavanca_kernel::Bar;

use crate::{Atr, Ema};

/// Keltner's channel: an exponential average of the closes, and so many average true ranges on both sides.
#[derive(Clone, Debug)]
pub struct Keltner {
    middle: Ema,
    atr: Atr,
    width: f64,
}

/// A channel, in units of 10⁻⁸.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Channel {
    /// The upper edge.
    pub upper: f64,
    /// The middle.
    pub middle: f64,
    /// The lower edge.
    pub lower: f64,
}

impl Keltner {
    /// An average over `period` bars, and `width` ATRs over `atr_period` bars on each side.
    pub fn new(period: usize, atr_period: usize, width: f64) -> Self {
        Self { middle: Ema::new(period), atr: Atr::new(atr_period), width }
    }

    /// Takes the next bar; the channel once both parts are there.
    #[inline]
    pub fn push(&mut self, bar: &Bar) -> Option<Channel> {
        let (middle, atr) = (self.middle.push(bar.close.raw() as f64), self.atr.push(bar));
        let (middle, reach) = (middle?, self.width * atr?);
        Some(Channel { upper: middle + reach, middle, lower: middle - reach })
    }

    /// Its average true range, for stops.
    #[inline]
    pub const fn atr(&self) -> &Atr {
        &self.atr
    }

    /// As new.
    pub fn reset(&mut self) {
        self.middle.reset();
        self.atr.reset();
    }
}
