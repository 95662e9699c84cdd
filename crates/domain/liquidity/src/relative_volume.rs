use alavanca_kernel::{Bar, Price, Unit};

use crate::LiquidityMap;

/// Strength = min(1, volume of the last bar / mean volume of the last `period` bars, that one included), the same at
/// every price. While fewer bars were seen, the mean is over those. Volume is [`Bar::weight`].
///
/// A source without volume gives no answer.
#[derive(Clone, Debug)]
pub struct RelativeVolume {
    window: Box<[u64]>,
    next: usize,
    seen: usize,
    sum: u128,
    last: u64,
}

impl RelativeVolume {
    /// Against the mean of the last `period` bars.
    ///
    /// # Panics
    /// Where the period is not 1 to 10,000.
    pub fn new(period: usize) -> Self {
        assert!((1..=10_000).contains(&period), "a period is 1 to 10,000");
        Self { window: vec![0; period].into(), next: 0, seen: 0, sum: 0, last: 0 }
    }
}

impl LiquidityMap for RelativeVolume {
    #[inline]
    fn on_bar(&mut self, bar: &Bar) {
        self.last = bar.weight();
        let leaving = std::mem::replace(&mut self.window[self.next], self.last);
        self.sum = self.sum + u128::from(self.last) - u128::from(leaving);
        self.next = if self.next + 1 == self.window.len() { 0 } else { self.next + 1 };
        self.seen += usize::from(self.seen < self.window.len());
    }

    #[inline]
    fn strength_at(&self, _price: Price) -> Option<Unit> {
        if self.sum == 0 {
            return None;
        }
        let mean = self.sum as f64 / self.seen as f64;
        Some(Unit::saturating(self.last as f64 / mean))
    }

    fn warmup_bars(&self) -> usize {
        self.window.len()
    }

    fn reset(&mut self) {
        *self = Self::new(self.window.len());
    }
}
