use alavanca_kernel::Price;

/// Relative strength index, 0 to 100, with Wilder's smoothing. 50 where nothing moved: neither side is stronger.
#[derive(Clone, Debug)]
pub struct Rsi {
    period: usize,
    keep: f64,
    previous: Price,
    seen: usize,
    gain: f64,
    loss: f64,
}

impl Rsi {
    /// Over `period` changes: the first value comes with price `period + 1`.
    pub fn new(period: usize) -> Self {
        let period = crate::checked(period);
        let keep = (period - 1) as f64 / period as f64;
        Self { period, keep, previous: Price::ZERO, seen: 0, gain: 0.0, loss: 0.0 }
    }

    /// Takes the next price.
    #[inline]
    pub fn push(&mut self, price: Price) -> Option<f64> {
        let change = (price.raw() - self.previous.raw()) as f64;
        self.previous = price;
        if self.seen > self.period {
            // Sums instead of averages: only their ratio matters.
            self.gain = self.gain * self.keep + change.max(0.0);
            self.loss = self.loss * self.keep + (-change).max(0.0);
            return self.value();
        }
        if self.seen > 0 {
            self.gain += change.max(0.0);
            self.loss += (-change).max(0.0);
        }
        self.seen += 1;
        self.value()
    }

    /// The index, as of the last price.
    #[inline]
    pub fn value(&self) -> Option<f64> {
        if self.seen <= self.period {
            return None;
        }
        let moved = self.gain + self.loss;
        Some(if moved > 0.0 { 100.0 * self.gain / moved } else { 50.0 })
    }

    /// As new.
    pub fn reset(&mut self) {
        *self = Self::new(self.period);
    }
}
