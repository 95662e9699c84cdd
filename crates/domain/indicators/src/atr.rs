use alavanca_kernel::{Bar, Price};

/// Average true range with Wilder's smoothing, in units of 10⁻⁸.
#[derive(Clone, Debug)]
pub struct Atr {
    period: usize,
    part: f64,
    previous_close: i64,
    seen: usize,
    value: f64,
}

impl Atr {
    /// Over `period` true ranges: the first value comes with bar `period + 1`.
    pub fn new(period: usize) -> Self {
        let period = crate::checked(period);
        Self { period, part: 1.0 / period as f64, previous_close: 0, seen: 0, value: 0.0 }
    }

    /// Takes the next bar.
    #[inline]
    pub fn push(&mut self, bar: &Bar) -> Option<f64> {
        let range = true_range(bar, self.previous_close) as f64;
        self.previous_close = bar.close.raw();
        if self.seen > self.period {
            self.value += (range - self.value) * self.part;
            return Some(self.value);
        }
        self.seen += 1;
        if self.seen == 1 {
            // The first bar has no close before it.
            return None;
        }
        self.value += range;
        if self.seen <= self.period {
            return None;
        }
        self.value *= self.part;
        Some(self.value)
    }

    /// The average, as of the last bar.
    #[inline]
    pub fn value(&self) -> Option<f64> {
        (self.seen > self.period).then_some(self.value)
    }

    /// So many average ranges as a distance, to the nearest tick and at least one (one unit where `tick` is zero).
    pub fn distance(&self, multiple: f64, tick: Price) -> Option<Price> {
        let smallest = tick.max(Price::from_raw(1));
        // Bounded before the cast, so that no multiple can leave the range of prices.
        let raw = (self.value()? * multiple).round().clamp(0.0, Price::LIMIT.raw() as f64);
        Some(Price::from_raw(raw as i64).to_tick(tick).max(smallest))
    }

    /// As new.
    pub fn reset(&mut self) {
        *self = Self::new(self.period);
    }
}

/// The bar's range, a gap from the close before it included.
#[inline]
pub(crate) fn true_range(bar: &Bar, previous_close: i64) -> i64 {
    bar.high.raw().max(previous_close) - bar.low.raw().min(previous_close)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_whole_ticks_and_never_zero() {
        let unit = Price::SCALE;
        let bar = |low: i64, high: i64| Bar {
            open: Price::from_raw(low),
            high: Price::from_raw(high),
            low: Price::from_raw(low),
            close: Price::from_raw(low),
            ..Bar::default()
        };
        let mut atr = Atr::new(1);
        assert_eq!(atr.distance(1.0, Price::ZERO), None);
        atr.push(&bar(100 * unit, 107 * unit));
        atr.push(&bar(100 * unit, 107 * unit));
        let ticks_of_5 = Price::from_raw(5 * unit);
        for (multiple, tick, expected) in [
            (1.0, Price::ZERO, 7 * unit),
            (1.0, ticks_of_5, 5 * unit),
            (1.5, ticks_of_5, 10 * unit),
            (0.0, ticks_of_5, 5 * unit),
            (0.0, Price::ZERO, 1),
            (-1.0, ticks_of_5, 5 * unit),
            (f64::NAN, ticks_of_5, 5 * unit),
        ] {
            assert_eq!(atr.distance(multiple, tick), Some(Price::from_raw(expected)), "{multiple} {tick}");
        }
    }
}
