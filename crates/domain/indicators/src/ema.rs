/// Exponential moving average: starts from the simple average of its first `period` values, then moves by
/// 2 / (period + 1) of the difference.
#[derive(Clone, Debug)]
pub struct Ema {
    period: usize,
    factor: f64,
    seen: usize,
    value: f64,
}

impl Ema {
    /// Over `period` values.
    pub fn new(period: usize) -> Self {
        let period = crate::checked(period);
        Self { period, factor: 2.0 / (period as f64 + 1.0), seen: 0, value: 0.0 }
    }

    /// Takes the next value; the average once `period` values were seen.
    #[inline]
    pub fn push(&mut self, value: f64) -> Option<f64> {
        if self.seen >= self.period {
            self.value += self.factor * (value - self.value);
            return Some(self.value);
        }
        self.seen += 1;
        self.value += value;
        if self.seen < self.period {
            return None;
        }
        self.value /= self.period as f64;
        Some(self.value)
    }

    /// The average, as of the last value.
    #[inline]
    pub fn value(&self) -> Option<f64> {
        (self.seen >= self.period).then_some(self.value)
    }

    /// As new.
    pub fn reset(&mut self) {
        (self.seen, self.value) = (0, 0.0);
    }
}
