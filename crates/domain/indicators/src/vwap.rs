use alavanca_kernel::Bar;

use crate::Band;

/// Volume-weighted average price since the last reset, with the standard deviation around it.
///
/// A bar counts with its typical price p = (high + low + close) / 3 and its weight w ([`Bar::weight`]); one without
/// weight says nothing. VWAP = Σ wp / Σ w, deviation = √(Σ w (p − VWAP)² / Σ w). Both move from bar to bar by what the
/// new one adds (Welford), so that no large sums cancel. The owner says when a day or week begins by [`Vwap::reset`].
#[derive(Clone, Debug, Default)]
pub struct Vwap {
    anchor: i64,
    weight: f64,
    // Of the distances from the anchor.
    mean: f64,
    squares: f64,
}

impl Vwap {
    /// Without any bar.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bar.
    #[inline]
    pub fn push(&mut self, bar: &Bar) {
        let weight = bar.weight() as f64;
        if weight <= 0.0 {
            return;
        }
        if self.weight <= 0.0 {
            self.anchor = bar.close.raw();
        }
        let from_anchor = |raw: i64| raw - self.anchor;
        let distance =
            (from_anchor(bar.high.raw()) + from_anchor(bar.low.raw()) + from_anchor(bar.close.raw())) as f64 * THIRD;
        let before = distance - self.mean;
        self.weight += weight;
        self.mean += before * (weight / self.weight);
        self.squares += weight * before * (distance - self.mean);
    }

    /// The average alone, in units of 10⁻⁸; `None` before the first volume.
    #[inline]
    pub fn mean(&self) -> Option<f64> {
        (self.weight > 0.0).then_some(self.anchor as f64 + self.mean)
    }

    /// The average and the deviation, in units of 10⁻⁸; `None` before the first volume.
    #[inline]
    pub fn value(&self) -> Option<Band> {
        let middle = self.mean()?;
        Some(Band { middle, deviation: (self.squares / self.weight).max(0.0).sqrt() })
    }

    /// As new.
    pub fn reset(&mut self) {
        *self = Self::new();
    }
}

const THIRD: f64 = 1.0 / 3.0;
